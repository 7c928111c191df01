import Backup
import Catalog
import Failure
import Notation
import Settings

/// The user's scripts around a restore, and what they are told of it.
struct RecoveryHooks {
    let home: ServerHome
    let plan: RestorePlan
    let reporter: any Reporter

    func run(_ phase: HookPhase) throws {
        let hooks = BackupHooks(home: home, family: .recovery, reporter: reporter)
        try hooks.run(phase, for: plan.info, catalog: BackupCatalog.load(home), extra: variables)
    }

    private var variables: [String: String] {
        let request = plan.request
        let relocated = request.tablespaceRules.isEmpty ? [] : plan.tablespaces
        let tablespaces = relocated.map { ($0.name, JSONValue.string($0.destination)) }
        let options = options
        return [
            "BARMAN_DESTINATION_DIRECTORY": request.destination,
            "BARMAN_TABLESPACES": tablespaces.isEmpty ? "" : JSONValue.object(tablespaces).text(),
            "BARMAN_REMOTE_COMMAND": request.remoteSSHCommand ?? "",
            "BARMAN_RECOVER_OPTIONS": options.isEmpty ? "" : JSONValue.object(options).text(),
        ]
    }

    /// Only what was asked for.
    private var options: [(key: String, value: JSONValue)] {
        let request = plan.request
        let texts: [(String, String?)] = [
            ("target_time", request.targetTime),
            ("target_xid", request.targetXID), ("target_lsn", request.targetLSN), ("target_name", request.targetName),
            ("target_action", request.targetAction), ("recovery_conf_filename", request.recoveryConfFilename),
            ("recovery_option_port", request.recoveryOptionPort), ("custom_restore_command", request.restoreCommand),
        ]
        let flags: [(String, Bool)] = [
            ("target_immediate", request.targetImmediate), ("exclusive", request.isExclusive),
            ("standby_mode", request.standbyMode), ("copy_partial", request.partialWAL),
        ]
        var options: [(key: String, value: JSONValue)] = []
        if let timeline = request.targetTimeline {
            options.append((key: "target_tli", value: Int64(timeline).map { .integer($0) } ?? .string(timeline)))
        }
        for (name, text) in texts {
            if let text, !text.isEmpty { options.append((key: name, value: .string(text))) }
        }
        for (name, isSet) in flags where isSet { options.append((key: name, value: .bool(true))) }
        return options
    }
}
