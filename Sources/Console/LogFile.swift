public import Failure
import Files
import Glibc
import Notation
import Synchronization
public import SystemPackage

/// The log: a file that lines are appended to, or standard error.
///
/// Each line is one `write` with O_APPEND, so that several programs can share the file; a file that was moved away (log
/// rotation) is opened anew before the next line.
public final class LogFile: Sendable {
    private struct State: ~Copyable {
        var file: OwnedDescriptor?
    }

    private let path: FilePath?
    private let threshold: Int
    private let format: LogFormat
    private let startedAt = Timestamp.now()
    private let state: Mutex<State>

    /// Opens the log; nil means standard error.
    ///
    /// Lines below the threshold (10 is DEBUG, 20 INFO) are dropped.
    ///
    /// Parent directories are made. A file that cannot be opened is no error: `problem` tells, and lines go to standard error.
    public init(path: FilePath?, threshold: Int, format: LogFormat = .standard) {
        self.threshold = threshold
        self.format = format
        var file: OwnedDescriptor?
        if let path {
            do throws(FileError) {
                file = try Self.open(path)
                problem = nil
            } catch {
                problem = error.description
            }
        } else {
            problem = nil
        }
        self.path = problem == nil ? path : nil
        state = Mutex(State(file: file))
    }

    /// Why the requested file could not be opened; nil if it could.
    public let problem: String?

    /// Adds a line; what the level leaves out is dropped.
    ///
    /// A log that cannot be written stops nothing.
    public func write(_ level: LogLevel, _ logger: String, _ text: String) {
        guard level.rawValue >= threshold else { return }
        let record = LogFormat.Record(
            level: level,
            logger: logger,
            message: text,
            process: getpid(),
            time: .now(),
            startedAt: startedAt
        )
        let bytes = Array((format.line(record) + "\n").utf8)
        state.withLock { state in
            reopenIfMoved(&state)
            if state.file != nil {
                // The work matters more than its log.
                try? state.file?.writeAll(bytes)
            } else {
                // Nowhere is left to tell that standard error is gone.
                _ = try? FileDescriptor.standardError.writeAll(bytes)
            }
        }
    }

    private static func open(_ path: FilePath) throws(FileError) -> OwnedDescriptor {
        let parent = path.removingLastComponent()
        if !parent.isEmpty, try !FileSystem.exists(parent) { try FileSystem.createDirectories(parent) }
        return try OwnedDescriptor(opening: path, .writeOnly, options: [.create, .append])
    }

    private func reopenIfMoved(_ state: inout State) {
        guard let path else { return }
        do throws(FileError) {
            if let old = try state.file?.status(), let current = try FileSystem.statusIfPresent(of: path),
                current.isSameFile(as: old)
            {
                return
            }
            state.file = try Self.open(path)
        } catch {
            // The old file, if there is one, still takes lines.
        }
    }
}
