import Glibc
import TestWorld
import Testing

private enum Oracle {
    static var isThere: Bool { access(Scratch.oracle, X_OK) == 0 }
}

/// The oracle and this program over the same catalog give the same answers: text, JSON and exit status.
@Suite(.enabled(if: Oracle.isThere, "needs the oracle: BARMAN_ORACLE names it"), .serialized)
struct SameAnswersTests {
    /// Commands that leave the catalog as it is.
    private static let questions: [[String]] =
        [
            ["list-servers"], ["list-server", "--minimal"], ["-q", "list-servers"], ["-d", "list-servers"],
            ["list-backups", "pg", "redundant", "window", "passive"], ["list-backup", "pg", "--minimal"],
            ["list-backups", "damaged"], ["list-backups", "nosuch", "pg"], ["list-backups", "all", "pg"],
            ["show-servers", "window", "passive", "broken", "damaged"], ["show-server", "nosuch"],
            ["status", "pg", "redundant", "window", "damaged"], ["status", "nosuch"], ["status", "zz", "window", "0"],
            ["replication-status", "nosuch", "broken", "window"], ["switch-wal", "zz", "broken", "window", "nosuch"],
            ["check", "pg"], ["check", "redundant"], ["check", "passive"], ["-q", "check", "redundant"],
            ["check", "nosuch"], ["check", "--nagios", "pg"], ["check", "--nagios", "window"],
            ["check", "--nagios", "nosuch"], ["check", "--nagios", "pg", "redundant"],
            ["show-backup", "pg", "nosuch"], ["show-backup", "all", "last"], ["show-backup", "nosuch", "last"],
            ["show-backup", "damaged", "last"], ["show-backup", "passive", "last"],
            ["list-files", "pg", "last"], ["list-files", "pg", "last", "--target", "data"],
            ["list-files", "--target=wal", "pg", "first one"],
            ["list-files", "--target", "full", "pg", "20240103T100000"],
            ["list-files", "damaged", "last", "--target", "full"], ["list-files", "window", "last"],
            ["keep", "pg", "20240101T100000", "-s"], ["keep", "pg", "20240103T100000", "--status"],
            ["keep", "pg", "20240104T100000", "--target", "full"],
            ["keep", "pg", "20240102T100000", "--target", "full"],
            ["keep", "pg", "last"], ["keep", "window", "last", "-s"], ["keep", "broken", "last", "-s"],
            ["check-wal-archive", "pg"], ["check-wal-archive", "pg", "--timeline", "3"],
            ["check-wal-archive", "redundant", "--timeline", "2"], ["check-wal-archive", "passive"],
            ["list-processes", "pg"], ["list-process", "window"], ["archive-wal", "pg"], ["archive-wal", "window"],
            ["archive-wal", "broken"], ["switch-wal", "window"], ["switch-xlog", "broken"],
            ["backup", "window"], ["backup", "passive"], ["backup", "broken"],
            ["restore", "broken", "last", "/nowhere"],
            ["recover", "pg", "nosuch", "/nowhere"], ["delete", "pg", "nosuch"], ["delete", "broken", "last"],
            ["check-backup", "pg", "20240104T100000"], ["check-backup", "window", "last"],
            ["lock-directory-cleanup"],
        ]
        + [
            "20240101T100000", "20240102T100000", "20240103T100000", "20240104T100000", "20240105T100000",
            "20240107T100000", "20240108T100000", "20240109T100000", "20240110T100000", "20240111T100000", "latest",
            "oldest", "last-failed", "last-full", "first one",
        ].map { ["show-backup", "pg", $0] }
        + [1, 2, 5].flatMap { day in
            ["redundant", "window"].map { ["show-backup", $0, "2024010\(day)T100000"] }
        }

