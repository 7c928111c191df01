import SystemPackage
import Testing

@testable import Backup

@Suite struct CopyClassificationTests {
    private func file(_ path: String, size: Int64 = 8192, time: Int64) -> RsyncListingEntry {
        entry(path, size: size, time: time, isDirectory: false)
    }

    private func directory(_ path: String) -> RsyncListingEntry {
        entry(path, size: 4096, time: 0, isDirectory: true)
    }

    private func reference(_ files: [RsyncListingEntry]?, horizon: Int64?) -> CopyClassification.Reference {
        CopyClassification.Reference(files: files.map { Set($0.map(\.look)) }, horizonSeconds: horizon)
    }

    @Test func `a file that looks equal but is newer than the horizon must be read`() {
        let source = [directory("."), directory("base"), file("old", time: 99), file("same", time: 100)]
        let older = reference([file("old", time: 99), file("same", time: 100)], horizon: 100)
        let result = CopyClassification(source: source, references: [older])
        #expect(result.directories.map(\.text) == [".", "base"])
        #expect(result.safe.map(\.text) == ["old"])
        #expect(result.check.map(\.text) == ["same"])
        #expect(result.bytesToCopy == 0)
    }

    @Test func `what differs or is not there needs no look at its contents`() {
        let source = [file("new", time: 200), file("grown", size: 16384, time: 200), file("touched", time: 201)]
        let older = reference([file("grown", time: 200), file("touched", time: 200)], horizon: 100)
        let result = CopyClassification(source: source, references: [older])
        #expect(result.safe.map(\.text) == ["new", "grown", "touched"])
        #expect(result.check.isEmpty)
        #expect(result.bytesToCopy == 8192 * 4)
    }

    @Test func `without a horizon everything that looks equal is read`() {
        let result = CopyClassification(
            source: [file("a", time: 1)],
            references: [reference([file("a", time: 1)], horizon: nil)]
        )
        #expect(result.check.map(\.text) == ["a"])
    }

    @Test func `without a list to compare with everything newer than the horizon is read`() {
        let source = [file("old", time: 1), file("new", time: 200)]
        let result = CopyClassification(source: source, references: [reference(nil, horizon: 100)])
        #expect(result.safe.map(\.text) == ["old"])
        #expect(result.check.map(\.text) == ["new"])
    }

    @Test func `each older copy is believed up to its own horizon, and the first that has a file counts`() {
        let unfinished = reference([file("both", time: 150), file("torn", time: 310)], horizon: 300)
        let complete = reference([file("both", time: 150), file("only", time: 150)], horizon: 100)
        let source = [file("both", time: 150), file("only", time: 150), file("torn", time: 310)]
        let result = CopyClassification(source: source, references: [unfinished, complete])
        #expect(result.safe.map(\.text) == ["both"])
        #expect(result.check.map(\.text) == ["only", "torn"])
        let other = CopyClassification(source: source, references: [complete, unfinished])
        #expect(other.check.map(\.text) == ["both", "only", "torn"])
    }

    @Test func `files are dealt to jobs as the reference deals them`() {
        let gibibyte: Int64 = 1 << 30
        let sizes: [Int64] = [12, 1, 9, 2, 8, 3, 7, 4, 6, 5]
        let files = sizes.map { file("\($0)", size: $0 * gibibyte, time: 0) }
        let buckets = CopyClassification.buckets(files, count: 3).map { $0.map(\.text) }
        #expect(buckets == [["1", "4"], ["2", "5"], ["3", "6"], ["7"], ["8"], ["9"], ["12"]])
        #expect(CopyClassification.buckets(files, count: 1).map(\.count) == [10])
    }
}

@Suite struct RsyncListingTests {
    @Test func `a line of rsync is read, in UTC`() throws {
        let read = try #require(
            try RsyncListingEntry(parsing: "-rw-------          8,192 2024/01/02 03:04:05 base/1/1259")
        )
        #expect(read == entry("base/1/1259", size: 8192, time: 1_704_164_645, isDirectory: false))
        #expect(read.permissions == [.ownerReadWrite])
        let directory = try #require(try RsyncListingEntry(parsing: "drwx------           4096 2024/01/02 03:04:05 ."))
        #expect(directory.isDirectory && directory.text == ".")
    }

    @Test func `blanks and unprintable bytes in names survive`() throws {
        let spaced = try #require(try RsyncListingEntry(parsing: "-rw------- 1 2024/01/02 03:04:05  two  blanks "))
        #expect(spaced.text == " two  blanks ")
        let escaped = try #require(try RsyncListingEntry(parsing: ##"-rw------- 1 2024/01/02 03:04:05 a\#012b\x"##))
        #expect(escaped.text == "a\nb\\x")
    }

    @Test func `sockets are passed over, nonsense is an error`() throws {
        #expect(try RsyncListingEntry(parsing: "srwxrwxrwx 0 2024/01/02 03:04:05 .s.PGSQL.5432") == nil)
        for line in [
            "", "hello", "-rw------- x 2024/01/02 03:04:05 a", "-rw------- 1 2024/13/02 03:04:05 a",
            "-rw------- 1 2024/01/02 03:04:05",
        ] {
            #expect(throws: RsyncListingError.self) { try RsyncListingEntry(parsing: line) }
        }
    }
}

extension RsyncListingEntry {
    fileprivate var text: String { String(decoding: path, as: UTF8.self) }
}

private func entry(_ path: String, size: Int64, time: Int64, isDirectory: Bool) -> RsyncListingEntry {
    RsyncListingEntry(
        look: RsyncListingEntry.Look(path: Array(path.utf8), sizeBytes: size, modifiedSeconds: time),
        permissions: isDirectory ? .ownerReadWriteExecute : .ownerReadWrite,
        isDirectory: isDirectory
    )
}
