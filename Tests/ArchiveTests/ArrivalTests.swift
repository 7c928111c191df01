import Archive
import Catalog
import Codecs
import Files
import Synchronization
import SystemPackage
import TestWorld
import Testing

/// Files that are still being written when they are looked at; the clock is the test's.
struct ArrivalTests {
    /// A clock that stands still, and what happens during the first waits.
    private final class Clock: Sendable {
        private let seconds: Mutex<Double>
        private let steps: Mutex<[@Sendable () throws -> Void]>
        private let pauses = Mutex(0)

        init(_ seconds: Double, _ steps: [@Sendable () throws -> Void] = []) {
            self.seconds = Mutex(seconds)
            self.steps = Mutex(steps)
        }

        var pauseCount: Int { pauses.withLock { $0 } }

        var watch: ArrivalWatch {
            ArrivalWatch(
                now: { self.seconds.withLock { $0 } },
                pause: { duration in
                    self.pauses.withLock { $0 += 1 }
                    // Afterwards time goes on.
                    guard let step = self.steps.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
                        return self.seconds.withLock { $0 += duration }
                    }
                    try step()
                }
            )
        }
    }

    private func seconds(_ fixture: ArchiveFixture, _ name: String) throws -> Double {
        let status = try FileSystem.status(of: fixture.home.incomingWALsDirectory.appending(name))
        return Double(status.modifiedSeconds) + 1e-9 * Double(status.modifiedNanoseconds)
    }

    @Test func `a file that is empty at first and becomes a compressed one is archived whole`() throws {
        try ArchiveFixture.with { fixture in
            let whole = try compressed(segmentBytes(1))
            let path = fixture.home.incomingWALsDirectory.appending(segment(1)).string
            try fixture.put([], segment(1))
            let clock = Clock(
                try seconds(fixture, segment(1)),
                [
                    { try Shell.write(Array(whole.prefix(whole.count / 2)), to: path) },
                    { try Shell.write(whole, to: path) },
                ]
            )
            #expect(try fixture.archive(arrivals: clock.watch).count == 1)
            #expect(try fixture.records.map(\.compression) == ["gzip"])
            #expect(try fixture.records.map(\.sizeBytes) == [Int64(whole.count)])
            #expect(try fixture.stored(segment(1)) == segmentBytes(1))
            #expect(fixture.incoming.isEmpty && fixture.errors.isEmpty)
        }
    }

    @Test func `a compressed file that is renamed or dated when it is whole is not waited for`() throws {
        try ArchiveFixture.with { fixture in
            let path = fixture.home.incomingWALsDirectory.appending(segment(1))
            try fixture.put(try compressed(segmentBytes(1)), segment(1))
            let status = try FileSystem.status(of: path)
            try FileSystem.setModified(path, seconds: status.modifiedSeconds, nanoseconds: 1)
            let clock = Clock(try seconds(fixture, segment(1)))
            #expect(try fixture.archive(arrivals: clock.watch).count == 1)
            #expect(clock.pauseCount == 0)
        }
    }

    @Test func `a file whose time lies ahead gets the same grace, and no more`() throws {
        try ArchiveFixture.with { fixture in
            for number: UInt32 in [1, 2] {
                let path = fixture.home.incomingWALsDirectory.appending(segment(number))
                try fixture.put([1, 2, 3], segment(number))
                try FileSystem.setModified(path, seconds: 4_000_000_000, nanoseconds: 0)
            }
            let first = fixture.home.incomingWALsDirectory.appending(segment(1)).string
            let clock = Clock(1_800_000_000, [{ try Shell.write(segmentBytes(1), to: first) }])
            #expect(try fixture.archive(workerLimit: 1, arrivals: clock.watch).count == 1)
            #expect(fixture.archived == [segment(1)])
            #expect(fixture.errors.count == 1 && fixture.incoming.isEmpty)
        }
    }

    @Test func `a file that never rests is left for the next run`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put([1], segment(1))
            try fixture.put(segmentBytes(2), segment(2))
            let path = fixture.home.incomingWALsDirectory.appending(segment(1))
            try FileSystem.setModified(path, seconds: 1_800_000_000, nanoseconds: 0)
            let clock = Mutex(1_800_000_000.0)
            let watch = ArrivalWatch(
                now: { clock.withLock { $0 } },
                pause: { _ in
                    let seconds = clock.withLock { time in
                        time += 1
                        return time
                    }
                    try FileSystem.setModified(path, seconds: Int64(seconds), nanoseconds: 0)
                }
            )
            #expect(try fixture.archive(arrivals: watch).count == 1)
            #expect(fixture.archived == [segment(2)] && fixture.incoming == [segment(1)] && fixture.errors.isEmpty)
            #expect(try fixture.archive(arrivals: ArrivalWatch(now: { .infinity })).count == 0)
            #expect(fixture.incoming.isEmpty && fixture.errors.count == 1)
        }
    }

    @Test func `an empty history is waited for`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put([], "00000002.history")
            let text = Array("1\t0/3000000\tx\n".utf8)
            let path = fixture.home.incomingWALsDirectory.appending("00000002.history").string
            let clock = Clock(try seconds(fixture, "00000002.history"), [{ try Shell.write(text, to: path) }])
            #expect(try fixture.archive(arrivals: clock.watch).count == 1)
            #expect(try fixture.stored("00000002.history") == text)
        }
    }
}