    /// Where the two differ on purpose: passwords are masked everywhere, `{}` does not precede the answer for Nagios, and
    /// what receives a backup is part of us.
    private static func settled(_ text: String) -> String {
        var text = text.replacing("password=s3cret", with: "password=*REDACTED*")
        if text.hasPrefix("{}BARMAN") { text.removeFirst(2) }
        return text.replacing(#/pg_basebackup version: [-a-z0-9.]+/#, with: "pg_basebackup version: built-in")
    }

    /// Our answer without what only we say, word for word: the segments that are missing.
    private static func withoutMissingWAL(_ text: String) -> String {
        let names = "00000001000000000000000A, 000000020000000000000017"
        let hint = "missing: \(names); recovery ends there until there is another backup"
        return text.replacing("\n\tMissing WAL segments: \(names)\n", with: "\n")
            .replacing("\n\tWAL continuity: FAILED (\(hint))\n", with: "\n")
            .replacing("\npg.WAL continuity: FAILED (\(hint))", with: "")
            .replacing(
                #""missing_wal": {"description": "Missing WAL segments", "message": "\#(names)"}, "#,
                with: ""
            )
            .replacing(#""wal_continuity": {"hint": "\#(hint)", "status": "FAILED"}, "#, with: "")
            .replacing("PostgreSQL, WAL continuity, failed backups", with: "PostgreSQL, failed backups")
    }

    @Test func `questions get the same answers in text and JSON`() throws {
        try World.with { world in
            let host = try CatalogOfAllKinds(world).host
            try host.forkOracle()
            for words in Self.questions.flatMap({ [$0, ["-f", "json"] + $0] }) {
                let expected = try host.oracle(words)
                let answer = try host.barman(words)
                #expect(
                    Self.withoutMissingWAL(Self.settled(answer.out)) == Self.settled(expected.out),
                    "output of \(words)"
                )
                #expect(answer.err == expected.err, "errors of \(words)")
                #expect(answer.status == expected.status, "status of \(words)")
            }
        }
    }

    @Test func `usage errors are the same to the letter`() throws {
        let mistakes: [[String]] = [
            ["nosuch"], ["list-servers", "-q"], ["backup"], ["backup", "--jobs", "0", "pg"],
            ["backup", "-j", "x", "pg"],
            ["backup", "--bwlimit", "-1", "pg"], ["--form", "xml", "list-servers"], ["list-files", "pg"],
            ["list-files", "--target", "x", "a", "b"], ["restore", "--target-tli", "x", "a", "b", "c"],
            ["recover", "a"], ["backup", "--name", "latest", "pg"], ["backup", "--re", "pg"], ["-c"],
            ["delete", "a", "b", "c"], ["keep", "a"], ["show-server"], ["switch-wal", "--archive-timeout", "x", "a"],
            ["get-wal", "-p", "0", "a", "b"], ["sync-info", "a", "b", "x"], ["sync-info", "a", "b", "-1"],
            ["export-backup", "a", "b"], ["config-switch"],
            ["replication-status", "--target", "x", "a"], ["verify", "a"], ["receive-wal", "-x"],
            ["cloud-wal-restore", "a"], ["diagnose", "x"], ["check-wal-archive", "--timeline", "0", "a"],
        ]
        try World.with { world in
            let host = try world.barmanHost(as: .me)
            try host.forkOracle()
            for (columns, mistakes) in [("80", mistakes), ("40", Array(mistakes.prefix(4))), ("200", [["backup"]])] {
                host.environment = ["COLUMNS": columns]
                for words in mistakes {
                    let expected = try host.oracle(words)
                    let answer = try host.barman(words)
                    let (said, wanted) = Self.comparable(answer.err, expected.err)
                    #expect(said == wanted, "\(words) at \(columns) columns")
                    #expect(answer.status == 2 && expected.status == 2)
                    #expect(answer.out.isEmpty)
                }
            }
        }
    }

    /// Both texts as they are; where a command or an option of ours stands in the usage, without it and without the ends of lines, which
    /// depend on it.
    private static func comparable(_ ours: String, _ theirs: String) -> (String, String) {
        let commands = ["drill", "retention", "serve-wal", "setup"]
        let options = ["--dry-run", "--explain", "--plan"]
        guard (commands + options).contains(where: ours.contains) else { return (ours, theirs) }
        var text = ours
        for command in commands {
            text = text.replacing(",\(command),", with: ",").replacing(", '\(command)'", with: "")
        }
        for option in options { text = text.replacing("[\(option)]", with: "") }
        func words(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
        return (words(text), words(theirs))
    }

    @Test func `a configuration that cannot be used is the same failure`() throws {
        try World.with { world in
            let host = try world.barmanHost(as: .me)
            try host.forkOracle()
            let home = "[barman]\nbarman_home = \(host.home)\nbarman_user = \(Account.me.name)\n"
            let texts = [
                "[barman]\nbarman_user = \(Account.me.name)\n", "[barman\n", "[pg]\na = b\n",
                home + "[all]\nactive = off\n", home.replacing(Account.me.name, with: "no-such-user"),
                home + "[a]\nbackup_directory = /x\nactive = off\n[b]\nbackup_directory = /x\nactive = off\n",
                home + "[m]\nmodel = on\n", home + "nonsense = 1\n[a]\nactive = maybe\nconninfo = host=/x\n",
            ]
            for (index, text) in texts.enumerated() {
                let file = try world.write(text, to: "configuration-\(index)")
                let expected = try host.oracle("-c", file, "list-servers")
                let answer = try host.barman("-c", file, "list-servers")
                #expect(answer.out == expected.out, "configuration \(index)")
                #expect(Self.messages(answer.err) == Self.messages(expected.err), "configuration \(index)")
                #expect(answer.status == expected.status, "configuration \(index)")
                // With JSON the oracle loses some of the messages; what it answers is the same.
                let answerInJSON = try host.barman("-c", file, "-f", "json", "list-servers")
                #expect(answerInJSON.out == (try host.oracle("-c", file, "-f", "json", "list-servers").out))
            }
        }
    }

    /// Without the log, which goes to standard error as long as there is no file for it.
    private static func messages(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter { line in
            ["WARNING: ", "ERROR: ", "EXCEPTION: ", "FATAL: "].contains { line.hasPrefix($0) }
        }
    }
}
