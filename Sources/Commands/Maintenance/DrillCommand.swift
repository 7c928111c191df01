import Console
import Drill
import Failure
import Notation
import Restore
import SystemPackage

/// `drill`: proves that a backup can be restored, by doing it.
enum DrillCommand {
    static let specification = CommandSpecification(
        name: "drill",
        summary:
            "Restore a backup into a scratch directory, recover it on a private PostgreSQL, check it, and remove it.",
        options: [
            .value("--backup", metavar: "BACKUP_ID", help: "ID, name or shortcut of the backup; default 'latest'"),
            .value("--target-tli", type: .targetTimeline, help: "recover along this timeline, 'current' or 'latest'"),
            .value("--target-time", help: "recover up to this time, such as '2026-03-01 12:00:00+01:00'"),
            .value("--target-xid", help: "recover up to this transaction"),
            .value("--target-lsn", help: "recover up to this place in the WAL"),
            .value("--target-name", help: "recover up to this restore point"),
            .flag("--target-immediate", help: "stop as soon as the data is consistent"),
            .flag("--exclusive", help: "stop just before the target"),
            .value(
                "--sql",
                metavar: "FILE",
                help:
                    "check these questions as well, one a line; each must answer true; '\\c NAME' changes the database"
            ),
            .value("--directory", help: "make the scratch directory here; default beside the directory of the server"),
            .value(
                "--timeout",
                type: .nonNegativeInteger,
                metavar: "SECONDS",
                help: "how long recovery may take; default one day"
            ),
        ],
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        var request = DrillRequest(backup: arguments.text("backup") ?? "latest")
        request.restore.targetTime = arguments.text("target_time")
        request.restore.targetXID = arguments.text("target_xid")
        request.restore.targetLSN = arguments.text("target_lsn")
        request.restore.targetName = arguments.text("target_name")
        request.restore.targetImmediate = arguments.flag("target_immediate")
        request.restore.targetTimeline = arguments.text("target_tli")
        request.restore.isExclusive = arguments.flag("exclusive")
        request.assertions = arguments.text("sql").map { FilePath($0) }
        request.directory = arguments.text("directory").map { FilePath($0) }
        if let seconds = arguments.integer("timeout") { request.timeoutSeconds = Double(seconds) }
        let drill = DrillRun(
            home: home,
            request: request,
            reporter: context.console,
            environment: context.environment
        )
        give(try drill.run(), to: context.console)
    }

    private static func give(_ record: DrillRecord, to console: Console) {
        if console.isJSON { console.set("drill", record.json) } else { console.show(lines: lines(record)) }
        guard !record.hasPassed else { return }
        let count = record.defects.count
        console.error("The drill of backup \(record.backup) of server '\(record.server)' found \(count) defect(s)")
    }

    private static func lines(_ record: DrillRecord) -> [String] {
        func seconds(_ value: Double?) -> String {
            value.map { PythonText.fixed($0, decimals: 1) + " seconds" } ?? "not done"
        }
        let counts = record.counts
        var rows = [
            ("Copy", "\(seconds(record.phases.copySeconds)), \(HumanText.size(record.copiedBytes))"),
            ("Recovery", seconds(record.phases.replaySeconds)),
            ("Checks", seconds(record.phases.checkSeconds)),
            (
                "Checked",
                "\(counts.databases) databases, \(counts.tables) tables, \(counts.indexes) indexes, "
                    + "\(counts.assertions) assertions"
            ),
        ]
        if counts.databasesWithoutAmcheck > 0 {
            rows.append(
                ("Without amcheck", "\(counts.databasesWithoutAmcheck) databases: their indexes were not checked")
            )
        }
        if let time = record.newestCommit, let age = record.newestCommitAgeSeconds {
            rows.append(("Newest commit", "\(time.catalogText), \(HumanText.duration(seconds: age)) before the drill"))
        }
        let verdict = record.hasPassed ? "PASSED" : "FAILED"
        return ["Drill of backup \(record.backup) of server '\(record.server)', target \(record.target):"]
            + rows.map { "\t\($0.0): \($0.1)" } + record.defects.map { "\tDEFECT: \($0)" } + ["Result: \(verdict)"]
    }
}
