import Replication
import Testing
import WAL

@testable import Archive

/// How long a receiver tries again.
@Suite struct StreamingPatienceTests {
    private func attempt(at began: Double, _ events: WALReceiver.Event...) -> StreamingPatience.Attempt {
        var attempt = StreamingPatience.Attempt(beganSeconds: began)
        for event in events { attempt.note(event) }
        return attempt
    }

    private let started = WALReceiver.Event.started(LSN(rawValue: 0), Timeline(rawValue: 1))
    private let finished = WALReceiver.Event.finishedSegment(end: LSN(rawValue: 0), Timeline(rawValue: 1))

    @Test func `what never worked is not tried again`() {
        var patience = StreamingPatience(limitSeconds: 300)
        #expect(patience.pauseSeconds(after: attempt(at: 0), nowSeconds: 1) == nil)
    }

    @Test func `a stream that ends before anything comes since WAL is missing never worked`() {
        var isMissing = attempt(at: 0, started)
        isMissing.noteMissingWAL()
        var patience = StreamingPatience(limitSeconds: 300)
        #expect(patience.pauseSeconds(after: isMissing, nowSeconds: 1) == nil)
        var hasWorked = attempt(at: 0, started, .arrived)
        hasWorked.noteMissingWAL()
        #expect(patience.pauseSeconds(after: hasWorked, nowSeconds: 1) == 1)
        #expect(patience.pauseSeconds(after: isMissing, nowSeconds: 60) == 2)
        #expect(!patience.hasFailed(forSeconds: 60, nowSeconds: 60))
        #expect(patience.hasFailed(forSeconds: 60, nowSeconds: 61))
    }

    @Test func `a slot that is held is waited for from the first try on, and not for ever`() {
        var patience = StreamingPatience(limitSeconds: 300)
        var now = 0.0
        var held = attempt(at: now)
        held.foundSlotHeld = true
        while let pause = patience.pauseSeconds(after: held, nowSeconds: now) { now += pause }
        #expect(now == 301)
    }

    @Test func `pauses grow to half a minute, and after five minutes it is enough`() {
        var patience = StreamingPatience(limitSeconds: 300)
        var now = 0.0
        var pauses: [Double] = []
        var next = attempt(at: 0, started)
        while let pause = patience.pauseSeconds(after: next, nowSeconds: now), pauses.count < 100 {
            pauses.append(pause)
            now += pause
            next = attempt(at: now)
        }
        #expect(pauses == [1, 2, 4, 8, 16] + [Double](repeating: 30, count: 9))
        #expect(now == 301)
    }

    @Test func `a disk that stays full is no new trouble each time, a stream that went on for a while is`() {
        var patience = StreamingPatience(limitSeconds: 300)
        #expect(patience.pauseSeconds(after: attempt(at: 0, started), nowSeconds: 1) == 1)
        #expect(patience.pauseSeconds(after: attempt(at: 2, started), nowSeconds: 2) == 2)
        #expect(patience.pauseSeconds(after: attempt(at: 4, started), nowSeconds: 4) == 4)
        #expect(patience.pauseSeconds(after: attempt(at: 8, started, finished), nowSeconds: 9) == 1)
        #expect(patience.pauseSeconds(after: attempt(at: 10), nowSeconds: 11) == 2)
        #expect(patience.pauseSeconds(after: attempt(at: 13, started), nowSeconds: 1000) == 1)
        #expect(patience.pauseSeconds(after: attempt(at: 1001), nowSeconds: 1301) == nil)
    }
}
