import Files
import Glibc
import Processes

/// The two programs beside PostgreSQL: `barman-wal-archive` and `barman-wal-restore`, told apart by the name they are called by.
public enum WALClient {
    /// The release of the reference whose behaviour this is.
    static let referenceVersion = "3.19.1"

    /// Runs the program that the first word names; returns the exit status.
    public static func run(_ words: [String]) -> Int32 {
        StandardStreams.complete()
        let called = words.first.map(lastComponent) ?? ""
        let arguments = Array(words.dropFirst())
        switch called {
        case ArchiveProgram.name: return ArchiveProgram.run(arguments)
        case RestoreProgram.name: return RestoreProgram.run(arguments)
        default: break
        }
        // Under any other name the first argument says it.
        switch arguments.first {
        case ArchiveProgram.name: return ArchiveProgram.run(Array(arguments.dropFirst()))
        case RestoreProgram.name: return RestoreProgram.run(Array(arguments.dropFirst()))
        case Prefetcher.word: return Prefetcher.run(Array(arguments.dropFirst()))
        default:
            Terminal.error("usage: \(called) {\(ArchiveProgram.name),\(RestoreProgram.name)} ...\n")
            return 2
        }
    }

    private static func lastComponent(_ path: String) -> String {
        String(path.split(separator: "/").last ?? "")
    }
}
