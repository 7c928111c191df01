public import Catalog
public import Failure
import Files
import Processes
import Settings
public import SystemPackage

/// The barman host whose backups and WAL a passive server copies, reached by `primary_ssh_command`.
public struct PrimaryNode {
    private let home: ServerHome
    private let reporter: any Reporter

    /// Prepares to ask the primary node of a passive server.
    public init(of home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Refuses a server that has no primary node.
    static func requirePassive(_ home: ServerHome) throws(Failure) {
        guard home.settings.isPassive else { throw Failure("server \(home.name) is not passive") }
    }

    /// How the primary is reached.
    func ssh(extraOptions: [String] = []) throws(Failure) -> SSHCommand {
        try Self.requirePassive(home)
        let text = home.settings.primarySSHCommand ?? ""
        let problem: String
        do {
            if let ssh = try SSHCommand(
                shellWords: text,
                extraOptions: extraOptions,
                pathPrefix: home.settings.pathPrefix
            ) {
                return ssh
            }
            problem = "nothing to run"
        } catch {
            problem = error.description
        }
        throw Failure("Invalid primary_ssh_command in barman configuration for server \(home.name) (\(problem))")
    }

    /// Asks the primary what it has; the answer becomes `primary.info`, durably.
    ///
    /// `place` is the last file of WAL, and where its line begins, after which the list is to go on; nil for what has been copied here.
    /// Returns the file.
    public func ask(after place: [String]? = nil) throws -> FilePath {
        do {
            let ssh = try ssh()
            let reached = place == nil ? try SyncPosition.read(home, reporter: reporter) : nil
            let isNew = try !FileSystem.exists(home.backupDirectory)
            try FileSystem.createDirectories(home.backupDirectory)
            do {
                try ask(ssh, after: place ?? reached?.words ?? [], reached)
            } catch {
                // As if nobody had asked; it is empty.
                if isNew { _ = try? FileSystem.removeDirectory(home.backupDirectory) }
                throw error
            }
            for directory in home.settings.directories { try FileSystem.createDirectories(directory.path) }
            return PrimaryInfo.path(home)
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    /// What came of asking once.
    private enum Answer {
        /// It is `primary.info` now.
        case taken
        /// The primary does not know the place from which to go on.
        case unknownPlace
        /// It is not all that is not here, for that reason.
        case omits(String)
    }

    /// Asks for what is new after a place, and for everything when the primary does not know that place or does not tell everything.
    private func ask(_ ssh: SSHCommand, after place: [String], _ reached: SyncPosition?) throws {
        if !place.isEmpty {
            let request = "requesting full synchronisation from primary server \(home.name)"
            switch try ask(ssh, since: place, reached) {
            case .taken: return
            case .unknownPlace:
                reporter.warning("sync-info is out of sync. Self-recovery procedure started: \(request)")
            case .omits(let reason): reporter.log(.info, "barman.server", "\(reason): \(request)")
            }
        }
        _ = try ask(ssh, since: [], nil)
    }

    /// Asks once; an answer that goes on after `reached` is taken only if it tells everything.
    private func ask(_ ssh: SSHCommand, since position: [String], _ reached: SyncPosition?) throws -> Answer {
        var words = ["barman"]
        if home.settings.forwardConfigPath { words += ["-c", home.global.configurationFile] }
        var request = ssh.request(remote: words + ["sync-info", home.name] + position)
        let path = PrimaryInfo.path(home)
        let answer = try DurableFile(replacing: path, temporaryName: "primary.info.tmp")
        let file = try OwnedDescriptor(opening: answer.temporaryPath, .writeOnly, options: .noFollow)
        request.output = .descriptor(file.raw)
        reporter.log(.debug, "barman.command_wrappers", "Command: \(request.commandText)")
        let outcome = try run(request)
        try file.close()
        guard outcome.isSuccess else {
            if outcome.status == .exited(1), !position.isEmpty { return .unknownPlace }
            throw failure(outcome.errorText)
        }
        let info: PrimaryInfo
        do {
            info = try PrimaryInfo(reading: answer.temporaryPath)
        } catch let error where !(error is FileError) {
            throw failure("the answer is not that of sync-info: \(error)\n\(outcome.errorText)")
        }
        if let reached, let reason = try info.omission(after: reached, home) { return .omits(reason) }
        try answer.commit()
        return .taken
    }

    private func run(_ request: ProcessRequest) throws -> ProcessOutcome {
        do {
            return try request.run()
        } catch let error as ProcessError where !Interruption.isRequested {
            throw failure("\(error)\n")
        }
    }

    private func failure(_ text: String) -> Failure {
        Failure("sync-info execution on remote primary server \(home.name) failed: \(text)")
    }
}
