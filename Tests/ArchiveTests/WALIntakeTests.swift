import Archive
import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

struct WALIntakeTests {
    @Test(arguments: [
        "", "compression = gzip", "compression = zstd", "compression = lz4", "compression = bzip2", "compression = xz",
    ])
    func `files in incoming are archived in order, bit for bit`(option: String) throws {
        try ArchiveFixture.with(option) { fixture in
            for number in 1...40 { try fixture.put(segmentBytes(number), segment(UInt32(number))) }
            try fixture.put(Array("1\t0/3000000\tno recovery target\n".utf8), "00000002.history")
            try fixture.put(Array("START WAL LOCATION: 0/2\n".utf8), "\(segment(2)).00000028.backup")
            let (said, count) = try fixture.archive()
            #expect(count == 42)
            #expect(said.first == "show: Processing xlog segments from file archival for pg")
            let listed = try fixture.records.map(\.name)
            #expect(Array(said.dropFirst()) == listed.map { "show: \t\($0)" })
            #expect(listed.sorted() == fixture.archived)
            #expect(fixture.incoming.isEmpty)
            for number in 1...40 { #expect(try fixture.holds(segment(UInt32(number)), segmentBytes(number))) }
            let compression = option.isEmpty ? nil : String(option.split(separator: " ")[2])
            for record in try fixture.records {
                #expect(record.compression == compression)
                guard let name = WALFileName(record.name) else { continue }
                let path = WALArchive(fixture.home).path(of: name, text: record.name)
                let status = try FileSystem.status(of: path)
                #expect(status.sizeBytes == record.sizeBytes)
                #expect(Double(status.modifiedSeconds) + 1e-9 * Double(status.modifiedNanoseconds) == record.time)
            }
            #expect(fixture.errors.isEmpty)
        }
    }

    @Test func `pigz is done in process and recorded under its name`() throws {
        try ArchiveFixture.with("compression = pigz\ncompression_level = high") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(try fixture.records.map(\.compression) == ["pigz"])
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
        }
    }

    @Test func `a custom filter compresses and decompresses`() throws {
        let options = """
            compression = custom
            custom_compression_filter = base64
            custom_decompression_filter = base64 -d
            """
        try ArchiveFixture.with(options) { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(try fixture.records.map(\.compression) == ["custom"])
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(fixture.incoming.isEmpty)
            #expect(fixture.errors.isEmpty)
            #expect(fixture.archived == [segment(1)])
        }
    }

