import Archive
import Catalog
import TestHomes
import TestWorld
import Testing

struct WALWaitTests {
    @Test func `a segment that waits in the queue is archived at once`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            let recorder = Recorder()
            let wait = WALWait(home: fixture.home, reporter: recorder)
            #expect(try wait.untilArchived(segment(1), timeoutSeconds: 30))
            #expect(
                recorder.said == [
                    "info: Waiting for the WAL file \(segment(1)) from server 'pg' (max: 30 seconds)",
                    "show: Processing xlog segments from file archival for pg",
                    "show: \t\(segment(1))",
                ]
            )
        }
    }

    @Test func `a segment that does not come is an error after the limit`() throws {
        try ArchiveFixture.with { fixture in
            let recorder = Recorder()
            let wait = WALWait(home: fixture.home, reporter: recorder)
            let isThere = try wait.untilArchived(segment(1), timeoutSeconds: 1)
            #expect(!isThere)
            #expect(recorder.said.last == "error: The WAL file \(segment(1)) has not been received in 1 seconds")
        }
    }

    @Test func `any new segment ends the wait for any`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            let recorder = Recorder()
            #expect(try WALWait(home: fixture.home, reporter: recorder).untilAnythingIsArchived(timeoutSeconds: 5))
            #expect(
                recorder.said.first
                    == "info: Waiting for a WAL file from server 'pg' to be archived (max: 5 seconds)"
            )
            #expect(
                try WALWait(home: fixture.home, reporter: recorder).untilAnythingIsArchived(timeoutSeconds: 1) == false
            )
            #expect(recorder.said.last == "info: A WAL file has not been received in 1 seconds")
        }
    }
}
