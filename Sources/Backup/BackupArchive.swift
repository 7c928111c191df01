import Catalog
import Failure

/// What a backup asks of the archive.
struct BackupArchive {
    let home: ServerHome
    let reporter: any Reporter

    /// Archives the WAL that waits in the queues.
    func archivePendingWAL() throws {}

    /// Archives until this file is in the archive, or the limit is over, which is reported.
    func waitForWAL(_ name: String, timeoutSeconds: Int64?) throws {}

    /// Removes the WAL that the first backup does not need and returns the names.
    func removeWAL(before info: BackupInfo) throws -> [String] { [] }
}

extension BackupRun {
    func archivePendingWAL() throws {
        try BackupArchive(home: home, reporter: reporter).archivePendingWAL()
    }

    func waitForWAL(_ name: String) throws {
        let limit = options.waitTimeoutSeconds.flatMap { $0 > 0 ? $0 : nil }
        let suffix = limit.map { " (max: \($0) seconds)" } ?? ""
        reporter.info("Waiting for the WAL file \(name) from server '\(home.name)'\(suffix)")
        try BackupArchive(home: home, reporter: reporter).waitForWAL(name, timeoutSeconds: limit)
    }
}
