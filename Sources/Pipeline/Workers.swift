import Glibc

#if DEBUG
import Files
#endif

/// Threads of our own that may block: never the runtime's pool, which has one thread per core for everybody.
public enum Workers {
    /// The cores of this machine.
    public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Runs `body` for every input on up to `count` threads and hands the results to `consume` in the order of the inputs.
    ///
    /// With one input, or a count of 1, everything runs on the calling thread. `consume` and `check` run on the calling thread; `check` at least every tenth of a second, to notice signals. At most
    /// `window` results wait to be consumed. Each thread makes a state with `makeState`, once, for what is worth reusing.
    /// The first error, in the order of the inputs, or one of `consume` or `check`, ends the work: what has not begun is
    /// not begun, what has begun is waited for, and the error is thrown.
    public static func map<Input: Sendable, State, Output: Sendable>(
        _ inputs: [Input],
        count: Int,
        window: Int? = nil,
        check: () throws -> Void = {},
        makeState: @Sendable () throws -> State,
        body: @Sendable (inout State, Input) throws -> Output,
        inOrder consume: (Int, Output) throws -> Void
    ) throws {
        try check()
        let threadCount = max(1, min(count, inputs.count))
        if threadCount == 1 {
            guard !inputs.isEmpty else { return }
            var state = try makeState()
            for (index, input) in inputs.enumerated() {
                try consume(index, try body(&state, input))
                try check()
            }
            return
        }
        let bench = Bench<Output>(inputCount: inputs.count, window: max(window ?? threadCount * 2, threadCount))
        try withoutActuallyEscaping(body) { body in
            try withoutActuallyEscaping(makeState) { makeState in
                let job = Job.make { bench.work(inputs, makeState: makeState, body: body) }
                let team = try Team(threadCount: threadCount, job: job)
                // The closures must not outlive this scope: whatever happens, all threads are gone when it ends.
                defer {
                    bench.cancel()
                    team.join()
                }
                for index in inputs.indices {
                    let result = try bench.awaitResult(check: check)
                    try consume(index, result.get())
                    try check()
                }
            }
        }
    }

    /// Runs `body` for every input on up to `count` threads and hands the results to `consume` in the order of the inputs.
    public static func map<Input: Sendable, Output: Sendable>(
        _ inputs: [Input],
        count: Int,
        window: Int? = nil,
        check: () throws -> Void = {},
        body: @Sendable (Input) throws -> Output,
        inOrder consume: (Int, Output) throws -> Void
    ) throws {
        try map(
            inputs,
            count: count,
            window: window,
            check: check,
            makeState: {},
            body: { (_: inout Void, input: Input) throws -> Output in try body(input) },
            inOrder: consume
        )
    }
}

/// Threads that could not be started.
public struct WorkersError: Error, CustomStringConvertible {
    /// What `pthread_create` answered.
    public let errno: Int32

    /// The error in words.
    public var description: String { "cannot start a thread: \(String(cString: strerror(errno)))" }
}

/// The table at which the threads of one `map` work: what is taken, what is done, what is wanted next.
///
/// `@unchecked Sendable`: every access to the variables happens with the monitor held.
private final class Bench<Output: Sendable>: @unchecked Sendable {
    private let monitor = Monitor()
    private let inputCount: Int
    private let window: Int
    private var nextInput = 0
    private var nextResult = 0
    private var results: [Int: Result<Output, any Error>] = [:]
    private var isCancelled = false

    init(inputCount: Int, window: Int) {
        self.inputCount = inputCount
        self.window = window
    }

    /// What one thread does: takes input after input until there is none, or the work is cancelled.
    func work<Input, State>(
        _ inputs: [Input],
        makeState: () throws -> State,
        body: (inout State, Input) throws -> Output
    ) {
        let made = Result { try makeState() }
        guard case .success(var state) = made else {
            if case .failure(let error) = made, let index = takeInput() { finish(index, .failure(error)) }
            return
        }
        while let index = takeInput() {
            let result = Result { try body(&state, inputs[index]) }
            finish(index, result)
            if case .failure = result { return }
        }
    }

    /// The next input, when there is room for its result; `nil` when there is nothing more to do.
    private func takeInput() -> Int? {
        monitor.locked {
            while !isCancelled, nextInput < inputCount, nextInput >= nextResult + window { monitor.wait() }
            guard !isCancelled, nextInput < inputCount else { return nil }
            defer { nextInput += 1 }
            return nextInput
        }
    }

    private func finish(_ index: Int, _ result: Result<Output, any Error>) {
        monitor.locked {
            results[index] = result
            // Earlier inputs are with other threads already; later ones are not worth starting.
            if case .failure = result { nextInput = inputCount }
            monitor.wakeAll()
        }
    }

    /// Waits for the next result in the order of the inputs.
    func awaitResult(check: () throws -> Void) throws -> Result<Output, any Error> {
        while true {
            let result = monitor.locked { () -> Result<Output, any Error>? in
                if results[nextResult] == nil { monitor.wait(milliseconds: 100) }
                guard let result = results.removeValue(forKey: nextResult) else { return nil }
                nextResult += 1
                monitor.wakeAll()
                return result
            }
            if let result { return result }
            try check()
        }
    }

    /// Lets no thread take another input.
    func cancel() {
        monitor.locked {
            isCancelled = true
            monitor.wakeAll()
        }
    }
}

/// What a thread carries.
final class Job: Sendable {
    let run: @Sendable () -> Void

    private init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }

    /// A job; in debug builds the faults that a test planned befall its threads as well.
    static func make(_ run: @escaping @Sendable () -> Void) -> Job {
        #if DEBUG
        let plan = FaultPlan.current
        return Job { FaultPlan.$current.withValue(plan) { run() } }
        #else
        return Job(run)
        #endif
    }
}

/// Some threads with one job; joined once, by one thread.
///
/// `@unchecked Sendable`: the threads are written down before anybody else sees the team, and taken away by the one join.
final class Team: @unchecked Sendable {
    private var threads: [pthread_t] = []

    /// Starts the threads; one is enough to do the work.
    init(threadCount: Int, job: Job) throws(WorkersError) {
        // Signals are for the main thread, which may be waiting in a system call.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        for _ in 0..<threadCount {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(job)
            let code = pthread_create(
                &thread,
                nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                },
                argument.toOpaque()
            )
            guard code == 0 else {
                argument.release()
                if !threads.isEmpty { return }
                throw WorkersError(errno: code)
            }
            threads.append(thread)
        }
    }

    func join() {
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }
}
