import Files
import Glibc

/// The program asked to end by SIGINT or SIGTERM: the signals set `Interruption`, the work looks at it and ends cleanly.
public enum SignalWatch {
    /// What a check throws once the program was asked to end.
    public struct Interrupted: Error, Sendable, CustomStringConvertible {
        /// The signal that asked, 0 if none.
        public let signal: Int32
        /// The word for it.
        public var description: String { "interrupted" }
    }

    /// Watches SIGINT and SIGTERM, ignores SIGPIPE; call it first thing in the program.
    public static func install() {
        StandardStreams.complete()
        // The handler must find everything made already.
        _ = Interruption.wakeDescriptor
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            let saved = errno
            Interruption.request(signal: number)
            errno = saved
        }
        // Without SA_RESTART, so that waits in the kernel return and look.
        action.sa_flags = 0
        sigemptyset(&action.sa_mask)
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        prepareForChildren()
    }

    /// True once the program was asked to end.
    public static var interrupted: Bool { Interruption.isRequested }

    /// Throws once the program was asked to end.
    public static func check() throws(Interrupted) {
        if Interruption.isRequested { throw Interrupted(signal: Interruption.signalNumber) }
    }

    /// Waits this long, or throws at once when the program is asked to end.
    public static func pause(seconds: Double) throws(Interrupted) {
        guard Interruption.pause(seconds: seconds) else { throw Interrupted(signal: Interruption.signalNumber) }
    }

    /// Writing to a child that is gone must be an error, not our death; and an ended child must wait to be asked for.
    static func prepareForChildren() {
        _ = dispositions
    }

    private static let dispositions: Void = {
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGCHLD, SIG_DFL)
    }()
}
