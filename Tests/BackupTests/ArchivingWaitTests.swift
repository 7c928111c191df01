import TestHomes
import Testing
import WAL

@testable import Backup

struct ArchivingWaitTests {
    @Test func `who waits for the archive is told of it after a minute, then at twice the time each`() throws {
        let segment = try #require(WALSegmentName("00000001000000000000000A"))
        var notices = ArchivingWait.Notices(segment: segment)
        let recorder = Recorder()
        for second in 0..<250 { notices.tell(afterSeconds: Double(second), to: recorder) }
        #expect(recorder.logged == ["log INFO: waiting for required WAL segments to be archived"])
        #expect(
            recorder.said
                == [60, 120, 240].map {
                    "warning: still waiting for the server to archive 00000001000000000000000A (\($0) seconds elapsed). "
                        + "Check that its archive_command or receive-wal works"
                }
        )
    }
}
