import Archive
import Catalog
import Files
import SystemPackage
import TestWorld
import Testing
import WAL

/// Which segments are missing.
struct WALContinuityTests {
    private func backup(
        _ fixture: ArchiveFixture,
        _ id: String,
        _ begin: UInt32,
        _ end: UInt32,
        timeline: UInt32 = 1,
        segmentBytes: Int64 = 16 << 20
    ) throws {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = .done
        info.timeline = Timeline(rawValue: timeline)
        info.beginWAL = segment(begin, timeline: timeline)
        info.endWAL = segment(end, timeline: timeline)
        info.xlogSegmentSizeBytes = segmentBytes
        try BackupCatalog.save(info, in: fixture.home)
    }

    /// Makes a list of archived files, and the segments among them.
    private func list(_ fixture: ArchiveFixture, _ names: [String]) throws {
        try FileSystem.createDirectories(fixture.home.walsDirectory)
        for name in names.compactMap({ WALSegmentName($0) }) {
            let path = WALArchive(fixture.home).path(of: name)
            try FileSystem.createDirectories(path.removingLastComponent())
            try Shell.write([1], to: path.string)
        }
        let text = names.map { "\($0)\t100\t1767225600.0\tNone\tNone\n" }.joined()
        try Shell.write(Array(text.utf8), to: fixture.home.xlogDatabasePath.string)
    }

    private func continuity(_ fixture: ArchiveFixture) throws -> WALContinuity {
        try WALContinuity(of: BackupCatalog.load(fixture.home))
    }

    @Test func `gaps since the first backup are named, what is older is nobody's business`() throws {
        try ArchiveFixture.with { fixture in
            let present: [UInt32] = [1, 5, 6, 9, 10, 12]
            try list(fixture, present.map { segment($0) } + ["00000002.history", "nonsense"])
            #expect(try continuity(fixture).gaps == [])
            try backup(fixture, "20260301T000000", 5, 5)
            let found = try continuity(fixture)
            #expect(found.text() == "\(segment(7)) to \(segment(8)) (2 files), \(segment(11))")
            #expect(found.endsNewestBackup)
            // What waits in a queue is not missing.
            try fixture.put([1], segment(11))
            #expect(try continuity(fixture).text() == "\(segment(7)) to \(segment(8)) (2 files)")
            // Another backup: recovery from it is not concerned.
            try backup(fixture, "20260302T000000", 9, 9)
            let behind = try continuity(fixture)
            #expect(behind.gaps.count == 1 && !behind.endsNewestBackup)
        }
    }

    @Test func `a segment that somebody removed is named while it is listed, from the newest backup on`() throws {
        try ArchiveFixture.with { fixture in
            try list(fixture, (1...9).map { segment($0) } + [segment(11)])
            try backup(fixture, "20260301T000000", 2, 2)
            try backup(fixture, "20260302T000000", 4, 4)
            #expect(try continuity(fixture).text()?.hasPrefix(segment(10)) == true)
            try list(fixture, (1...9).map { segment($0) })
            #expect(try continuity(fixture).gaps == [])
            for number: UInt32 in [3, 5, 6, 9] {
                let name = try #require(WALSegmentName(segment(number)))
                try FileSystem.unlink(WALArchive(fixture.home).path(of: name))
            }
            let found = try continuity(fixture)
            #expect(found.text() == "\(segment(5)) to \(segment(6)) (2 files), \(segment(9))")
            #expect(found.endsNewestBackup)
            try FileSystem.removeTree(fixture.home.walsDirectory.appending(String(segment(1).prefix(16))))
            #expect(try continuity(fixture).text() == "\(segment(4)) to \(segment(9)) (6 files)")
        }
    }

