import TestWorld
import Testing

/// What no client sends: each stream to `put-wal` of ours and of the oracle, which end alike; with ours nothing is stored.
@Suite struct HostileStreamTests {
    /// Makes one file for each stream; `good` is the one that is right.
    private static let maker = """
        import hashlib, io, os, sys, tarfile
        directory, name, other = sys.argv[1:4]
        wal = open(sys.argv[4], "rb").read()
        def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname, entry.mtime = len(data), kind, link, 1700000000
            return entry, data
        def checksums(*files, digest=None):
            text = "".join(f"{digest or hashlib.sha256(data).hexdigest()} *{name}\\n" for name, data in files)
            return member("SHA256SUMS", text.encode())
        def stream(title, *members):
            with tarfile.open(f"{directory}/{title}", "w", format=tarfile.PAX_FORMAT) as tar:
                for entry, data in members:
                    tar.addfile(entry, io.BytesIO(data) if data else None)
        good = member(name, wal), checksums((name, wal))
        stream("good", *good)
        for title, path in (("absolute", "/tmp/evil"), ("parent", "../evil"), ("nested", "a/b"), ("deep", "a/../../evil")):
            stream(title, member(path, wal), checksums((path, wal)))
        for title, kind in (("symlink", tarfile.SYMTYPE), ("hardlink", tarfile.LNKTYPE), ("character", tarfile.CHRTYPE),
                            ("block", tarfile.BLKTYPE), ("directory", tarfile.DIRTYPE), ("pipe", tarfile.FIFOTYPE)):
            stream(title, member(name, kind=kind, link="/etc/passwd"), checksums((name, b"")))
        stream("wrong-checksum", member(name, wal), checksums((name, wal), digest="0" * 64))
        stream("no-checksum", member(name, wal))
        stream("other-checksum", member(name, wal), checksums((name, wal), (other, wal)))
        stream("one-of-two", member(name, wal), member(other, wal), checksums((name, wal)))
        flipped = bytearray(open(f"{directory}/good", "rb").read())
        flipped[600000] ^= 1
        open(f"{directory}/flipped", "wb").write(flipped)
        open(f"{directory}/flipped-header", "wb").write(bytes([flipped[0] ^ 1]) + flipped[1:])
        open(f"{directory}/cut", "wb").write(flipped[:500000])
        open(f"{directory}/noise", "wb").write(hashlib.sha256(b"x").digest() * 4096)
        # Only here the two part: docs/differences.md.
        stream("ours-dot", member(".hidden", wal), checksums((".hidden", wal)))
        stream("ours-twice", *good, member(name, b"other"))
        huge = tarfile.TarInfo(name)
        huge.size = 2 << 30
        open(f"{directory}/ours-huge", "wb").write(huge.tobuf(tarfile.PAX_FORMAT))
        open(f"{directory}/ours-empty", "wb").close()
        whole = open(f"{directory}/good", "rb").read()
        open(f"{directory}/ours-no-end", "wb").write(whole[:len(whole.rstrip(b"\\0")) // 512 * 512 + 512])
        """

    @Test func `what put-wal must not take is refused as by the reference, and nothing is stored`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            let streams = try world.makeDirectory("streams", mode: 0o755)
            try world.run([
                "python3", "-c", Self.maker, streams, WALSite.segment, WALSite.name(2),
                world.path("pg_wal/\(WALSite.segment)"),
            ]).orThrow()
            let titles = world.names(in: streams)
            #expect(titles.count == 24, "\(titles)")
            for title in titles {
                let ours = try put("\(streams)/\(title)", site, by: try world.program())
                let isGood = title == "good"
                #expect(ours.status == (isGood ? 0 : 1), "\(title): \(ours)")
                #expect(site.received == (isGood ? [WALSite.segment] : []), "\(title): \(ours)")
                #expect(!world.exists("\(site.home)/evil") && !world.exists("/tmp/evil"), "\(title)")
                try site.clearIncoming()
                guard !title.hasPrefix("ours-") else { continue }
                let theirs = try put("\(streams)/\(title)", site, by: Scratch.oracle)
                #expect(ours.status == theirs.status, "\(title):\n\(ours)\n\(theirs)")
                // The texts of Python's exceptions are its own.
                if !theirs.err.hasPrefix("EXCEPTION") { #expect(ours.err == theirs.err, "\(title)") }
                let kinds = [ours, theirs].map { $0.err.prefix { $0 != ":" } }
                #expect(kinds[0] == kinds[1], "\(title)\n\(ours)\n\(theirs)")
                try site.clearIncoming()
            }
            #expect(world.names(in: "\(site.home)/errors") == [])
        }
    }

    private func put(_ stream: String, _ site: WALSite, by program: String) throws -> Outcome {
        try site.world.shell(
            "exec '\(program)' put-wal pg < '\(stream)'",
            as: .barman,
            environment: ["BARMAN_CONFIG_FILE": site.host.configurationFile]
        )
    }
}
