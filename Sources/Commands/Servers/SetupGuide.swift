import Catalog
import Console
import Failure
import Files
import Notation
import Postgres
import Processes
import Restore
import Settings
import SystemPackage
import Upkeep

/// One setup from the first question to the check: what is asked, told and done, in this order.
struct SetupGuide {
    let context: Context
    let arguments: ParsedArguments
    let questions: SetupQuestions
    let file: ServerFile
    private(set) var plan: SetupPlan
    private var facts = SetupFacts()
    /// The connection that looks, and changes with `--apply`.
    private var inspector: PostgresServer?
    private var console: Console { context.console }

    init(context: Context, arguments: ParsedArguments, questions: SetupQuestions, file: ServerFile) {
        self.context = context
        self.arguments = arguments
        self.questions = questions
        self.file = file
        let global = context.configuration.global
        plan = SetupPlan(
            name: file.name,
            conninfo: "",
            backupHost: HostName.fullyQualified(),
            account: global.barmanUser,
            incomingDirectory: "\(global.barmanHome)/\(file.name)/incoming"
        )
    }

    // MARK: Looking

    /// Asks how PostgreSQL is reached, and looks at it.
    mutating func connect() throws {
        let proposal = "host=\(file.name) user=barman dbname=postgres"
        plan.conninfo = try questions.text(
            "How is PostgreSQL reached?",
            given: arguments.text("conninfo"),
            proposal: proposal,
            option: "--conninfo",
            complaint: Self.complaint(aboutConninfo:)
        )
        plan.streamingConninfo = arguments.text("streaming_conninfo")
        if let text = plan.streamingConninfo, let words = Self.complaint(aboutConninfo: text) {
            throw Failure("--streaming-conninfo: \(words)")
        }
        let looking = arguments.text("admin_conninfo") ?? plan.conninfo
        let option = arguments.text("admin_conninfo") == nil ? "--conninfo" : "--admin-conninfo"
        let server: PostgresServer
        do {
            server = PostgresServer(
                conninfo: try ConnectionString(looking),
                isInterrupted: { Interruption.isRequested }
            )
            facts = try SetupFacts.ask(server, about: [plan.role, plan.streamingRole])
        } catch {
            throw unreachable(error, looking, option)
        }
        inspector = server
        tellFacts()
    }

    private static func complaint(aboutConninfo text: String) -> String? {
        if text.utf8.contains(where: { $0 < 0x20 }) { return "a connection string is one line" }
        return (try? ConnectionString(text)) == nil ? "write it as host=pg user=barman dbname=postgres" : nil
    }

    /// The error for a server that can not be asked, with what makes it answer.
    private func unreachable(_ error: PostgresError, _ conninfo: String, _ option: String) -> Failure {
        // The text has been understood before.
        let parsed = try? ConnectionString(conninfo)
        let advice = ConnectionAdvice.of(error.message, conninfo: parsed, option: option)
        return Failure(
            "PostgreSQL does not let us in: \(error.message)",
            hint: advice.fixes.joined(separator: "\n      "),
            cause: error
        )
    }

    private func tellFacts() {
        console.info("PostgreSQL \(facts.versionText)\(facts.isInRecovery ? ", a standby" : "")")
        console.info("  data directory: \(facts.dataDirectory ?? "not to be seen by this role")")
        if let size = facts.sizeBytes { console.info("  size: \(HumanText.size(size))") }
        console.info("  wal_level: \(facts.setting("wal_level")), archiving: \(facts.archiving)")
        let privileges = facts.hasBackupPrivileges(plan.role)
        let words =
            privileges == nil ? "does not exist" : privileges == true ? "may take backups" : "may not take backups yet"
        console.info("  role \(plan.role): \(words)")
    }

    // MARK: Choosing

