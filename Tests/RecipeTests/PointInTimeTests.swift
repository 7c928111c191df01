import TestWorld
import Testing

/// A point in time that a restore can be asked for, and what must be there then.
private struct Target {
    let name: String
    let options: [String]
    let rows: Int
    /// Whether recovery stops in the first of the segments after the backup: only that one is copied.
    var isEarly = false
}

/// Point-in-time recovery: known transactions, each kind of target, exactly the rows committed by then.
@Suite struct PointInTimeTests {
    @Test(arguments: [15, 17, 18])
    func `every kind of target brings back exactly its rows, here and on another host`(version: Int) throws {
        try World.with { world in
            let hosts = try world.sshHosts(["angus": .postgres])
            try world.makeKey(of: .postgres)
            try hosts[0].authorize(.postgres)
            let site = try Site.local(in: world, version: version)
            let tablespace = try world.makeDirectory("fast", as: .postgres)
            try site.cluster.sql("CREATE TABLESPACE fast LOCATION '\(tablespace)'")
            try site.createLedger(rows: 100, tablespace: "fast")
            _ = try site.backup()
            let targets = try makeHistory(site)
            // The source server is what was lost: nothing may depend on it.
            try site.cluster.stop(mode: "immediate")
            let newest = try #require(site.host.archivedWAL("pg").last { $0.count == 24 })

            for target in targets {
                for place in ["here", "there"] {
                    let destination = world.path("\(place)-\(target.name)")
                    try world.makeDirectory("\(place)-\(target.name)-spaces", as: .postgres)
                    let moved = "\(destination)-spaces/fast"
                    var words = ["restore", "--tablespace", "fast:\(moved)"] + target.options
                    if place == "there" { words += ["--remote-ssh-command", "ssh postgres@angus"] }
                    // The destination's parent belongs to the restoring user.
                    try world.makeDirectory("\(place)-\(target.name)", as: .postgres)
                    let outcome = try site.host.barman(words + ["pg", "latest", destination])
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(outcome.out.contains("Your PostgreSQL server has been successfully prepared for recovery!"))
                    let names = world.names(in: "\(destination)/barman_wal") + world.names(in: "\(destination)/pg_wal")
                    #expect(names.contains(newest) != target.isEarly, "\(target.name): \(names)")
                    let answer = try site.answer(
                        """
                        SELECT count(*), max(id), (SELECT pg_tablespace_location(oid) FROM pg_tablespace
                        WHERE spcname = 'fast') FROM ledger
                        """,
                        in: destination
                    )
                    #expect(answer == "\(target.rows)|\(target.rows)|\(moved)", "\(target.name) \(place)")
                }
            }
        }
    }

    /// Six transactions of ten rows, with what is needed to name the moment after each.
    private func makeHistory(_ site: Site) throws -> [Target] {
        func step(_ rows: Int) throws -> String {
            Shell.sleep(milliseconds: 30)
            let xid = try site.cluster.sql(
                """
                BEGIN;
                INSERT INTO ledger SELECT i, md5(i::text) FROM generate_series(\(rows - 9), \(rows)) i;
                SELECT pg_current_xact_id();
                COMMIT;
                """
            )
            Shell.sleep(milliseconds: 30)
            return xid
        }
        _ = try step(110)
        _ = try step(120)
        let time = try site.cluster.sql("SELECT clock_timestamp()")
        let xid = try step(130)
        try site.switchWAL()
        _ = try step(140)
        let lsn = try site.cluster.sql("SELECT pg_current_wal_insert_lsn()")
        _ = try step(150)
        try site.cluster.sql("SELECT pg_create_restore_point('before the accident')")
        _ = try step(160)
        try site.archiveEverything()

        let promote = ["--target-action", "promote"]
        return [
            Target(name: "time", options: ["--target-time", time] + promote, rows: 120, isEarly: true),
            Target(name: "xid", options: ["--target-xid", xid] + promote, rows: 130, isEarly: true),
            Target(
                name: "xid-exclusive",
                options: ["--target-xid", xid, "--exclusive"] + promote,
                rows: 120,
                isEarly: true
            ),
            Target(name: "lsn", options: ["--target-lsn", lsn] + promote, rows: 140),
            Target(name: "name", options: ["--target-name", "before the accident"] + promote, rows: 150),
            Target(name: "immediate", options: ["--target-immediate"] + promote, rows: 100, isEarly: true),
            Target(name: "latest", options: [], rows: 160),
        ]
    }
}
