import Codecs
import Files
import Glibc
import Processes
import SystemPackage
import WAL

/// `barman-wal-restore`: a `restore_command` that fetches WAL from the backup host's `get-wal`.
enum RestoreProgram {
    static let name = "barman-wal-restore"

    static func run(_ words: [String]) -> Int32 {
        let arguments: RestoreArguments
        do {
            arguments = try RestoreArguments(words)
        } catch {
            return error.show()
        }
        Emergency.install()
        arguments.common.checkStateDirectory()
        if arguments.common.isTest {
            let fetch = Fetch(arguments)
            return ConnectionTest.run(
                arguments.common.host.request(
                    remote: arguments.common.host.getWords(["--test"], "dummy_wal_name"),
                    multiplexing: fetch.multiplexing
                )
            )
        }
        if let option = arguments.wireCompression {
            Terminal.output(
                "WARNING: `\(option)` option is deprecated and will be removed in future versions. For WAL compression, "
                    + "please make sure to enable it directly on the Barman server via the `compression` "
                    + "configuration option\n"
            )
        }
        do {
            try RestoreRun(arguments).run()
            return 0
        } catch let ending as RestoreRun.Ending {
            return ending.finish(arguments)
        } catch let lack as RestoreRun.NoRoom {
            return lack.finish(arguments)
        } catch let error as FileError where error.isLackOfRoom {
            return RestoreRun.NoRoom(error: error).finish(arguments)
        } catch {
            Terminal.complain("\(error)")
            return 2
        }
    }
}

/// One call of the program.
struct RestoreRun {
    /// Why the call fails, and how.
    struct Ending: Error {
        let message: String
        let status: Int32
        var sleeps = false

        func finish(_ arguments: RestoreArguments) -> Int32 {
            Terminal.complain(message)
            if sleeps, arguments.sleepSeconds > 0 {
                Terminal.error("Sleeping for \(arguments.sleepSeconds) seconds.\n")
                sleep(UInt32(arguments.sleepSeconds))
            }
            return status
        }
    }

    /// Ends recovery with an error: PostgreSQL takes a status up to 125 for a file that is not there, and so for the end of the WAL.
    static let stopsRecovery: Int32 = 255

    /// There is no room at WAL_DEST.
    struct NoRoom: Error {
        let error: FileError
        /// Whether the file is known to be there, so that it is only for the room that it does not come.
        var isThere = true

        /// Leaves an empty segment, and success: at a wrong size PostgreSQL stops, or as a standby asks again.
        ///
        /// An empty history file would be read, and one that fails would be a timeline that is not there: recovery stops.
        func finish(_ arguments: RestoreArguments) -> Int32 {
            let text = "Cannot write '\(arguments.destination)' (WAL_DEST): \(error)"
            let isEmpty = (try? OwnedDescriptor(opening: arguments.destination, .writeOnly, options: .truncate)) != nil
            let isSegment = WALSegmentName(arguments.walName) != nil
            if isSegment, isEmpty {
                Terminal.error("WARNING: \(text)\n")
                return 0
            }
            Terminal.complain(text)
            // A standby asks for the next timeline again and again, which mostly is not there.
            return isSegment || isThere ? RestoreRun.stopsRecovery : 1
        }
    }

    private let arguments: RestoreArguments

    init(_ arguments: RestoreArguments) {
        self.arguments = arguments
    }

    func run() throws {
        let destination = arguments.destination
        // What cannot be looked at cannot be opened either; that is told below.
        if (try? FileSystem.isDirectory(destination)) == true {
            throw Ending(message: "WAL_DEST cannot be a directory: \(destination)", status: 3)
        }
        let output = try open(destination)
        if try takeFromSpool() { return }
        let looksAhead = arguments.parallel > 0 && !FirstProcess.isPostmaster
        let prefetch = looksAhead ? try Prefetch(arguments) : nil
        if prefetch == nil, looksAhead, arguments.parallel > 1 {
            Terminal.error("WARNING: '\(arguments.spool)' cannot be used safely: nothing is fetched ahead\n")
        }
        if let prefetch, try prefetch.take(arguments.walName, to: destination) { return }
        let fetch = Fetch(arguments)
        let isSeen = try prefetch == nil || isAnnounced(fetch)
        // A look ahead sees complete files only.
        guard isSeen || arguments.partial && WALSegmentName(arguments.walName) != nil else { throw unavailable }
        try receive(fetch, into: output, isSeen: isSeen)
        try output.close()
        prefetch?.delivered(arguments.walName)
    }

    private var unavailable: Ending {
        Ending(message: "The required file is not available: \(arguments.walName)", status: 2)
    }

