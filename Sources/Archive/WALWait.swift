public import Catalog
public import Failure
import Files
import Processes
import SystemPackage
import WAL

/// Waiting for WAL to get into the archive, archiving all the while.
public struct WALWait: Sendable {
    private let home: ServerHome
    private let reporter: any Reporter
    private static let intervalSeconds = 0.1

    /// A wait for WAL of one server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Waits for one file, and says so; returns false after an error message when the time is over.
    ///
    /// `timeoutSeconds`: `nil` and 0 wait forever. Throws `Failure` or `SignalWatch.Interrupted`.
    @discardableResult
    public func untilArchived(_ name: String, timeoutSeconds: Int64? = nil) throws -> Bool {
        let limit = timeoutSeconds.flatMap { $0 > 0 ? $0 : nil }
        let suffix = limit.map { " (max: \($0) seconds)" } ?? ""
        reporter.info("Waiting for the WAL file \(name) from server '\(home.name)'\(suffix)")
        guard let fileName = WALFileName(name) else { throw Failure("'\(name)' is not a valid wal file name") }
        let path = WALArchive(home).path(of: fileName, text: name)
        let isThere = try poll(limit) { try FileSystem.exists(path) }
        if !isThere { reporter.error("The WAL file \(name) has not been received in \(limit ?? 0) seconds") }
        return isThere
    }

    /// Waits until the newest segment of any timeline changes, and says so; that the time is over is told and no error.
    ///
    /// `timeoutSeconds`: `nil` and 0 wait forever.
    @discardableResult
    public func untilAnythingIsArchived(timeoutSeconds: Int64? = nil) throws -> Bool {
        let limit = timeoutSeconds.flatMap { $0 > 0 ? $0 : nil }
        let suffix = limit.map { " (max: \($0) seconds)" } ?? ""
        reporter.info("Waiting for a WAL file from server '\(home.name)' to be archived\(suffix)")
        do {
            let archive = WALArchive(home)
            let before = try archive.newestSegments()
            let isThere = try poll(limit) { try archive.newestSegments() != before }
            if !isThere { reporter.info("A WAL file has not been received in \(limit ?? 0) seconds") }
            return isThere
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    private func poll(_ limitSeconds: Int64?, _ isThere: () throws -> Bool) throws -> Bool {
        do {
            let start = Interruption.monotonicSeconds
            let quiet = OnceReporter(reporter)
            while true {
                try WALIntake(home: home, reporter: quiet).run()
                if try isThere() { return true }
                if let limitSeconds, Interruption.monotonicSeconds - start >= Double(limitSeconds) { return false }
                try SignalWatch.pause(seconds: Self.intervalSeconds)
            }
        } catch {
            throw ArchiveFailure.named(error)
        }
    }
}
