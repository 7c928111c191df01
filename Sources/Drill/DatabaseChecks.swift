import Failure
import Files
import Pipeline
import Postgres
import Processes

/// The checks of a restored server: every database connects, every table and every B-tree is sound.
struct DatabaseChecks {
    let server: DrillServer
    let workerCount: Int

    /// One table or index to look at.
    private struct Relation: Sendable {
        let name: String
        let question: String
    }

    /// A session that a thread keeps; `nil` when it could not be opened again after it was lost.
    private final class Connection {
        var session: PostgresSession?
    }

    /// Looks at everything; what is wrong goes into `record`.
    func run(_ record: inout DrillRecord) throws {
        let databases: [String]
        do throws(PostgresError) {
            let session = try server.connect(to: "template1")
            databases = try session.rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname").values
                .compactMap { $0.first ?? nil }
        } catch {
            record.defects.append("the databases cannot be listed: \(error)")
            return
        }
        for database in databases {
            try SignalWatch.check()
            record.counts.databases += 1
            try check(database, &record)
        }
    }

    private func check(_ database: String, _ record: inout DrillRecord) throws {
        let tables: [Relation]
        let indexes: [Relation]
        do throws(PostgresError) {
            let session = try server.connect(to: database)
            let schema = try Self.amcheck(session)
            if schema == nil { record.counts.databasesWithoutAmcheck += 1 }
            tables = try Self.tables(session, schema)
            if let schema { indexes = try Self.indexes(session, schema) } else { indexes = [] }
        } catch {
            record.defects.append("database '\(database)': \(error)")
            return
        }
        record.counts.tables += tables.count
        record.counts.indexes += indexes.count
        var defects: [String] = []
        try Workers.map(
            tables + indexes,
            count: workerCount,
            window: 256,
            check: { try SignalWatch.check() },
            makeState: { Connection() },
            body: { (connection: inout Connection, relation: Relation) -> String? in
                defect(of: relation, in: database, connection)
            },
            inOrder: { _, defect in
                if let defect { defects.append("database '\(database)': \(defect)") }
            }
        )
        record.defects += defects
    }

    private func defect(of relation: Relation, in database: String, _ connection: Connection) -> String? {
        do throws(PostgresError) {
            if connection.session == nil {
                connection.session = try server.connect(to: database)
                // Each page is to be read, not found in an index.
                _ = try connection.session?.rows(
                    "SET enable_indexonlyscan = off; SET max_parallel_workers_per_gather = 0"
                )
            }
            guard let found = try connection.session?.rows(relation.question).first, !found.isEmpty else { return nil }
            return "\(relation.name): \(found)"
        } catch {
            if error.isConnectionTrouble { connection.session = nil }
            return "\(relation.name): \(error)"
        }
    }

    // MARK: Questions

    /// The schema of the extension, which is made in the copy when it is not there; `nil` when it cannot be had.
    private static func amcheck(_ session: borrowing PostgresSession) throws(PostgresError) -> String? {
        let known =
            "SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace "
            + "WHERE extname = 'amcheck'"
        if let schema = try session.rows(known).first { return schema }
        let isThere = "SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"
        guard try session.rows(isThere).first != nil else { return nil }
        _ = try session.rows("CREATE SCHEMA barman_drill; CREATE EXTENSION amcheck SCHEMA barman_drill")
        return "barman_drill"
    }

    private static func tables(
        _ session: borrowing PostgresSession,
        _ schema: String?
    ) throws(PostgresError) -> [Relation] {
        // verify_heapam came with 14.
        let canVerify = schema != nil && session.serverVersionNumber >= 140_000
        let rows = try session.rows(
            """
            SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_am a ON a.oid = c.relam
            WHERE relkind IN ('r', 'm', 't') AND relpersistence = 'p' AND coalesce(amname, 'heap') = 'heap'
            ORDER BY relpages DESC, c.oid
            """
        )
        return rows.values.compactMap { row in
            guard row.count == 2, let oid = row[0], let name = row[1] else { return nil }
            let question =
                canVerify
                ? """
                SELECT 'block ' || blkno || coalesce(', row ' || offnum, '') || ': ' || msg
                FROM \(schema ?? "").verify_heapam(\(oid)::regclass, on_error_stop => true) LIMIT 1
                """ : "SELECT '' FROM (SELECT count(t.*) FROM \(name) t) AS read"
            return Relation(name: "table \(name)", question: question)
        }
    }

    private static func indexes(
        _ session: borrowing PostgresSession,
        _ schema: String
    ) throws(PostgresError) -> [Relation] {
        let rows = try session.rows(
            """
            SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname)
            FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_namespace n ON n.oid = relnamespace
            JOIN pg_am a ON a.oid = relam
            WHERE amname = 'btree' AND relkind = 'i' AND relpersistence = 'p' AND indisvalid AND indisready
            ORDER BY relpages DESC, c.oid
            """
        )
        return rows.values.compactMap { row in
            guard row.count == 2, let oid = row[0], let name = row[1] else { return nil }
            return Relation(
                name: "index \(name)",
                question: "SELECT '' FROM (SELECT \(schema).bt_index_check(\(oid)::regclass, true)) AS checked"
            )
        }
    }
}
