import CLibpq
import Glibc
import Synchronization

/// Asks a server to drop what a session of ours runs (libpq manual, "Canceling Queries in Progress").
///
/// `PQcancel` connects and waits for the end of that connection without any limit of time, so it has a thread of its own, which is
/// left to itself when the server is silent.
final class CancelRequest: Sendable {
    /// Made here, used by the thread, freed by the last of the two that lets go.
    private nonisolated(unsafe) let request: OpaquePointer
    private let isSent = Atomic(false)

    /// `nil` when there is no connection that anything could run on.
    init?(_ handle: OpaquePointer) {
        guard let request = PQgetCancel(handle) else { return nil }
        self.request = request
    }

    deinit { PQfreeCancel(request) }

    /// Sends it; false when the server has not taken it within the limit.
    func send(limitSeconds: Int) -> Bool {
        // Signals are for the thread that waits.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let shared = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let request = Unmanaged<CancelRequest>.fromOpaque(argument).takeRetainedValue()
                request.sendHere()
                return nil
            },
            shared.toOpaque()
        )
        guard code == 0 else {
            shared.release()
            return false
        }
        pthread_detach(thread)
        for _ in 0..<limitSeconds * 200 where !isSent.load(ordering: .acquiring) { usleep(5000) }
        return isSent.load(ordering: .acquiring)
    }

    private func sendHere() {
        var text = [CChar](repeating: 0, count: 256)
        // Whether it came in time shows in the answer to the statement.
        _ = PQcancel(request, &text, Int32(text.count))
        isSent.store(true, ordering: .releasing)
    }
}
