import Failure
import Notation

/// The rules that make a configured server a usable one, or tell why it is not (configuration.md §9).
///
/// Evaluated in the order of the reference: connections, backup method, archivers, limits, redundancy, retention.
struct ServerRules {
    let server: String
    private(set) var values: [OptionValue?]
    private(set) var disabling: [String] = []
    private(set) var loadMessages: [SettingsMessage] = []

    init(server: String, values: [OptionValue?]) {
        self.server = server
        self.values = values
    }

    mutating func apply() {
        if flag(.active) {
            if text(.primarySshCommand) != nil {
                checkPrimary()
            } else {
                checkConnections()
                checkMethod()
                checkArchivers()
            }
        }
        settleBandwidthLimits()
        settleRedundancy()
        settleRetention()
    }

    // MARK: Connections

    private mutating func checkPrimary() {
        if hasNoWords(.primarySshCommand) {
            disabling.append("Invalid primary_ssh_command in barman configuration for server \(server)")
        }
    }

    private mutating func checkConnections() {
        check(.conninfo, prefix: "PostgreSQL connection: ")
        if disabling.isEmpty, text(.primaryConninfo) != nil {
            check(.primaryConninfo, prefix: "PostgreSQL connection: ")
        }
        if flag(.streamingArchiver) || text(.backupMethod) == "postgres" {
            check(.streamingConninfo, prefix: "Streaming connection: ")
        }
    }

    private mutating func check(_ option: ServerOption, prefix: String) {
        guard let conninfo = text(option) else {
            disabling.append("\(prefix)Missing '\(option.name)' parameter for server '\(server)'")
            return
        }
        if Blanks.words(conninfo).contains(where: { !$0.utf8.contains(UInt8(ascii: "=")) }) {
            disabling.append("\(prefix)Cannot connect to postgres: \"\(conninfo)\" is not a valid connection string")
        }
    }

    // MARK: Backup method

    private mutating func checkMethod() {
        switch text(.backupMethod) {
        case "postgres": checkPostgresMethod()
        case "local-rsync": checkRsyncMethod(isLocal: true)
        case "snapshot": checkSnapshotMethod()
        case "local-to-cloud": break
        default: checkRsyncMethod(isLocal: false)
        }
    }

    private mutating func checkRsyncMethod(isLocal: Bool) {
        guard isLocal ? refuseSSHCommand() : requireSSHCommand() else { return }
        addStrategy()
        if text(.backupCompression) != nil {
            disabling.append("backup_compression option is not supported by rsync backup_method")
        }
    }

    private mutating func checkPostgresMethod() {
        if options.contains("exclusive_backup") {
            remove("exclusive_backup")
            let text =
                "'exclusive_backup' is not a valid backup_option using postgres backup_method. "
                + "Overriding with 'concurrent_backup'."
            loadMessages.append(SettingsMessage(.warning, text, logger: "barman.backup_executor"))
        }
        if !options.contains("concurrent_backup") {
            addOption("concurrent_backup")
            let text = "The default backup strategy for postgres backup_method is: concurrent_backup"
            loadMessages.append(SettingsMessage(.debug, text, logger: "barman.backup_executor"))
        }
        refuse([.tablespaceBandwidthLimit, .reuseBackup, .networkCompression], by: "postgres")
        if let method = text(.backupCompression) {
            disabling +=
                BackupCompressionRules(
                    method: method,
                    format: text(.backupCompressionFormat),
                    location: text(.backupCompressionLocation),
                    level: integer(.backupCompressionLevel),
                    workers: integer(.backupCompressionWorkers)
                ).problems
        }
    }

    private mutating func checkSnapshotMethod() {
        guard requireSSHCommand() else { return }
        addStrategy()
        refuse(
            [.backupCompression, .bandwidthLimit, .networkCompression, .tablespaceBandwidthLimit, .reuseBackup],
            by: "snapshot"
        )
        for option in [ServerOption.snapshotDisks, .snapshotInstance, .snapshotProvider]
        where self[option] == nil {
            disabling.append("\(option.name) option is required by snapshot backup_method")
        }
        let provider = text(.snapshotProvider) ?? "None"
        guard ["aws", "azure", "gcp"].contains(provider) else {
            disabling.append(
                "Error initialising snapshot provider \(provider): Unsupported snapshot provider: \(provider)"
            )
            return
        }
        if provider == "aws" { checkSnapshotLock() }
    }

    private mutating func checkSnapshotLock() {
        guard let mode = text(.awsSnapshotLockMode) else { return }
        let lock = SnapshotLock(
            mode: mode,
            durationDays: integer(.awsSnapshotLockDuration),
            coolOffHours: integer(.awsSnapshotLockCoolOffPeriod),
            expirationDate: text(.awsSnapshotLockExpirationDate)
        )
        if let problem = lock.problem {
            disabling.append("Error initialising snapshot provider aws: \(problem)")
        }
    }

    /// False, and the server disabled, when there is no way to the PostgreSQL host.
    private mutating func requireSSHCommand() -> Bool {
        guard hasNoWords(.sshCommand) else { return true }
        disabling.append("Missing or invalid ssh_command in barman configuration for server \(server)")
        return false
    }

    /// False, and the server disabled, when a local copy is told to go elsewhere.
    private mutating func refuseSSHCommand() -> Bool {
        guard text(.sshCommand) != nil else { return true }
        disabling.append("Local copy requires ssh_command in barman configuration to be empty for server \(server)")
        return false
    }