    @Test func `many gaps are told in few words`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 1, 1)
            try list(fixture, stride(from: UInt32(1), through: 41, by: 2).map { segment($0) })
            #expect(try continuity(fixture).text(limit: 2) == "\(segment(2)), \(segment(4)), and 18 more gaps")
        }
    }

    @Test func `a timeline begins where it branched off, and its parent ends there`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 1, 1)
            // Timeline 2 branched off within segment 4, of which timeline 1 has only the partial file.
            try fixture.put(Array("1\t0/4000100\tno recovery target specified\n".utf8), "00000002.history")
            try fixture.archive()
            let old = [1, 2].map { segment($0) }
            let new = [5, 6].map { segment($0, timeline: 2) }
            try list(fixture, old + ["00000002.history", "\(segment(4)).partial"] + new)
            #expect(try continuity(fixture).text() == "\(segment(3)), \(segment(4, timeline: 2))")
            try list(fixture, old + [segment(3)] + ["00000002.history"] + [segment(4, timeline: 2)] + new)
            #expect(try continuity(fixture).gaps == [])
            // A timeline that branched off before the first backup is needed by nobody.
            try backup(fixture, "20260301T000000", 5, 5)
            try list(fixture, [5, 6].map { segment($0) } + [segment(6, timeline: 2), segment(8, timeline: 2)])
            #expect(try continuity(fixture).gaps == [])
        }
    }

    @Test func `a backup on its own timeline needs it from its begin on`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 1, 1)
            try backup(fixture, "20260302T000000", 8, 8, timeline: 3)
            try list(fixture, [segment(1), segment(7, timeline: 3), segment(8, timeline: 3), segment(10, timeline: 3)])
            try fixture.put(Array("1\t0/1000100\tx\n".utf8), "00000003.history")
            #expect(try continuity(fixture).text() == segment(9, timeline: 3))
        }
    }

    @Test func `a history that is missing is named while recovery from a backup would need it`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 3, 3)
            try list(fixture, (3...5).map { segment($0) } + [5, 6].map { segment($0, timeline: 2) })
            let found = try continuity(fixture)
            #expect(found.text() == "00000002.history" && found.endsNewestBackup)
            // Beside a segment; on its way it is not missing.
            try list(fixture, [3, 5].map { segment($0) } + [5, 6].map { segment($0, timeline: 2) })
            #expect(try continuity(fixture).text() == "00000002.history, \(segment(4))")
            try fixture.put(Array("1\t0/5000100\tx\n".utf8), "00000002.history")
            #expect(try continuity(fixture).text() == segment(4))
            try fixture.archive()
            try list(fixture, (3...5).map { segment($0) } + [5, 6].map { segment($0, timeline: 2) })
            #expect(try continuity(fixture).text() == nil)
            try FileSystem.unlink(fixture.home.historyPath(of: Timeline(rawValue: 2)))
            // A backup on the new timeline needs no history, but the one before it does.
            try backup(fixture, "20260302T000000", 6, 6, timeline: 2)
            let behind = try continuity(fixture)
            #expect(behind.text() == "00000002.history" && !behind.endsNewestBackup)
            let catalog = try BackupCatalog.load(fixture.home)
            try Annotations(fixture.home).keep(try #require(catalog.all.first), .standalone)
            #expect(try continuity(fixture).text() == nil)
        }
    }

    @Test func `a timeline whose WAL ends before the first backup begins needs no history`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 7, 7)
            try list(fixture, (7...9).map { segment($0) } + [5, 6].map { segment($0, timeline: 2) })
            #expect(try continuity(fixture).text() == nil)
        }
    }

    @Test func `a backup that is kept for itself alone needs its own segments only`() throws {
        try ArchiveFixture.with { fixture in
            try backup(fixture, "20260301T000000", 1, 3)
            try backup(fixture, "20260302T000000", 8, 8)
            let catalog = try BackupCatalog.load(fixture.home)
            let info = try #require(catalog.all.first)
            try Annotations(fixture.home).keep(info, .standalone)
            try list(fixture, [1, 3, 8, 9].map { segment($0) })
            #expect(try continuity(fixture).text() == segment(2))
        }
    }

    @Test func `the size of segments decides what comes after the end of a log`() throws {
        try ArchiveFixture.with { fixture in
            func name(_ log: UInt32, _ number: UInt32) -> String {
                WALSegmentName(timeline: Timeline(rawValue: 1), log: log, segment: number).description
            }
            try backup(fixture, "20260301T000000", 2, 2, segmentBytes: 1 << 30)
            try list(fixture, [name(0, 2), name(0, 3), name(1, 0), name(1, 2)])
            #expect(try continuity(fixture).text() == name(1, 1))
            try backup(fixture, "20260301T000000", 0xFFE, 0xFFE, segmentBytes: 1 << 20)
            try list(fixture, [name(0, 0xFFE), name(0, 0xFFF), name(1, 0), name(1, 2)])
            #expect(try continuity(fixture).text() == name(1, 1))
        }
    }
}
