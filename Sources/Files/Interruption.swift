import Synchronization

/// Whether the program was asked to end (SIGINT, SIGTERM): waits look at it, so that none outlives the wish.
public enum Interruption {
    private static let flag = Atomic<Bool>(false)

    /// True once somebody asked the program to end.
    public static var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Asks the program to end; safe in a signal handler.
    public static func request() {
        flag.store(true, ordering: .relaxed)
    }

    /// Takes the wish back; for tests and for programs that go on.
    public static func clear() {
        flag.store(false, ordering: .relaxed)
    }
}
