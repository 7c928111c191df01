import Catalog
import Console
import Postgres
import Settings
import Upkeep

extension Context {
    /// The PostgreSQL server behind a home; nil when there is none to talk to: inactive, passive or not configured.
    func postgres(of home: ServerHome) -> PostgresServer? {
        // A connection that the configuration of the server rules out is not tried.
        guard !home.settings.messages.contains(where: { $0.hasPrefix("PostgreSQL connection: ") }) else { return nil }
        return PostgresServer(settings: home.settings, reporter: console)
    }
}