    @Test func `whoever wants a file of a custom filter has a decompressed copy of their own`() throws {
        try World.with { world in
            let log = world.path("copies")
            let filter = "#!/bin/sh\ncopy=$(readlink /proc/$$/fd/1)\necho \"$copy\" >> '\(log)'\nexec base64 -d\n"
            let fixture = try ArchiveFixture(
                world: world,
                options: """
                    compression = custom
                    custom_compression_filter = base64
                    custom_decompression_filter = \(try world.write(filter, to: "filter", mode: 0o755))
                    """
            )
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            // Restore, get-wal, and the archiver that compares what comes again.
            for _ in 1...2 { #expect(try fixture.stored(segment(1)) == segmentBytes(1)) }
            for number in 1...2 {
                let path = FilePath(world.path("sent\(number)"))
                let output = try OwnedDescriptor(opening: path, .writeOnly, options: .create)
                let name = try #require(WALFileName(segment(1)))
                try WALDispatch(home: fixture.home, reporter: Recorder())
                    .send(name, text: segment(1), partial: false, as: .plain, to: output) { _ in }
                #expect(try Shell.read(path.string) == segmentBytes(1))
            }
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            let copies = try world.read(log).split(separator: "\n").map(String.init)
            #expect(copies.count == 5 && Set(copies).count == 5, "\(copies)")
            for copy in copies { #expect(!world.exists(copy), "\(copy)") }
            let names = world.names(in: fixture.home.walsDirectory.string)
            #expect(names.filter { !$0.hasSuffix("xlog.db") } == ["0000000100000000"])
            #expect(fixture.archived == [segment(1)] && fixture.incoming.isEmpty && fixture.errors.isEmpty)
        }
    }

    @Test func `a custom filter that writes nothing is an error and the file stays`() throws {
        try ArchiveFixture.with("compression = custom\ncustom_compression_filter = true") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            #expect(throws: Failure.self) { try fixture.archive() }
            #expect(fixture.incoming == [segment(1)])
            #expect(fixture.archived.isEmpty)
        }
    }

    @Test func `what arrives compressed is stored as it is`() throws {
        try ArchiveFixture.with("compression = zstd") { fixture in
            let compressed = try compressed(segmentBytes(1))
            try fixture.put(compressed, segment(1))
            try makeOld(fixture, segment(1))
            try fixture.archive()
            let record = try #require(try fixture.records.first)
            #expect(record.compression == "gzip")
            #expect(record.sizeBytes == Int64(compressed.count))
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
        }
    }

    @Test func `nothing to do is said only when asked for`() throws {
        try ArchiveFixture.with { fixture in
            let heading = "show: Processing xlog segments from file archival for pg"
            #expect(try fixture.archive().said == [heading, "show: \tno file found"])
            #expect(try fixture.archive(isExplicit: false).said.isEmpty)
            try FileSystem.removeTree(fixture.home.incomingWALsDirectory)
            #expect(try fixture.archive().said == [heading, "show: \tno file found"])
        }
    }

    @Test func `an equal file is dropped silently, a different one goes to errors`() throws {
        try ArchiveFixture.with("compression = gzip") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.put(segmentBytes(2), segment(2))
            try fixture.archive()
            let list = try fixture.records
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.put(segmentBytes(99), segment(2))
            let (said, count) = try fixture.archive()
            #expect(count == 0)
            #expect(
                said.dropFirst() == [
                    "show: \t\(segment(1))",
                    "show: \t\(segment(2))",
                    "info: \tError: \(segment(2)) is already present in server pg. File moved to errors directory.",
                ]
            )
            #expect(try fixture.records == list)
            #expect(fixture.incoming.isEmpty)
            #expect(fixture.errors.count == 1)
            let kept = try #require(fixture.errors.first)
            #expect(kept.hasPrefix("\(segment(2)).") && kept.hasSuffix("Z.duplicate"))
            #expect(try Shell.read(fixture.home.errorsDirectory.appending(kept).string) == segmentBytes(99))
            #expect(try fixture.stored(segment(2)) == segmentBytes(2))
        }
    }

    @Test func `a different file of the same size and time is different all the same`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            let status = try FileSystem.status(of: fixture.home.incomingWALsDirectory.appending(segment(1)))
            try fixture.archive()
            try fixture.put(segmentBytes(2), segment(1))
            try FileSystem.setTimes(fixture.home.incomingWALsDirectory.appending(segment(1)), of: status)
            try fixture.archive()
            #expect(fixture.errors.count == 1)
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
        }
    }

    @Test func `errors of one second do not overwrite each other`() throws {
        try ArchiveFixture.with { fixture in
            for round in 1...3 {
                try fixture.put([UInt8(round)], "foreign")
                try fixture.archive()
            }
            #expect(fixture.errors.count == 3)
        }
    }

    @Test func `foreign objects are moved to errors and named`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put([1], "foo")
            try FileSystem.createDirectory(fixture.home.incomingWALsDirectory.appending("adir"))
            try fixture.put([2], ".hidden")
            try fixture.put([3], "x.tmp")
            try FileSystem.symlink(at: fixture.home.incomingWALsDirectory.appending(segment(9)), to: "nowhere")
            try fixture.put(segmentBytes(1), segment(1))
            let (said, _) = try fixture.archive()
            #expect(
                said == [
                    "show: Processing xlog segments from file archival for pg (batch size: 1)",
                    "show: \t\(segment(1))",
                    "show: Some unknown objects have been found while processing xlog segments for pg. "
                        + "Objects moved to errors directory:",
                    "show: \t\(segment(9))",
                    "show: \tadir",
                    "show: \tfoo",
                ]
            )
            #expect(fixture.incoming == [".hidden", "x.tmp"])
            #expect(fixture.errors.map { String($0.prefix { $0 != "." }) } == [segment(9), "adir", "foo"])
            #expect(fixture.errors.allSatisfy { $0.hasSuffix(".unknown") })
        }
    }

    @Test func `what cannot be moved to errors keeps nothing else waiting`() throws {
        try ArchiveFixture.with("streaming_archiver = on\nslot_name = s") { fixture in
            let name = String(repeating: "ä", count: 125)
            try fixture.put([1], name, in: fixture.home.streamingWALsDirectory)
            try FileSystem.symlink(
                at: fixture.home.streamingWALsDirectory.appending(segment(8)),
                to: FilePath(segment(8))
            )
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(fixture.archived == [segment(1)] && fixture.incoming.isEmpty)
            #expect(fixture.errors.count == 2 && fixture.errors[1].hasPrefix(String(name.prefix(115)) + ".2"))
            // A file in the place of the directory.
            try FileSystem.removeTree(fixture.home.errorsDirectory)
            try Shell.write([], to: fixture.home.errorsDirectory.string)
            try fixture.put([1], "foreign", in: fixture.home.streamingWALsDirectory)
            for number in [1, 2] { try fixture.put(segmentBytes(number + 10), segment(UInt32(number))) }
            let said = try fixture.archive().said
            #expect(fixture.archived == [segment(1), segment(2)] && fixture.incoming == [segment(1)])
            #expect(said.filter { $0.hasPrefix("warning: Unable to move ") }.count == 2)
            #expect(!said.contains { $0.contains("File moved to errors directory.") })
        }
    }

    @Test func `a queue that fails does not keep the other one waiting`() throws {
        try ArchiveFixture.with("streaming_archiver = on\nslot_name = s") { fixture in
            try FileSystem.removeTree(fixture.home.streamingWALsDirectory)
            try FileSystem.symlink(at: fixture.home.streamingWALsDirectory, to: "streaming")
            try fixture.put(segmentBytes(1), segment(1))
            let failure = #expect(throws: Failure.self) { try fixture.archive() }
            #expect(failure?.message.contains("streaming") == true)
            #expect(fixture.archived == [segment(1)] && fixture.incoming.isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `foreign objects of another file system are moved with all that is in them, or stay`(fails: Bool) throws {
        try World.with { world in
            let queue = try FileSystem.createTemporaryDirectory(prefix: "intake-", in: "/dev/shm")
            world.atEnd { _ = try? FileSystem.removeTree(queue) }
            let options = "streaming_archiver = on\nslot_name = s\nstreaming_wals_directory = \(queue)"
            let fixture = try ArchiveFixture(world: world, options: options)
            let different =
                try FileSystem.status(of: queue).device
                != FileSystem.status(of: fixture.home.walsDirectory.removingLastComponent()).device
            try #require(different, "/dev/shm is of the file system of the scratch directory")
            try FileSystem.createDirectories(queue.appending("lost+found").appending("deep"))
            try fixture.put(segmentBytes(3), "lost+found/deep/file", in: queue)
            try FileSystem.symlink(at: queue.appending("lost+found").appending("link"), to: "nowhere")
            try fixture.put([1, 2], "single", in: queue)
            if fails { try world.run(["mkfifo", queue.appending("lost+found").appending("pipe").string]).orThrow() }
            try fixture.put(segmentBytes(1), segment(1))
            for _ in 1...2 { try fixture.archive() }
            #expect(fixture.archived == [segment(1)])
            let moved = fails ? ["single"] : ["lost+found", "single"]
            #expect(fixture.errors.map { String($0.prefix { $0 != "." }) } == moved)
            #expect(world.names(in: queue.string) == (fails ? ["lost+found"] : []))
            if !fails, let name = fixture.errors.first {
                let tree = fixture.home.errorsDirectory.appending(name)
                #expect(try Shell.read(tree.appending("deep/file").string) == segmentBytes(3))
                #expect(try FileSystem.linkTarget(tree.appending("link")) == "nowhere")
            }
        }
    }

    @Test func `a truncated segment is never archived, whatever its size`() throws {
        try ArchiveFixture.with("compression = gzip") { fixture in
            try fixture.put(Array(segmentBytes(1).prefix(70_000)), segment(1))
            // A page header says 16 MiB, 1 MiB arrived.
            var header: [UInt8] = [0x10, 0xD1, 0x02, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 24)
            header += [0, 0, 0, 1, 0, 0x20, 0, 0]
            try fixture.put(header + [UInt8](repeating: 7, count: (1 << 20) - header.count), segment(2))
            try fixture.put([], segment(3))
            for number in 1...3 { try makeOld(fixture, segment(UInt32(number))) }
            let (said, count) = try fixture.archive()
            #expect(count == 0)
            #expect(
                said.contains(
                    "info: \tError: \(segment(1)) is not a WAL segment of server pg: 70000 bytes is not the size of a "
                        + "WAL segment. File moved to errors directory."
                )
            )
            #expect(
                said.contains(
                    "info: \tError: \(segment(2)) is not a WAL segment of server pg: 1048576 bytes where its header "
                        + "says 16777216. File moved to errors directory."
                )
            )
            #expect(fixture.errors.count == 3)
            #expect(fixture.archived.isEmpty)
            #expect(try fixture.records.isEmpty)
        }
    }

    @Test func `a whole segment with a page header is archived`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(walBytes(1), segment(1))
            #expect(try fixture.archive().count == 1)
        }
    }

    @Test func `a partial file in incoming is archived as it is`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put([1, 2, 3], "\(segment(1)).partial")
            try fixture.archive()
            #expect(fixture.archived == ["\(segment(1)).partial"])
        }
    }

    @Test func `a link to a file is archived as the file`() throws {
        try ArchiveFixture.with { fixture in
            try Shell.write(segmentBytes(1), to: fixture.world.path("elsewhere"))
            try FileSystem.symlink(
                at: fixture.home.incomingWALsDirectory.appending(segment(1)),
                to: FilePath(fixture.world.path("elsewhere"))
            )
            try fixture.archive()
            let path = WALArchive(fixture.home).path(
                of: .segment(try #require(WALSegmentName(segment(1)))),
                text: segment(1)
            )
            #expect(try FileSystem.kindIfPresent(path, followingLinks: false) == .regular)
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
            #expect(fixture.incoming.isEmpty)
        }
    }

    @Test func `a batch is as large as configured`() throws {
        try ArchiveFixture.with("archiver_batch_size = 2") { fixture in
            for number in 1...5 { try fixture.put(segmentBytes(number), segment(UInt32(number))) }
            let (said, _) = try fixture.archive()
            #expect(said.first == "show: Processing xlog segments from file archival for pg (batch size: 2)")
            #expect(fixture.archived == [segment(1), segment(2)])
            try fixture.archive()
            try fixture.archive()
            #expect(fixture.archived.count == 5)
        }
    }

    @Test func `another archiver is not waited for`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            let lock = try FileLock.acquire(fixture.home.lockPath(.archiveWAL))
            let (said, count) = try fixture.archive()
            lock.release()
            #expect(count == 0)
            #expect(
                said == [
                    "info: Another archive-wal process is already running on server pg. Skipping to the next server"
                ]
            )
            #expect(fixture.incoming == [segment(1)])
        }
    }

    @Test func `a file that is stored without a line gets its line, once`() throws {
        try ArchiveFixture.with("compression = pigz") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.put(segmentBytes(2), segment(2))
            try fixture.archive()
            let whole = try fixture.records
            // As if the machine had died between the file and its line.
            try XlogDatabase(fixture.home).rewrite { $0.name != segment(1) }
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.put(segmentBytes(2), segment(2))
            try fixture.archive()
            #expect(try fixture.records == [whole[1], whole[0]])
            #expect(fixture.incoming.isEmpty)
        }
    }

    @Test func `a missing list is made from the archive before it grows`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            try FileSystem.unlink(fixture.home.xlogDatabasePath)
            try fixture.put(segmentBytes(2), segment(2))
            try fixture.archive()
            #expect(try fixture.records.map(\.name) == [segment(1), segment(2)])
        }
    }

    @Test func `compressions that cannot be done are refused before a file is touched`() throws {
        try ArchiveFixture.with("compression = snappy") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            #expect(throws: Failure.self) { try fixture.archive() }
            #expect(fixture.incoming == [segment(1)])
        }
    }

    @Test func `an option that is missing is told when there is something to store`() throws {
        try ArchiveFixture.with("encryption = gpg") { fixture in
            try fixture.archive()
            try fixture.put(segmentBytes(1), segment(1))
            let failure = #expect(throws: Failure.self) { try fixture.archive() }
            #expect(failure?.message == "encryption_key_id is not configured for server pg")
            #expect(fixture.incoming == [segment(1)])
        }
    }

    /// Makes a file look as if nobody were writing to it any more.
    private func makeOld(_ fixture: ArchiveFixture, _ name: String) throws {
        let path = fixture.home.incomingWALsDirectory.appending(name)
        try fixture.world.run(["touch", "-d", "2020-01-01", path.string]).orThrow()
    }
}
