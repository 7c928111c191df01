import Failure
import Notation
import Testing

@testable import Restore

@Suite struct RecoverySettingsTests {
    private let noon = Timestamp(secondsSinceEpoch: 1_767_268_800)

    private func settings(
        _ source: RecoverySettings.Source,
        _ target: RecoveryTarget = RecoveryTarget(),
        standbyMode: Bool = false,
        version: Int = 150_000
    ) -> [String] {
        RecoverySettings(source: source, standbyMode: standbyMode, target: target, version: version).lines
    }

    @Test func `a time with an action, exclusive, from a directory`() {
        var target = RecoveryTarget()
        target.time = noon
        target.isExclusive = true
        target.action = "promote"
        #expect(
            settings(.directory("/d/barman_wal"), target) == [
                "restore_command = 'cp /d/barman_wal/%f %p'",
                "recovery_end_command = 'rm -fr /d/barman_wal'",
                "recovery_target_time = '2026-01-01 12:00:00+00:00'",
                "recovery_target_inclusive = 'False'",
                "recovery_target_action = 'promote'",
            ]
        )
    }

    @Test func `a remote server asks through barman-wal-restore`() {
        let source = RecoverySettings.Source.remoteGetWAL(
            user: "barman",
            host: "bhost",
            server: "main",
            port: "2222",
            jobs: 2
        )
        #expect(
            settings(source) == [
                "# The 'barman-wal-restore' command is provided in the 'barman-cli' package",
                "restore_command = 'barman-wal-restore -P -U barman --port 2222 bhost main %f %p -p 2'",
            ]
        )
    }

    @Test func `a local standby asks without partial files, with the reference's two blanks`() {
        let source = RecoverySettings.Source.localGetWAL(user: "barman", server: "main")
        #expect(settings(source, standbyMode: true).last == "restore_command = 'barman get-wal  main %f > %p'")
        #expect(settings(source).last == "restore_command = 'barman get-wal -P main %f > %p'")
        #expect(settings(source, standbyMode: true, version: 110_000).last == "standby_mode = 'on'")
    }

    @Test func `the quotes of a command of the user are doubled`() {
        #expect(settings(.custom(command: "cp '/x'/%f %p")) == ["restore_command = 'cp ''/x''/%f %p'"])
    }

    @Test func `a directory with a blank is one word for the shell`() {
        #expect(
            settings(.directory("/a b/it's 5%")) == [
                #"restore_command = 'cp ''/a b/it''\\''''s 5%%''/%f %p'"#,
                #"recovery_end_command = 'rm -fr ''/a b/it''\\''''s 5%%'''"#,
            ]
        )
    }

    @Test func `a quote in a name cannot end the value`() {
        var target = RecoveryTarget()
        target.name = "before 'x'\narchive_command = 'y'"
        #expect(
            settings(.none, target) == [#"recovery_target_name = 'before ''x''\narchive_command = ''y'''"#]
        )
    }

    @Test func `all targets come in the order of the reference`() {
        var target = RecoveryTarget()
        target.xid = "1"
        target.lsn = "0/1"
        target.timeline = "latest"
        target.name = "n"
        target.immediate = true
        #expect(
            settings(.none, target) == [
                "recovery_target_xid = '1'", "recovery_target_lsn = '0/1'", "recovery_target_name = 'n'",
                "recovery_target = 'immediate'", "recovery_target_timeline = latest",
            ]
        )
        target = RecoveryTarget()
        target.name = "n"
        target.isExclusive = true
        #expect(settings(.none, target) == ["recovery_target_name = 'n'"])
    }
}

@Suite struct RecoveryTargetTests {
    private func target(
        version: Int = 150_000,
        end: Timestamp? = nil,
        _ change: (inout RestoreRequest) -> Void
    ) throws -> (RecoveryTarget, [String]) {
        var request = RestoreRequest(backup: "latest", destination: "/d")
        change(&request)
        var warnings: [String] = []
        let target = try RecoveryTarget(request, backupVersion: version, backupEnd: end) { warnings.append($0) }
        return (target, warnings)
    }

    private func failure(
        version: Int = 150_000,
        end: Timestamp? = nil,
        _ change: (inout RestoreRequest) -> Void
    ) -> String? {
        do {
            _ = try target(version: version, end: end, change)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a timeline alone is a point in time`() throws {
        let (target, _) = try target { $0.targetTimeline = "1" }
        #expect(target.isPointInTime)
        #expect(target.announcement(timeline: "1") == "Doing PITR. Recovery target timeline: '1'")
    }

    @Test func `a time without zone is warned about`() throws {
        let (_, warnings) = try target { $0.targetTime = "2026-01-01 12:00:00" }
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("No time zone has been specified") == true)
        let (zoned, none) = try target { $0.targetTime = "2026-01-01 12:00:00+02" }
        #expect(none.isEmpty)
        #expect(zoned.announcement(timeline: nil) == "Doing PITR. Recovery target time: '2026-01-01 12:00:00+02:00'")
    }

    @Test func `a time before the end of the backup is refused`() {
        let end = Timestamp(catalogText: "2026-01-01 12:00:00.5+00:00")
        #expect(
            failure(end: end) { $0.targetTime = "2026-01-01 12:00:00+00:00" }
                == "The requested target time 2026-01-01 12:00:00+00:00 is before the backup end time "
                + "2026-01-01 12:00:00.500000+00:00"
        )
        #expect(failure(end: end) { $0.targetTime = "2026-01-01 12:00:00.500000+00:00" } == nil)
    }

    @Test func `an action needs a target and a version that knows it`() {
        #expect(
            failure { $0.targetAction = "promote" } == "Can't enable recovery target action when PITR is not required"
        )
        #expect(
            failure(version: 90_400) {
                $0.targetAction = "promote"
                $0.targetXID = "1"
            } == "Illegal target action 'promote' for this version of PostgreSQL"
        )
        #expect(
            failure(version: 90_400) {
                $0.targetAction = "pause"
                $0.targetXID = "1"
            } == nil
        )
    }

    @Test func `old versions refuse what they do not know`() {
        #expect(
            failure(version: 90_600) { $0.targetLSN = "0/1" }
                == "Illegal use of recovery_target_lsn '0/1' for this version of PostgreSQL (version 10 minimum required)"
        )
        #expect(
            failure(version: 90_300) { $0.targetImmediate = true }
                == "Illegal use of recovery_target_immediate for this version of PostgreSQL (version 9.4 minimum required)"
        )
    }

    @Test func `nonsense is no time`() {
        #expect(
            failure { $0.targetTime = "tomorrowish" }?
                .hasPrefix("Unable to parse the target time parameter 'tomorrowish': ") == true
        )
    }
}
