import Archive
import Catalog
import SystemPackage
import TestWorld
import Testing

struct HookTests {
    @Test func `archive hooks see each file before and after`() throws {
        try World.with { world in
            let log = world.path("hooks.log")
            let script =
                "echo $BARMAN_PHASE $BARMAN_HOOK $BARMAN_RETRY $BARMAN_SEGMENT $BARMAN_FILE $BARMAN_COMPRESSION "
                + "$BARMAN_SERVER $BARMAN_VERSION err=$BARMAN_ERROR >> \(log)"
            let fixture = try ArchiveFixture(
                world: world,
                options: """
                    compression = gzip
                    pre_archive_script = \(script)
                    pre_archive_retry_script = \(script)
                    post_archive_retry_script = \(script)
                    post_archive_script = \(script)
                    """
            )
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            let incoming = fixture.home.incomingWALsDirectory.appending(segment(1))
            let stored = fixture.home.walsDirectory.appending("0000000100000000").appending(segment(1))
            #expect(
                try world.read(log).split(separator: "\n") == [
                    "pre archive_script 0 \(segment(1)) \(incoming) pg 3.19.1 err=",
                    "pre archive_retry_script 1 \(segment(1)) \(incoming) pg 3.19.1 err=",
                    "post archive_retry_script 1 \(segment(1)) \(stored) gzip pg 3.19.1 err=",
                    "post archive_script 0 \(segment(1)) \(stored) gzip pg 3.19.1 err=",
                ]
            )
        }
    }

    @Test func `a retry hook that says stop ends the run and leaves the file`() throws {
        try ArchiveFixture.with("pre_archive_retry_script = test $BARMAN_SEGMENT != \(segment(2)) || exit 63") {
            fixture in
            for number in 1...3 { try fixture.put(segmentBytes(number), segment(UInt32(number))) }
            #expect(try fixture.archive().count == 1)
            #expect(fixture.archived == [segment(1)])
            #expect(fixture.incoming == [segment(2), segment(3)])
        }
    }
}
