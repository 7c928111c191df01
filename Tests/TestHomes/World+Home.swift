public import Catalog
import Failure
public import Settings
public import TestWorld

extension World {
    /// Writes the configuration of one server `pg` with a home in this world, and reads it as the program does.
    ///
    /// The server cannot be reached. `options` are further lines of its section.
    public func configureHome(_ options: String = "") throws -> (configuration: Configuration, home: ServerHome) {
        if !exists("home") { try makeDirectory("home") }
        try write(
            """
            [barman]
            barman_home = \(path("home"))
            barman_user = nobody
            [pg]
            backup_method = rsync
            ssh_command = false
            conninfo = host=127.0.0.1 port=1 user=barman
            streaming_conninfo = host=127.0.0.1 port=1 user=barman
            archiver = on
            backup_options = concurrent_backup
            \(options)
            """,
            to: "barman.conf"
        )
        let configuration = try Configuration.load(
            explicitPath: path("barman.conf"),
            environment: [:],
            reporter: SilentReporter()
        )
        guard let settings = try configuration.servers(reporter: SilentReporter())["pg"] else {
            throw Failure("no server pg")
        }
        return (configuration, ServerHome(settings: settings, global: configuration.global))
    }
}
