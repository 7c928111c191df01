import Failure
import Files
import Processes
import SystemPackage
import TestWorld
import Testing

@testable import Restore

/// Success is told when everything is on disk, here and on another host.
@Suite struct LastSyncTests {
    /// An ssh that stays here, with another `sync`: `answer` are the lines of that, after it has noted what it was asked for.
    private func ssh(_ fixture: RestoreFixture, sync answer: String) throws -> String {
        let log = fixture.world.path("synced")
        try fixture.world.write("", to: "synced")
        let mark = UnfinishedMark.name
        try fixture.world.write(
            """
            #!/bin/sh
            marked=; for path; do [ ! -e "$path/\(mark)" ] || marked=' of what is marked'; done
            echo "sync$marked $*" >> '\(log)'
            \(answer)

            """,
            to: "bin/sync",
            mode: 0o755
        )
        return try fixture.world.write(
            "#!/bin/sh\n[ \"$1\" = ' ' ] && shift\nPATH='\(fixture.world.path("bin"))':$PATH exec sh -c \"$*\"\n",
            to: "bin/fake-ssh",
            mode: 0o755
        )
    }

    private func synced(_ fixture: RestoreFixture) throws -> [String] {
        try fixture.world.read("synced").split(separator: "\n").map(String.init)
    }

    @Test func `a sync that fails on the other host ends the restore before a server can start`() throws {
        try RestoreFixture.with { fixture in
            let answer = "case \"$*\" in *\(UnfinishedMark.name)* | *'-f /dev/null') exit 0;; -f*) exit 1;; esac"
            let ssh = try ssh(fixture, sync: answer)
            #expect(throws: Failure.self) { try fixture.run { $0.remoteSSHCommand = ssh } }
            #expect(try FileSystem.exists(fixture.destination.appending("global/pg_control.restoring")))
            #expect(try !fixture.isStartable)
        }
    }

    @Test func `a host whose sync knows no file systems syncs all of them`() throws {
        try RestoreFixture.with { fixture in
            let ssh = try ssh(fixture, sync: "[ \"$1\" != -f ]")
            try fixture.run { $0.remoteSSHCommand = ssh }
            #expect(try fixture.isStartable)
            #expect(try synced(fixture).last == "sync ")
        }
    }

    @Test func `the end of a restore to another host is durable`() throws {
        try RestoreFixture.with { fixture in
            let ssh = try ssh(fixture, sync: "exit 0")
            try fixture.run { $0.remoteSSHCommand = ssh }
            let synced = try synced(fixture)
            // A power cut must not bring a mark back: a restore would overwrite what has run since.
            #expect(synced.last == "sync -f -- \(fixture.tablespace) \(fixture.destination)")
            // A file system of its own may be there.
            #expect(synced.contains { $0.hasPrefix("sync of what is marked ") && $0.contains("/pg_wal") })
        }
    }

    @Test func `what a link in a data directory leads to is synced there`() throws {
        try RestoreFixture.with { fixture in
            let host = try #require(SSHCommand(ssh(fixture, sync: "exit 0"), extraOptions: [], pathPrefix: nil))
            try moveWAL(fixture)
            try RemoteRestoreHost(ssh: host).sync([fixture.destination.string], on: [:])
            #expect(
                try synced(fixture).last
                    == "sync -f -- \(fixture.destination) \(fixture.destination)/pg_wal"
            )
        }
    }

    /// A data directory whose WAL is elsewhere.
    private func moveWAL(_ fixture: RestoreFixture) throws {
        let elsewhere = FilePath(fixture.world.path("elsewhere"))
        for directory in [elsewhere, fixture.destination.appending("base")] {
            try FileSystem.createDirectories(directory)
        }
        try FileSystem.replaceDurably(elsewhere.appending("segment"), contents: [1])
        try FileSystem.symlink(at: fixture.destination.appending("pg_wal"), to: elsewhere)
    }

    #if DEBUG
    @Test func `what a link in a data directory leads to is synced here`() throws {
        try RestoreFixture.with { fixture in
            try moveWAL(fixture)
            /// How many calls a sync makes.
            func calls(_ directory: String) throws -> Int {
                let counter = FaultPlan(.crash, at: 0)
                try FaultPlan.$current.withValue(counter) { try LocalRestoreHost().sync([directory], on: [:]) }
                return counter.callCount
            }
            let destination = fixture.destination.string
            let both = try calls(destination)
            try FileSystem.unlink(fixture.destination.appending("pg_wal"))
            #expect(try both == calls(destination) + calls(fixture.world.path("elsewhere")))
        }
    }

    @Test func `the end of a restore here is durable`() throws {
        try RestoreFixture.with { fixture in
            let counter = FaultPlan(.crash, at: 0)
            try FaultPlan.$current.withValue(counter) { _ = try fixture.run() }
            for directory in [fixture.destination, fixture.tablespace] { try FileSystem.removeTree(directory) }
            let plan = FaultPlan(.once(.ioError), at: counter.callCount)
            let failure = #expect(throws: Failure.self) {
                try FaultPlan.$current.withValue(plan) { _ = try fixture.run() }
            }
            // The last thing is a sync of the directory from which the mark was taken.
            #expect(failure?.description.hasSuffix("'\(fixture.destination)'") == true, "\(failure as Any)")
        }
    }
    #endif
}
