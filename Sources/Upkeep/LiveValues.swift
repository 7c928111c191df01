public import Postgres
public import Settings

/// The lines of `show-servers` that do not come from the configuration.
public enum LiveValues {
    /// Asks the server and the client programs; nothing for an inactive or passive server.
    ///
    /// `server` is `nil` when there is no usable connection string.
    public static func of(
        _ settings: ServerSettings,
        server: PostgresServer?,
        environment: [String: String]
    ) -> [LiveValue] {
        guard settings.isActive, !settings.isPassive else { return [] }
        var lines =
            server?.liveValues(withFileArchiver: settings.archiver)
            ?? (settings.archiver ? ArchiverFacts().liveValues : [])
        if settings.streamingArchiver {
            lines += ReceiverFacts(settings, server, environment: environment).liveValues
        }
        if settings.backupMethod == .postgres {
            lines += BaseBackupFacts(settings, server, environment: environment).liveValues
        }
        return lines
    }
}
