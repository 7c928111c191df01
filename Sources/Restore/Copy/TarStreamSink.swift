import Codecs
import Files
import Processes
import Synchronization
import SystemPackage

/// Sends restored things to another host, as a tar stream that a `tar` there unpacks: nothing of ours is needed there.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it; `abandon` touches only what is locked.
final class TarStreamSink: FileSink, @unchecked Sendable {
    private let ssh: SSHCommand
    private let isCompressed: Bool
    private let counter: ByteCounter
    private var tar = TarWriter()
    private var stream: Stream?
    private var pending = 0
    private let running = Mutex<[RunningProcess]>([])

    /// What is open while a stream runs.
    private struct Stream: ~Copyable {
        let writer: OwnedDescriptor
        let processes: [RunningProcess]
        let errors: ScratchFile
        let command: String
    }

    init(ssh: SSHCommand, isCompressed: Bool, counter: ByteCounter) {
        self.ssh = ssh
        self.isCompressed = isCompressed
        self.counter = counter
    }

    // MARK: Members

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        let header = TarMember(
            directory: name(member, root),
            mode: UInt32(member.permissions.rawValue),
            modifiedSeconds: member.modifiedSeconds
        )
        try send(tar.header(of: header))
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        var header = TarMember(
            name: "",
            sizeBytes: member.sizeBytes,
            mode: UInt32(member.permissions.rawValue),
            modifiedSeconds: member.modifiedSeconds
        )
        header.name = name(member, root)
        pending = TarWriter.padding(after: member.sizeBytes).count
        try send(tar.header(of: header))
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try withStream { writer throws(FileError) in try writer.writeAll(bytes) }
        counter.add(Int64(bytes.count))
    }

    func end() throws {
        if pending > 0 { try send([UInt8](repeating: 0, count: pending)) }
        pending = 0
    }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        let file = try OwnedDescriptor(opening: source)
        file.expectSequentialReading()
        try begin(member, in: root)
        var rest = member.sizeBytes
        while rest > 0 {
            var moved: Int64 = 0
            try withStream { writer throws(FileError) in
                moved = try FileSystem.splice(from: file, toPipe: writer, count: rest)
            }
            if moved == 0 { break }
            counter.add(moved)
            rest -= moved
        }
        try write(file, count: rest)
        try end()
    }

    /// The path on the other host, seen from `/`, where its `tar` starts.
    private func name(_ member: RestoredMember, _ root: RestoreRoot) -> [UInt8] {
        let path = member.path.isEmpty ? FilePath(root.destination) : FilePath(root.destination).pushing(member.path)
        let bytes = path.withPlatformString { text in
            UnsafeBufferPointer(start: text, count: path.length).map(UInt8.init(bitPattern:))
        }
        return Array(bytes.drop { $0 == UInt8(ascii: "/") })
    }

    // MARK: The stream

    private func send(_ bytes: [UInt8]) throws {
        try withStream { writer throws(FileError) in try writer.writeAll(bytes) }
    }

    private func withStream(_ body: (borrowing OwnedDescriptor) throws(FileError) -> Void) throws {
        if stream == nil { stream = try start() }
        do {
            if let writer = stream?.writer.raw {
                // Lent for the call only: the stream keeps it.
                let lent = OwnedDescriptor(adopting: writer, path: "ssh")
                do {
                    try body(lent)
                    _ = lent.release()
                } catch {
                    _ = lent.release()
                    throw error
                }
            }
        } catch let error as FileError where error.errno == .brokenPipe {
            // The other side has ended: what it said is worth more.
            try finish()
            throw error
        }
    }

    private func start() throws -> Stream {
        let errors = try ScratchFile(in: FileSystem.temporaryDirectory)
        // In the locale of a login `tar` would write names in its character set.
        var request = ssh.request(remote: ["env", "LC_ALL=C", "tar", isCompressed ? "-xzpof" : "-xpof", "-", "-C", "/"])
        request.output = .discard
        request.errorOutput = .descriptor(errors.file.raw)
        var pipe = try ChildPipe()
        guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else {
            throw ProcessError.plumbing(call: "pipe", errno: .badFileDescriptor)
        }
        var processes: [RunningProcess] = []
        if isCompressed {
            var packed = try ChildPipe()
            guard let packedReader = packed.reader.take(), let packedWriter = packed.writer.take() else {
                throw ProcessError.plumbing(call: "pipe", errno: .badFileDescriptor)
            }
            var gzip = ProcessRequest("gzip", ["-1", "-c"])
            gzip.input = .descriptor(reader.raw)
            gzip.output = .descriptor(packedWriter.raw)
            gzip.errorOutput = .descriptor(errors.file.raw)
            processes.append(try gzip.start())
            request.input = .descriptor(packedReader.raw)
            processes.append(try request.start())
        } else {
            request.input = .descriptor(reader.raw)
            processes.append(try request.start())
        }
        running.withLock { $0 = processes }
        tar = TarWriter()
        return Stream(writer: writer, processes: processes, errors: errors, command: request.commandText)
    }

    func flush() throws {
        guard stream != nil else { return }
        do {
            try send(tar.end())
        } catch let error as FileError where error.errno == .brokenPipe {
            // `tar` ends at the end mark and does not wait for what fills the last record. Had it failed, `send` would have said so.
            return
        }
        try finish()
    }

    func close() throws { try flush() }

    /// Closes the stream and waits for the other side, which must have taken everything.
    private func finish() throws {
        guard let done = stream.take() else { return }
        let processes = done.processes
        let errors = done.errors
        let command = done.command
        Self.close(done)
        var failed: ProcessStatus?
        for process in processes {
            let status = process.wait()
            if status != .exited(0) { failed = status }
        }
        running.withLock { $0 = [] }
        guard let failed else { return }
        try errors.file.seek(to: 0)
        let text = try errors.file.readToEnd(limit: 64 << 20).suffix(1 << 16)
        throw ProcessError.failed(ProcessOutcome(command: command, status: failed, errorOutput: Array(text)))
    }

    private static func close(_ stream: consuming Stream) {}

    func abandon() {
        for process in running.withLock({ $0 }) { process.terminate() }
    }
}
