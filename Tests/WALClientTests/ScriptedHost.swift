import TestWorld

/// A database host whose `ssh` is a shell script: what a backup host answers, and how a connection ends.
struct ScriptedHost {
    let world: World

    init(_ world: World) throws {
        self.world = world
        try world.makeDirectory("ssh", mode: 0o755)
        try world.makeDirectory("pg_wal", as: .postgres)
        try world.makeDirectory("state", as: .postgres)
    }

    var destination: String { world.path("pg_wal/RECOVERYXLOG") }

    /// Replaces `ssh`; the last of its words (`$*`) are the remote command.
    func answer(_ script: String) throws {
        // A script that runs is not written to.
        try world.write("#!/bin/sh\n\(script)\n", to: "ssh/new", mode: 0o755)
        try world.run(["mv", world.path("ssh/new"), world.path("ssh/ssh")]).orThrow()
    }

    /// A file for `ssh` to send, packed by a program if one is named.
    func store(_ bytes: [UInt8], as name: String, by compressor: String? = nil) throws -> String {
        let path = world.path(name)
        try Shell.write(bytes, to: path)
        if let compressor {
            try world.shell("\(compressor) -c '\(path)' > '\(path).z' && mv '\(path).z' '\(path)'").orThrow()
        }
        return path
    }

    /// Runs `barman-wal-restore`, ours or the oracle's, as PostgreSQL does.
    func restore(
        _ wal: String,
        _ options: [String] = [],
        to destination: String? = nil,
        oracle: Bool = false
    ) throws -> Outcome {
        let directory = Scratch.oracle.split(separator: "/").dropLast().joined(separator: "/")
        let program = oracle ? "/\(directory)/barman-wal-restore" : try world.walProgram("barman-wal-restore")
        let ours = oracle ? [] : ["--no-multiplex"]
        return try world.run(
            [program] + ours + options + ["host", "pg", wal, destination ?? self.destination],
            as: .postgres,
            environment: ["PATH": "\(world.path("ssh")):\(world.searchPath)"]
        )
    }
}
