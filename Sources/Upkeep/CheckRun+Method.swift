import Archive
import Catalog
import Failure
import Files
import Notation
import Postgres
import Processes
import Settings
import SystemPackage

extension CheckRun {
    // MARK: The method of backups

    /// The rows of the configured way to take backups.
    func checkMethod(_ sheet: CheckSheet) throws {
        let settings = home.settings
        if settings.isPassive {
            if settings.isActive, let command = settings.primarySSHCommand {
                // A command whose words cannot be told apart is a failed row.
                let ssh = try? PrimaryNode(of: home, reporter: reporter).ssh(extraOptions: SSHCommand.batchOptions)
                _ = try checkSSH(sheet, ssh, command, target: "Barman primary node")
            }
            return
        }
        guard settings.isActive else { return }
        switch settings.backupMethod {
        case .postgres: try checkBaseBackup(sheet)
        case .rsync, .snapshot:
            if let command = settings.sshCommand {
                let ssh = SSHCommand(command, pathPrefix: settings.pathPrefix)
                if let ssh = try checkSSH(sheet, ssh, command, target: "PostgreSQL server") {
                    try checkBackupLabel(sheet, ssh)
                }
            }
            try checkStrategy(sheet)
        case .localRsync:
            if settings.sshCommand == nil {
                try sheet.begin("local PGDATA")
                sheet.add("local PGDATA", true, localDataHint)
            }
            try checkStrategy(sheet)
        case .localToCloud: break
        }
    }

    /// The rows of the program that the reference runs; here it is part of this one, and fits every server it knows.
    private func checkBaseBackup(_ sheet: CheckSheet) throws {
        try sheet.begin("pg_basebackup")
        sheet.add("pg_basebackup", true)
        try sheet.begin("pg_basebackup compatible")
        let version = server?.streamingFacts()?.version
        let isCompatible = version?.isSupported == true
        sheet.add(
            "pg_basebackup compatible",
            isCompatible,
            isCompatible ? nil : "PostgreSQL version: \(version?.text ?? "None"), pg_basebackup version: built-in"
        )
        guard server?.facts().isConnected == true else { return }
        try sheet.begin("pg_basebackup supports tablespaces mapping")
        sheet.add("pg_basebackup supports tablespaces mapping", true)
    }

    /// Whether the other host runs a command for us, and nothing adds to its output; returns the way there if it does.
    ///
    /// `command` is the option's text, of which there is no `ssh` when it has no words.
    private func checkSSH(
        _ sheet: CheckSheet,
        _ ssh: SSHCommand?,
        _ command: String,
        target: String
    ) throws -> SSHCommand? {
        try sheet.begin("ssh")
        guard let ssh else {
            sheet.add("ssh", false, "Unable to execute \(command)")
            return nil
        }
        let (code, isClean) = try sshAnswer(ssh, sheet)
        guard code == 0 else {
            let words = (ShellWords.splitAtBlanks(command) + SSHCommand.batchOptions).joined(separator: " ")
            sheet.add("ssh", false, "Connection failed using '\(words)' return code \(code)")
            return nil
        }
        sheet.add("ssh", true, target)
        try sheet.begin("ssh output clean")
        if !isClean {
            sheet.addFailure(
                "ssh output clean",
                "the configured ssh_command must not add anything to the remote command output"
            )
        }
        return ssh
    }

    private func sshAnswer(_ ssh: SSHCommand, _ sheet: CheckSheet) throws -> (code: Int32, isClean: Bool) {
        var request = ssh.request(remoteShellText: "true")
        request.timeoutSeconds = sheet.deadline.remainingSeconds
        do {
            let outcome = try request.run()
            return (outcome.status.code, outcome.output.isEmpty && outcome.errorOutput.isEmpty)
        } catch let error as ProcessError {
            reporter.log(.error, "barman.server", "\(error)")
            if Interruption.isRequested { throw error }
            // The status with which a shell says that there is no such program.
            return (error.isNotFound ? 127 : 1, true)
        }
    }

    /// A server that is down with a label in its data directory was killed during an exclusive backup, and will not start.
    private func checkBackupLabel(_ sheet: CheckSheet, _ ssh: SSHCommand) throws {
        try sheet.begin("backup_label")
        guard server?.facts().isConnected != true,
            let directory = try BackupCatalog.load(home).newest()?.pgdata
        else { return }
        var request = ssh.request(remote: ["test", "-e", directory + "/backup_label"])
        request.timeoutSeconds = sheet.deadline.remainingSeconds
        let isThere: Bool
        do {
            isThere = try request.run().isSuccess
        } catch let error as ProcessError {
            reporter.log(.error, "barman.server", "\(error)")
            return
        }
        if isThere {
            sheet.addFailure(
                "backup_label",
                "Check that the PostgreSQL server is up and no 'backup_label' file is in PGDATA."
            )
        }
    }

    private var localDataHint: String { "Access to local PGDATA" }

