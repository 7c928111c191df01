/// What an rsync run takes and leaves out.
public struct RsyncFilter: Sendable, Equatable {
    /// Patterns taken although a later one leaves them out.
    public var included: [String] = []
    /// Patterns left out, and removed from the destination.
    public var excluded: [String] = []
    /// Patterns left out, and left alone in the destination.
    public var protected: [String] = []

    /// Makes a filter.
    public init(included: [String] = [], excluded: [String] = [], protected: [String] = []) {
        self.included = included
        self.excluded = excluded
        self.protected = protected
    }

    /// What is never copied from a PostgreSQL data directory itself.
    ///
    /// A manifest there is that of the backup which the directory was made from. What is reached through `pg_tblspc` is copied
    /// as tablespaces; one that is made while files are copied is made anew when its WAL is replayed, and only where nothing is.
    public static let dataDirectoryExclusions = [
        "/pg_log/*", "/log/*", "/pg_xlog/*", "/pg_wal/*", "/global/pg_control", "/backup_manifest",
        "/pg_tblspc/*",
    ]

    /// What is never copied from anywhere in a cluster.
    public static let generalExclusions = [
        "pgsql_tmp*", "postgresql.auto.conf.tmp", "current_logfiles.tmp", "pg_internal.init",
        "postmaster.pid", "postmaster.opts", "recovery.conf", "standby.signal",
        "**/[0-9]*/t[0-9]*_[0-9]*",
        "pg_dynshmem/*", "pg_notify/*", "pg_replslot/*", "pg_serial/*", "pg_stat_tmp/*", "pg_snapshots/*",
        "pg_subtrans/*",
    ]

    /// The filter for PGDATA; `tablespacePaths` are the paths in it where tablespaces live, `/spaces/fast`.
    public static func dataDirectory(tablespacePaths: [String]) -> RsyncFilter {
        RsyncFilter(excluded: dataDirectoryExclusions + generalExclusions, protected: tablespacePaths)
    }

    /// The filter for a tablespace of a server of this major version, `15` or `9.6`.
    public static func tablespace(majorVersion: String) -> RsyncFilter {
        RsyncFilter(included: ["/PG_\(majorVersion)_*"], excluded: ["/*"] + generalExclusions)
    }

    /// The filter as words of the command line.
    public var arguments: [String] {
        included.map { "--include=\($0)" }
            + excluded.map { "--exclude=\($0)" }
            + protected.flatMap { ["--exclude=\($0)", "--filter=P_\($0)"] }
    }
}
