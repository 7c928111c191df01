import Glibc
import Pipeline
import Synchronization
import Testing

struct WorkersTests {
    private struct Stop: Error, Equatable {
        let input: Int
    }

    @Test(arguments: [1, 2, 7, 100])
    func `results come in the order of the inputs`(count: Int) throws {
        var results: [Int] = []
        try Workers.map(
            Array(0..<200),
            count: count,
            body: { input in
                if input % 17 == 0 { usleep(1000) }
                return input * 2
            },
            inOrder: { index, result in
                #expect(index * 2 == result)
                results.append(result)
            }
        )
        #expect(results == (0..<200).map { $0 * 2 })
    }

    @Test func `no inputs are no work`() throws {
        try Workers.map([Int](), count: 4, body: { $0 }, inOrder: { _, _ in Issue.record("called") })
    }

    @Test func `workers that block run at the same time`() throws {
        let running = Mutex((now: 0, most: 0))
        try Workers.map(
            Array(0..<8),
            count: 4,
            body: { _ in
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                usleep(20_000)
                running.withLock { $0.now -= 1 }
            },
            inOrder: { _, _ in }
        )
        #expect(running.withLock { $0.most } > 1)
        #expect(running.withLock { $0.most } <= 4)
    }

    @Test func `no more results wait than the window is wide`() throws {
        let started = Atomic<Int>(0)
        try Workers.map(
            Array(0..<100),
            count: 2,
            window: 5,
            body: { _ in started.add(1, ordering: .relaxed) },
            inOrder: { index, _ in
                if index < 3 { usleep(20_000) }
                // Index results are consumed, this one is in hand, and the window goes on from here.
                #expect(started.load(ordering: .relaxed) <= index + 1 + 5)
            }
        )
    }

    @Test(arguments: [1, 4])
    func `the first error in the order of the inputs ends the work`(count: Int) throws {
        let started = Atomic<Int>(0)
        var consumed: [Int] = []
        #expect(throws: Stop(input: 10)) {
            try Workers.map(
                Array(0..<1000),
                count: count,
                body: { (input: Int) throws -> Int in
                    started.add(1, ordering: .relaxed)
                    if input == 10 { usleep(5000) }
                    if input >= 10 { throw Stop(input: input) }
                    return input
                },
                inOrder: { consumed.append($1) }
            )
        }
        #expect(consumed == Array(0..<10))
        #expect(started.load(ordering: .relaxed) < 30)
    }

    @Test(arguments: [1, 4])
    func `an error of the consumer ends the work`(count: Int) throws {
        let started = Atomic<Int>(0)
        #expect(throws: Stop(input: 5)) {
            try Workers.map(
                Array(0..<1000),
                count: count,
                body: { (input: Int) -> Int in
                    started.add(1, ordering: .relaxed)
                    return input
                },
                inOrder: { index, _ in if index == 5 { throw Stop(input: index) } }
            )
        }
        #expect(started.load(ordering: .relaxed) < 100)
    }

    @Test func `the check on the calling thread ends a wait`() throws {
        let isReleased = Atomic<Bool>(false)
        var checks = 0
        #expect(throws: Stop(input: -1)) {
            try Workers.map(
                [1, 2],
                count: 2,
                check: {
                    checks += 1
                    if checks > 2 {
                        isReleased.store(true, ordering: .relaxed)
                        throw Stop(input: -1)
                    }
                },
                body: { (_: Int) in while !isReleased.load(ordering: .relaxed) { usleep(1000) } },
                inOrder: { _, _ in Issue.record("consumed") }
            )
        }
    }

    @Test func `a state that cannot be made is an error`() throws {
        #expect(throws: Stop(input: 0)) {
            try Workers.map(
                Array(0..<10),
                count: 3,
                makeState: { () throws -> Int in throw Stop(input: 0) },
                body: { (_: inout Int, input: Int) in input },
                inOrder: { _, _ in Issue.record("consumed") }
            )
        }
    }

    @Test func `each thread keeps one state`() throws {
        let made = Atomic<Int>(0)
        try Workers.map(
            Array(0..<50),
            count: 3,
            makeState: { made.add(1, ordering: .relaxed).newValue },
            body: { (state: inout Int, _: Int) in state },
            inOrder: { _, state in #expect((1...3).contains(state)) }
        )
        #expect((1...3).contains(made.load(ordering: .relaxed)))
    }
}
