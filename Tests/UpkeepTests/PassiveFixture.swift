import Catalog
import SystemPackage
import TestHomes
import TestWorld

@testable import Upkeep

/// A passive server `pg`, and its primary as a directory that a stand-in for ssh leads to.
struct PassiveFixture {
    let world: World
    let home: ServerHome
    static let ids = ["20260301T000000", "20260302T000000"]

    /// Runs a test with two backups, the second incremental, and ten segments on the primary; nothing here.
    static func with(_ options: String = "", _ body: (PassiveFixture) throws -> Void) throws {
        try World.with { world in
            let (_, home) = try world.configureHome(
                "primary_ssh_command = '\(world.path("fake ssh"))' primary\n\(options)"
            )
            try world.write(
                """
                #!/bin/sh
                shift
                while [ "$1" = -o ]; do shift 2; done
                PATH=\(world.path("bin")):$PATH
                exec sh -c "$*"

                """,
                to: "fake ssh",
                mode: 0o755
            )
            try world.write(
                // Who says how far they are is told what is new.
                """
                #!/bin/sh
                echo "$*" >> \(world.path("asked"))
                [ $# = 2 ] || exec cat \(world.path("news"))
                cat \(world.path("answer"))

                """,
                to: "bin/barman",
                mode: 0o755
            )
            let fixture = PassiveFixture(world: world, home: home)
            try fixture.makePrimary()
            try body(fixture)
        }
    }

    private func makePrimary() throws {
        for id in Self.ids {
            for (name, text) in files(of: id) { try write(text, to: "primary/base/\(id)/\(name)") }
            // Each node has its own link, or none.
            try world.makeDirectory("primary/base/\(id)/data/pg_tblspc")
            try world.run(["ln", "-s", "/nowhere", world.path("primary/base/\(id)/data/pg_tblspc/16384")]).orThrow()
        }
        for number in UInt32(1)...10 {
            let name = UpkeepFixture.segment(number)
            try write("wal \(number)", to: "primary/wals/\(name.prefix(16))/\(name)")
        }
        try write("history", to: "primary/wals/00000002.history")
        try world.write(answer(), to: "answer")
        try world.write(answer(tellingAfter: "1"), to: "news")
    }

    /// The list of WAL on the primary.
    static let wals = (UInt32(1)...10).map { UpkeepFixture.segment($0) } + ["00000002.history"]

    /// The files of a backup on the primary that are copied.
    func files(of id: String) -> [String: String] {
        [
            "data/PG_VERSION": "17\n", "data/base/1/1259": "table of \(id)", "data/global/pg_control": "control",
            "16384/PG_17_202406281/5/16390": "in a tablespace", "data/odd \\#012 name": "\u{1}",
        ]
    }

    func write(_ text: String, to name: String) throws {
        var directory = world.root
        for component in name.split(separator: "/").dropLast() {
            directory += "/\(component)"
            try Shell.makeDirectory(directory)
        }
        try world.write(text, to: name)
    }

    /// What `sync-info` on the primary says, in the words of release 3.19.1: all WAL of a list, or what is behind a name in it and greater.
    func answer(
        list: [String] = Self.wals,
        tellingAfter name: String = "",
        ids: [String] = Self.ids,
        compression: String = "null"
    ) -> String {
        let behind = list.firstIndex(of: name).map { list[($0 + 1)...] } ?? list[...]
        let wals = behind.filter { $0 > name }.map { name in
            #"{"compression": null, "encryption": null, "name": "\#(name)", "#
                + #""size": \#(Self.sizeBytes(name)), "time": \#(Self.time(name))}"#
        }
        let position = list.dropLast().reduce(0) { $0 + Self.line(of: $1).utf8.count + 1 }
        let records = ids.map { "\"\($0)\": \(record($0))" }.joined(separator: ",\n        ")
        return """
            {
                "last_position": \(position),
                "last_name": "\(list.last ?? "")",
                "backups": {
                    \(records)
                },
                "wals": [
                    \(wals.joined(separator: ",\n        "))
                ],
                "version": "3.19.1",
                "config": {
                    "basebackups_directory": "\(world.path("primary/base"))",
                    "compression": \(compression),
                    "wals_directory": "\(world.path("primary/wals"))",
                    "name": "pg"
                }
            }
            """
    }

