public import Failure
import Files
public import Postgres
public import Settings

extension PostgresServer {
    /// Describes the server that settings name; `nil` when barman has no connection to it: inactive, passive, or without
    /// a usable connection string.
    ///
    /// Connects only when there is a `primary_conninfo`: it counts as long as the server is a standby or cannot be asked.
    public convenience init?(
        settings: ServerSettings,
        reporter: any Reporter,
        isInterrupted: (@Sendable () -> Bool)? = nil
    ) {
        let isInterrupted = isInterrupted ?? { Interruption.isRequested }
        guard settings.isActive, !settings.isPassive, let main = ConnectionString(settings.conninfo) else { return nil }
        let isStreaming = settings.backupMethod == .postgres || settings.streamingArchiver
        let streaming = isStreaming ? ConnectionString(settings.streamingConninfo) : nil
        var primary = ConnectionString(settings.primaryConninfo)
        // A server whose primary is not named properly is disabled, and not asked.
        guard primary != nil || settings.primaryConninfo == nil else { return nil }
        if primary != nil, Self.isPrimary(main, isInterrupted) {
            reporter.warning(
                "'primary_conninfo' is set but 'conninfo' does not point to a standby server. "
                    + "Ignoring 'primary_conninfo'."
            )
            primary = nil
        }
        self.init(
            conninfo: main,
            streamingConninfo: streaming,
            primaryConninfo: primary,
            slotName: settings.slotName,
            isInterrupted: isInterrupted
        )
    }

    /// The server that WAL is received from, when it has connection strings of its own; `nil` otherwise.
    convenience init?(walSettings settings: ServerSettings, isInterrupted: @escaping @Sendable () -> Bool) {
        let resolved = settings.forWALStreaming()
        guard resolved.announcement != nil, settings.isActive, !settings.isPassive,
            let main = ConnectionString(resolved.settings.conninfo)
        else { return nil }
        self.init(
            conninfo: main,
            streamingConninfo: ConnectionString(resolved.settings.streamingConninfo),
            slotName: settings.slotName,
            isInterrupted: isInterrupted
        )
    }

    /// True when the server is known to be no standby.
    private static func isPrimary(_ conninfo: ConnectionString, _ isInterrupted: @escaping @Sendable () -> Bool) -> Bool
    {
        let server = PostgresServer(conninfo: conninfo, isInterrupted: isInterrupted)
        do {
            return try !server.isInRecovery()
        } catch {
            return false
        }
    }
}

extension ConnectionString {
    /// The connection string in a setting; `nil` when there is none or it cannot be understood, which disables a server.
    init?(_ secret: Secret?) {
        guard let secret else { return nil }
        do {
            try self.init(secret.exposed)
        } catch {
            return nil
        }
    }
}
