public import Catalog
public import Failure
import Files
import Notation
public import Postgres
import Processes
import Settings
import SystemPackage

/// One `barman check` of one server: every row of it, in order.
///
/// Looking has effects: missing directories are made, WAL that waits is archived, and a server whose archive is empty is asked
/// to close a WAL file.
public struct CheckRun {
    let home: ServerHome
    let server: PostgresServer?
    /// The server that WAL is received from, when it is another one.
    let walServer: PostgresServer?
    let reporter: any Reporter
    let environment: [String: String]
    private let deadline: Deadline
    /// Whether the server counts as inactive in the report, whatever is looked at.
    private let isActive: Bool

    /// The failures that do not keep a backup from starting.
    static let ignorableBeforeBackup: Set<String> = [
        "minimum redundancy requirements", "backup maximum age", "backup minimum size", "failed backups",
        "archiver errors", "empty incoming directory", "empty streaming directory", "incoming WALs directory",
        "streaming WALs directory", "wal maximum age", "PostgreSQL server is standby", "restore drill",
        // Another backup is what mends it.
        continuityLabel,
        // What a backup needs of them it finds out by itself.
        permissionsLabel,
    ]
    static let continuityLabel = "WAL continuity"
    static let permissionsLabel = "directory permissions"

    /// Prepares a check; nothing is looked at yet.
    ///
    /// `server` is `nil` when there is no connection to it. `timeoutSeconds` takes the place of the configured limit; 0 sets none.
    /// With `includingInactive`, an inactive server is looked at as if it were active: that is how one finishes its set-up.
    public init(
        home: ServerHome,
        server: PostgresServer?,
        reporter: any Reporter,
        environment: [String: String],
        timeoutSeconds: Int64? = nil,
        includingInactive: Bool = false
    ) {
        isActive = home.settings.isActive
        let limit = timeoutSeconds ?? home.settings.checkTimeoutSeconds
        let deadline = Deadline(afterSeconds: limit > 0 ? Double(limit) : nil)
        let isInterrupted: @Sendable () -> Bool = { Interruption.isRequested || deadline.hasPassed }
        if includingInactive, !isActive {
            let settings = home.settings.overriding([.active: .boolean(true)])
            self.home = ServerHome(settings: settings, global: home.global)
            self.server = PostgresServer(settings: settings, reporter: reporter, isInterrupted: isInterrupted)
        } else {
            self.home = home
            self.server = server
            server?.setInterruption(isInterrupted)
        }
        walServer = PostgresServer(walSettings: self.home.settings, isInterrupted: isInterrupted)
        self.deadline = deadline
        self.reporter = reporter
        self.environment = environment
    }

    /// Looks at everything; `onResult` sees each row as it is found out.
    ///
    /// Throws what keeps the check from going on: an unreadable catalog, or the wish of the user to stop.
    public func run(onResult: @escaping (CheckResult) -> Void = { _ in }) throws -> CheckReport {
        let sheet = sheet(onResult: onResult)
        try look(sheet)
        return sheet.report
    }

    /// Looks at everything in silence; what keeps the check from going on comes beside what was found out before.
    public func runAsFarAsPossible() -> (report: CheckReport, error: (any Error)?) {
        let sheet = sheet()
        do {
            try look(sheet)
            return (sheet.report, nil)
        } catch {
            return (sheet.report, error)
        }
    }

    /// Looks at everything in silence and tells whether a backup may start; why not is in the log.
    public func permitsBackup() throws -> Bool {
        let sheet = sheet(ignorable: Self.ignorableBeforeBackup)
        try look(sheet)
        return !sheet.hasFailed
    }

    /// Looks in silence whether WAL can be streamed from the server; why not is in the log.
    func permitsStreaming() throws -> Bool {
        let sheet = sheet()
        defer {
            deadline.lift()
            server?.setInterruption { Interruption.isRequested }
        }
        do {
            try checkStreamingSource(sheet)
        } catch is CheckSheet.TimedOut {
            sheet.addTimeout()
        } catch {
            throw UpkeepFailure.named(error)
        }
        return !sheet.hasFailed && !deadline.hasPassed
    }

    private func sheet(
        ignorable: Set<String> = [],
        onResult: @escaping (CheckResult) -> Void = { _ in }
    ) -> CheckSheet {
        CheckSheet(
            server: home.name,
            isActive: isActive,
            deadline: deadline,
            ignorable: ignorable,
            reporter: reporter,
            onResult: onResult
        )
    }

    private func look(_ sheet: CheckSheet) throws {
        // Whoever uses the server after us is not bound by our time.
        defer {
            deadline.lift()
            server?.setInterruption { Interruption.isRequested }
        }
        do {
            try checkArchive(sheet)
            if home.settings.isActive, !home.settings.isPassive { try checkPostgres(sheet) }
            try checkHome(sheet)
            try checkMethod(sheet)
            try checkConfiguration(sheet)
            try checkIdentity(sheet, server: server, suffix: "")
            try checkArchivers(sheet)
            if deadline.hasPassed { throw CheckSheet.TimedOut() }
        } catch is CheckSheet.TimedOut {
            sheet.addTimeout()
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    // MARK: Configuration and identity

    private func checkConfiguration(_ sheet: CheckSheet) throws {
        try sheet.begin("configuration")
        guard !home.settings.messages.isEmpty else { return }
        sheet.addFailure("configuration", lines: home.settings.messages)
    }

    /// The identifiers that connections report, against each other and against the one stored with the first backup.
    func checkIdentity(_ sheet: CheckSheet, server: PostgresServer?, suffix: String) throws {
        let label = "systemid coherence\(suffix)"
        try sheet.begin(label)
        let systemID = server?.facts().systemID
        let streamingID = server?.streamingFacts()?.systemID
        guard let live = systemID ?? streamingID else {
            return sheet.add(label, true, "no system Id available")
        }
        if let systemID, let streamingID, systemID != streamingID {
            return sheet.add(
                label,
                false,
                "is the streaming DSN targeting the same server of the PostgreSQL connection string?"
            )
        }
        guard let stored = try Identity.load(home) else {
            return sheet.add(label, true, "no system Id stored on disk")
        }
        guard stored.systemID == live else {
            return sheet.add(
                label,
                false,
                "the system Id of the connected PostgreSQL server changed, stored in \"\(home.identityPath.string)\""
            )
        }
        sheet.add(label, true)
    }
}
