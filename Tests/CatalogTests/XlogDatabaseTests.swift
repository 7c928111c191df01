import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import Testing
import WAL

@Suite struct XlogDatabaseTests {
    private let first = XlogRecord(
        name: "000000010000000000000001",
        sizeBytes: 168,
        time: 1_767_225_600.25,
        compression: "gzip",
        encryption: nil
    )
    private let second = XlogRecord(
        name: "000000010000000000000002",
        sizeBytes: 4201,
        modifiedSeconds: 1_767_225_655,
        modifiedNanoseconds: 828_863_621,
        compression: nil,
        encryption: "gpg"
    )

    @Test func `a line is that of the reference`() {
        #expect(first.line == "000000010000000000000001\t168\t1767225600.25\tgzip\tNone\n")
        #expect(second.line == "000000010000000000000002\t4201\t1767225655.8288636\tNone\tgpg\n")
    }

    @Test func `what is appended is read back`() throws {
        try CatalogFixture.with { fixture throws in
            let list = XlogDatabase(fixture.home)
            #expect(try list.isEmpty())
            try list.append([first])
            try list.append([])
            try list.append([second, first])
            #expect(try fixture.list == first.line + second.line + first.line)
            #expect(try list.records() == [first, second, first])
            #expect(try list.records { $0.name == second.name } == [second])
            #expect(try !list.isEmpty())
        }
    }

