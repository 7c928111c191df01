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
        // Whatever fails, one of the others may be the reason, here or there: then the file goes alone, and tells if it is its own.
        let result = try? send([path] + followers)
        if let result, result.isConnectionProblem { return report(result) }
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
