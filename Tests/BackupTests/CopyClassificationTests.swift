import Testing

@testable import Backup

@Suite struct CopyClassificationTests {
    private func file(_ path: String, size: Int64 = 8192, time: Int64) -> RsyncListingEntry {
        RsyncListingEntry(path: path, sizeBytes: size, modifiedSeconds: time, isDirectory: false)
    }

    private func directory(_ path: String) -> RsyncListingEntry {
        RsyncListingEntry(path: path, sizeBytes: 4096, modifiedSeconds: 0, isDirectory: true)
    }

    @Test func `a file that looks equal but is newer than the horizon must be read`() {
        let source = [directory("."), directory("base"), file("old", time: 99), file("same", time: 100)]
        let reference = [directory("."), file("old", time: 99), file("same", time: 100)]
        let result = CopyClassification(source: source, reference: reference, horizonSeconds: 100)
        #expect(result.directories == [".", "base"])
        #expect(result.safe.map(\.path) == ["old"])
        #expect(result.check.map(\.path) == ["same"])
        #expect(!result.referenceIsEmpty)
    }

    @Test func `what differs or is not there needs no look at its contents`() {
        let source = [file("new", time: 200), file("grown", size: 16384, time: 200), file("touched", time: 201)]
        let reference = [file("grown", time: 200), file("touched", time: 200)]
        let result = CopyClassification(source: source, reference: reference, horizonSeconds: 100)
        #expect(result.safe.map(\.path) == ["new", "grown", "touched"])
        #expect(result.check.isEmpty)
    }

    @Test func `without a horizon everything that looks equal is read`() {
        let result = CopyClassification(
            source: [file("a", time: 1)],
            reference: [file("a", time: 1)],
            horizonSeconds: nil
        )
        #expect(result.check.map(\.path) == ["a"])
    }

    @Test func `without a list to compare with everything newer than the horizon is read`() {
        let source = [file("old", time: 1), file("new", time: 200)]
        let result = CopyClassification(source: source, reference: nil, horizonSeconds: 100)
        #expect(result.safe.map(\.path) == ["old"])
        #expect(result.check.map(\.path) == ["new"])
    }

    @Test func `an empty destination gets directories and nothing else from the purge`() {
        let result = CopyClassification(source: [file("a", time: 1)], reference: [directory(".")], horizonSeconds: nil)
        #expect(result.referenceIsEmpty)
        #expect(result.purgeRules == ["+ */", "- *"])
        let links = CopyClassification(
            source: [],
            reference: [directory("."), directory("pg_tblspc")],
            horizonSeconds: nil,
            ignoring: ["pg_tblspc"]
        )
        #expect(links.referenceIsEmpty)
    }

    @Test func `the purge protects exactly what the source has, pattern characters taken literally`() {
        let result = CopyClassification(
            source: [file("base/1/2", time: 1), file("odd[1]*", time: 1)],
            reference: [file("gone", time: 1)],
            horizonSeconds: nil
        )
        #expect(
            result.purgeRules == ["P /base/1/2", "- /base/1/2", #"P /odd\[1]\*"#, #"- /odd\[1]\*"#]
        )
    }

    @Test func `files are dealt to jobs as the reference deals them`() {
        let gibibyte: Int64 = 1 << 30
        let sizes: [Int64] = [12, 1, 9, 2, 8, 3, 7, 4, 6, 5]
        let files = sizes.map { file("\($0)", size: $0 * gibibyte, time: 0) }
        let buckets = CopyClassification.buckets(files, count: 3).map { $0.map(\.path) }
        #expect(buckets == [["1", "4"], ["2", "5"], ["3", "6"], ["7"], ["8"], ["9"], ["12"]])
        #expect(CopyClassification.buckets(files, count: 1).map(\.count) == [10])
    }
}

@Suite struct RsyncListingTests {
    @Test func `a line of rsync is read, in UTC`() throws {
        let entry = try #require(
            try RsyncListingEntry(parsing: "-rw-------          8,192 2024/01/02 03:04:05 base/1/1259")
        )
        #expect(
            entry
                == RsyncListingEntry(
                    path: "base/1/1259",
                    sizeBytes: 8192,
                    modifiedSeconds: 1_704_164_645,
                    isDirectory: false
                )
        )
        let directory = try #require(try RsyncListingEntry(parsing: "drwx------           4096 2024/01/02 03:04:05 ."))
        #expect(directory.isDirectory && directory.path == ".")
    }

    @Test func `blanks and unprintable bytes in names survive`() throws {
        let spaced = try #require(try RsyncListingEntry(parsing: "-rw------- 1 2024/01/02 03:04:05  two  blanks "))
        #expect(spaced.path == " two  blanks ")
        let escaped = try #require(try RsyncListingEntry(parsing: ##"-rw------- 1 2024/01/02 03:04:05 a\#012b\x"##))
        #expect(escaped.path == "a\nb\\x")
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
