import Catalog
import Files
import SystemPackage
import Testing
import WAL

@testable import Restore

/// WAL that is elsewhere when it is copied than it was when the restore was planned: the copy of a base backup takes hours.
@Suite struct MovingWALTests {
    private static let last = "000000010000000000000007"

    /// Restores, while `command` does something in the server's directory after the plan and before the copy.
    private func restore(
        during command: String = "true",
        target: String? = nil,
        _ prepare: (RestoreFixture) throws -> Void,
        then check: (RestoreFixture) throws -> Void
    ) throws {
        try RestoreFixture.with("pre_recovery_script = cd $BARMAN_BACKUP_DIR/../.. && \(command)") { fixture in
            try FileSystem.createDirectories(fixture.home.streamingWALsDirectory)
            try prepare(fixture)
            try fixture.run {
                $0.runsHooks = true
                $0.targetTimeline = target
            }
            #expect(try fixture.isStartable)
            try check(fixture)
        }
    }

    /// Keeps everybody from archiving: no file can be made where the lock should be.
    private func forbidArchiving(_ fixture: RestoreFixture) throws {
        try FileSystem.createDirectories(fixture.home.lockPath(.archiveWAL))
    }

    @Test(arguments: ["streaming", "wals/0000000100000000"])
    func `the segment that was being written is complete by then`(place: String) throws {
        try restore(during: "mv streaming/\(Self.last).partial \(place)/\(Self.last)") { fixture in
            let partial = fixture.home.streamingWALsDirectory.appending("\(Self.last).partial")
            try FileSystem.replaceDurably(partial, contents: Array("last".utf8))
        } then: { fixture in
            let delivered = try fixture.restored("pg_wal/\(Self.last)")
            #expect(delivered == "last")
        }
    }

    @Test(arguments: ["true", "mv incoming/000000010000000000000007 wals/0000000100000000"])
    func `what waits in a queue is delivered from there, or from the archive`(command: String) throws {
        try restore(during: command) { fixture in
            try forbidArchiving(fixture)
            let waiting = fixture.home.incomingWALsDirectory.appending(Self.last)
            try FileSystem.replaceDurably(waiting, contents: Array("last".utf8))
        } then: { fixture in
            let delivered = try fixture.restored("pg_wal/\(Self.last)")
            #expect(delivered == "last")
        }
    }

    @Test func `a history that is not listed comes along, a file that is only listed is not missed`() throws {
        try restore(target: "latest") { fixture in
            try forbidArchiving(fixture)
            let history = Array("1\t0/6000100\tno recovery target specified\n".utf8)
            try FileSystem.replaceDurably(
                fixture.home.incomingWALsDirectory.appending("00000002.history"),
                contents: history
            )
            let names = ["000000010000000000000003.00000028.backup", "00000009.history"]
            try XlogDatabase(fixture.home).append(
                names.map { XlogRecord(name: $0, sizeBytes: 24, time: 1_770_000_000.5, compression: nil) }
            )
        } then: { fixture in
            let names = try FileSystem.names(in: fixture.destination.appending("barman_wal"))
            #expect(names.contains("00000002.history") && !names.contains("00000009.history"))
        }
    }

    @Test(arguments: ["", "unfinished"])
    func `an empty unfinished segment is not delivered: a server that gets it does not start`(text: String) throws {
        try restore { fixture in
            let partial = fixture.home.streamingWALsDirectory.appending("\(Self.last).partial")
            try FileSystem.replaceDurably(partial, contents: Array(text.utf8))
        } then: { fixture in
            let names = try FileSystem.names(in: fixture.destination.appending("pg_wal"))
            #expect(names.contains(Self.last) == !text.isEmpty)
        }
    }
}
