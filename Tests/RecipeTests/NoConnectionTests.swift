import TestWorld
import Testing

/// Commands that ask PostgreSQL when it cannot be reached.
@Suite struct NoConnectionTests {
    @Test func `what needs a connection says as the oracle that there is none, and then why`() throws {
        try World.with { world in
            let host = try world.barmanHost(as: .postgres)
            try host.addServer(
                "pg",
                [
                    "description": "d", "backup_method": "postgres", "streaming_archiver": "on", "slot_name": "pg",
                    "conninfo": "host=127.0.0.1 port=1 user=barman password=geheim dbname=postgres",
                    "streaming_conninfo": "host=127.0.0.1 port=1 user=barman password=geheim",
                ]
            )
            let hint = "HINT: connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n"
            for words in [
                ["switch-wal", "pg"], ["replication-status", "pg"], ["receive-wal", "--create-slot", "pg"],
                ["receive-wal", "--drop-slot", "pg"],
            ] {
                let (ours, theirs) = (try host.barman(words), try host.oracle(words))
                #expect(ours.status == theirs.status && ours.out == theirs.out, "\(ours)\n\(theirs)")
                #expect(ours.err.hasPrefix(theirs.err + hint), "\(ours)\n\(theirs)")
            }
            #expect(try !world.read(host.logFile).contains("geheim"))
        }
    }
}
