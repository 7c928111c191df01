import Failure
import Testing

@testable import Console

struct ProgressBarTests {
    private let start = ContinuousClock.now

    @Test func `the line tells label, bytes, share, rate and time left`() {
        let update = ProgressUpdate(label: "Copying pgdata", doneBytes: 1 << 30, totalBytes: 4 << 30)
        #expect(
            ProgressBar.line(update, elapsed: .seconds(8))
                == "Copying pgdata  1.0 GiB of 4.0 GiB  25%  128.0 MiB/s  24 seconds left"
        )
    }

    @Test func `without a total there is no share and no time left`() {
        let update = ProgressUpdate(label: "Copying", doneBytes: 2048, totalBytes: nil)
        #expect(ProgressBar.line(update, elapsed: .seconds(2)) == "Copying  2.0 KiB  1.0 KiB/s")
    }

    @Test func `it is redrawn at most five times a second and erased at the end`() {
        var bar = ProgressBar()
        func update(_ bytes: Int64, finished: Bool = false) -> ProgressUpdate {
            ProgressUpdate(label: "Copying", doneBytes: bytes, totalBytes: 1000, isFinished: finished)
        }
        #expect(bar.text(for: update(1), now: start, columns: 80) == "\r\u{1b}[KCopying  1 B of 1000 B  0%")
        #expect(bar.text(for: update(2), now: start + .milliseconds(199), columns: 80) == nil)
        #expect(bar.text(for: update(3), now: start + .milliseconds(200), columns: 80) != nil)
        #expect(bar.text(for: update(1000, finished: true), now: start + .seconds(1), columns: 80) == "\r\u{1b}[K")
        #expect(bar.clearing() == nil)
    }

    @Test func `it never fills the last column`() {
        var bar = ProgressBar()
        let update = ProgressUpdate(label: String(repeating: "x", count: 100), doneBytes: 1, totalBytes: nil)
        let text = bar.text(for: update, now: start, columns: 40)
        #expect(text?.count == "\r\u{1b}[K".count + 39)
    }
}