    private func open(_ destination: FilePath) throws -> OwnedDescriptor {
        do throws(FileError) {
            return try OwnedDescriptor(opening: destination, .writeOnly, options: [.create, .truncate])
        } catch {
            let message = "Cannot open '\(destination)' (WAL_DEST) for writing: \(error)"
            throw Ending(message: message, status: 3)
        }
    }

    /// Delivers what lies ready under its plain name: left there by the reference, or by the administrator.
    private func takeFromSpool() throws -> Bool {
        guard FilePath.Component(arguments.walName)?.kind == .regular else { return false }
        let source = arguments.spool.appending(arguments.walName)
        // A spool that cannot be looked at, or that others can write to, has nothing for us.
        guard (try? FileSystem.kindIfPresent(source, followingLinks: false)) == .regular,
            PrivateDirectory.isTrusted(arguments.spool)
        else { return false }
        do throws(FileError) {
            try ReceivedWAL.move(source, to: arguments.destination)
            return true
        } catch {
            if error.isLackOfRoom { throw error }
            throw Ending(message: "Failure moving \(source) to \(arguments.destination): \(error)", status: 2)
        }
    }

    /// Whether the host says that it has the file.
    private func isAnnounced(_ fetch: Fetch) throws -> Bool {
        let options = arguments.getOptions(peek: max(1, arguments.parallel))
        let answer: Fetch.Names
        do {
            answer = try fetch.names(from: arguments.walName, options)
        } catch {
            // As for a host that cannot be reached: the caller says what is missing.
            return false
        }
        if let status = stoppingStatus(of: answer.status) { throw failure(status) }
        return answer.names.first == arguments.walName
    }

    /// The status of the reference for a call that was killed, there or here; `nil` for others.
    ///
    /// PostgreSQL stops at it: whether the file is there is not known.
    private func stoppingStatus(of status: ProcessStatus) -> Int32? {
        switch status {
        case .signaled(let number): 256 - number
        case .exited(255): nil
        case .exited(let number): number > 125 ? number : nil
        }
    }

    private func failure(_ status: Int32) -> Ending {
        Ending(message: "Remote 'barman get-wal' command has failed!", status: status, sleeps: true)
    }

    /// Receives the file; `isSeen`: the host has said that there is one, or was not asked.
    private func receive(_ fetch: Fetch, into output: borrowing OwnedDescriptor, isSeen: Bool) throws {
        let status: ProcessStatus
        do {
            status = try fetch.receive(arguments.walName, arguments.getOptions(), into: output)
        } catch let error as ProcessError {
            throw Ending(message: "Error executing \"ssh\": \(error)", status: 2, sleeps: true)
        }
        guard status == .exited(0) else {
            let lack = ReceivedWAL.lackOfRoom(behind: output)
            // What came is not a WAL file, or not a whole one.
            try? output.truncate(to: 0)
            if let status = stoppingStatus(of: status) { throw failure(status) }
            if let lack { throw NoRoom(error: lack, isThere: false) }
            if status == .exited(255) {
                throw Ending(message: "Connection problem with ssh", status: 2, sleeps: true)
            }
            throw isSeen ? failure(status.code) : unavailable
        }
        do {
            try ReceivedWAL.unpack(arguments.destination)
            try judge(output)
        } catch {
            // ssh ends well although there was no room for the last that it got.
            let lack = error is CodecError ? ReceivedWAL.lackOfRoom(behind: output) : error as? FileError
            if let lack, lack.isLackOfRoom { throw lack }
            // PostgreSQL must not find it.
            _ = try? OwnedDescriptor(opening: arguments.destination, .writeOnly, options: .truncate)
            throw error as? Ending
                ?? Ending(message: "Error decompressing \(arguments.walName): \(error)", status: 2, sleeps: true)
        }
    }

    /// Throws when what has come must not be handed over.
    private func judge(_ output: borrowing OwnedDescriptor) throws {
        let isSegment = WALSegmentName(arguments.walName) != nil
        if try FileSystem.status(of: arguments.destination).sizeBytes == 0 {
            if let lack = ReceivedWAL.lackOfRoom(behind: output) { throw lack }
            guard isSegment else {
                throw Ending(
                    message: "Received an empty \(arguments.walName)",
                    status: Self.stopsRecovery,
                    sleeps: true
                )
            }
            // A receiver that was told where to begin, and has nothing yet; a server that gets this does not start.
            if arguments.partial { throw unavailable }
        }
        if let shortage = try ReceivedWAL.shortage(of: arguments.destination, name: arguments.walName) {
            // PostgreSQL stops at a file of a wrong size, and takes a command that fails for the end of the WAL.
            Terminal.error("WARNING: \(arguments.walName) \(shortage): is there room at '\(arguments.destination)'?\n")
        } else if let defect = try ReceivedWAL.defect(of: arguments.destination, name: arguments.walName) {
            throw Ending(message: "Received a wrong \(arguments.walName): \(defect)", status: 2, sleeps: true)
        }
    }
}
