import CLinux
import Files
import Glibc
import SystemPackage

/// A running child and the pipes to it: moves bytes until it has ended, in one loop of `poll`.
final class ProcessPump {
    private let request: ProcessRequest
    private let process: Int32
    /// Readable when the child has ended; -1 where the kernel has no such thing.
    private let processDescriptor: Int32
    private var inputDescriptor: Int32
    private var unsentInput: ArraySlice<UInt8>
    private var outputDescriptor: Int32
    private var errorDescriptor: Int32
    private var outputReader: OutputReader
    private var errorReader: OutputReader
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    private var status: ProcessStatus?
    /// Why the child must end, once it must.
    private var reason: (any Error)?
    private var killTime: Double?
    private let startTime = Interruption.monotonicSeconds
    private var nextTick: Double?
    /// When we stop to listen to a pipe that somebody else than the ended child holds open.
    private var lingerEnd: Double?
    private var quietEnd: Double?

    private static let lingerSeconds = 10.0
    private static let quietSeconds = 1.0

    init(_ request: ProcessRequest) throws(ProcessError) {
        self.request = request
        SignalWatch.prepareForChildren()
        if !request.ignoresInterruption, request.interruption.isRequested { throw .interrupted }
        var input = try Pipe.forInput(request.input)
        var output = try Pipe.forOutput(request.output)
        var errors = try Pipe.forOutput(request.errorOutput)
        process = try Spawn.start(request, input: input.child, output: output.child, errorOutput: errors.child)
        processDescriptor = linux_pidfd_open(process)
        inputDescriptor = input.takeOurEnd()
        outputDescriptor = output.takeOurEnd()
        errorDescriptor = errors.takeOurEnd()
        outputReader = OutputReader(request.output, keepsAll: true)
        errorReader = OutputReader(request.errorOutput, keepsAll: false)
        if case .bytes(let bytes) = request.input { unsentInput = bytes[...] } else { unsentInput = [] }
        nextTick = request.tick.map { startTime + $0.intervalSeconds }
    }

    deinit {
        for descriptor in [processDescriptor, inputDescriptor, outputDescriptor, errorDescriptor] where descriptor >= 0
        {
            close(descriptor)
        }
        buffer.deallocate()
    }

    /// Runs until the child has ended and its output is read.
    func run() throws -> ProcessOutcome {
        while !isFinished {
            wait()
            drain(&outputDescriptor, &outputReader)
            drain(&errorDescriptor, &errorReader)
            feed()
            reap()
            endingChildOnThrow { try self.runTick() }
            end()
        }
        endingChildOnThrow { try self.outputReader.finish(isHandled: self.reason == nil) }
        endingChildOnThrow { try self.errorReader.finish(isHandled: self.reason == nil) }
        if let reason { throw reason }
        return ProcessOutcome(
            command: request.commandText,
            status: status ?? .exited(-1),
            output: outputReader.kept,
            errorOutput: errorReader.kept
        )
    }

    private var isFinished: Bool {
        guard status != nil else { return false }
        guard outputDescriptor >= 0 || errorDescriptor >= 0 else { return true }
        let now = Interruption.monotonicSeconds
        return now >= (lingerEnd ?? .infinity) || now >= (quietEnd ?? .infinity)
    }

