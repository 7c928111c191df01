public import Catalog
public import Failure
import Processes

/// Ends a task of a server that runs in another process.
public enum TaskTermination {
    /// Ends the first process with that task; throws `Failure` when there is none, or when it does not end.
    public static func run(_ task: String, of home: ServerHome, reporter: any Reporter) throws {
        let processes: [ServerProcess]
        do {
            processes = try ServerProcess.list(server: home.name, lockDirectory: home.lockDirectory)
        } catch {
            throw UpkeepFailure.named(error)
        }
        guard let process = processes.first(where: { $0.task == task }) else {
            throw Failure("Termination of \(task) failed: no such process for server \(home.name)")
        }
        _ = try end(process, reporter: reporter)
    }

    /// Ends a process and tells whether it did.
    static func end(_ process: ServerProcess, reporter: any Reporter) throws -> Bool {
        let text = "process \(process.task)(\(process.process))"
        if try process.terminate() {
            reporter.info("Stopped \(text)")
            return true
        }
        reporter.error("Cannot terminate \(text)")
        return false
    }
}
