import Codecs
import Files
import Processes
import SystemPackage
import WAL

/// `barman-wal-archive`: an `archive_command` that sends WAL to the backup host's `put-wal`.
enum ArchiveProgram {
    static let name = "barman-wal-archive"

    static func run(_ words: [String]) -> Int32 {
        let arguments: ArchiveArguments
        do {
            arguments = try ArchiveArguments(words)
        } catch {
            return error.show()
        }
        Emergency.install()
        arguments.common.checkStateDirectory(isNeeded: arguments.batch > 1)
        let program = ArchiveRun(arguments)
        return arguments.common.isTest ? ConnectionTest.run(program.testRequest) : program.run()
    }
}

extension ArgumentTable.Ending {
    /// Prints what ends the program; returns its exit status.
    func show() -> Int32 {
        switch self {
        case .shown(let text):
            Terminal.output(text)
            return 0
        case .refused(let text):
            Terminal.error(text)
            return 2
        }
    }
}

/// One call of the program.
private struct ArchiveRun {
    private let arguments: ArchiveArguments
    private let multiplexing: Multiplexing?

    init(_ arguments: ArchiveArguments) {
        self.arguments = arguments
        multiplexing = arguments.common.multiplexing
    }

    var testRequest: ProcessRequest {
        arguments.common.host.request(remote: arguments.common.host.putWords(test: true), multiplexing: multiplexing)
    }

    func run() -> Int32 {
        let path = FilePath(arguments.walPath)
        // What cannot be looked at cannot be opened either; that is told below.
        if (try? FileSystem.isDirectory(path)) == true {
            Terminal.complain("WAL_PATH cannot be a directory: \(arguments.walPath)")
            return 2
        }
        do {
            guard arguments.batch > 1 else { return try report(send([path])) }
            return try runBatch(path)
        } catch {
            Terminal.complain("Error executing ssh: \(error)")
            return 2
        }
    }

    /// Sends the file and others that are ready behind it, unless the backup host has confirmed it already.
    private func runBatch(_ path: FilePath) throws -> Int32 {
        guard PrivateDirectory.prepare(arguments.common.stateDirectory) else { return try report(send([path])) }
        let queue = ReadyQueue(walPath: path)
        let acknowledgements = Acknowledgements(
            directory: arguments.common.stateDirectory,
            key: BackupHost.key([arguments.common.host.serverKey, queue.directoryKey])
        )
        if acknowledgements.contains(path) { return 0 }
        let followers = queue.following(limit: arguments.batch - 1)
        guard !followers.isEmpty else { return try report(send([path])) }
        let result = try? send([path] + followers)
        if let result, result.isConnectionProblem { return report(result) }
        // One of the others may be the reason, here or there.
        guard let result, case .finished(.exited(0), nil) = result.ending else { return try report(send([path])) }
        // What cannot be written down is sent again; only what is written down is ever confirmed.
        try? acknowledgements.replace(with: result.sent.filter { $0.name != path.lastComponent?.string })
        return 0
    }

    // MARK: Sending

    private struct Result {
        enum Ending {
            /// ssh ended; the error is that of writing to it.
            case finished(ProcessStatus, FileError?)
        }

        var ending: Ending
        var sent: [Acknowledgements.Entry] = []

        var isConnectionProblem: Bool {
            guard case .finished(.exited(255), _) = ending else { return false }
            return true
        }
    }

    private func report(_ result: Result) -> Int32 {
        switch result.ending {
        case .finished(.exited(0), nil):
            return 0
        case .finished(.exited(0), .some(let error)):
            Terminal.complain("Error executing ssh: \(error)")
            return 2
        case .finished(.exited(255), _), .finished(.signaled, _):
            Terminal.complain("Connection problem with ssh")
            return 3
        case .finished(.exited(let status), _):
            Terminal.complain("Remote 'barman put-wal' command has failed!")
            return status
        }
    }

    /// Sends files in one call; tried once more on a connection of its own when a shared one turns out to be broken.
    private func send(_ paths: [FilePath]) throws -> Result {
        guard let multiplexing, multiplexing.isEstablished else {
            return try sendOnce(paths, multiplexing)
        }
        let result = try sendOnce(paths, multiplexing)
        guard result.isConnectionProblem else { return result }
        multiplexing.forget()
        return try sendOnce(paths, nil)
    }

