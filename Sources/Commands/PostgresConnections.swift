import Catalog
import Console
import Postgres
import Settings
import Upkeep

extension Context {
    /// The PostgreSQL server behind a home; nil when there is none to talk to: inactive, passive or not configured.
    ///
    /// With `evenIfInactive`, an inactive server is talked to as well.
    func postgres(of home: ServerHome, evenIfInactive: Bool = false) -> PostgresServer? {
        // A connection that the configuration of the server rules out is not tried.
        guard !home.settings.messages.contains(where: { $0.hasPrefix("PostgreSQL connection: ") }) else { return nil }
        let isWoken = evenIfInactive && !home.settings.isActive
        let settings = isWoken ? home.settings.overriding([.active: .boolean(true)]) : home.settings
        return PostgresServer(settings: settings, reporter: console)
    }
}
