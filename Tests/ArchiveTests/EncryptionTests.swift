import Archive
import Catalog
import Failure
import Files
import SystemPackage
import TestWorld
import Testing
import WAL

struct EncryptionTests {
    /// Runs a test with a key of its own, in a key ring of its own.
    private func withKey(_ options: String, _ body: (ArchiveFixture) throws -> Void) throws {
        try World.with { world in
            let ring = try world.makeDirectory("g")
            let script = """
                #!/bin/sh
                exec env GNUPGHOME=\(ring) /usr/bin/gpg "$@"
                """
            try world.makeDirectory("tools", mode: 0o755)
            try world.write(script, to: "tools/gpg", mode: 0o755)
            let gpg = world.path("tools/gpg")
            world.atEnd { _ = try? world.run(["gpgconf", "--homedir", ring, "--kill", "all"]) }
            try world.run([
                gpg, "--batch", "--pinentry-mode", "loopback", "--passphrase", "secret", "--quick-generate-key",
                "wal@example.org", "rsa2048", "encrypt", "never",
            ]).orThrow()
            try body(try ArchiveFixture(world: world, options: encryption(in: world, options)))
        }
    }

    private func encryption(in world: World, _ options: String = "", passphrase: String = "secret") -> String {
        """
        encryption = gpg
        encryption_key_id = wal@example.org
        encryption_passphrase_command = printf \(passphrase)
        path_prefix = \(world.path("tools"))
        \(options)
        """
    }

    @Test(arguments: ["", "compression = gzip"])
    func `archived WAL is encrypted and can be read with the passphrase`(options: String) throws {
        try withKey(options) { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            let record = try #require(try fixture.records.first)
            #expect(record.encryption == "gpg")
            #expect(record.compression == (options.isEmpty ? nil : "gzip"))
            #expect(fixture.archived == [segment(1)])
            #expect(fixture.incoming.isEmpty)
            let source = WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(1))))
            #expect(try Shell.read(source.string).starts(with: [0x85]))
            #expect(try fixture.holds(segment(1), segmentBytes(1)))
            #expect(fixture.world.names(in: fixture.home.walsDirectory.string).allSatisfy { !$0.hasPrefix(".") })
        }
    }

    @Test func `a second copy of an encrypted file counts as different and is kept`() throws {
        try withKey("") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(fixture.errors.count == 1)
        }
    }

    @Test func `what a run stored encrypted before it died is stored again and listed, without a key to read it`()
        throws
    {
        try World.with { world in
            let options = try ArchiveFixture.encryption(in: world)
            let writing = options.replacing("encryption_passphrase_command = printf secret", with: "compression = gzip")
            let fixture = try ArchiveFixture(world: world, options: writing)
            let names = (1...3).map { segment(UInt32($0)) }
            for name in names { try fixture.put(segmentBytes(1), name) }
            let first = fixture.home.incomingWALsDirectory.appending(names[0])
            let status = try FileSystem.status(of: first)
            try fixture.archive()
            let whole = try fixture.records
            // As if it had died before the lines of the first two. One file is here as it was, one with another time.
            try XlogDatabase(fixture.home).rewrite { $0.name == names[2] }
            for name in names.prefix(2) { try fixture.put(segmentBytes(1), name) }
            try FileSystem.setTimes(first, of: status)
            let stored = WALArchive(fixture.home).path(of: try #require(WALSegmentName(names[0])))
            try Shell.write([0x85, 1, 12, 3, 9, 9, 9], to: stored.string)
            try FileSystem.setTimes(stored, of: status)
            #expect(try fixture.archive().count == 1)
            #expect(try fixture.records.map(\.name) == [names[2], names[0], names[1]])
            #expect(try fixture.records[1] == whole[0])
            #expect(try fixture.records.map(\.encryption) == ["gpg", "gpg", "gpg"])
            // What cannot be told from the stored file is kept.
            #expect(fixture.errors.map { String($0.prefix(24)) } == [names[1]])
            #expect(fixture.incoming.isEmpty)
            let reading = try ArchiveFixture(world: world, options: options)
            for name in names { #expect(try reading.holds(name, segmentBytes(1))) }
        }
    }

    @Test func `an encrypted file that arrives again is known by its bytes, and its missing line is made`() throws {
        try ArchiveFixture.with { fixture in
            let bytes: [UInt8] = [0x85, 1, 12, 3] + segmentBytes(1)
            for name in [segment(1), segment(2)] { try fixture.put(bytes, name) }
            // Nobody writes to them any more.
            let later = ArrivalWatch(now: { .infinity })
            try fixture.archive(arrivals: later)
            try XlogDatabase(fixture.home).rewrite { _ in false }
            try fixture.put(bytes, segment(1))
            try FileSystem.link(
                WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(2)))),
                to: fixture.home.incomingWALsDirectory.appending(segment(2))
            )
            try fixture.archive(arrivals: later)
            #expect(try fixture.records.map(\.name) == [segment(1), segment(2)])
            #expect(fixture.incoming.isEmpty && fixture.errors.isEmpty)
        }
    }

    @Test func `a wrong passphrase is told in the words of the reference`() throws {
        try withKey("") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            // The agent would go on with the right one, which it knows from the making of the key.
            let ring = fixture.world.path("g")
            try fixture.world.run(["gpgconf", "--homedir", ring, "--kill", "all"]).orThrow()
            let locked = try ArchiveFixture(
                world: fixture.world,
                options: encryption(in: fixture.world, passphrase: "wrong")
            )
            let failure = #expect(throws: Failure.self) { try locked.stored(segment(1)) }
            #expect(failure?.description == "Error: Bad passphrase provided for decryption.")
            #expect(failure?.kind == .exception)
        }
    }
}
