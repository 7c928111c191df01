import TestWorld
import Testing

struct SyncInfoTests {
    @Test func `a node that does not read its answer keeps nobody from the list of WAL`() throws {
        try World.with { world in
            let host = try world.barmanHost(as: .me)
            try host.addServer(
                "pg",
                ["backup_method": "rsync", "archiver": "on", "ssh_command": "false", "conninfo": "host=/nonexistent"]
            )
            try world.makeDirectory("\(host.home)/pg")
            try world.makeDirectory("\(host.home)/pg/wals")
            // The answer is longer than a pipe holds.
            let lines = (0x1000..<0x1800).map {
                "0000000100000000\(String($0 + 0x1000_0000, radix: 16).uppercased())\t2\t1767225600.25\tNone\tNone\n"
            }
            try world.write(lines.joined(), to: "\(host.home)/pg/wals/pg-xlog.db")
            // It takes a byte of the answer, uses the list, and then reads on.
            let outcome = try world.shell(
                """
                export BARMAN_CONFIG_FILE='\(host.configurationFile)'
                cd '\(world.root)' && mkfifo answer
                '\(try world.program())' sync-info pg > answer &
                exec 3< answer
                dd bs=1 count=1 of=rest <&3 2> /dev/null
                timeout 60 '\(try world.program())' check-wal-archive pg
                echo "archive $?"
                cat <&3 >> rest
                wait $! && grep -c '"name": "0' rest
                """
            )
            #expect(outcome.out.hasSuffix("\narchive 1\n2048\n"), "\(outcome)")
        }
    }
}
