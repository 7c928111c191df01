public import Postgres

/// What an answer of libpq means, in words one can act on.
public enum ConnectionAdvice {
    /// The advice for a connection that was refused with this text.
    ///
    /// `option` is where the connection string stands, `conninfo` for example; `replication` says what kind it is.
    public static func of(
        _ message: String,
        conninfo: ConnectionString?,
        option: String,
        replication: Bool = false
    ) -> CheckAdvice {
        let role = conninfo?["user"] ?? "barman"
        let host = conninfo?["host"] ?? "the server"
        let page = "barman(5), \(option)"
        func advice(_ fixes: String...) -> CheckAdvice { CheckAdvice(message, fixes, page: page) }
        let database = replication ? "replication" : conninfo?["dbname"] ?? "postgres"
        if message.contains("no pg_hba.conf entry") {
            return advice(
                "on \(host), add to pg_hba.conf: \(accessLine(database, role, message))",
                "then on \(host): SELECT pg_reload_conf();"
            )
        }
        if message.contains("no password supplied") || message.contains("fe_sendauth") {
            return advice(
                "put the password into ~/.pgpass of this account (mode 0600): \(host):\(conninfo?["port"] ?? "5432"):*:\(role):PASSWORD",
                "it does not belong into the configuration, where others may read it"
            )
        }
        if message.contains("password authentication failed") {
            return advice(
                "on \(host), as a superuser: \\password \(role)",
                "then correct the line in ~/.pgpass of this account (mode 0600, no \"group or world access\")"
            )
        }
        if message.contains("role ") && message.contains("does not exist") {
            return advice(
                "on \(host), as a superuser: " + BackupRole.creation(of: role, streams: replication),
                "then the grants that 'barman setup' prints"
            )
        }
        if message.contains("database ") && message.contains("does not exist") {
            return advice("correct dbname in \(option): postgres is always there")
        }
        if message.contains("could not translate host name") || message.contains("Name or service not known") {
            return advice("correct host in \(option), or make it known: getent hosts \(host)")
        }
        if message.contains("Connection refused") {
            return advice(
                "start PostgreSQL on \(host), or correct host and port in \(option)",
                "on \(host), in postgresql.conf: listen_addresses = '*' (a restart makes it count)"
            )
        }
        if message.contains("timeout") || message.contains("timed out") || message.contains("No route to host") {
            return advice("let this host reach \(host): a firewall or the network drops the connection")
        }
        if message.contains("No such file or directory") {
            return advice(
                "start PostgreSQL on this host, or say in \(option) where its socket is: host=/var/run/postgresql"
            )
        }
        if message.contains("starting up") || message.contains("in recovery") || message.contains("shutting down") {
            return advice("wait until the server accepts connections; its own log says what it does")
        }
        if message.contains("too many clients") || message.contains("too many connections")
            || message.contains("remaining connection")
        {
            return advice("raise max_connections on \(host), or end connections that nobody uses")
        }
        if message.contains("must be superuser or replication role")
            || message.contains("permission denied to start WAL")
        {
            return advice("on \(host), as a superuser: " + BackupRole.replication(for: role))
        }
        if message.contains("wal_senders") || message.contains("max_wal_senders") {
            return advice("on \(host), in postgresql.conf: max_wal_senders = 10 (a restart makes it count)")
        }
        return advice(
            "try it by hand, as this account: psql -d '\(database == "replication" ? "replication=true" : database)'"
        )
    }

    /// The line that lets us in; the server names the address that it saw.
    private static func accessLine(_ database: String, _ role: String, _ message: String) -> String {
        guard let start = message.firstRange(of: "host \"")?.upperBound else {
            return "host \(database) \(role) ADDRESS_OF_THIS_HOST/32 scram-sha-256"
        }
        let address = message[start...].prefix { $0 != "\"" }
        guard address != "[local]" else { return "local \(database) \(role) peer" }
        return "host \(database) \(role) \(address)/\(address.contains(":") ? 128 : 32) scram-sha-256"
    }
}