    private func sendOnce(_ paths: [FilePath], _ multiplexing: Multiplexing?) throws -> Result {
        // Nothing is started for a file that cannot be read.
        let first = try open(paths[0])
        // Without a place for the answer nothing is offered.
        let remoteOutput = arguments.offersChecksum ? try? RemoteOutput() : nil
        var pipe = try ChildPipe()
        guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else {
            return Result(ending: .finished(.exited(-1), nil))
        }
        var request = arguments.common.host.request(
            remote: arguments.common.host.putWords(test: false),
            multiplexing: multiplexing
        )
        request.input = .descriptor(reader.raw)
        if let remoteOutput { request.output = .descriptor(remoteOutput.raw) }
        let child = try request.start()
        Emergency.watch(child)
        try reader.close()

        var result = Result(ending: .finished(.exited(0), nil))
        var failure: FileError?
        do throws(FileError) {
            var stream = ParcelStream(offersChecksum: remoteOutput != nil, algorithm: arguments.algorithm)
            for (index, path) in paths.enumerated() {
                // One that cannot be read is PostgreSQL's next call's business, which tells why.
                guard let parcel = index == 0 ? first : try? open(path) else { continue }
                try stream.send(parcel, to: writer) { remoteOutput?.hasAnswer() == true }
                result.sent.append(Acknowledgements.Entry(name: parcel.name, status: parcel.status))
            }
            try stream.end(to: writer)
        } catch {
            failure = error
            // The stream has no end mark, so that the other side refuses it; it must not wait for more.
            if error.errno != .brokenPipe { child.terminate() }
        }
        do throws(FileError) {
            try writer.close()
        } catch {
            failure = failure ?? error
        }
        let status = child.wait()
        Emergency.watch(nil)
        remoteOutput?.passOn()
        if let failure, failure.errno != .brokenPipe { throw failure }
        result.ending = .finished(status, failure)
        return result
    }

    private func open(_ path: FilePath) throws -> Parcel {
        try Parcel.open(path, compression: arguments.compression, level: arguments.level)
    }
}

/// The tar stream of one call: files, and their checksums at the end.
private struct ParcelStream {
    private var tar = TarWriter()
    private let offersChecksum: Bool
    /// The checksum that everybody understands.
    private let common: ChecksumAlgorithm
    /// What the next file will need, as far as we know.
    private var expected: ChecksumAlgorithm
    private var lists: [ChecksumAlgorithm: String] = [:]

    /// A stream with checksums that everybody understands, or with the offer of a cheaper one.
    init(offersChecksum: Bool, algorithm: ChecksumAlgorithm) {
        self.offersChecksum = offersChecksum
        common = algorithm
        expected = offersChecksum ? ChecksumOffer.algorithm : algorithm
    }

    /// Sends a file; its checksum is the cheaper one if the offer has been taken by the time the file has gone.
    mutating func send(
        _ parcel: Parcel,
        to output: borrowing OwnedDescriptor,
        isOfferTaken: () -> Bool
    ) throws(FileError) {
        var member = parcel.member
        if offersChecksum, lists.isEmpty { ChecksumOffer.make(with: &member) }
        try output.writeAll(tar.header(of: member))
        var checksum = Checksum(expected)
        try parcel.send(to: output, &checksum)
        try output.writeAll(TarWriter.padding(after: member.sizeBytes))
        let algorithm = expected
        expected = isOfferTaken() ? ChecksumOffer.algorithm : common
        let isUnderstood = algorithm == common || algorithm == expected
        let text = isUnderstood ? checksum.hexadecimal() : try parcel.checksum(common)
        lists[isUnderstood ? algorithm : common, default: ""] += "\(text) *\(parcel.name)\n"
    }

    /// Sends the lists and the end mark.
    mutating func end(to output: borrowing OwnedDescriptor) throws(FileError) {
        for algorithm in ChecksumAlgorithm.allCases {
            guard let list = lists[algorithm] else { continue }
            let member = TarMember(name: algorithm.listName, sizeBytes: Int64(list.utf8.count))
            try output.writeAll(tar.header(of: member) + Array(list.utf8) + TarWriter.padding(after: member.sizeBytes))
        }
        try output.writeAll(tar.end())
    }
}

/// `--test` of both programs.
enum ConnectionTest {
    /// Prints what the other host says; returns ssh's status as it is.
    static func run(_ request: ProcessRequest) -> Int32 {
        do {
            var pipe = try ChildPipe()
            guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else { return 2 }
            var request = request
            request.output = .descriptor(writer.raw)
            request.errorOutput = .descriptor(writer.raw)
            let child = try request.start()
            Emergency.watch(child)
            try writer.close()
            let text = try reader.readToEnd(limit: 1 << 20)
            Terminal.output(String(decoding: text, as: UTF8.self) + "\n")
            return child.wait().shellStatus
        } catch {
            Terminal.complain("Error executing ssh: \(error)")
            return 2
        }
    }
}

extension ProcessStatus {
    /// The status as a shell says it.
    var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        }
    }
}
