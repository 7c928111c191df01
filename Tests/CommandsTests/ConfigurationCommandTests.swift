import Glibc
import TestWorld
import Testing

/// `config-switch`, `config-update` and `terminate-process` beside the oracle, each on a host of its own.
@Suite(.enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it"))
struct ConfigurationCommandTests {
    /// Runs the words one after the other with both programs, each on a copy of the same files; returns both hosts' files.
    private func compare(_ steps: [[String]], file: String = configuration) throws {
        try World.with { world in
            var answers: [[String]] = []
            for isOracle in [true, false] {
                // The paths are part of the answers.
                try world.run(["rm", "-rf", world.path("host")]).orThrow()
                let host = try world.barmanHost(as: .me, named: "host")
                try world.write(file, to: "\(host.serversDirectory)/pg.conf")
                try world.makeDirectory("host/home/pg", as: .me)
                var answer: [String] = []
                for words in steps {
                    let outcome = try isOracle ? host.oracle(words) : host.barman(words)
                    answer += ["\(words)", Self.settled(outcome.out), outcome.err, "\(outcome.status)"]
                }
                for path in ["barman.d/pg.conf", "home/.barman.auto.conf", "home/cfg_changes.queue"] {
                    let path = world.path("host/\(path)")
                    answer.append(world.exists(path) ? try world.read(path) : "no \(path)")
                }
                answers.append(answer)
            }
            #expect(answers[0] == answers[1])
        }
    }

    /// The oracle tells the changes of a model in any order.
    private static func settled(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).sorted().joined(separator: "\n")
    }

    private static let configuration = """
        [pg]
        description = Main
        cluster = cl
        conninfo = host=/nonexistent user=barman
        ssh_command = false
        backup_method = rsync
        archiver = on
        archiver_batch_size=10

        [pg:m1]
        model = true
        cluster = cl
        conninfo = host=/other password=geheim
        archiver_batch_size = 20
        backup_options = exclusive_backup

        [pg:m2]
        model = true
        cluster = other

        [p2]
        active = off
        conninfo = host=/nonexistent
        ssh_command = false

        """

    @Test func `models are laid over a server and taken away`() throws {
        try compare([
            ["config-switch", "pg"], ["config-switch", "pg", "nosuch"], ["config-switch", "pg", "pg:m2"],
            ["config-switch", "pg", "pg:m1"], ["config-switch", "pg", "pg:m1"],
            ["-f", "json", "config-switch", "pg", "pg:m1"], ["config-switch", "pg", "pg:m1", "--reset"],
            ["config-switch", "pg", "--reset"], ["config-switch", "p2", "pg:m1"], ["config-switch", "p2", "--reset"],
            ["config-switch", "nosuch", "pg:m1"], ["config-switch", "all", "--reset"],
        ])
    }

    @Test func `options are changed in their files`() throws {
        func update(_ json: String) -> [String] { ["config-update", json] }
        try compare([
            update("[]"), update(#"[{"scope": "server", "server_name": "pg", "archiver_batch_size": "50"}]"#),
            update(#"[{"scope": "server", "server_name": "pg", "parallel_jobs": "3", "description": "it's é"}]"#),
            // Before there is a second section: the oracle glues the line to one that follows without an empty line.
            ["-f", "json", "config-update", #"[{"scope": "server", "server_name": "pg", "check_timeout": "31"}]"#],
            update(#"[{"scope": "model", "model_name": "pg:m9", "cluster": "cl", "archiver": "on"}]"#),
            update(#"[{"scope": "model", "model_name": "pg:m1", "conninfo": "host=a password=x"}]"#),
            update(#"[{"scope": "server", "server_name": "p2", "active": "no"}]"#),
        ])
    }

    @Test func `a change that makes no sense is refused`() throws {
        let objects = [
            #"{"scope": "x", "server_name": "pg"}"#, #"{"server_name": "pg", "archiver_batch_size": "50"}"#,
            #"{"scope": "server", "archiver": "on"}"#, #"{"scope": "model", "archiver": "on"}"#,
            #"{"scope": "server", "server_name": "pg:m1", "archiver": "on"}"#,
            #"{"scope": "model", "model_name": "pg", "archiver": "on"}"#,
            #"{"scope": "model", "model_name": "pg:m10", "archiver": "on"}"#,
            #"{"scope": "model", "model_name": "pg:m1", "backup_directory": "/x"}"#,
            #"{"scope": "server", "server_name": "pg", "nonsense": "50"}"#,
            #"{"scope": "server", "server_name": "pg", "Description": "A"}"#,
            #"{"scope": "server", "server_name": "pg", "archiver_batch_size": "x"}"#,
            #"{"scope": "server", "server_name": "pg", "archiver": true}"#,
            #"{"scope": "server", "server_name": "pg", "backup_options": "x"}"#,
            #"{"scope": "server", "server_name": "pg", "backup_options": "exclusive_backup,concurrent_backup"}"#,
            #"{"scope": "server", "server_name": "pg", "snapshot_disks": "x,,y"}"#,
        ]
        try compare(objects.map { ["config-update", "[\($0)]"] })
    }

    @Test func `a value that would break the file is refused, and nothing is queued`() throws {
        try World.with { world in
            let host = try world.barmanHost(as: .me)
            try host.addServer("pg", ["active": "off", "conninfo": "host=/x", "ssh_command": "false"])
            let changes = [
                #"{"scope": "server", "server_name": "pg", "description": "a\n[b]"}"#,
                #"{"scope": "server", "server_name": "pg", "description": "%(nosuch)s"}"#,
                #"{"scope": "server", "server_name": "pg", "description": "50%"}"#,
                #"{"scope": "server", "server_name": "pg", "archiver_batch_size": 50}"#,
                #"{"scope": "server", "server_name": "all", "description": "x"}"#,
                #"{"scope": "server", "server_name": "barman", "description": "x"}"#,
            ]
            for change in changes {
                let good = #"{"scope": "server", "server_name": "pg", "description": "x"}"#
                let answer = try host.barman("config-update", "[\(good), \(change)]")
                #expect(answer.status == 1, "\(change)")
                #expect(answer.err.contains("Aborting config"), "\(answer.err)")
            }
            #expect(!world.exists("\(host.home)/cfg_changes.queue"))
            #expect(try host.barman("list-servers").out == "pg -  (inactive)\n")
        }
    }

    @Test func `a task is ended through its lock`() throws {
        try compare([
            ["terminate-process", "pg", "backup"], ["terminate-process", "pg", "nosuch"],
            ["terminate-process", "p2", "backup"], ["terminate-process", "nosuch", "backup"],
            ["-f", "json", "terminate-process", "pg", "cron"],
        ])
        try World.with { world in
            let host = try world.barmanHost(as: .me)
            try world.write(Self.configuration, to: "\(host.serversDirectory)/pg.conf")
            let lock = "\(host.home)/.pg-backup.lock"
            let holder = try world.start(["flock", lock, "sh", "-c", "echo $$ > \(lock); exec sleep 60"])
            _ = try Shell.wait(seconds: 5) { try world.exists(lock) && !world.read(lock).isEmpty }
            let answer = try host.barman("terminate-process", "pg", "backup")
            #expect(answer.out.hasPrefix("Stopped process backup("), "\(answer.out)\(answer.err)")
            #expect(answer.status == 0)
            _ = holder
        }
    }
}