    /// The line of a file of WAL in a list.
    static func line(of name: String) -> String { "\(name)\t\(sizeBytes(name))\t\(time(name))\tNone\tNone" }

    private static func sizeBytes(_ name: String) -> Int {
        guard let number = name.count == 24 ? UInt32(name.suffix(8), radix: 16) : nil else { return 7 }
        return "wal \(number)".utf8.count
    }

    private static func time(_ name: String) -> String { name.count == 24 ? "1767225600.25" : "1767225700.0" }

    private func record(_ id: String) -> String {
        let isChild = id != Self.ids[0]
        let begin = UpkeepFixture.segment(isChild ? 5 : 1)
        return """
            {"backup_label": "'START WAL LOCATION: 0/1000028 (file \(begin))\\\\nLABEL: it\\\\'s one\\\\n'",
            "begin_offset": 40, "begin_time": "Sun Mar  1 00:00:00 2026", "begin_wal": "\(begin)", "begin_xlog": "0/1000028",
            "children_backup_ids": \(isChild ? "null" : "\"\(Self.ids[1])\""), "cluster_size": 1000, "compression": null,
            "copy_stats": {"total_time": 1.5, "number_of_workers": 1}, "deduplicated_size": 10, "error": null,
            "end_time": "Sun Mar  1 00:01:00 2026", "end_wal": "\(begin)", "included_files": ["/a b"], "mode": "rsync-concurrent",
            "parent_backup_id": \(isChild ? "\"\(Self.ids[0])\"" : "null"), "pgdata": "/pg", "server_name": "elsewhere",
            "size": \(files(of: id).values.reduce(0) { $0 + $1.utf8.count }), "status": "DONE", "systemid": "7456012345678901234",
            "tablespaces": [["fast", 16384, "/ssd"]], "timeline": 1, "version": 170004, "xlog_segment_size": 16777216,
            "of_a_later_release": [1], "backup_id": "\(id)", "begin_time_iso": "2026-03-01T02:00:00.250000+02:00",
            "end_time_iso": "2026-03-01T00:01:00+00:00"}
            """
    }

    // MARK: What is done, and what is there

    @discardableResult
    func ask(_ recorder: Recorder = Recorder()) throws -> Recorder {
        _ = try PrimaryNode(of: home, reporter: recorder).ask()
        return recorder
    }

    @discardableResult
    func syncBackup(_ id: String, _ recorder: Recorder = Recorder()) throws -> Recorder {
        try BackupSync(home: home, reporter: recorder).run(id)
        return recorder
    }

    @discardableResult
    func syncWALs(_ recorder: Recorder = Recorder()) throws -> Recorder {
        try WALSync(home: home, reporter: recorder).run()
        return recorder
    }

    var catalog: BackupCatalog {
        get throws { try BackupCatalog.load(home) }
    }

    /// The lines of the list of WAL.
    var lines: [String] {
        get throws {
            let path = home.xlogDatabasePath.string
            return world.exists(path) ? try world.read(path).split(separator: "\n").map(String.init) : []
        }
    }

    /// Whether all files of a backup are here as they are on the primary, and nothing else.
    func isWhole(_ id: String) throws -> Bool {
        let directory = home.backupDirectory(of: id).string
        let found = try world.shell("cd '\(directory)' && find . -type f | sort").out
        let expected = files(of: id).keys.map { "./\($0)\n" }.sorted().joined()
        guard found == expected, !world.exists("\(directory)/data/pg_tblspc/16384") else { return false }
        return try files(of: id).allSatisfy { try world.read("\(directory)/\($0)") == $1 }
    }

    /// What is wrong with the archive: lines without their file, or listed twice.
    func archiveProblems() throws -> [String] {
        var problems: [String] = []
        var seen: Set<String> = []
        for line in try lines {
            let fields = line.split(separator: "\t").map(String.init)
            if !seen.insert(fields[0]).inserted { problems.append("\(fields[0]) is listed twice") }
            guard let path = home.archivedPath(of: fields[0])?.string, world.exists(path) else {
                problems.append("\(fields[0]) is not there")
                continue
            }
            let content = try world.read(path)
            if String(content.utf8.count) != fields[1] { problems.append("\(fields[0]) has not its size") }
        }
        return problems
    }
}
