import TestWorld

/// A home with a backup of every kind and state, written by hand.
struct CatalogOfAllKinds {
    let host: BarmanHost

    init(_ world: World) throws {
        host = try world.barmanHost(as: .me)
        try host.addServer(
            "pg",
            [
                "description": "Main PG", "archiver": "on", "backup_method": "postgres",
                "conninfo": "host=/nonexistent user=barman dbname=postgres password=s3cret",
                "streaming_conninfo": "host=/nonexistent user=barman",
            ]
        )
        try host.addServer(
            "redundant",
            [
                "backup_method": "rsync", "archiver": "on", "ssh_command": "false", "conninfo": "host=/nonexistent",
                "retention_policy": "REDUNDANCY 2", "minimum_redundancy": "1",
            ]
        )
        try host.addServer(
            "window",
            [
                "active": "false", "backup_method": "rsync", "ssh_command": "false", "conninfo": "host=/nonexistent",
                "retention_policy": "RECOVERY WINDOW OF 7 DAYS", "minimum_redundancy": "3",
            ]
        )
        try host.addServer(
            "passive",
            ["primary_ssh_command": "false", "archiver": "on", "conninfo": "host=/nonexistent"]
        )
        try host.addServer("damaged", ["active": "off", "ssh_command": "false", "conninfo": "host=/nonexistent"])
        try host.addServer("broken", ["description": "No way in", "archiver": "on", "backup_method": "rsync"])
        try writeMain()
        try writePolicies()
        try writeDamaged()
    }

    // MARK: Servers

    private func writeMain() throws {
        try backup("pg", "20240101T100000", 2, ["backup_name": "first one", "children_backup_ids": "20240102T100000"])
        try backup(
            "pg",
            "20240102T100000",
            5,
            ["parent_backup_id": "20240101T100000", "deduplicated_size": "5033164", "size": "5033164"]
        )
        try backup(
            "pg",
            "20240103T100000",
            8,
            [
                "mode": "rsync-concurrent", "deduplicated_size": "1000000", "size": "30000000",
                "tablespaces": "[('ts1', 16387, '/srv/ts1'), ('a long tablespace name here', 16388, '/srv/ts 2')]",
                "copy_stats": "{'total_time': 80.2, 'number_of_workers': 4, 'analysis_time': 1.7, 'copy_time': 75.1}",
                "summarize_wal": "None", "data_checksums": "None",
            ]
        )
        try unfinished("pg", "20240104T100000", "FAILED", ["error": "failure copying files (it's bad)"])
        try backup(
            "pg",
            "20240105T100000",
            12,
            [
                "status": "WAITING_FOR_WALS", "end_wal": segment(20), "end_xlog": "0/14000130", "compression": "gzip",
                "encryption": "gpg", "copy_stats": "None", "cluster_size": "None",
            ]
        )
        try unfinished("pg", "20240107T100000", "STARTED", ["data_checksums": "None", "summarize_wal": "None"])
        try unfinished("pg", "20240108T100000", "EMPTY", ["systemid": "None"])
        try unfinished("pg", "20240109T100000", "SYNCING", [:])
        try backup(
            "pg",
            "20240110T100000",
            22,
            [
                "mode": "rsync-concurrent", "end_time": "2024-01-10 12:00:05.654321+02:00", "size": "0",
                "deduplicated_size": "0",
            ]
        )
        try backup(
            "pg",
            "20240111T100000",
            23,
            ["mode": "local-rsync", "compression": "none", "copy_stats": "{'copy_time': 0.0, 'total_time': 0.0}"]
        )
        let segments = (1...23).filter { $0 != 10 }.map { line(segment($0), 4_000_000 + $0, at: $0) }
        try walList(
            "pg",
            [line("00000002.history", 42, at: 0)] + segments + [
                line(segment(22) + ".00000028.backup", 300, at: 24), line("00000003.history", 80, at: 25),
                line(segment(24, timeline: 2), 16_777_216, at: 26),
            ]
        )
        try host.world.write("1\t0/17000200\treason\n", to: "\(host.home)/pg/wals/00000002.history")
        try host.world.write(
            "# comment\n\n1\t0/17000200\treason\n2\t0/18000000\tx\n",
            to: "\(host.home)/pg/wals/00000003.history"
        )
        try annotate("pg", "20240101T100000", "full")
    }

