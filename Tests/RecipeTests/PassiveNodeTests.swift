import Glibc
import TestWorld
import Testing

/// A primary node and a passive one over ssh, each of them ours or the oracle's: the same backups and WAL arrive, with the same words.
@Suite(.enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it"))
struct PassiveNodeTests {
    @Test func `our passive node and the oracle's end alike, whoever is the primary`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 17, segmentMegabytes: 1, options: ["reuse_backup": "link"])
            let tablespace = try world.makeDirectory("fast", as: .postgres)
            try site.cluster.sql("CREATE TABLESPACE fast LOCATION '\(tablespace)'")
            try site.createLedger(rows: 1000, tablespace: "fast")
            try makeGates(site)
            let id = try site.backup()
            try site.archiveEverything()
            let nodes = try ["theirs", "ours"].flatMap { primary in
                try ["theirs", "ours"].map { try PassiveNode(site, primary: primary, passive: $0) }
            }
            // With the list of WAL missing the oracle's sync-wals lists everything twice; the rebuild makes it.
            try expectEqualTurns(
                nodes,
                [
                    ["check", "pg"], ["rebuild-xlogdb", "pg"], ["sync-wals", "pg"],
                    ["-q", "sync-info", "--primary", "pg"], ["sync-wals", "pg"],
                    ["sync-backup", "pg", id], ["sync-wals", "pg"], ["cron"],
                ]
            )

            // More backups, of both programs, and WAL after them.
            try site.cluster.sql("INSERT INTO ledger SELECT 5000, 'later' FROM generate_series(1, 100)")
            try site.waitForFreshIdentifier()
            try site.host.oracle(["backup", "pg", "--wait", "--wait-timeout", "60"]).orThrow()
            try site.cluster.sql("INSERT INTO ledger VALUES (6000, 'last')")
            try site.archiveEverything()
            try expectEqualTurns(nodes, [["cron"], ["cron"]])

            let ids = site.host.backupIDs("pg")
            try expectEqualRefusals(nodes, ids)
            // Both programs read ours.
            try nodes[1].expectEqualAnswers(ids)

            // The node is worth something: what it has is restored and starts.
            let node = nodes[1]
            let destination = try world.makeDirectory("restored", as: .postgres)
            let space = try world.makeDirectory("restored-fast", as: .postgres)
            try node.host.barman("restore", "--tablespace", "fast:\(space)/fast", "pg", "latest", destination).orThrow()
            #expect(try site.answer("SELECT count(*) FROM ledger", in: destination) == "1101")
        }
    }

    /// Hosts `ours` and `theirs`: the same account and home, with our program or the oracle's as `barman`.
    private func makeGates(_ site: Site) throws {
        let world = site.world
        _ = try world.program()
        let oracle = Scratch.oracle.split(separator: "/").dropLast().joined(separator: "/")
        let configuration = ["BARMAN_CONFIG_FILE": site.host.configurationFile, "PYTHONWARNINGS": "ignore"]
        let gates = try world.sshHosts(
            ["ours": .postgres, "theirs": .postgres],
            environments: [
                "ours": configuration.merging(["PATH": "\(world.path("bin")):/usr/bin:/bin"]) { $1 },
                "theirs": configuration.merging(["PATH": "/\(oracle):/usr/bin:/bin"]) { $1 },
            ]
        )
        try world.makeKey(of: .postgres)
        for gate in gates { try gate.authorize(.postgres) }
    }

    /// Each command on every node in turn, the same messages everywhere; then the same files.
    private func expectEqualTurns(_ nodes: [PassiveNode], _ commands: [[String]]) throws {
        for words in commands {
            let said = try nodes.map { node in
                let answer = try node.answer(words)
                try node.site.world.quiesce(node.host)
                return answer
            }
            for (node, text) in zip(nodes, said).dropFirst() {
                let isEqual = text == said[0]
                #expect(isEqual, "\(node.name), \(words): \(firstDifference(text, said[0]))")
            }
        }
        let trees = try nodes.map { try $0.tree() }
        #expect(trees[0].contains("-backup.info") && trees[0].contains("status=DONE"), "\(trees[0])")
        for (node, tree) in zip(nodes, trees).dropFirst() {
            let isEqual = tree == trees[0]
            #expect(isEqual, "\(node.name): \(firstDifference(tree, trees[0]))")
        }
        // What a primary of ours tells is what the oracle's does.
        for (left, right) in [(nodes[0], nodes[1]), (nodes[2], nodes[3])] {
            #expect(try left.primaryInfo() == right.primaryInfo())
        }
        let (theirs, ours) = (try nodes[0].primaryInfo(), try nodes[2].primaryInfo())
        #expect(ours == theirs, "\(firstDifference(ours, theirs))")
    }

    private func expectEqualRefusals(_ nodes: [PassiveNode], _ ids: [String]) throws {
        for words in [
            ["sync-backup", "pg", ids[0]], ["sync-backup", "pg", "20200101T000000"], ["sync-backup", "pg", "last"],
            ["sync-backup", "nosuch", ids[0]], ["sync-wals", "nosuch"],
            ["sync-info", "--primary", "pg"],
        ] {
            let answers = try nodes.prefix(2).map { try $0.answer(words) }
            let isEqual = answers[1] == answers[0]
            #expect(isEqual, "\(words): \(firstDifference(answers[1], answers[0]))")
        }
        let host = nodes[0].site.host
        for words in [["sync-backup", "pg", ids[0]], ["sync-wals", "pg"], ["sync-info", "--primary", "pg"]] {
            let (ours, theirs) = (try host.barman(words), try host.oracle(words))
            #expect(ours.status == theirs.status && ours.err == theirs.err, "\(ours)\(theirs)")
        }
        // A position of 0 is what the oracle's passive node sends while the list has one line; the oracle refuses it.
        let segment = try #require(host.archivedWAL("pg").last)
        for words in [[], [segment], [segment, "1"], ["000000010000000000000000"], ["0000000A0000000000000000"]] {
            let (ours, theirs) = (
                try host.barman(["sync-info", "pg"] + words), try host.oracle(["sync-info", "pg"] + words)
            )
            #expect(ours.status == theirs.status && ours.err == theirs.err, "\(words)")
            #expect(normalizedAnswer(ours.out) == normalizedAnswer(theirs.out), "\(words)")
        }
        #expect(try host.barman("sync-info", "pg", segment, "0").status == 0)
    }
}

