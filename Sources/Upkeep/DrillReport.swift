import Catalog
import Drill
import Failure
import Notation
import Settings

/// What `status` and `check` say about the restore drills of a server.
enum DrillReport {
    /// The row of `check`; `nil` for a server that never had a drill and needs none.
    static func verdict(of home: ServerHome) throws(Failure) -> (isGood: Bool, text: String)? {
        let limit = home.settings.drillMaximumAgeSeconds
        guard let drill = try last(home) else {
            return limit == nil ? nil : (false, "there was no drill")
        }
        let age = age(drill)
        let text = "last drill \(HumanText.duration(seconds: age)) ago: \(drill.verdict)"
        guard let limit else { return (drill.hasPassed, text) }
        return (
            drill.hasPassed && age <= Double(limit),
            "\(text); interval provided: \(HumanText.duration(seconds: Double(limit)))"
        )
    }

    /// The line of `status`; `nil` for a server that never had a drill and needs none.
    static func status(of home: ServerHome) throws(Failure) -> String? {
        guard let drill = try last(home) else { return home.settings.drillMaximumAgeSeconds == nil ? nil : "None" }
        return "\(drill.verdict), \(HumanText.duration(seconds: age(drill))) ago, backup \(drill.backup)"
    }

    private static func age(_ drill: PastDrill) -> Double { max(0, Timestamp.now().seconds(since: drill.startTime)) }

    private static func last(_ home: ServerHome) throws(Failure) -> PastDrill? {
        do {
            return try DrillLog(home).last()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("cannot read the record of drills: \(error)", cause: error)
        }
    }
}
