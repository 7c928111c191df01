import Catalog
import Failure
import Files
import SystemPackage
import TestWorld
import Testing

@testable import Restore

/// Nothing is overwritten or removed that was not found to be what the user means.
@Suite struct DestinationGuardTests {
    /// Restores, spoils the destination, and tries a delta restore, which must leave everything as it is.
    private func refusal(
        _ fixture: RestoreFixture,
        _ spoil: (RestoreFixture) throws -> Void
    ) throws -> String? {
        try fixture.run { $0.targetImmediate = true }
        try FileSystem.replaceDurably(fixture.destination.appending("precious"), contents: [1])
        try spoil(fixture)
        let before = try fixture.tree
        let failure = #expect(throws: Failure.self) { try fixture.run { $0.deltaRestore = true } }
        #expect(try fixture.tree == before)
        return failure?.message
    }

    @Test func `a directory that is none of PostgreSQL is left alone`() throws {
        try RestoreFixture.with { fixture in
            let message = try refusal(fixture) { fixture in
                try FileSystem.unlink(fixture.destination.appending("PG_VERSION"))
            }
            #expect(message?.contains("is not a PostgreSQL data directory") == true)
        }
    }

    @Test func `a data directory of another system is left alone`() throws {
        try RestoreFixture.with { fixture in
            let message = try refusal(fixture) { fixture in
                let file = fixture.destination.pushing(ControlFile.path)
                try FileSystem.replaceDurably(file, contents: [1, 0, 0, 0, 0, 0, 0, 0, 9])
            }
            #expect(message?.contains("is of system 1, the backup is of system ") == true)
        }
    }

    @Test func `a data directory of another major version is left alone`() throws {
        try RestoreFixture.with { fixture in
            let message = try refusal(fixture) { fixture in
                try FileSystem.replaceDurably(fixture.destination.appending("PG_VERSION"), contents: Array("14\n".utf8))
            }
            #expect(message?.contains("is of PostgreSQL 14, the backup is of PostgreSQL 15") == true)
        }
    }

    @Test func `a data directory whose server runs is left alone`() throws {
        try RestoreFixture.with { fixture in
            try fixture.world.run(["cp", "/bin/sleep", fixture.world.path("bin/postgres")]).orThrow()
            let server = try fixture.world.start([fixture.world.path("bin/postgres"), "60"])
            _ = Shell.wait(seconds: 5) { fixture.world.exists("/proc/\(server.pid)/comm") }
            Shell.sleep(milliseconds: 100)
            let message = try refusal(fixture) { fixture in
                let file = fixture.destination.appending("postmaster.pid")
                try FileSystem.replaceDurably(file, contents: Array("\(server.pid)\n".utf8))
            }
            #expect(message?.contains("a PostgreSQL server (PID \(server.pid)) is running") == true)
            server.end()
            try fixture.run { $0.deltaRestore = true }
            #expect(try !fixture.tree.contains("precious"))
        }
    }

    @Test func `an unfinished restore of another server is left alone`() throws {
        try RestoreFixture.with { fixture in
            let message = try refusal(fixture) { fixture in
                let mark = Array("{\"server\": \"x\", \"system_id\": \"1\", \"backup_id\": \"y\"}".utf8)
                try FileSystem.replaceDurably(fixture.destination.appending(UnfinishedMark.name), contents: mark)
            }
            #expect(message?.contains("holds an unfinished restore of another server") == true)
        }
    }

    @Test func `a tablespace goes into no directory that is used by something else`() throws {
        try RestoreFixture.with { fixture in
            try fixture.run()
            let other = FilePath(fixture.world.path("other"))
            try FileSystem.createDirectories(other)
            try FileSystem.replaceDurably(other.appending("x"), contents: [1])
            let failure = #expect(throws: Failure.self) {
                try fixture.run {
                    $0.deltaRestore = true
                    $0.tablespaceRules = ["fast:\(other)"]
                }
            }
            #expect(failure?.message.contains("for the tablespace 'fast' is not empty") == true)
        }
    }

    @Test func `what is extra goes, but not logs, hidden files and other clusters' tablespaces`() throws {
        try RestoreFixture.with { fixture in
            try fixture.run()
            let keep = ["log/yesterday.log", ".profile"]
            let remove = ["base/9/1", "stray", "pg_wal/00000002.history"]
            for name in keep + remove {
                let path = fixture.destination.pushing(FilePath(name))
                try FileSystem.createDirectories(path.removingLastComponent())
                try FileSystem.replaceDurably(path, contents: [1])
            }
            let neighbour = fixture.tablespace.appending("PG_16_1/5/1")
            try FileSystem.createDirectories(neighbour.removingLastComponent())
            try FileSystem.replaceDurably(neighbour, contents: [1])
            try FileSystem.replaceDurably(fixture.tablespace.appending("PG_15_1/5/99"), contents: [1])
            try fixture.run { $0.deltaRestore = true }
            for name in keep { #expect(try FileSystem.exists(fixture.destination.pushing(FilePath(name))), "\(name)") }
            for name in remove {
                #expect(try !FileSystem.exists(fixture.destination.pushing(FilePath(name))), "\(name)")
            }
            #expect(try FileSystem.exists(neighbour))
            #expect(try !FileSystem.exists(fixture.tablespace.appending("PG_15_1/5/99")))
        }
    }

    @Test func `a delta restore writes the blocks that differ and no others`() throws {
        try RestoreFixture.with { fixture in
            try fixture.run()
            let counter = ByteCounter()
            let written = ByteCounter()
            let sink = DirectorySink(isDelta: true, counter: counter, written: written)
            let root = RestoreRoot(oid: nil, destination: fixture.destination.string)
            let pages = (0..<40).flatMap { [UInt8](repeating: UInt8($0), count: 8192) }
            try FileSystem.replaceDurably(fixture.destination.appending("base/1/7"), contents: pages + [9, 9])
            var changed = pages
            changed[8192 * 3 + 5] = 77
            let member = RestoredMember(
                path: "base/1/7",
                kind: .file,
                permissions: [.ownerReadWrite],
                modifiedSeconds: 1_700_000_000
            )
            try sink.put(member, changed, in: root)
            try sink.close()
            #expect(written.value == 8192)
            #expect(counter.value == Int64(pages.count))
            #expect(try FileSystem.read(fixture.destination.appending("base/1/7")) == changed)
        }
    }
}