    /// Asks what is to be decided, with a proposal each.
    mutating func choose() throws {
        let proposesSSH = arguments.text("ssh_command") != nil
        let method = try questions.text(
            "Base backups by 'postgres' (replication protocol), 'rsync' (over ssh) or 'local-rsync' (this very host)?",
            given: arguments.text("method"),
            proposal: proposesSSH ? "rsync" : "postgres",
            option: "--method"
        ) { SetupPlan.Method(rawValue: $0) == nil ? "postgres, rsync or local-rsync, please" : nil }
        plan.method = SetupPlan.Method(rawValue: method) ?? .postgres
        if plan.method == .rsync { try chooseSSH() }
        let way = try questions.text(
            "WAL by 'streaming' (we fetch it at once), 'archive' (PostgreSQL sends whole files) or 'both'?",
            given: arguments.text("wal"),
            proposal: plan.method == .postgres ? "streaming" : "archive",
            option: "--wal"
        ) { SetupPlan.WALWay(rawValue: $0) == nil ? "streaming, archive or both, please" : nil }
        plan.walWay = SetupPlan.WALWay(rawValue: way) ?? .streaming
        if plan.receives {
            plan.slot = try questions.text(
                "Which replication slot keeps WAL for us?",
                given: arguments.text("slot"),
                proposal: "barman",
                option: "--slot"
            ) { name in
                let isSound =
                    !name.isEmpty && name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789_".utf8.contains($0) }
                return isSound ? nil : "lower case letters, digits and '_' only"
            }
        }
        if plan.archives, plan.method != .localRsync {
            plan.backupHost = try questions.text(
                "What does the PostgreSQL host call this host?",
                given: arguments.text("backup_host"),
                proposal: plan.backupHost,
                option: "--backup-host"
            ) { name in
                let isSound =
                    !name.hasPrefix("-") && name.utf8.allSatisfy { $0 > 0x20 && !"'\"\\%$`;|&<>()".utf8.contains($0) }
                return isSound ? nil : "a host name or an address, please"
            }
        }
        let retention = try questions.text(
            "Which backups are kept ('none' keeps all)?",
            given: arguments.text("retention_policy"),
            proposal: "none",
            option: "--retention-policy"
        ) {
            $0 == "none" || RetentionPolicy(parsing: $0) != nil
                ? nil : "such as: RECOVERY WINDOW OF 4 WEEKS, or REDUNDANCY 3"
        }
        plan.retentionPolicy = retention == "none" ? nil : RetentionPolicy(parsing: retention)?.canonicalText
    }

    private mutating func chooseSSH() throws {
        let host = (try? ConnectionString(plan.conninfo))?["host"] ?? file.name
        let command = try questions.text(
            "How is the PostgreSQL host reached by ssh?",
            given: arguments.text("ssh_command"),
            proposal: "ssh postgres@\(host)",
            option: "--ssh-command"
        ) { $0.utf8.contains { $0 < 0x20 } ? "a command is one line" : nil }
        plan.sshCommand = command
        guard let ssh = SSHCommand(command) else { return }
        var request = ssh.request(remoteShellText: "true")
        request.timeoutSeconds = 20
        let outcome: ProcessOutcome?
        do {
            outcome = try request.run()
        } catch let error as ProcessError {
            try SignalWatch.check()
            console.warning("'\(command)' can not be run: \(error)")
            return
        }
        if let outcome, !outcome.isSuccess {
            console.warning("'\(command)' does not work yet (\(outcome.status)); as \(plan.account):")
            console.warning("  ssh-keygen -t ed25519; then ~/.ssh/id_ed25519.pub goes to authorized_keys over there")
        }
    }

    // MARK: Telling

    /// Shows the file and everything that PostgreSQL needs.
    func tell() {
        section("\(file.path)", plan.configuration.split(separator: "\n").map(String.init))
        section("SQL for a superuser of that server", plan.statements(for: facts))
        let settings = plan.settings(for: facts)
        let needsRestart = settings.contains { $0.needsRestart }
        section(
            "\(facts.configurationFile ?? "postgresql.conf")\(needsRestart ? " (a restart makes them count)" : "")",
            settings.map { $0.line + ($0.present.isEmpty ? "" : "  # now: \($0.present)") }
        )
        section(
            "\(facts.accessFile ?? "pg_hba.conf"), unless its lines let us in already",
            plan.accessLines(for: facts)
        )
        if plan.archives, plan.method != .localRsync {
            section(
                "~\(plan.account)/.ssh/authorized_keys here, with the key of the PostgreSQL host's account",
                ["restrict,command=\"barman serve-wal \(plan.name)\" ssh-ed25519 KEY"]
            )
        }
    }

