import Glibc
import TestWorld
import Testing

/// A server `pg` whose configuration changes, and what `check --explain` makes of it.
final class ExplainSite {
    let world: World
    let host: BarmanHost
    private var options: [(name: String, value: String)]

    init(_ world: World, _ host: BarmanHost, _ options: KeyValuePairs<String, String>) throws {
        self.world = world
        self.host = host
        self.options = options.map { ($0.key, $0.value) }
        try set([:])
    }

    /// An option as it is now.
    func value(_ name: String) -> String? { options.first { $0.name == name }?.value }

    /// Changes options of the server; an empty value takes the option away.
    func set(_ changes: KeyValuePairs<String, String>) throws {
        for (name, value) in changes {
            options.removeAll { $0.name == name }
            if !value.isEmpty { options.append((name, value)) }
        }
        try world.write(
            "[pg]\n" + options.map { "\($0.name) = \($0.value)\n" }.joined(),
            to: "\(host.serversDirectory)/pg.conf",
            as: host.account
        )
    }

    /// What the check says now.
    func explain(_ more: String...) throws -> Outcome { try host.barman(["check", "--explain"] + more + ["pg"]) }

    /// The advice about a row, which must have failed.
    func advice(
        _ row: String,
        _ more: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ExplainedRow {
        let outcome = try host.barman(["check", "--explain"] + more + ["pg"])
        let advice = Self.advice(of: row, in: outcome)
        #expect(!advice.isEmpty, "'\(row)' has not failed: \(outcome)", sourceLocation: sourceLocation)
        #expect(!advice.contains("fix: look into the log"), "\(advice)", sourceLocation: sourceLocation)
        return ExplainedRow(site: self, lines: advice, sourceLocation: sourceLocation)
    }

    /// The row must not fail, or no longer.
    func expectGood(_ row: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let outcome = try explain()
        let isBad = outcome.lines.contains { $0.hasPrefix("\t\(row): FAILED") }
        #expect(!isBad, "\(outcome)", sourceLocation: sourceLocation)
    }

    /// The lines below a failed row, without their tabs.
    static func advice(of row: String, in outcome: Outcome) -> [String] {
        guard let index = outcome.lines.firstIndex(where: { $0.hasPrefix("\t\(row): FAILED") }) else { return [] }
        return outcome.lines[(index + 1)...].prefix { $0.hasPrefix("\t\t") }.filter(isAdvice).map {
            String($0.dropFirst(2))
        }
    }

    static func isAdvice(_ line: String) -> Bool {
        ["cause", "fix", "manual"].contains { line.hasPrefix("\t\t\($0): ") }
    }
}

/// The advice about one failed row, to be followed.
struct ExplainedRow {
    let site: ExplainSite
    let lines: [String]
    let sourceLocation: SourceLocation

    /// The line that says why.
    var cause: String { lines.first ?? "" }

    /// What comes after that text in the fix that holds it.
    func rest(after text: String) throws -> String {
        for line in lines where line.hasPrefix("fix: ") {
            if let range = line.firstRange(of: text) { return String(line[range.upperBound...]) }
        }
        Issue.record("no fix says '\(text)': \(lines)", sourceLocation: sourceLocation)
        throw WorldError("no fix says '\(text)'")
    }

    /// Types the command of ours that begins so, as it stands there.
    func type(_ command: String) throws {
        let line = try command + rest(after: command)
        let words = line.split(separator: " ").dropFirst().map(String.init)
        let outcome = try site.host.barman(words)
        #expect(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
    }
}
