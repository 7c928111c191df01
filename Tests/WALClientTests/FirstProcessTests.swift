import SystemPackage
import TestWorld
import Testing

@testable import WALClient

/// What the clients leave behind, by what would inherit it.
@Suite struct FirstProcessTests {
    @Test func `PostgreSQL is known by the name of its program`() throws {
        try World.with { world in
            for (name, isPostmaster) in [
                ("postgres", true), ("postmaster", true), ("edb-postmaster", true), ("systemd", false), ("tini", false),
                ("postgres_export", false), ("", false),
            ] {
                let file = try world.write("\(name)\n", to: "comm")
                #expect(FirstProcess.isPostmaster(commandFile: FilePath(file)) == isPostmaster, "\(name)")
            }
            #expect(!FirstProcess.isPostmaster(commandFile: FilePath(world.path("nosuch"))))
        }
    }

    /// PostgreSQL as the first process takes a stranger that ends with 255, as a shared connection does, for a crash.
    @Test(arguments: [("init", ["exe", "init", "ssh"]), ("postgres", ["postgres"])])
    func `nothing is left behind where PostgreSQL is the first process`(name: String, left: [String]) throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            try site.makeArchived(2...4)
            try world.run(["cp", "/bin/bash", world.path("bin/\(name)")]).orThrow()
            let client = "setpriv --reuid=postgres --regid=postgres --init-groups --"
            let options = "--state-dir '\(world.path("state"))'"
            let script = """
                set -e
                \(client) '\(try world.walProgram("barman-wal-archive"))' \(options) ours pg pg_wal/\(WALSite.name(1))
                \(client) '\(try world.walProgram("barman-wal-restore"))' \(options) -p 3 \
                    --spool-dir '\(world.path("state/spool"))' ours pg \(WALSite.name(2)) '\(site.destination)'
                for file in /proc/[0-9]*/comm; do
                    if { read -r name < "$file"; } 2>/dev/null; then echo "$name"; fi
                done
                """
            let outcome = try world.run(
                [
                    "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", world.path("bin/\(name)"), "-c",
                    script,
                ],
                environment: ["HOME": try world.makeDirectory("home-postgres", as: .postgres)]
            ).orThrow()
            #expect(outcome.err == "", "\(outcome)")
            #expect(Set(outcome.lines.filter { !$0.isEmpty }).sorted() == left, "\(outcome)")
            #expect(site.received == [WALSite.name(1)])
            #expect(try Shell.read(site.destination) == WALSite.contents(2))
        }
    }
}
