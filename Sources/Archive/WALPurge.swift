public import Catalog
public import Failure
import Files
import Processes
import Settings
import SystemPackage
import WAL

/// Removes WAL that no backup needs any more (wal-archiving.md 13).
public struct WALPurge: Sendable {
    private let home: ServerHome
    private let reporter: any Reporter
    private static let logger = "barman.backup"

    /// A purge of one server's archive.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Removes what the rule does not keep, first the files, then their lines; returns how many lines went.
    ///
    /// `removed` hears of each file. A crash leaves lines without files, which a repeat takes out with a warning each, never a
    /// needed file without its line. Throws `Failure` or `SignalWatch.Interrupted`; what was removed until then is out of the
    /// list as well.
    @discardableResult
    public func run(_ rule: WALPurgeRule, removed: (String) -> Void = { _ in }) throws -> Int {
        var directories: Set<FilePath> = []
        var stop: (any Error)?
        let hooks = ArchiveHooks(.walDelete, home: home, reporter: reporter)
        do {
            let count = try XlogDatabase(home).rewrite { line in
                if stop != nil { return true }
                let name = line.name
                switch rule.verdict(on: name) {
                case .keep: return true
                case .invalid:
                    reportInvalid(name)
                    return false
                case .remove:
                    do {
                        try SignalWatch.check()
                        if let directory = try remove(name, line, hooks) { directories.insert(directory) }
                    } catch {
                        // The list must still be written, without what is gone already.
                        stop = error
                        return true
                    }
                    removed(name)
                    return false
                }
            }
            try tidy(directories)
            if let stop { throw stop }
            return count
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    /// Removes one file and returns the directory it was in; a missing one is told and no error.
    private func remove(_ name: String, _ line: XlogLine, _ hooks: ArchiveHooks) throws -> FilePath? {
        guard let fileName = WALFileName(name) else { return nil }
        let archive = WALArchive(home)
        let path = archive.path(of: fileName, text: name)
        if !hooks.isEmpty { try hooks.run(.pre, subject(line, path)) }
        do throws(FileError) {
            try FileSystem.unlink(path)
        } catch {
            guard error.isMissing else { throw error }
            reporter.warning("Ignoring deletion of WAL file \(name) for server \(home.name): \(error)")
        }
        if !hooks.isEmpty { try hooks.run(.post, subject(line, path)) }
        return archive.directory(of: fileName)
    }

    private func subject(_ line: XlogLine, _ path: FilePath) -> ArchiveHooks.Subject {
        let record = line.record
        return ArchiveHooks.Subject(
            name: record.name,
            path: path,
            sizeBytes: record.sizeBytes,
            time: record.time,
            compression: record.compression
        )
    }

    private func reportInvalid(_ name: String) {
        reporter.report(
            Failure(
                "invalid WAL segment name '\(name)'",
                hint: "Please run \"barman rebuild-xlogdb \(home.name)\" to solve this issue"
            )
        )
    }

    /// Removes directories that are empty now, whatever else is in them stays; makes the removals durable.
    private func tidy(_ directories: Set<FilePath>) throws(FileError) {
        for directory in directories {
            do throws(FileError) {
                try FileSystem.removeDirectory(directory)
            } catch {
                switch error.errno {
                case .noSuchFileOrDirectory: break
                case .directoryNotEmpty, .fileExists: try FileSystem.syncDirectory(directory)
                default: throw error
                }
            }
        }
        if !directories.isEmpty { try FileSystem.syncDirectory(home.walsDirectory) }
    }
}
