import Files
import Postgres
import Processes

/// Watches over the session of a running backup while something else is done.
final class SessionGuard {
    /// The session is gone, and with it the backup.
    struct Lost: Error, CustomStringConvertible {
        var description: String { "Connection to the Postgres server was lost during the backup." }
    }

    private let postgres: PostgresServer
    private let keepaliveSeconds: Double
    private var lastLook = Interruption.monotonicSeconds
    private var lastKeepalive = Interruption.monotonicSeconds

    /// How often we look whether the other end is still there.
    private static let lookSeconds = 0.5

    /// Sends a sign of life every `keepaliveSeconds`; 0 and less send none.
    init(_ postgres: PostgresServer, keepaliveSeconds: Int64) {
        self.postgres = postgres
        self.keepaliveSeconds = Double(keepaliveSeconds)
    }

    /// To be called several times a second; throws `Lost`, or that the program was asked to end.
    func check() throws {
        try SignalWatch.check()
        let now = Interruption.monotonicSeconds
        if now - lastLook >= Self.lookSeconds {
            lastLook = now
            guard postgres.sessionIsThere() else { throw Lost() }
        }
        if keepaliveSeconds > 0, now - lastKeepalive >= keepaliveSeconds {
            lastKeepalive = now
            do {
                try postgres.keepAlive()
            } catch  where error.isConnectionTrouble {
                throw Lost()
            }
        }
    }
}
