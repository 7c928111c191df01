public import Catalog
public import Failure
import Processes
import Settings

/// What a changed configuration asks of the WAL receiver of a server: that it starts anew.
public enum ReceiverRestart {
    /// Stops a running receiver and, where WAL is streamed, starts one in the background.
    ///
    /// The settings are those that the program was started with; `cron` starts what a change made necessary.
    public static func run(_ home: ServerHome, reporter: any Reporter) throws {
        let receivers = try ServerProcess.list(server: home.name, lockDirectory: home.lockDirectory)
        if let receiver = receivers.first(where: { $0.task == "receive-wal" }) {
            guard try TaskTermination.end(receiver, reporter: reporter) else { return }
        }
        guard home.settings.streamingArchiver else { return }
        reporter.show("Starting streaming archiver for server \(home.name)")
        let words = ["-c", home.global.configurationFile, "-q", "receive-wal", home.name]
        _ = try ProcessRequest(CronRun.ownExecutable, words).spawnDetached()
    }
}
