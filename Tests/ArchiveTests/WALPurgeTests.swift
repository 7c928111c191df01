import Archive
import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

struct WALPurgeTests {
    /// Puts files straight into the archive and the list.
    private func fill(_ fixture: ArchiveFixture, _ names: [String]) throws {
        var records: [XlogRecord] = []
        for name in names {
            guard let fileName = WALFileName(name) else { continue }
            let path = WALArchive(fixture.home).path(of: fileName, text: name)
            try FileSystem.createDirectories(path.removingLastComponent())
            try Shell.write([1], to: path.string)
            records.append(XlogRecord(name: name, sizeBytes: 1, time: 1, compression: nil))
        }
        // A list that is missing would be made from the files.
        if try !FileSystem.exists(fixture.home.xlogDatabasePath) {
            try Shell.write([], to: fixture.home.xlogDatabasePath.string)
        }
        try XlogDatabase(fixture.home).append(records)
    }

    private func backup(
        _ fixture: ArchiveFixture,
        _ id: String,
        _ begin: UInt32,
        _ end: UInt32,
        timeline: UInt32 = 1,
        status: BackupStatus = .done
    ) throws -> BackupInfo {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = status
        info.timeline = Timeline(rawValue: timeline)
        info.beginWAL = segment(begin, timeline: timeline)
        info.endWAL = segment(end, timeline: timeline)
        try BackupCatalog.save(info, in: fixture.home)
        return info
    }

    private func purge(_ fixture: ArchiveFixture, _ rule: WALPurgeRule) throws -> (removed: [String], said: [String]) {
        let recorder = Recorder()
        var removed: [String] = []
        try WALPurge(home: fixture.home, reporter: recorder).run(rule) { removed.append($0) }
        return (removed, recorder.said)
    }

    @Test func `files before the limit go with their lines, history stays, empty directories go`() throws {
        try ArchiveFixture.with { fixture in
            let other = "000000010000000100000001"
            try fill(fixture, [segment(1), segment(2), "\(segment(2)).00000028.backup", "00000002.history", other])
            let (removed, said) = try purge(fixture, WALPurgeRule(firstNeeded: other))
            #expect(removed == [segment(1), segment(2), "\(segment(2)).00000028.backup"])
            #expect(fixture.archived == [other, "00000002.history"])
            #expect(try fixture.records.map(\.name) == ["00000002.history", other])
            #expect(!fixture.world.exists("\(fixture.home.walsDirectory)/0000000100000000"))
            #expect(said.isEmpty)
        }
    }

    @Test func `a directory with 256 deletable names keeps the others`() throws {
        try ArchiveFixture.with { fixture in
            // Segments of 1 MiB: 4096 names in one directory.
            let names = (0..<600).map { segment($0) }
            try fill(fixture, names)
            let (removed, _) = try purge(fixture, WALPurgeRule(firstNeeded: segment(400)))
            #expect(removed.count == 400)
            #expect(fixture.archived == (400..<600).map { segment($0) })
            #expect(try fixture.records.map(\.name) == fixture.archived)
        }
    }

