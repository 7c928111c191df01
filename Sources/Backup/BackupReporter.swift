import Catalog
import Failure
import Files
import Synchronization
import SystemPackage

/// The reporter of one backup: passes everything on, and keeps the file from which `status` tells how far the backup is.
///
/// Whatever method takes the backup only has to call `progress(_:)`.
final class BackupReporter: Reporter {
    private struct State {
        var label = ""
        var began = 0.0
        var written = -Double.infinity
    }

    private let console: any Reporter
    private let backupID: String
    private let path: FilePath
    private let state = Mutex(State())

    /// How often the file is written.
    private static let intervalSeconds = 1.0

    init(_ console: any Reporter, home: ServerHome, backupID: String) {
        self.console = console
        self.backupID = backupID
        path = home.progressPath
    }

    func progress(_ update: ProgressUpdate) {
        console.progress(update)
        state.withLock { state in
            let now = Interruption.monotonicSeconds
            if state.label != update.label {
                state = State(label: update.label, began: now)
            }
            guard update.isFinished || now - state.written >= Self.intervalSeconds else { return }
            state.written = now
            write(BackupProgress(backupID: backupID, update: update, elapsedSeconds: now - state.began))
        }
    }

    /// Replaces the file; nobody needs it after a crash, so nothing is synced, and no failure of it is one of the backup.
    private func write(_ progress: BackupProgress) {
        let temporary = path.removingLastComponent().appending(".running-backup.tmp")
        do {
            let file = try OwnedDescriptor(opening: temporary, .writeOnly, options: [.create, .truncate, .noFollow])
            try file.writeAll(progress.fileContents)
            try file.close()
            try FileSystem.rename(temporary, to: path)
        } catch {
            console.log(.debug, BackupLife.logger, "The progress of the backup could not be noted: \(error)")
        }
    }

    /// Takes the file away: the backup is over.
    func finish() {
        // What stays would not be believed: its process holds no lock any more.
        _ = try? FileSystem.unlinkIfPresent(path)
    }

    func debug(_ text: String) { console.debug(text) }
    func info(_ text: String) { console.info(text) }
    func show(_ text: String) { console.show(text) }
    func warning(_ text: String) { console.warning(text) }
    func error(_ text: String) { console.error(text) }
    func exception(_ text: String) { console.exception(text) }
    func log(_ level: LogLevel, _ logger: String, _ text: String) { console.log(level, logger, text) }
}
