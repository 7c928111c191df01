import Catalog
import Console
import Failure
import Files
import Postgres
import Settings

extension Context {
    /// The PostgreSQL server behind a home; nil when there is none to talk to: inactive, passive or not configured.
    ///
    /// A connection that the configuration of the server rules out is not tried.
    func postgres(of home: ServerHome) -> PostgresServer? {
        let settings = home.settings
        guard settings.isActive, !settings.isPassive, !isRuledOut("PostgreSQL connection: ", of: settings),
            let conninfo = connectionString(settings.conninfo)
        else { return nil }
        let needsStreaming = settings.backupMethod == .postgres || settings.streamingArchiver
        let canStream = needsStreaming && !isRuledOut("Streaming connection: ", of: settings)
        return PostgresServer(
            conninfo: conninfo,
            streamingConninfo: canStream ? connectionString(settings.streamingConninfo) : nil,
            primaryConninfo: connectionString(settings.primaryConninfo),
            slotName: settings.slotName,
            isInterrupted: { Interruption.isRequested }
        )
    }

    private func isRuledOut(_ connection: String, of settings: ServerSettings) -> Bool {
        settings.messages.contains { $0.hasPrefix(connection) }
    }

    private func connectionString(_ secret: Secret?) -> ConnectionString? {
        guard let secret else { return nil }
        do {
            return try ConnectionString(secret.exposed)
        } catch {
            console.log(.error, "barman.postgres", "Cannot read the connection string '\(secret.exposed)': \(error)")
            return nil
        }
    }
}
