import Failure
import Files
import Processes
import SystemPackage

/// Where the bytes of an archive go: a file, or a gpg that writes the file.
///
/// `@unchecked Sendable`: the writing thread has it until it has ended, its owner afterwards.
final class ArchiveOutput: @unchecked Sendable {
    private let path: FilePath
    private var file: OwnedDescriptor?
    private var encryption: StreamEncryption?
    private var unsentBytes = 0

    /// Written bytes after which the disk is told to begin with them.
    private static let writebackBytes = 16 << 20

    /// Makes the file, which must not be there; with a key, what is written to it is encrypted on the way.
    init(_ path: FilePath, key: String?, pathPrefix: String?) throws {
        self.path = path
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow],
            permissions: .ownerReadWrite
        )
        if let key { encryption = try StreamEncryption(key: key, output: file.raw, pathPrefix: pathPrefix) }
        self.file = consume file
    }

    /// Writes bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let encryption {
            try encryption.write(bytes)
        } else {
            try file?.writeAll(bytes)
        }
        unsentBytes += bytes.count
        guard unsentBytes >= Self.writebackBytes else { return }
        unsentBytes = 0
        file?.startWriteback()
    }

    /// Closes the file; it is complete, though not synced.
    func finish() throws {
        try encryption?.finish()
        encryption = nil
        file?.startWriteback()
        try file.take()?.close()
    }

    /// Makes a writer that is stuck end.
    func abandon() {
        encryption?.abandon()
    }

    /// Why writing failed: what gpg said, if it was gpg that ended.
    func reason(for error: any Error) -> any Error {
        guard let encryption, error is FileError else { return error }
        do {
            try encryption.finish()
        } catch let reason {
            return reason
        }
        return error
    }
}

/// A gpg that encrypts what is written to it (backup.md 10).
private final class StreamEncryption {
    private let process: RunningProcess
    private let path: FilePath
    private var input: OwnedDescriptor?
    private var errors: OwnedDescriptor?
    private var isEnded = false

    init(key: String, output: FileDescriptor, pathPrefix: String?) throws {
        var data = try ChildPipe()
        var messages = try ChildPipe()
        guard let reader = data.reader.take(), let writer = messages.writer.take() else {
            throw ProcessError.plumbing(call: "pipe", errno: .badFileDescriptor)
        }
        var request = ProcessRequest(
            "gpg",
            [
                "--yes", "--batch", "--pinentry-mode", "loopback", "--compress-level", "0", "--recipient", key,
                "--encrypt", "--output", "-",
            ]
        )
        request.pathPrefix = pathPrefix
        request.input = .descriptor(reader.raw)
        request.output = .descriptor(output)
        request.errorOutput = .descriptor(writer.raw)
        // Our end decides when it is over, not the terminal.
        request.newSession = true
        process = try request.start()
        path = "gpg"
        input = data.writer.take()
        errors = messages.reader.take()
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try input?.writeAll(bytes) }

    /// Closes the input and waits for gpg; throws when it did not encrypt everything.
    func finish() throws {
        guard !isEnded else { return }
        isEnded = true
        try input.take()?.close()
        let said = try errors?.readToEnd(limit: 1 << 20) ?? []
        let status = process.wait()
        guard status == .exited(0) else {
            let text = String(decoding: said.suffix(4096), as: UTF8.self)
            throw Failure("encryption failed: gpg ended with status \(status.code)\n\(text)")
        }
    }

    func abandon() {
        guard !isEnded else { return }
        isEnded = true
        process.terminate()
        _ = process.wait()
    }
}