    private func section(_ title: String, _ lines: [String]) {
        guard !lines.isEmpty else { return }
        console.info("\n\(title):")
        for line in lines { console.info("  \(line)") }
    }

    // MARK: Doing

    /// Changes PostgreSQL: role, grants, settings, slot; what it may not do is said.
    func apply() throws {
        guard let inspector else { return }
        guard facts.isSuperuser else {
            throw Failure(
                "--apply needs a superuser, and \(plan.role) is none",
                hint: "--admin-conninfo 'host=HOST user=postgres dbname=postgres', or run the SQL above yourself"
            )
        }
        guard !facts.isInRecovery || plan.statements(for: facts).isEmpty else {
            throw Failure("roles and grants are made on the primary; this server is a standby")
        }
        console.info("")
        let settings = plan.settings(for: facts)
        for statement in plan.statements(for: facts) + settings.map(\.statement) {
            do {
                _ = try inspector.rows(statement)
            } catch {
                throw Failure(
                    "\(statement)\n  \(error.message)",
                    hint: "what came before it has been done",
                    cause: error
                )
            }
            console.info("done: \(statement)")
        }
        if plan.receives, !facts.isInRecovery, !facts.slots.contains(plan.slot) {
            do {
                // It keeps WAL from now on, so that nothing is missed until the receiver runs.
                _ = try inspector.rows(
                    "SELECT pg_create_physical_replication_slot(\(BackupRole.literal(plan.slot)), true)"
                )
                console.info("done: replication slot \(plan.slot)")
            } catch {
                console.warning("the slot \(plan.slot) could not be made: \(error.message)")
            }
        }
        do {
            _ = try inspector.rows("SELECT pg_reload_conf()")
        } catch {
            console.warning("the configuration could not be read again: \(error.message)")
        }
        let late = settings.filter(\.needsRestart).map(\.name)
        if !late.isEmpty { console.warning("restart PostgreSQL to make these count: \(late.joined(separator: ", "))") }
        if !facts.has(role: plan.role) {
            console.warning(
                "give \(plan.role) a password (psql: \\password \(plan.role)) and put it into ~/.pgpass of \(plan.account)"
            )
        }
    }

    /// Checks the server with the configuration that is on disk now; after `--apply` its receiver runs already.
    func finish() throws {
        console.info("")
        let context = try context.reloaded()
        if arguments.flag("apply"), plan.receives { try startReceiver(context) }
        inspector?.close()
        var checking = ParsedArguments()
        checking.keep(.list([file.name]), as: "server_name", adding: false)
        checking.keep(.flag(true), as: "explain", adding: false)
        try CheckCommand.run(context, checking)
        guard console.hasFailed else {
            console.info("Next: barman backup --wait \(file.name)")
            return
        }
        console.info("Next: what is FAILED above; then barman check --explain \(file.name)")
    }

    /// Starts what `cron` would start within a minute, and gives it some seconds to get its slot.
    private func startReceiver(_ context: Context) throws {
        guard let inspector, let settings = try context.serverList()[file.name], !settings.isDisabled else { return }
        let home = ServerHome(settings: settings, global: context.configuration.global)
        do {
            try ReceiverRestart.run(home, reporter: console)
        } catch {
            if Interruption.isRequested { throw error }
            // Not worth the end of the set-up: the check tells, and cron tries again.
            return console.warning("the receiver could not be started: \(error)")
        }
        let question =
            "SELECT 1 FROM pg_replication_slots WHERE active AND slot_name = \(BackupRole.literal(plan.slot))"
        let end = Interruption.monotonicSeconds + 5
        while Interruption.monotonicSeconds < end {
            do {
                guard try inspector.rows(question).values.isEmpty else { return }
            } catch {
                // Waiting is a kindness: the check tells what is wrong.
                return
            }
            try SignalWatch.pause(seconds: 0.1)
        }
    }
}
