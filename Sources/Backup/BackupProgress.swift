public import Catalog
import Failure
import Files
import Glibc
import Notation
import SystemPackage

/// How far the running backup of a server has come: what `status` shows, kept in a small file of ours in the server's directory.
///
/// Only the process that holds the server's backup lock is believed; the file of one that was killed is of no meaning, and
/// the next backup replaces it.
public struct BackupProgress: Sendable, Equatable {
    /// The backup.
    public let backupID: String
    /// What is being done: `Copying`.
    public let label: String
    /// Bytes of that work done so far.
    public let doneBytes: Int64
    /// Bytes of that work in all, when known.
    public let totalBytes: Int64?
    /// How long that work has been going on, in seconds.
    public let elapsedSeconds: Double
    /// The process that takes the backup.
    let process: Int32

    /// The backup that is being taken right now; nil when none is.
    ///
    /// A file that cannot be read is as good as none: this is no part of the catalog.
    public static func running(in home: ServerHome) -> BackupProgress? {
        guard let bytes = try? FileSystem.readIfPresent(home.progressPath, limit: 1 << 16),
            let progress = BackupProgress(parsing: bytes),
            let holder = try? FileLock.holder(of: home.lockPath(.backup)), holder == progress.process
        else { return nil }
        return progress
    }

    /// Bytes a second, once there is something to judge by.
    public var bytesPerSecond: Double? {
        elapsedSeconds >= 0.5 && doneBytes > 0 ? Double(doneBytes) / elapsedSeconds : nil
    }

    /// How long this work will take from here, at the rate it had so far.
    public var secondsLeft: Double? {
        guard let totalBytes, totalBytes > doneBytes, let rate = bytesPerSecond else { return nil }
        return Double(totalBytes - doneBytes) / rate
    }

    // MARK: The file

    init(backupID: String, update: ProgressUpdate, elapsedSeconds: Double) {
        self.backupID = backupID
        label = update.label
        doneBytes = update.doneBytes
        totalBytes = update.totalBytes
        self.elapsedSeconds = elapsedSeconds
        process = getpid()
    }

    private init?(parsing bytes: [UInt8]) {
        guard let object = try? JSONValue(parsing: bytes), let id = object["backup_id"]?.stringValue,
            let process = object["process"]?.integerValue.flatMap(Int32.init(exactly:)),
            let label = object["doing"]?.stringValue, let done = object["done_bytes"]?.integerValue,
            let milliseconds = object["elapsed_milliseconds"]?.integerValue
        else { return nil }
        backupID = id
        self.process = process
        self.label = label
        doneBytes = done
        totalBytes = object["total_bytes"]?.integerValue
        elapsedSeconds = Double(milliseconds) / 1000
    }

    var fileContents: [UInt8] {
        let object = JSONValue.object([
            ("backup_id", .string(backupID)),
            ("process", .integer(Int64(process))),
            ("doing", .string(label)),
            ("done_bytes", .integer(doneBytes)),
            ("total_bytes", totalBytes.map(JSONValue.integer) ?? .null),
            ("elapsed_milliseconds", .integer(Int64(elapsedSeconds * 1000))),
        ])
        return Array((object.text() + "\n").utf8)
    }
}
