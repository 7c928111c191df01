import Failure
import Notation

/// Where recovery stops, after validation.
struct RecoveryTarget: Equatable {
    /// Stop after (or before, when exclusive) the last commit of this time.
    var time: Timestamp?
    /// Stop at this transaction.
    var xid: String?
    /// Stop at this position.
    var lsn: String?
    /// The timeline to follow, as the user typed it.
    var timeline: String?
    /// Stop at this restore point.
    var name: String?
    /// Stop at consistency.
    var immediate = false
    /// Stop just before the target.
    var isExclusive = false
    /// What the server does when it has stopped.
    var action: String?

    /// True when anything but the whole archive is asked for; a timeline alone counts.
    var isPointInTime: Bool {
        time != nil || xid != nil || lsn != nil || timeline != nil || name != nil || immediate
    }

    /// `Doing PITR. Recovery target time: '…', timeline: '1'`; `nil` without a target.
    ///
    /// `number` is what the timeline the user named stands for.
    func announcement(timeline number: String?) -> String? {
        guard isPointInTime else { return nil }
        var parts: [String] = []
        if let time { parts.append("time: '\(time.catalogText)'") }
        if let xid { parts.append("xid: \(PythonText.quoted(xid))") }
        if let lsn { parts.append("lsn: \(PythonText.quoted(lsn))") }
        if let timeline { parts.append("timeline: '\(number ?? timeline)'") }
        if let name { parts.append("name: \(PythonText.quoted(name))") }
        if immediate { parts.append("immediate: True") }
        return "Doing PITR. Recovery target " + parts.joined(separator: ", ")
    }

    /// Takes the targets of a request over and checks them against the backup: its version and its end.
    ///
    /// `warn` gets the warning about a time without zone.
    init(
        _ request: RestoreRequest,
        backupVersion version: Int,
        backupEnd: Timestamp?,
        warn: (String) -> Void
    ) throws(Failure) {
        xid = request.targetXID
        timeline = request.targetTimeline
        name = request.targetName
        isExclusive = request.isExclusive
        if let text = request.targetTime {
            time = try Self.time(text, backupEnd: backupEnd, warn: warn)
        }
        if request.targetImmediate, version >= 9_04_00 { immediate = true }
        if let lsn = request.targetLSN {
            guard version >= 10_00_00 else {
                throw Failure(
                    "Illegal use of recovery_target_lsn '\(lsn)' for this version of PostgreSQL "
                        + "(version 10 minimum required)"
                )
            }
            self.lsn = lsn
        }
        if request.targetImmediate, !immediate, !isPointInTime {
            throw Failure(
                "Illegal use of recovery_target_immediate for this version of PostgreSQL "
                    + "(version 9.4 minimum required)"
            )
        }
        if let action = request.targetAction {
            guard isPointInTime else { throw Failure("Can't enable recovery target action when PITR is not required") }
            guard version >= 9_05_00 || (version >= 9_01_00 && action == "pause") else {
                throw Failure("Illegal target action '\(action)' for this version of PostgreSQL")
            }
            self.action = action
        }
    }

    /// No target at all.
    init() {}

    /// Reads a transaction ID as PostgreSQL does: decimal, octal after a 0, hexadecimal after 0x; the upper half does not count.
    static func transactionID(_ text: String) -> UInt32? {
        let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
        let number =
            isHexadecimal
            ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text, radix: text.hasPrefix("0") ? 8 : 10)
        return number.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// Reads a time; without zone it is the one of this host.
    static func time(
        _ text: String,
        backupEnd: Timestamp?,
        warn: (String) -> Void
    ) throws(Failure) -> Timestamp {
        let (time, hadZone) = try parse(time: text)
        if !hadZone {
            warn(
                "No time zone has been specified through '--target-time' command-line option. "
                    + "Barman assumed the same time zone from the Barman host."
            )
        }
        if let backupEnd, time < backupEnd {
            throw Failure(
                "The requested target time \(time.catalogText) is before the backup end time \(backupEnd.catalogText)"
            )
        }
        return time
    }

    /// Reads a time and says whether a zone was given.
    static func parse(time text: String) throws(Failure) -> (Timestamp, hadZone: Bool) {
        do {
            let (time, hadZone) = try Timestamp.parse(userText: text)
            return (time, hadZone)
        } catch {
            throw Failure("Unable to parse the target time parameter '\(text)': \(error.reason): \(error.text)")
        }
    }
}