/// One passive node.
private struct PassiveNode {
    let site: Site
    let host: BarmanHost
    let name: String
    private let isOurs: Bool

    init(_ site: Site, primary: String, passive: String) throws {
        self.site = site
        isOurs = passive == "ours"
        name = "\(passive)-of-\(primary)"
        host = try site.world.barmanHost(as: .postgres, named: name, global: ["compression": "gzip"])
        try host.addServer(
            "pg",
            ["description": "Copy", "primary_ssh_command": "ssh postgres@\(primary)", "reuse_backup": "link"]
        )
    }

    /// What the node says to a command, its own name left out.
    func answer(_ words: [String]) throws -> String {
        let outcome = isOurs ? try host.barman(words) : try host.oracle(words)
        return "\(outcome.status)\n\(outcome.out)\n\(outcome.err)".replacing(name, with: "NODE")
    }

    /// What is on disk: names, contents of records and lists, checksums of the rest.
    ///
    /// Left out is what the oracle is known to spoil in a record.
    func tree() throws -> String {
        let home = "\(host.home)/pg"
        let files = try site.world.shell(
            "cd \(home) && find . -type f ! -name primary.info -exec sha256sum {} + | sort -k2"
        )
        let links = try site.world.shell("cd \(home) && find . ! -type f ! -name '*.lock' | sort")
        var text = links.out + files.lines.filter { !$0.hasSuffix("-backup.info") }.joined(separator: "\n")
        for id in host.backupIDs("pg") {
            let record = try site.world.read("\(home)/meta/\(id)-backup.info").split(separator: "\n")
            let spoilt = ["backup_label=", "mode="]
            text += "\n\(id)-backup.info\n"
            text += record.filter { line in !spoilt.contains { line.hasPrefix($0) } }.joined(separator: "\n")
            // In ours these are the primary's.
            guard isOurs else { continue }
            for key in ["backup_label", "mode"] {
                #expect(try host.info("pg", id, key) == site.host.info("pg", id, key), "\(name) \(key)")
            }
        }
        let times = try site.world.shell("cd \(home) && find base wals/0* -type f -printf '%p %m %T@\n' | sort")
        return text + "\n" + times.out + (try site.world.read("\(home)/wals/pg-xlog.db"))
    }

    func primaryInfo() throws -> String {
        normalizedAnswer(try site.world.read("\(host.home)/pg/primary.info"))
    }

    /// Both programs say the same about this node.
    func expectEqualAnswers(_ ids: [String]) throws {
        for words in [
            ["list-servers"], ["list-backups", "pg"], ["show-backup", "pg", ids[0]], ["show-backup", "pg", "latest"],
            ["status", "pg"], ["check", "pg"], ["show-servers", "pg"], ["list-files", "--target", "wal", "pg", ids[0]],
            ["backup", "pg"], ["replication-status", "pg"],
        ] {
            for format in words[0] == "status" ? ["console", "json"] : ["console"] {
                let ours = try host.barman(["-f", format] + words)
                let theirs = try host.oracle(["-f", format] + words)
                let texts = [ours, theirs].map { outcome in
                    "\(outcome.status)\n\(outcome.out)\n\(outcome.err)".replacing(
                        #/[0-9]+ (second|minute)s?/#,
                        with: "N"
                    )
                    .replacing(#/less than one second|N, N/#, with: "N")
                }
                #expect(texts[0] == texts[1], "\(name) \(words) \(format): \(firstDifference(texts[0], texts[1]))")
            }
        }
    }
}

/// An answer of `sync-info` with its lines in order: the oracle tells backups in the order of a directory.
private func normalizedAnswer(_ text: String) -> String {
    text.split(separator: "\n").map { $0.hasSuffix(",") ? String($0.dropLast()) : String($0) }.sorted().joined(
        separator: "\n"
    )
}

private func firstDifference(_ left: String, _ right: String) -> String {
    let same = zip(left, right).prefix { $0 == $1 }.count
    let start = max(0, same - 100)
    return "\n…\(String(left.dropFirst(start).prefix(300)))\n…\(String(right.dropFirst(start).prefix(300)))"
}
