public import Catalog
import Codecs
public import Failure
public import Files
import Glibc
import Processes
import SystemPackage

/// Takes WAL that a client sends as a tar stream into the incoming directory: `put-wal` (wal-archiving.md 8).
///
/// All or nothing: no file gets its name before the whole stream has come and every file is verified and durable.
public struct WALReception {
    private let home: ServerHome
    private let reporter: any Reporter
    /// What messages end with: where the client is.
    private let origin: String
    /// The way back to the client.
    private let answer: (String) -> Void

    /// No segment is longer than 1 GiB; compressed, one may be a little longer than itself.
    private static let longestFileBytes: Int64 = (1 << 30) + (16 << 20)
    private static let longestListBytes: Int64 = 1 << 20
    private static let mostFiles = 4096

    /// A reception for one server.
    ///
    /// `origin` is ` (SSH host: …)` or nothing; `answer` brings a text to the client, which can do without.
    public init(
        home: ServerHome,
        reporter: any Reporter,
        origin: String = "",
        answer: @escaping (String) -> Void = { _ in }
    ) {
        self.home = home
        self.reporter = reporter
        self.origin = origin
        self.answer = answer
    }

    /// Reads the stream to its end and stores what it brings; on return everything is durable.
    ///
    /// Throws `Failure` or `SignalWatch.Interrupted`; then nothing is stored that could not be stored again.
    public func receive(from input: consuming OwnedDescriptor) throws {
        let source = InterruptibleInput(input)
        let files = ReceivedFiles(directory: home.incomingWALsDirectory)
        // A temporary file that cannot be removed does not change the result; the next reception sweeps it away.
        defer { files.removeTemporaries() }
        do {
            try FileSystem.createDirectories(home.incomingWALsDirectory)
            let list = try read(TarReader { try source.read(into: $0) }, into: files)
            try verify(files, list)
            for file in files.all { try file.sync() }
            for file in files.all { try publish(file) }
            try FileSystem.syncDirectory(home.incomingWALsDirectory)
        } catch let error as TarError {
            throw Failure("\(error)", kind: .exception, cause: error)
        } catch {
            throw ArchiveFailure.named(error)
        }
        files.sweepLeftovers()
    }

    // MARK: Reading

    private func read(_ reader: TarReader, into files: ReceivedFiles) throws -> ChecksumList {
        var list = ChecksumList()
        var algorithm = ChecksumAlgorithm.sha256
        while let member = try reader.next() {
            if algorithm != ChecksumOffer.algorithm, ChecksumOffer.isMade(with: member) {
                algorithm = ChecksumOffer.algorithm
                answer(ChecksumOffer.answer)
            }
            if case .other(let flag) = member.kind {
                throw refusal("Unsupported file type '\(Self.typeText(flag))' for file '\(member.text)'")
            }
            let name = TarName.stripped(member.name[...])
            let text = String(decoding: name, as: UTF8.self)
            if let algorithm = ChecksumAlgorithm.allCases.first(where: { $0.listName == text }) {
                guard member.sizeBytes <= Self.longestListBytes else { throw tooLarge(member) }
                list.add(try reader.readRest(), algorithm)
                continue
            }
            guard TarName.isAcceptable(name), files[text] == nil else {
                throw refusal("Unsupported filename '\(member.text)'")
            }
            guard member.sizeBytes <= Self.longestFileBytes, files.all.count < Self.mostFiles else {
                throw tooLarge(member)
            }
            try files.write(text, member, from: reader, algorithm)
        }
        try reader.drain()
        for line in list.malformedLines { reporter.warning("Bad checksum line '\(line)' found" + place) }
        return list
    }

    /// The type as the reference's messages have it.
    private static func typeText(_ flag: UInt8) -> String {
        let isPlain = (0x20..<0x7F).contains(flag) && flag != UInt8(ascii: "'") && flag != UInt8(ascii: "\\")
        if isPlain { return "b'\(Unicode.Scalar(flag))'" }
        let digits = String(flag, radix: 16)
        return "b'\\x\(digits.utf8.count < 2 ? "0" : "")\(digits)'"
    }

    private var place: String { " in put-wal for server '\(home.name)'\(origin)" }

    private func refusal(_ text: String) -> Failure { Failure(text + place) }

    private func tooLarge(_ member: TarMember) -> Failure {
        refusal("Unsupported size \(member.sizeBytes) for file '\(member.text)'")
    }

    // MARK: Verifying

    private func verify(_ files: ReceivedFiles, _ list: ChecksumList) throws {
        var isGood = true
        func complain(_ text: String) {
            reporter.error(text + place)
            isGood = false
        }
        for entry in list.entries {
            guard let file = files[entry.name] else {
                complain("Checksum without corresponding file '\(entry.name)'")
                continue
            }
            let actual = try file.checksum(entry.algorithm)
            guard actual == entry.expected.lowercased() else {
                complain("Bad file checksum '\(actual)' (should be \(entry.expected)) for file '\(entry.name)'")
                continue
            }
            reporter.log(
                .info,
                "barman.server",
                "Received file '\(entry.name)' with checksum '\(actual)' by put-wal for server '\(home.name)'\(origin)"
            )
        }
        for file in files.all where list.entries(for: file.name).isEmpty {
            complain("Missing checksum for file '\(file.name)'")
        }
        guard isGood else { throw Failure("", kind: .reported) }
    }

    // MARK: Publishing

    /// Gives a file its name, unless that is taken: an equal file is enough, a different one sends ours to the errors.
    private func publish(_ file: ReceivedFile) throws {
        let path = home.incomingWALsDirectory.appending(file.name)
        // The archiver may take the other file away while we look at it.
        for _ in 0..<100 {
            if try file.take(path) { return }
            guard let existing = try existingChecksum(path) else { continue }
            let received = try file.checksum(.sha256)
            guard existing != received else {
                reporter.debug(
                    "File '\(file.name)' already exists with checksum '\(received)' on server "
                        + "'\(home.name)'\(origin): the copy is dropped"
                )
                // Who wrote it may not have got as far as to make it durable.
                return try FileSystem.syncFile(path)
            }
            try ErrorsDirectory(home: home).take(file.temporaryPath, as: .duplicate, name: file.name)
            reporter.info(
                "\tError: Duplicate Files Detected with Mismatched Checksums. File \(file.name) already exists on "
                    + "server \(home.name) with checksum \(existing), but the checksum of the incoming file is "
                    + "\(received). The file has been moved to the errors directory."
            )
            return
        }
        throw FileError(call: "link", path: path, errno: .fileExists)
    }

    private func existingChecksum(_ path: FilePath) throws -> String? {
        do {
            return try ReceivedFile.checksum(of: path, .sha256)
        } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
            return nil
        }
    }
}