    private func checkStrategy(_ sheet: CheckSheet) throws {
        let facts = server?.facts()
        guard home.settings.backupOptions.contains(.exclusiveBackup) else {
            try sheet.begin("postgres minimal version")
            if facts?.isVersionSupported == false, let version = facts?.version {
                sheet.addFailure(
                    "postgres minimal version",
                    "unsupported PostgresSQL version \(version.text). Expecting 9.6.0 or above."
                )
            }
            return
        }
        // A server that is disabled has no strategy to check.
        guard !home.settings.isDisabled else { return }
        try sheet.begin("exclusive backup supported")
        // A server that can not be asked counts as none in recovery.
        if let facts {
            let isStandby = facts.isInRecovery == true
            sheet.add(
                "not in recovery",
                !isStandby,
                isStandby ? "cannot perform exclusive backup on a standby" : nil
            )
        }
        if let version = facts?.version {
            let isSupported = version.number < 150_000
            sheet.add(
                "exclusive backup supported",
                isSupported,
                isSupported ? nil : "exclusive backups not supported on PostgreSQL \(version.major)"
            )
        } else {
            sheet.add("exclusive backup supported", false, "unable to determine postgres version")
        }
    }

    // MARK: Archivers

    /// The rows of the ways in which WAL comes.
    func checkArchivers(_ sheet: CheckSheet) throws {
        let settings = home.settings
        if settings.isActive, !settings.isPassive {
            if settings.streamingArchiver { try checkReceiver(sheet) }
            if settings.archiver, let server, server.facts().isConnected { try checkFileArchiver(sheet, server) }
        }
        try sheet.begin("archiver errors")
        let hint = try errorFilesHint()
        sheet.add("archiver errors", hint == nil, hint)
    }

    private func checkReceiver(_ sheet: CheckSheet) throws {
        try sheet.begin("pg_receivexlog")
        let facts = ReceiverFacts(home.settings, server, environment: environment)
        // The receiver is part of this program; the rows stay for those who watch them.
        sheet.add("pg_receivexlog", true)
        try sheet.begin("pg_receivexlog compatible")
        let isCompatible = facts.isCompatible == true
        sheet.add(
            "pg_receivexlog compatible",
            isCompatible,
            isCompatible
                ? nil
                : "PostgreSQL version: \(facts.serverVersion?.text ?? "None"), "
                    + "pg_receivexlog version: \(facts.version ?? "None")"
        )
        try sheet.begin("receive-wal running")
        let isRunning = try FileLock.state(of: home.lockPath(.receiveWAL)) != .free
        // A process that is there proves nothing: it may have tried in vain since long ago.
        if let reason = try ReceiverTrouble(of: home).reason {
            sheet.add("receive-wal running", false, "\(Self.receiverTrouble)\(reason)")
        } else {
            sheet.add("receive-wal running", isRunning, isRunning ? nil : "See the Barman log file for more details")
        }
    }

    static let receiverTrouble = "the last try failed: "

    private func checkFileArchiver(_ sheet: CheckSheet, _ server: PostgresServer) throws {
        try sheet.begin("archive_mode")
        let facts = server.archiverFacts()
        let isOn = facts.archiveMode == "on" || facts.archiveMode == "always"
        sheet.add("archive_mode", isOn, isOn ? nil : "please set it to 'on' or 'always'")
        try sheet.begin("archive_command")
        guard let command = facts.archiveCommand, !command.isEmpty, command != "(disabled)" else {
            return sheet.add("archive_command", false, "please set it accordingly to documentation")
        }
        sheet.add("archive_command", true)
        try sheet.begin("continuous archiving")
        if let statistics = facts.statistics { sheet.add("continuous archiving", statistics.isArchiving ?? false) }
    }

    /// How many files of which kind could not be archived, in the order of their first appearance.
    private func errorFilesHint() throws -> String? {
        let names: [String]
        do {
            names = try FileSystem.names(in: home.errorsDirectory).filter { !$0.hasPrefix(".") }
        } catch {
            if error.isMissing { return nil }
            throw error
        }
        var kinds: [(kind: String, count: Int)] = []
        for name in names {
            let kind = Self.errorKind(name)
            if let index = kinds.firstIndex(where: { $0.kind == kind }) {
                kinds[index].count += 1
            } else {
                kinds.append((kind, 1))
            }
        }
        guard !kinds.isEmpty else { return nil }
        let counts = kinds.map { "\($0.kind): \($0.count)" }.joined(separator: ", ")
        return try ([counts] + rejectedWAL(names)).joined(separator: "; ")
    }

    /// Why segments were refused that are of another server or another place; the first few, in words of ours.
    private func rejectedWAL(_ names: [String]) throws -> [String] {
        let judge = SegmentJudge(home: home, reporter: reporter)
        var reasons: [String] = []
        for name in names where name.hasSuffix(".unknown") && reasons.count < 3 {
            if let defect = try judge.defect(ofRejected: home.errorsDirectory.appending(name)) {
                reasons.append("\(name.prefix(24)): \(defect)")
            }
        }
        return reasons
    }

    private static func errorKind(_ name: String) -> String {
        if name.hasSuffix(".error") { return "not relevant" }
        if name.hasSuffix(".duplicate") { return "duplicates" }
        if name.hasSuffix(".unknown") { return "unknown" }
        return "unknown failure"
    }
}