    private mutating func refuse(_ options: [ServerOption], by method: String) {
        for option in options {
            let isSet: Bool
            switch self[option] {
            case nil, .boolean(false): isSet = false
            case .string("off") where option == .reuseBackup: isSet = false
            default: isSet = true
            }
            if isSet { disabling.append("\(option.name) option is not supported by \(method) backup_method") }
        }
    }

    private mutating func addStrategy() {
        if options.contains("concurrent_backup") || options.contains("exclusive_backup") { return }
        addOption("concurrent_backup")
        let text = "No backup strategy set for server '\(server)' (using default 'concurrent_backup')."
        loadMessages.append(SettingsMessage(.warning, text, logger: "barman.backup_executor"))
    }

    // MARK: Archivers

    private mutating func checkArchivers() {
        if flag(.streamingArchiver) {
            if !flag(.archiver), text(.slotName) == nil {
                disabling.append(
                    "Streaming-only archiver requires 'streaming_conninfo' and 'slot_name' options "
                        + "to be properly configured"
                )
            }
        } else if !flag(.archiver) {
            let text =
                "No archiver enabled for server '\(server)'. "
                + "Please turn on 'archiver', 'streaming_archiver' or both"
            loadMessages.append(SettingsMessage(.warning, text))
            loadMessages.append(SettingsMessage(.warning, "Forcing 'archiver = on'"))
            self[.archiver] = .boolean(true)
        }
    }

    // MARK: Limits and policies

    private mutating func settleBandwidthLimits() {
        if let limit = text(.bandwidthLimit) {
            if let number = OptionParser.integer(limit) {
                self[.bandwidthLimit] = .integer(number)
            } else {
                self[.bandwidthLimit] = nil
                log(.warning, "Invalid bandwidth_limit \"\(limit)\" for server \"\(server)\" (fallback to \"0\")")
            }
        }
        guard let rules = text(.tablespaceBandwidthLimit) else { return }
        var general: Int64?
        if case .integer(let number) = self[.bandwidthLimit] { general = number }
        var rates: [TablespaceRate] = []
        for rule in Blanks.words(rules) {
            let parts = rule.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let number = OptionParser.integer(parts[1]) else {
                log(.warning, "Invalid tablespace_bandwidth_limit rule '\(rule)'")
                continue
            }
            if number == general { continue }
            let rate = TablespaceRate(tablespace: parts[0], kilobytesPerSecond: number)
            if let position = rates.firstIndex(where: { $0.tablespace == rate.tablespace }) {
                rates[position] = rate
            } else {
                rates.append(rate)
            }
        }
        self[.tablespaceBandwidthLimit] = rates.isEmpty ? nil : .rates(rates)
    }

    private mutating func settleRedundancy() {
        let text = text(.minimumRedundancy) ?? "0"
        let fallback = "for server \"\(server)\" (fallback to \"0\")"
        var minimum: Int64 = 0
        if let number = OptionParser.integer(text) {
            if number < 0 {
                log(.warning, "Negative value of minimum_redundancy \"\(number)\" \(fallback)")
            } else {
                minimum = number
            }
        } else {
            log(.warning, "Invalid minimum_redundancy \"\(text)\" \(fallback)")
        }
        self[.minimumRedundancy] = .integer(minimum)
    }

    private mutating func settleRetention() {
        if let mode = text(.retentionPolicyMode), mode != "auto" {
            log(
                .warning,
                "Unsupported retention_policy_mode \"\(mode)\" for server \"\(server)\" (fallback to \"auto\")"
            )
        }
        self[.retentionPolicyMode] = .string("auto")
        guard let text = text(.retentionPolicy) else { return }
        if let wal = self.text(.walRetentionPolicy), wal != "main" {
            log(
                .warning,
                "Unsupported wal_retention_policy value \"\(wal)\" for server \"\(server)\" (fallback to \"main\")"
            )
        }
        self[.walRetentionPolicy] = .string("main")
        guard let policy = RetentionPolicy(parsing: text) else {
            log(.error, "Invalid retention_policy setting \"\(text)\" for server \"\(server)\"")
            return
        }
        self[.retentionPolicy] = .policy(policy)
        log(.debug, "Retention policy for server \(server): \(policy.canonicalText)")
        self[.walRetentionPolicy] = .string("MAIN")
        log(.debug, "WAL retention policy for server \(server): MAIN")
    }

    // MARK: Parts

    private subscript(_ option: ServerOption) -> OptionValue? {
        get { values[option.rawValue] }
        set { values[option.rawValue] = newValue }
    }

    private func text(_ option: ServerOption) -> String? {
        guard case .string(let text) = self[option] else { return nil }
        return text
    }

    private func integer(_ option: ServerOption) -> Int64? {
        guard case .integer(let number) = self[option] else { return nil }
        return number
    }

    private func hasNoWords(_ option: ServerOption) -> Bool { Blanks.words(text(option) ?? "").isEmpty }

    private func flag(_ option: ServerOption) -> Bool { self[option] == .boolean(true) }

    private var options: [String] {
        guard case .words(let words) = self[.backupOptions] else { return [] }
        return words
    }

    private mutating func addOption(_ word: String) {
        guard case .words(let order, _, _) = OptionType.backupOptions else { return }
        let wanted = options + [word]
        self[.backupOptions] = .words(order.filter { wanted.contains($0) })
    }

    private mutating func remove(_ word: String) {
        self[.backupOptions] = .words(options.filter { $0 != word })
    }

    private mutating func log(_ level: LogLevel, _ text: String) {
        loadMessages.append(SettingsMessage(level, text, isLogOnly: true))
    }
}