    @Test func `lines of all releases are read`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.writeList([
                "000000010000000000000001\t168\t1767225600.25",
                "000000010000000000000002.00000028.backup\t76\t1767225601\tbzip2",
                "00000002.history 41  1.7672257e9 None None",
                " 000000010000000000000003\t4201\t1767225655.5\tzstd\tgpg\r",
                "000000010000000000000004\t1\t12345678901234567890123.5\tNone\tNone",
            ])
            let records = try XlogDatabase(fixture.home).records()
            #expect(records.map(\.sizeBytes) == [168, 76, 41, 4201, 1])
            #expect(records.map(\.compression) == [nil, "bzip2", nil, "zstd", nil])
            #expect(records.map(\.encryption) == [nil, nil, nil, "gpg", nil])
            let times = [
                1_767_225_600.25, 1_767_225_601, 1_767_225_700, 1_767_225_655.5, 12_345_678_901_234_567_890_123.5,
            ]
            #expect(records.map(\.time) == times)
        }
    }

    @Test(arguments: [
        "", "name", "000000010000000000000001\t1", "000000010000000000000001\t1\tabc",
        "000000010000000000000001\tx\t1.0",
        "000000010000000000000001\t1\t1.0\tNone\tNone\tNone", "000000010000000000000001\t-1\t1.0", "a\t1\tnan",
        "a\t9999999999999999999\t1.0", "a\t1\t1.0.0", "a\t1x\t1.0",
    ])
    func `a line that cannot be is an error with its number`(line: String) throws {
        try CatalogFixture.with { fixture throws in
            try fixture.writeList([String(first.line.dropLast()), line])
            let error = #expect(throws: XlogLineError.self) { try XlogDatabase(fixture.home).records() }
            #expect(error?.number == 2)
            #expect(error?.description.contains("line 2 of \(fixture.home.xlogDatabasePath.string)") == true)
            #expect(error?.description.hasPrefix("cannot parse line: '") == true)
        }
    }

    @Test func `lines are whole wherever a buffer ends`() throws {
        try CatalogFixture.with { fixture throws in
            var lines: [String] = []
            for index in 0..<40_000 {
                let name = WALSegmentName(
                    timeline: Timeline(rawValue: 1),
                    log: UInt32(index / 256),
                    segment: UInt32(index % 256)
                )
                lines.append("\(name)\t\(index)\t1767225600.\(index)1\tgzip\tNone")
            }
            try fixture.writeList(lines)
            var sum: Int64 = 0
            var count = 0
            try XlogDatabase(fixture.home).forEachLine { line in
                sum += line.sizeBytes
                count += 1
                return true
            }
            #expect(count == 40_000)
            #expect(sum == 40_000 * 39_999 / 2)
        }
    }

    @Test func `a line without end that is too long is an error`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write(String(repeating: "x", count: 3 << 20), to: "wals/pg-xlog.db")
            #expect(throws: XlogLineError.self) { try XlogDatabase(fixture.home).records() }
        }
    }

    @Test func `reading stops when it has what it wants`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.writeList([String(first.line.dropLast()), "rubbish"])
            var names: [String] = []
            try XlogDatabase(fixture.home).forEachLine { line in
                names.append(line.name)
                return false
            }
            #expect(names == [first.name])
        }
    }

    // MARK: Torn lines

    @Test func `what a crash left of a line is passed over by readers`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write(first.line + "00000001000000000000", to: "wals/pg-xlog.db")
            #expect(try XlogDatabase(fixture.home).records() == [first])
        }
    }

    @Test func `a whole last line without end is kept`() throws {
        try CatalogFixture.with { fixture throws in
            let whole = String(first.line.dropLast())
            try fixture.write(whole, to: "wals/pg-xlog.db")
            #expect(try XlogDatabase(fixture.home).records() == [first])
            try fixture.write("old contents", to: "wals/0000000100000000/\(first.name)")
            try XlogDatabase(fixture.home).append([second])
            let records = try XlogDatabase(fixture.home).records()
            #expect(records.map(\.name) == [first.name, second.name])
        }
    }

    @Test func `appending mends a torn line from the archive, or drops it`() throws {
        try CatalogFixture.with { fixture throws in
            let list = XlogDatabase(fixture.home)
            try fixture.write("sixteen bytes...", to: "wals/0000000100000000/000000010000000000000009")
            try fixture.write(first.line + "000000010000000000000009\t16\t17672", to: "wals/pg-xlog.db")
            try list.append([second])
            let records = try list.records()
            #expect(records.map(\.name) == [first.name, "000000010000000000000009", second.name])
            #expect(records[1].sizeBytes == 16)
            #expect(records[1].time > 1_700_000_000)
            for torn in ["0000000100", "00000001000000000000000A\t16\t17672"] {
                try fixture.write(first.line + torn, to: "wals/pg-xlog.db")
                try list.append([second])
                #expect(try fixture.list == first.line + second.line)
            }
        }
    }

    @Test(arguments: ["\t42", "\t4201\t17672", "\t4201\t1767225655.8\tNone\tNo"])
    func `a torn line of a file whose line is appended is made once`(rest: String) throws {
        try CatalogFixture.with { fixture throws in
            let list = XlogDatabase(fixture.home)
            try fixture.write("contents", to: "wals/0000000100000000/\(second.name)")
            try fixture.write(first.line + second.name + rest, to: "wals/pg-xlog.db")
            #expect(try list.records() == [first])
            try list.append(uncertain: [second.name]) { [second] }
            #expect(try fixture.list == first.line + second.line)
        }
    }

    @Test(arguments: [9_000, 120_000, 3 << 20])
    func `zeros that a power failure left are passed over and cut off`(count: Int) throws {
        try CatalogFixture.with { fixture throws in
            let list = XlogDatabase(fixture.home)
            for torn in ["", "000000010000000000000009\t1048"] {
                let zeros = String(repeating: "\0", count: count)
                try fixture.write(first.line + torn + zeros, to: "wals/pg-xlog.db")
                #expect(try list.records() == [first])
                try list.append([second])
                #expect(try fixture.list == first.line + second.line)
            }
        }
    }

    @Test(arguments: ["x", "\0x"])
    func `what no crash leaves is not cut off`(end: String) throws {
        try CatalogFixture.with { fixture throws in
            let content = first.line + String(repeating: end, count: 100_000)
            try fixture.write(content, to: "wals/pg-xlog.db")
            let failure = failure { try XlogDatabase(fixture.home).append([second]) }
            #expect(failure?.message.contains("(line 2 of ") == true)
            #expect(try fixture.list == content)
        }
    }

    // MARK: Rewriting

    @Test func `rewriting keeps the chosen lines as they are, with the mode of the file`() throws {
        try CatalogFixture.with { fixture throws in
            let odd = "00000002.history 41  1.7672257e9 None None"
            try fixture.writeList([String(first.line.dropLast()), odd, String(second.line.dropLast())])
            try FileSystem.setPermissions(fixture.home.xlogDatabasePath, FilePermissions(rawValue: 0o640))
            let list = XlogDatabase(fixture.home)
            let dropped = try list.rewrite { $0.isHistory || $0.fileName == WALFileName(second.name) }
            #expect(dropped == 1)
            #expect(try fixture.list == odd + "\n" + second.line)
            let status = try FileSystem.status(of: fixture.home.xlogDatabasePath)
            #expect(status.permissions.rawValue & 0o777 == 0o640)
            #expect(fixture.names(in: "wals") == ["pg-xlog.db"])
            #expect(try list.rewrite { _ in true } == 0)
            #expect(fixture.names(in: "wals") == ["pg-xlog.db"])
        }
    }

    @Test func `an error while rewriting leaves the list as it was`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.writeList([String(first.line.dropLast()), "rubbish"])
            let before = try fixture.list
            #expect(throws: XlogLineError.self) { try XlogDatabase(fixture.home).rewrite { _ in false } }
            #expect(try fixture.list == before)
            #expect(fixture.names(in: "wals") == ["pg-xlog.db"])
        }
    }

    // MARK: Rebuilding

    private func archive(_ fixture: CatalogFixture) throws {
        try fixture.write("plain", to: "wals/0000000100000000/000000010000000000000001")
        try fixture.write("\u{1F}", to: "wals/0000000100000000/000000010000000000000002.00000028.backup")
        try fixture.write("x", to: "wals/0000000100000000/000000010000000000000003.partial")
        try fixture.write("x", to: "wals/0000000100000000/000000010000000000000004.tmp")
        try fixture.write("x", to: "wals/0000000100000000/directory/x")
        try fixture.write("BZh91AY", to: "wals/0000000200000000/000000020000000000000001")
        try fixture.write("1\t0/1\tx\n", to: "wals/00000002.history")
        try fixture.write("x", to: "wals/pg-xlog.db.tmp")
        try fixture.write("x", to: "wals/stranger")
    }

    @Test func `the list is rebuilt from the archive`() throws {
        try CatalogFixture.with { fixture throws in
            try archive(fixture)
            try fixture.writeList(["rubbish"])
            let recorder = Recorder()
            let count = try XlogDatabase(fixture.home).rebuild(reporter: recorder)
            #expect(count.histories == 1)
            #expect(count.backupLabels == 1)
            #expect(count.segments == 2)
            let records = try XlogDatabase(fixture.home).records()
            #expect(
                records.map(\.name) == [
                    "000000010000000000000001", "000000010000000000000002.00000028.backup", "00000002.history",
                    "000000020000000000000001",
                ]
            )
            #expect(records.map(\.compression) == [nil, nil, nil, "bzip2"])
            let wals = fixture.home.walsDirectory.string
            let directory = "\(wals)/0000000100000000"
            #expect(
                recorder.said == [
                    "warning: unexpected file rebuilding the wal database: \(directory)/000000010000000000000003.partial",
                    "warning: temporary file found rebuilding the wal database: \(directory)/000000010000000000000004.tmp",
                    "warning: unexpected directory rebuilding the wal database: \(directory)/directory",
                    "warning: unexpected file rebuilding the wal database: \(wals)/stranger",
                ]
            )
        }
    }

    @Test func `a missing list is made from the archive, and the one of old releases goes`() throws {
        try CatalogFixture.with { fixture throws in
            try archive(fixture)
            try fixture.write("of an old release", to: "wals/xlog.db")
            #expect(try XlogDatabase(fixture.home).records().count == 4)
            #expect(!fixture.exists("wals/xlog.db"))
            #expect(fixture.exists("wals/pg-xlog.db"))
        }
    }

    @Test func `a list without an archive is empty`() throws {
        try CatalogFixture.with { fixture throws in
            try FileSystem.removeTree(fixture.home.backupDirectory)
            #expect(try XlogDatabase(fixture.home).isEmpty())
            #expect(fixture.names(in: "wals") == ["pg-xlog.db"])
        }
    }

    #if DEBUG
    // MARK: Faults

    @Test func `whatever fails while lines are appended, the list is the old one or the new one`() throws {
        try withEveryFault { fixture throws in
            try fixture.writeList([String(first.line.dropLast())])
        } work: { fixture throws in
            try XlogDatabase(fixture.home).append([second, second])
        } check: { fixture, succeeded throws in
            let list = try fixture.list
            #expect(list == first.line + second.line + second.line || (list == first.line && !succeeded))
        }
    }

    @Test func `lines whose write or sync fails are taken back`() throws {
        for position in 1...20 {
            try CatalogFixture.with { fixture throws in
                try fixture.writeList([String(first.line.dropLast())])
                let failed = FaultPlan.$current.withValue(FaultPlan(.once(.noSpace), at: position)) {
                    failure { try XlogDatabase(fixture.home).append([second]) } != nil
                }
                #expect(try fixture.list == first.line + (failed ? "" : second.line))
            }
        }
    }

    @Test func `whatever fails while lines are dropped, the list is the old one or the new one`() throws {
        try withEveryFault { fixture throws in
            try fixture.writeList([String(first.line.dropLast()), String(second.line.dropLast())])
        } work: { fixture throws in
            try XlogDatabase(fixture.home).rewrite { $0.name == second.name }
        } check: { fixture, succeeded throws in
            let list = try fixture.list
            #expect(list == second.line || (list == first.line + second.line && !succeeded))
        }
    }

    @Test func `whatever fails while a missing list is made, the next look makes it`() throws {
        try withEveryFault { fixture throws in
            try archive(fixture)
        } work: { fixture throws in
            _ = try XlogDatabase(fixture.home).records()
        } check: { fixture, _ throws in
            #expect(try XlogDatabase(fixture.home).records().count == 4)
        }
    }
    #endif
}
