import TestWorld
import Testing

/// `check --explain`: each failed row with its cause, the fix and the page; every page exists; nothing changes without it.
@Suite struct ExplainTests {
    @Test func `a server that is down, without its role, without privileges, and without archiving`() throws {
        try World.with { world in
            let cluster = try world.cluster(15)
            let host = try world.barmanHost(as: .postgres)
            try host.addServer(
                "pg",
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "conninfo": "host=127.0.0.1 port=\(cluster.port) user=barman dbname=postgres password=secret",
                    "minimum_redundancy": "1", "last_backup_maximum_age": "1 day",
                ]
            )
            func explain() throws -> Outcome { try host.barman("check", "--explain", "pg") }

            let down = try explain()
            #expect(down.status == 1)
            #expect(Self.advice(of: "PostgreSQL", in: down).contains { $0.contains("Connection refused") }, "\(down)")
            #expect(Self.advice(of: "PostgreSQL", in: down).contains { $0.hasPrefix("fix: start PostgreSQL on") })
            #expect(Self.advice(of: "minimum redundancy requirements", in: down).contains("fix: barman backup pg"))
            #expect(!down.out.contains("secret"))

            try cluster.start()
            let noRole = try explain()
            #expect(
                Self.advice(of: "PostgreSQL", in: noRole).contains {
                    $0.hasSuffix("as a superuser: CREATE ROLE barman LOGIN;")
                },
                "\(noRole)"
            )

            try cluster.sql("CREATE ROLE barman LOGIN")
            let powerless = try explain()
            let grants = Self.advice(of: "no access to backup functions", in: powerless)
            #expect(grants.contains("fix: GRANT EXECUTE ON FUNCTION pg_switch_wal() TO barman;"), "\(powerless)")
            // The fix, done to the letter, is one.
            for line in grants where line.hasPrefix("fix: GRANT") { try cluster.sql(String(line.dropFirst(5))) }
            let able = try explain()
            #expect(able.out.contains("\tsuperuser or standard user with backup privileges: OK\n"), "\(able)")
            #expect(Self.advice(of: "archive_mode", in: able).contains { $0.contains("archive_mode = on") })
            #expect(Self.advice(of: "WAL archive", in: able).contains { $0.contains("no WAL of this server") })

            // Every failed row is explained, and the output without the explanations is the output without the option.
            let plain = try host.barman("check", "pg")
            let kept = able.lines.filter { !Self.isAdvice($0) }
            #expect(kept == plain.lines)
            let failed = plain.lines.filter { $0.contains(": FAILED") }
            for label in ["cause", "manual"] {
                #expect(able.lines.count { $0.hasPrefix("\t\t\(label): ") } == failed.count, "\(able)")
            }
            #expect(plain.status == able.status)

            // A command that fails is named with its failure.
            try cluster.configure(["archive_mode": "on", "archive_command": "'false'"])
            try cluster.restart()
            try cluster.sql("SELECT pg_switch_wal()")
            let isSeen = try Shell.wait(seconds: 20) {
                Self.advice(of: "continuous archiving", in: try explain()).contains {
                    $0.contains("archive_command 'false' failed")
                }
            }
            #expect(isSeen)
            let json = try host.barman("-f", "json", "check", "--explain", "pg")
            #expect(
                json.out.contains("\"continuous_archiving\": {\"cause\": \"archive_command 'false' failed"),
                "\(json)"
            )
        }
    }

    /// The lines below a row, without their tabs.
    private static func advice(of label: String, in outcome: Outcome) -> [String] {
        guard let row = outcome.lines.firstIndex(where: { $0.hasPrefix("\t\(label): FAILED") }) else { return [] }
        return outcome.lines[(row + 1)...].prefix { isAdvice($0) }.map { String($0.dropFirst(2)) }
    }

    private static func isAdvice(_ line: String) -> Bool {
        ["cause", "fix", "manual"].contains { line.hasPrefix("\t\t\($0): ") }
    }
}
