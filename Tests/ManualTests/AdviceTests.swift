import Failure
import Postgres
import Settings
import TestHomes
import TestWorld
import Testing

@testable import Commands
@testable import Manual
@testable import Upkeep

/// The advice of `check --explain`: there is some for every row, and what it names exists.
@Suite struct AdviceTests {
    @Test func `every row that can fail has advice of its own`() throws {
        let labels = try Self.labels()
        #expect(labels.count > 35, "\(labels)")
        let pages = Set(Manual.installed.map { $0.path.split(separator: "/").last.map(String.init) ?? "" })
        let options = Set((OptionTable.server + OptionTable.global).map(\.name))
        try World.with { world in
            let home = try world.configureHome().home
            let run = CheckRun(home: home, server: nil, reporter: SilentReporter(), environment: [:])
            for label in labels {
                let advice = run.advice(for: CheckResult(label, isOK: false, hint: "as it is"))
                #expect(advice.fixes != ["look into the log"], "\(label)")
                let words = advice.page.split(whereSeparator: { "(), ".contains($0) }).map(String.init)
                #expect(words.count >= 2 && pages.contains("\(words[0]).\(words[1])"), "\(label): \(advice.page)")
                if words.count > 2 { #expect(options.contains(words[2]), "\(label): \(advice.page)") }
                for fix in advice.fixes {
                    guard let command = Self.command(in: fix) else { continue }
                    #expect(CommandLineText.complaint(about: command) == nil, "\(label): \(fix)")
                }
            }
        }
    }

    /// The rows that the sources add; those that can not fail are left out.
    private static func labels() throws -> Set<String> {
        let folder = "\(World.repository)/Sources/Upkeep"
        var labels: Set<String> = ["check timeout", "WAL continuity"]
        for name in Shell.names(in: folder) where name.hasPrefix("CheckRun") {
            let text = String(decoding: try Shell.read("\(folder)/\(name)"), as: UTF8.self)
            for start in ["sheet.add(", "sheet.addFailure(", "let label = "] {
                for part in text.split(separator: start, omittingEmptySubsequences: false).dropFirst() {
                    let rest = part.drop { $0 == " " || $0 == "\n" }
                    guard rest.hasPrefix("\"") else { continue }
                    let label = rest.dropFirst().prefix { $0 != "\"" && $0 != "\\" }
                    labels.insert(String(label))
                }
            }
        }
        for queue in ["incoming", "streaming"] {
            labels.formUnion(["empty \(queue) directory", "\(queue) WALs directory"])
        }
        let harmless: Set = [
            "compression settings", "wal size", "local PGDATA", "pg_basebackup supports tablespaces mapping", "empty ",
            "",
            "superuser or standard user with backup privileges", "has monitoring privileges",
        ]
        return labels.subtracting(harmless)
    }

    private static func command(in fix: String) -> String? {
        let start =
            fix.hasPrefix("barman ")
            ? fix.startIndex
            : fix.firstRange(of: ": barman ").map {
                fix.index($0.lowerBound, offsetBy: 2)
            }
        return start.map { String(fix[$0...].prefix { $0 != ";" }) }
    }

    /// What libpq and PostgreSQL say, and what the first step is then.
    static let answers = [
        ("no pg_hba.conf entry for host \"10.0.0.7\", user \"b\"", "host app b 10.0.0.7/32 scram-sha-256"),
        ("no pg_hba.conf entry for host \"fe80::1\", user \"b\"", "host app b fe80::1/128 scram-sha-256"),
        ("no pg_hba.conf entry for host \"[local]\", user \"b\"", "local app b peer"),
        ("fe_sendauth: no password supplied", "pg:5433:*:b:PASSWORD"),
        ("password authentication failed for user \"b\"", "\\password b"),
        ("role \"b\" does not exist", "CREATE ROLE b LOGIN;"),
        ("database \"app\" does not exist", "dbname"),
        ("could not translate host name \"pg\" to address", "getent hosts pg"),
        ("connection to server at \"pg\", port 5433 failed: Connection refused", "start PostgreSQL on pg"),
        ("timeout expired", "let this host reach pg"),
        ("connection to server on socket failed: No such file or directory", "where its socket is"),
        ("the database system is starting up", "wait until"),
        ("sorry, too many clients already", "max_connections"),
        ("remaining connection slots are reserved", "max_connections"),
        ("must be superuser or replication role to start walsender", "ALTER ROLE b REPLICATION;"),
        ("number of requested standby connections exceeds max_wal_senders (currently 0)", "max_wal_senders = 10"),
        ("something new", "psql -d"),
    ]

    @Test(arguments: answers)
    func `an answer of PostgreSQL leads to a step`(message: String, step: String) throws {
        let conninfo = try ConnectionString("host=pg port=5433 user=b dbname=app")
        let advice = ConnectionAdvice.of(message, conninfo: conninfo, option: "conninfo")
        #expect(advice.fixes[0].contains(step), "\(advice.fixes)")
        #expect(advice.cause == message && advice.page == "barman(5), conninfo")
    }
}