    @Test func `protected timelines and ranges stay`() throws {
        try ArchiveFixture.with { fixture in
            let later = segment(1, timeline: 2)
            try fill(
                fixture,
                [segment(1), segment(2), segment(3), "\(segment(3)).00000028.backup", segment(4), later, segment(9)]
            )
            let rule = WALPurgeRule(
                firstNeeded: segment(9),
                protectedTimelines: [Timeline(rawValue: 2)],
                protectedRanges: [segment(2)...segment(3)]
            )
            #expect(try purge(fixture, rule).removed == [segment(1), segment(4)])
            #expect(
                try fixture.records.map(\.name)
                    == [segment(2), segment(3), "\(segment(3)).00000028.backup", later, segment(9)]
            )
        }
    }

    @Test func `a missing file is told and its line goes, an invalid line goes and its file is left`() throws {
        try ArchiveFixture.with { fixture in
            try fill(fixture, [segment(1), segment(2)])
            try FileSystem.unlink(WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(1)))))
            try XlogDatabase(fixture.home).append([XlogRecord(name: "junk", sizeBytes: 1, time: 1, compression: nil)])
            let (removed, said) = try purge(fixture, WALPurgeRule(firstNeeded: segment(2)))
            #expect(removed == [segment(1)])
            #expect(
                said == [
                    "warning: Ignoring deletion of WAL file \(segment(1)) for server pg: [Errno 2] No such file or "
                        + "directory: '\(fixture.home.walsDirectory)/0000000100000000/\(segment(1))'",
                    "error: invalid WAL segment name 'junk'\nHINT: Please run \"barman rebuild-xlogdb pg\" to solve "
                        + "this issue",
                ]
            )
            #expect(try fixture.records.map(\.name) == [segment(2)])
        }
    }

    @Test func `a hook that says stop keeps what is left, in the list as on disk`() throws {
        try ArchiveFixture.with(
            "pre_wal_delete_retry_script = test $BARMAN_SEGMENT != \(segment(2)) || exit 63"
        ) { fixture in
            try fill(fixture, [segment(1), segment(2), segment(3)])
            #expect(throws: (any Error).self) { try purge(fixture, WALPurgeRule(firstNeeded: segment(9))) }
            #expect(fixture.archived == [segment(2), segment(3)])
            #expect(try fixture.records.map(\.name) == fixture.archived)
        }
    }

    @Test func `the next backup is the limit of a deletion`() throws {
        try ArchiveFixture.with { fixture in
            let first = try backup(fixture, "20240101T000000", 1, 2)
            let second = try backup(fixture, "20240102T000000", 5, 6)
            let catalog = try BackupCatalog.load(fixture.home)
            #expect(
                try WALPurgeRule(deleting: first, in: catalog, isRetention: false)
                    == WALPurgeRule(firstNeeded: segment(5))
            )
            #expect(try WALPurgeRule(deleting: second, in: catalog, isRetention: false) == nil)
        }
    }

    @Test func `the only backup is its own limit, and other timelines with backups are protected`() throws {
        try ArchiveFixture.with { fixture in
            let first = try backup(fixture, "20240101T000000", 3, 4)
            _ = try backup(fixture, "20240102T000000", 1, 1, timeline: 2, status: .started)
            #expect(
                try WALPurgeRule(deleting: first, in: BackupCatalog.load(fixture.home), isRetention: false)
                    == WALPurgeRule(firstNeeded: segment(3), protectedTimelines: [Timeline(rawValue: 2)])
            )
        }
    }

    @Test(arguments: [BackupStatus.syncing, .started])
    func `the WAL of a backup that is being taken or copied stays`(status: BackupStatus) throws {
        // A passive server, where the last backup takes all WAL with it.
        try ArchiveFixture.with("primary_ssh_command = false\nbackup_options = exclusive_backup") { fixture in
            let only = try backup(fixture, "20240102T000000", 3, 4)
            var rule = try WALPurgeRule(deleting: only, in: BackupCatalog.load(fixture.home), isRetention: false)
            #expect(rule == WALPurgeRule(firstNeeded: nil))
            // An older one that is copied once more, before and behind the one that goes.
            _ = try backup(fixture, "20240101T000000", 1, 2, status: status)
            rule = try WALPurgeRule(deleting: only, in: BackupCatalog.load(fixture.home), isRetention: false)
            #expect(rule == WALPurgeRule(firstNeeded: segment(1)))
            let next = try backup(fixture, "20240103T000000", 8, 9)
            rule = try WALPurgeRule(deleting: only, in: BackupCatalog.load(fixture.home), isRetention: false)
            #expect(rule == WALPurgeRule(firstNeeded: segment(1)))
            #expect(try WALPurgeRule(deleting: next, in: BackupCatalog.load(fixture.home), isRetention: false) == nil)
        }
    }

    @Test func `a newer backup that begins before the next one keeps its WAL`() throws {
        try ArchiveFixture.with { fixture in
            let first = try backup(fixture, "20240101T000000", 1, 2)
            _ = try backup(fixture, "20240102T000000", 8, 9)
            // Of a standby that lags behind, and of one on another timeline, which is protected as a whole.
            _ = try backup(fixture, "20240103T000000", 5, 6)
            _ = try backup(fixture, "20240104T000000", 2, 3, timeline: 2)
            #expect(
                try WALPurgeRule(deleting: first, in: BackupCatalog.load(fixture.home), isRetention: false)
                    == WALPurgeRule(firstNeeded: segment(5), protectedTimelines: [Timeline(rawValue: 2)])
            )
        }
    }

    @Test func `without a limit nothing goes`() throws {
        try ArchiveFixture.with { fixture in
            let first = try backup(fixture, "20240101T000000", 1, 2)
            var next = try backup(fixture, "20240102T000000", 5, 6)
            next.beginWAL = nil
            try BackupCatalog.save(next, in: fixture.home)
            #expect(
                try WALPurgeRule(deleting: first, in: BackupCatalog.load(fixture.home), isRetention: false) == nil
            )
        }
    }

    @Test func `an older standalone backup stops a deletion by command and is protected from one by policy`() throws {
        try ArchiveFixture.with { fixture in
            let kept = try backup(fixture, "20240101T000000", 1, 2)
            let middle = try backup(fixture, "20240102T000000", 5, 6)
            _ = try backup(fixture, "20240103T000000", 8, 9)
            try Annotations(fixture.home).keep(kept, .standalone)
            let catalog = try BackupCatalog.load(fixture.home)
            #expect(try WALPurgeRule(deleting: middle, in: catalog, isRetention: false) == nil)
            #expect(
                try WALPurgeRule(deleting: middle, in: catalog, isRetention: true)
                    == WALPurgeRule(firstNeeded: segment(8), protectedRanges: [segment(1)...segment(2)])
            )
        }
    }

    #if DEBUG
    @Test func `after any fault no needed file and no needed line is gone, and a repeat finishes`() throws {
        for kind in [FaultPlan.Kind.once(.ioError), .crash] {
            var position = 0
            var isPast = false
            try ArchiveFixture.with { fixture in
                while !isPast, position < 100 {
                    position += 1
                    try fixture.reset()
                    try fill(fixture, (1...5).map { segment($0) })
                    let plan = FaultPlan(kind, at: position)
                    FaultPlan.$current.withValue(plan) {
                        // Whether it succeeded does not matter: what is there afterwards does.
                        _ = try? purge(fixture, WALPurgeRule(firstNeeded: segment(4)))
                    }
                    isPast = plan.callCount < position
                    let needed = [segment(4), segment(5)]
                    #expect(fixture.archived.suffix(2) == needed)
                    #expect(try fixture.records.suffix(2).map(\.name) == needed)
                    _ = try purge(fixture, WALPurgeRule(firstNeeded: segment(4)))
                    #expect(fixture.archived == needed)
                    #expect(try fixture.records.map(\.name) == needed)
                }
            }
            #expect(position > 5 && position < 100)
        }
    }
    #endif
}
