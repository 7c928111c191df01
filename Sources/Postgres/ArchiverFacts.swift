public import Notation
import Synchronization

/// How the server ships WAL with `archive_command`, and how that goes.
///
/// What could not be learnt is `nil`.
public struct ArchiverFacts: Sendable {
    /// `off`, `on` or `always`.
    public internal(set) var archiveMode: String?
    /// The command, or `(disabled)`.
    public internal(set) var archiveCommand: String?
    /// How the archiver process fares; `nil` without a connection.
    public internal(set) var statistics: Statistics?

    /// Facts of a server that nobody could ask.
    public init() {}

    /// A row of `pg_stat_archiver`.
    public struct Statistics: Sendable {
        /// WAL files shipped.
        public let archivedCount: Int64
        /// The last file shipped, and when.
        public let lastArchivedWAL: String?
        /// When the last file was shipped.
        public let lastArchivedTime: Timestamp?
        /// Attempts that failed.
        public let failedCount: Int64
        /// The last file that was not shipped.
        public let lastFailedWAL: String?
        /// When that was.
        public let lastFailedTime: Timestamp?
        /// Since when all this is counted.
        public let statisticsReset: Timestamp?
        /// True when archiving is on and the last attempt was a success; unknown when every attempt has failed so far.
        public let isArchiving: Bool?
        /// The rate since the reset, a decimal number as the server writes it.
        public let archivedPerSecond: String?
    }
}

extension PostgresServer {
    /// How the server archives; asked once, then remembered.
    ///
    /// Everything is `nil` without a connection.
    public func archiverFacts() -> ArchiverFacts {
        if let known = memory.withLock({ $0.archiverFacts }) { return known }
        var facts = ArchiverFacts()
        do throws(PostgresError) {
            let rows = try rows(Self.archiverQuestion)
            facts.archiveMode = rows["archive_mode"]
            facts.archiveCommand = rows["archive_command"]
            facts.statistics = ArchiverFacts.Statistics(rows)
        } catch {
            // What is unknown stays `nil`; why is told by the general facts, which ask the same server.
        }
        let gathered = facts
        memory.withLock { $0.archiverFacts = gathered }
        return gathered
    }

    /// A failed history file older than what was shipped since does not count: PostgreSQL went on without it.
    private static var archiverQuestion: String {
        """
        SELECT current_setting('archive_mode') AS archive_mode, current_setting('archive_command') AS archive_command,
          stat.*, current_setting('archive_mode') <> 'off' AND (last_failed_wal IS NULL
            OR last_failed_time <= last_archived_time
            OR (last_failed_wal LIKE '%.history' AND left(last_failed_wal, 8) <= left(last_archived_wal, 8)))
            AS is_archiving,
          archived_count::numeric / NULLIF(extract(epoch FROM age(now(), stats_reset))::numeric, 0) AS rate
        FROM pg_stat_archiver AS stat
        """
    }
}

extension ArchiverFacts.Statistics {
    /// Takes the row of an answer.
    init?(_ rows: PostgresRows) {
        guard let archivedCount = rows["archived_count"].flatMap({ Int64($0) }),
            let failedCount = rows["failed_count"].flatMap({ Int64($0) })
        else { return nil }
        func time(_ column: String) -> Timestamp? { rows[column].flatMap { Timestamp(catalogText: $0) } }
        self.init(
            archivedCount: archivedCount,
            lastArchivedWAL: rows["last_archived_wal"],
            lastArchivedTime: time("last_archived_time"),
            failedCount: failedCount,
            lastFailedWAL: rows["last_failed_wal"],
            lastFailedTime: time("last_failed_time"),
            statisticsReset: time("stats_reset"),
            isArchiving: rows.flag("is_archiving"),
            archivedPerSecond: rows["rate"]
        )
    }
}