    /// Runs a piece of work whose failure must end the child.
    private func endingChildOnThrow(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            endChild(because: error)
        }
    }

    // MARK: Waiting

    private func wait() {
        var watched: [pollfd] = []
        func watch(_ descriptor: Int32, _ events: Int32) {
            if descriptor >= 0 { watched.append(pollfd(fd: descriptor, events: Int16(events), revents: 0)) }
        }
        watch(outputDescriptor, POLLIN)
        watch(errorDescriptor, POLLIN)
        watch(inputDescriptor, POLLOUT)
        if status == nil { watch(processDescriptor, POLLIN) }
        if !request.ignoresInterruption, reason == nil { watch(request.interruption.wakeDescriptor.rawValue, POLLIN) }
        _ = poll(&watched, nfds_t(watched.count), waitMilliseconds)
    }

    /// How long nothing needs to be done unless a descriptor says so; -1 for ever.
    private var waitMilliseconds: Int32 {
        var times = [nextTick, killTime, lingerEnd, quietEnd].compactMap(\.self)
        if reason == nil, let timeout = request.timeoutSeconds { times.append(startTime + timeout) }
        let now = Interruption.monotonicSeconds
        // Without a descriptor for the process its end must be asked for.
        if status == nil, processDescriptor < 0 { times.append(now + 0.02) }
        guard let first = times.min() else { return -1 }
        return Int32(max(0, min((first - now) * 1000 + 1, 3_600_000)))
    }

    // MARK: Bytes

    private func drain(_ descriptor: inout Int32, _ reader: inout OutputReader) {
        guard descriptor >= 0 else { return }
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 {
            if status != nil { quietEnd = Interruption.monotonicSeconds + Self.quietSeconds }
            take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &reader)
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(descriptor)
            descriptor = -1
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ reader: inout OutputReader) {
        do {
            let isWithinLimit = try reader.take(bytes, isHandled: reason == nil)
            if !isWithinLimit, reason == nil, case .collect(let limitBytes) = request.output {
                endChild(because: ProcessError.outputTooLarge(command: request.commandText, limitBytes: limitBytes))
            }
        } catch {
            endChild(because: error)
        }
    }

    private func feed() {
        guard inputDescriptor >= 0 else { return }
        if !unsentInput.isEmpty, reason == nil {
            let count = unsentInput.withUnsafeBytes { write(inputDescriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                unsentInput = unsentInput.dropFirst(count)
            } else if count < 0, errno != EAGAIN, errno != EINTR {
                // The child does not want the rest (EPIPE); its status tells whether that is a failure.
                unsentInput = []
            }
        }
        if unsentInput.isEmpty || reason != nil {
            close(inputDescriptor)
            inputDescriptor = -1
        }
    }

    // MARK: The end

    private func reap() {
        guard status == nil else { return }
        var raw: Int32 = 0
        let ended = waitpid(process, &raw, WNOHANG)
        if ended == process {
            status = raw & 0x7F == 0 ? .exited((raw >> 8) & 0xFF) : .signaled(raw & 0x7F)
        } else if ended < 0, errno == ECHILD {
            // Somebody else asked for its status: it is gone, and how it ended is not known.
            status = .exited(-1)
        } else {
            return
        }
        killTime = nil
        nextTick = nil
        let now = Interruption.monotonicSeconds
        lingerEnd = now + Self.lingerSeconds
        quietEnd = now + Self.quietSeconds
    }

    private func runTick() throws {
        guard reason == nil, let tick = request.tick, let due = nextTick else { return }
        guard Interruption.monotonicSeconds >= due else { return }
        nextTick = Interruption.monotonicSeconds + tick.intervalSeconds
        try tick.body()
    }

    /// Ends a child whose time is over, and kills one that did not listen.
    private func end() {
        guard status == nil else { return }
        let now = Interruption.monotonicSeconds
        if reason == nil {
            if !request.ignoresInterruption, request.interruption.isRequested {
                endChild(because: ProcessError.interrupted)
            } else if let timeout = request.timeoutSeconds, now >= startTime + timeout {
                endChild(because: ProcessError.timedOut(command: request.commandText, seconds: timeout))
            }
        }
        if let time = killTime, now >= time {
            kill(process, SIGKILL)
            killTime = nil
        }
    }

    private func endChild(because error: any Error) {
        guard reason == nil else { return }
        reason = error
        nextTick = nil
        guard status == nil else { return }
        kill(process, SIGTERM)
        killTime = Interruption.monotonicSeconds + request.graceSeconds
    }
}

/// A pipe between us and a child, or what stands in for one.
private struct Pipe: ~Copyable {
    /// What the child gets.
    let child: ChildStream
    private var childEnd: Int32 = -1
    private var ourEnd: Int32 = -1

    private init(_ child: ChildStream) {
        self.child = child
    }

    private init(childReads: Bool) throws(ProcessError) {
        let ends = try ChildPipe.makeEnds()
        (childEnd, ourEnd) = childReads ? (ends.reader, ends.writer) : (ends.writer, ends.reader)
        child = .descriptor(childEnd)
        _ = fcntl(ourEnd, F_SETFL, O_NONBLOCK)
    }

    deinit {
        if childEnd >= 0 { close(childEnd) }
        if ourEnd >= 0 { close(ourEnd) }
    }

    static func forInput(_ input: ProcessRequest.Input) throws(ProcessError) -> Pipe {
        switch input {
        case .none: Pipe(.null)
        case .bytes: try Pipe(childReads: true)
        case .descriptor(let descriptor): Pipe(.descriptor(descriptor.rawValue))
        case .inherited: Pipe(.inherited)
        }
    }

    static func forOutput(_ output: ProcessRequest.Output) throws(ProcessError) -> Pipe {
        switch output {
        case .collect, .lines, .chunks: try Pipe(childReads: false)
        case .descriptor(let descriptor): Pipe(.descriptor(descriptor.rawValue))
        case .discard: Pipe(.null)
        case .inherited: Pipe(.inherited)
        }
    }

    /// Our end, the caller's to close; -1 when there is none.
    mutating func takeOurEnd() -> Int32 {
        let end = ourEnd
        ourEnd = -1
        return end
    }
}
