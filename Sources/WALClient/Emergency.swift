import Glibc
import Processes
import Synchronization

/// What SIGINT and SIGTERM do in the middle of a transfer: the child is ended first.
enum Emergency {
    private static let child = Atomic<Int32>(0)

    /// Watches both signals from now on.
    static func install() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in Emergency.end(number) }
        sigemptyset(&action.sa_mask)
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// The child that must not outlive us.
    static func watch(_ process: RunningProcess?) {
        child.store(process?.number ?? 0, ordering: .releasing)
    }

    /// Only what a signal handler may do (signal-safety(7)).
    private static func end(_ number: Int32) {
        let process = child.load(ordering: .acquiring)
        if process > 0 { _ = kill(process, SIGTERM) }
        guard number == SIGINT else {
            _ = signal(number, SIG_DFL)
            _ = raise(number)
            _exit(128 + number)
        }
        let text: StaticString = "ERROR: SIGINT received! Terminating.\n"
        _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
        _exit(2)
    }
}