    private func writePolicies() throws {
        for server in ["redundant", "window"] {
            for day in 1...5 {
                let end = "2024-01-0\(day) 10:00:05+00:00"
                try backup(server, "2024010\(day)T100000", day * 3, ["mode": "rsync-concurrent", "end_time": end])
            }
            try walList(server, (1...23).map { line(segment($0), 4_000_000 + $0, at: $0) })
            try annotate(server, "20240102T100000", "standalone")
        }
        try annotate("window", "20240105T100000", "full")
        try unfinished("window", "20240106T100000", "FAILED", ["mode": "rsync-concurrent"])
        try backup("passive", "20240101T100000", 2, ["mode": "rsync-concurrent"])
        try walList("passive", [])
    }

    private func writeDamaged() throws {
        try backup("damaged", "20240101T100000", 2, ["mode": "rsync-concurrent"])
        try walList("damaged", (1...3).map { line(segment($0), 1, at: $0) } + ["nonsense\t1\t1.0\tNone\tNone\n"])
    }

    // MARK: Parts

    private func segment(_ number: Int, timeline: Int = 1) -> String {
        func padded(_ value: Int) -> String {
            let digits = String(value, radix: 16, uppercase: true)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        return padded(timeline) + "00000000" + padded(number)
    }

    private func line(_ name: String, _ size: Int, at place: Int) -> String {
        "\(name)\t\(size)\t\(1_704_103_200 + place * 100).25\tgzip\tNone\n"
    }

    private func unfinished(_ server: String, _ id: String, _ status: String, _ changes: [String: String]) throws {
        var values = ["status": status]
        for key in ["begin_time", "begin_wal", "begin_xlog", "end_time", "end_wal", "end_xlog", "timeline", "version"] {
            values[key] = "None"
        }
        try backup(server, id, 1, values.merging(changes) { $1 })
    }

    private func backup(_ server: String, _ id: String, _ number: Int, _ changes: [String: String]) throws {
        let log = String(number, radix: 16, uppercase: true)
        let usual = [
            "backup_label": "None", "begin_offset": "40", "begin_time": "2024-01-01 10:00:00.123456+00:00",
            "begin_wal": segment(number), "begin_xlog": "0/\(log)000028", "children_backup_ids": "None",
            "cluster_size": "31037849", "compression": "None", "config_file": "/pg/data/postgresql.conf",
            "copy_stats": "{'copy_time': 3.5, 'total_time': 3.5}", "data_checksums": "on",
            "deduplicated_size": "29989888", "encryption": "None", "end_offset": "304",
            "end_time": "2024-01-01 10:00:05.654321+00:00", "end_wal": segment(number),
            "end_xlog": "0/\(log)000130", "error": "None", "hba_file": "/pg/data/pg_hba.conf",
            "ident_file": "/pg/data/pg_ident.conf", "included_files": "None", "mode": "postgres",
            "parent_backup_id": "None", "pgdata": "/pg/data", "server_name": server, "size": "29989888",
            "status": "DONE", "summarize_wal": "on", "systemid": "7300000000000000001", "tablespaces": "None",
            "timeline": "1", "version": "170002", "xlog_segment_size": "16777216",
        ]
        let values = usual.merging(changes) { $1 }
        let text = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
        try write(text, to: "\(server)/meta/\(id)-backup.info")
        for name in ["PG_VERSION", "base/1/1259", "backup_label"] {
            try write("x", to: "\(server)/base/\(id)/data/\(name)")
        }
    }

    /// A list of archived files, and the segments among them.
    private func walList(_ server: String, _ lines: [String]) throws {
        for name in lines.compactMap({ $0.split(separator: "\t").first }) where name.utf8.count == 24 {
            try write("x", to: "\(server)/wals/\(name.prefix(16))/\(name)")
        }
        try write(lines.joined(), to: "\(server)/wals/\(server)-xlog.db")
    }

    private func annotate(_ server: String, _ id: String, _ target: String) throws {
        try write(target, to: "\(server)/meta/\(id)-keep")
    }

    private func write(_ text: String, to name: String) throws {
        let path = "\(host.home)/\(name)"
        if let slash = path.lastIndex(of: "/") {
            try host.world.run(["mkdir", "-p", String(path[..<slash])]).orThrow()
        }
        try host.world.write(text, to: path)
    }
}
