import Catalog
import Console
import Failure
import Files
import Notation
import Settings
import Upkeep

/// `check`: whether servers are fit for backups.
enum CheckCommand {
    static let specification = CommandSpecification(
        name: "check",
        summary: "Check that servers are fit for backups; ends with status 1 if one is not.",
        options: [
            .flag("--nagios", help: "answer the way monitoring plugins do"),
            .flag("--explain", help: "tell cause, fix and page of the manual of each row that failed"),
            CheckOptions.timeout("TIMEOUT"),
        ],
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        if arguments.flag("nagios") { return try runForMonitoring(context, arguments) }
        let names = arguments.list("server_name")
        try context.forEach(context.servers(names, .runAll)) { home in
            // Who names an inactive server wants to finish its set-up: see docs/differences.md.
            let isMeant = !home.settings.isActive && names.contains(home.name)
            let report = try check(home, context, arguments, includingInactive: isMeant)
            if report.hasFailed, report.isActive || isMeant { context.console.markFailed() }
        }
    }

    /// Shows each row as soon as it is known.
    private static func check(
        _ home: ServerHome,
        _ context: Context,
        _ arguments: ParsedArguments,
        includingInactive: Bool
    ) throws -> CheckReport {
        let console = context.console
        let isJSON = console.isJSON
        if !isJSON { console.show(home.header) }
        let run = checkRun(home, context, arguments, includingInactive: includingInactive)
        let explains = arguments.flag("explain")
        var members: [(key: String, value: JSONValue)] = []
        return try run.run { result in
            let advice = explains && !result.isOK ? run.advice(for: result) : nil
            if isJSON {
                members.removeAll { $0.key == result.key }
                members.append((result.key, json(result, advice)))
                console.set(home.name, .object(members))
            } else {
                console.show("\t" + text(of: result, console))
            }
            for line in result.lines { console.info("\t\t\(line)") }
            if let advice, !isJSON { console.show(lines: lines(of: advice)) }
        }
    }

    private static func checkRun(
        _ home: ServerHome,
        _ context: Context,
        _ arguments: ParsedArguments,
        includingInactive: Bool = false
    ) -> CheckRun {
        CheckRun(
            home: home,
            server: context.postgres(of: home),
            reporter: context.console,
            environment: context.environment,
            timeoutSeconds: arguments.integer("check_timeout").map(Int64.init),
            includingInactive: includingInactive
        )
    }

    private static func text(of result: CheckResult, _ console: Console) -> String {
        let verdict = result.isOK ? console.painted("OK", .green) : console.painted("FAILED", .red)
        let hint = result.hint.map { " (\($0))" } ?? ""
        return "\(result.label): \(verdict)\(hint)"
    }

    private static func lines(of advice: CheckAdvice) -> [String] {
        ["\t\tcause: \(advice.cause)"] + advice.fixes.map { "\t\tfix: \($0)" } + ["\t\tmanual: \(advice.page)"]
    }

    private static func json(_ result: CheckResult, _ advice: CheckAdvice?) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("hint", .string(result.hint ?? "")), ("status", .string(result.isOK ? "OK" : "FAILED")),
        ]
        if let advice {
            members += [
                ("cause", .string(advice.cause)), ("fix", .array(advice.fixes.map(JSONValue.string))),
                ("manual", .string(advice.page)),
            ]
        }
        return .object(members)
    }

    // MARK: Monitoring

    private static func runForMonitoring(_ context: Context, _ arguments: ParsedArguments) throws {
        let console = context.console
        console.silence()
        var reports: [CheckReport] = []
        do {
            try context.forEach(context.servers(arguments.list("server_name"), .runAll)) { home in
                var (report, error) = checkRun(home, context, arguments).runAsFarAsPossible()
                if let error, !Interruption.isRequested {
                    // What cannot be looked at must not be missing among what failed.
                    let reason = (error as? Failure)?.message ?? "\(error)"
                    report.add(
                        CheckResult("check", isOK: false, hint: reason.split(separator: "\n").first.map(String.init))
                    )
                }
                reports.append(report)
                if let error { throw error }
            }
        } catch  where !Interruption.isRequested {
            _ = console.announce(error)
        }
        let answer = MonitoringAnswer(reports, hasConfigurationErrors: console.hasFailed)
        console.printDirectly(answer.text)
        throw Failure("", kind: .reported, exitStatus: answer.exitStatus)
    }
}
