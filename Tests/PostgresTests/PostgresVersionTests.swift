import Testing
import WAL

@testable import Postgres

@Suite struct PostgresVersionTests {
    @Test(arguments: [
        ("16.10", "16"), ("9.6.24", "9.6"), ("18beta1", "18"), ("17devel", "17"), ("17.2", "17"), ("18rc1", "18"),
    ])
    func `the major version is what comes before the last component`(text: String, major: String) {
        #expect(PostgresVersion.major(of: text) == major)
    }

    @Test func `the text is the second word of the server's own`() {
        let words = "PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu"
        #expect(PostgresVersion(number: 150_020, serverWords: words)?.text == "15.20")
        #expect(PostgresVersion(number: 130_004, serverWords: "EnterpriseDB 13.4.8 on x")?.text == "13.4")
        #expect(PostgresVersion(number: 130_004, serverWords: "PostgreSQL") == nil)
        #expect(PostgresVersion(number: 130_004, serverWords: "") == nil)
    }

    @Test func `a number alone gives the text`() {
        #expect(PostgresVersion(number: 170_010).text == "17.10")
        #expect(PostgresVersion(number: 90_624).text == "9.6.24")
        #expect(PostgresVersion(number: 90_524).isSupported == false)
        #expect(PostgresVersion(number: 90_600).isSupported)
    }

    @Test func `functions go by the names of the server's version, the newest when it is unknown`() {
        #expect(ServerDialect(versionNumber: 90_624).switchWAL == "pg_switch_xlog")
        #expect(ServerDialect(versionNumber: 90_624).currentLSN == "pg_current_xlog_location")
        #expect(ServerDialect(versionNumber: 140_000).startBackup == "pg_start_backup")
        #expect(ServerDialect(versionNumber: 150_000).startBackup == "pg_backup_start")
        #expect(ServerDialect(versionNumber: 0).stopBackup == "pg_backup_stop")
        #expect(ServerDialect(versionNumber: 120_000).walKeepSetting == "wal_keep_segments")
    }
}

@Suite struct ReplyTests {
    @Test func `the list of synchronous standbys loses its parentheses, blanks and quotes`() {
        #expect(ServerFacts.standbyNames("") == [""])
        #expect(ServerFacts.standbyNames("a, \"b c\", *") == ["a", "b c", "*"])
        #expect(ServerFacts.standbyNames("FIRST 2 (a, \"b c\")") == ["a", "b c"])
        #expect(ServerFacts.standbyNames("ANY 1 (*)") == ["*"])
        #expect(ServerFacts.standbyNames(" \"A\"\"b\" , c") == ["A\"\"b", "c"])
        #expect(ServerFacts.standbyNames(")(") == [")("])
    }

    @Test func `a small rate is written with an exponent`() {
        #expect(ArchiverFacts.decimalText("0.00000000000000000000") == "0E-20")
        #expect(ArchiverFacts.decimalText("0.00127331947092496208") == "0.00127331947092496208")
        #expect(ArchiverFacts.decimalText("0.00000012345678901234") == "1.2345678901234E-7")
        #expect(ArchiverFacts.decimalText("12") == "12")
        #expect(ArchiverFacts.decimalText("") == "")
        #expect(ArchiverFacts.decimalText(".") == ".")
    }

    @Test func `of a message only the first line is kept`() {
        #expect(PostgresError(.connectionFailed, message: "one \r\n\ttwo\n").message == "one")
        #expect(PostgresError(.connectionFailed, message: "\n").message == "")
    }

    @Test func `a segment size before 11 counts blocks`() {
        var facts = ServerFacts()
        facts.version = PostgresVersion(number: 90_624)
        facts.rawSettings = ["wal_segment_size": "2048", "wal_block_size": "8192"]
        #expect(facts.segmentSize?.bytes == 16 << 20)
        facts.rawSettings["wal_block_size"] = "\(Int64.max)"
        #expect(facts.segmentSize == nil)
        facts.version = PostgresVersion(number: 170_000)
        facts.rawSettings = ["wal_segment_size": "1048576"]
        #expect(facts.segmentSize?.bytes == 1 << 20)
    }
}
