import Failure
import Files
import Processes
package import Settings
package import SystemPackage

/// The contents of a file encrypted by gpg, as they come out of gpg: nothing decrypted is ever on disk.
///
/// Used by one thread at a time.
package final class DecryptedFile {
    /// There is no key to open the file with, or no passphrase for it: nothing is said about its contents.
    package struct Locked: Error, CustomStringConvertible {
        package let description: String
    }

    private let path: FilePath
    private let process: RunningProcess
    private let output: OwnedDescriptor
    private let errors: OwnedDescriptor
    private var hasEnded = false

    private static let words = [
        "--yes", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--decrypt", "--output", "-",
    ]

    /// Starts gpg on a file; it reads the passphrase, which nobody else sees, on its standard input.
    package init(_ path: FilePath, passphrase: [UInt8], pathPrefix: String?) throws {
        self.path = path
        var request = ProcessRequest("gpg", Self.words + [path.string])
        request.pathPrefix = pathPrefix
        var secret = try ChildPipe()
        var output = try ChildPipe()
        var errors = try ChildPipe()
        guard let secretReader = secret.reader.take(), let secretWriter = secret.writer.take(),
            let outputReader = output.reader.take(), let outputWriter = output.writer.take(),
            let errorReader = errors.reader.take(), let errorWriter = errors.writer.take()
        else { throw ProcessError.plumbing(call: "pipe", errno: .badFileDescriptor) }
        // A pipe has room for it, so this does not wait for gpg.
        try secretWriter.writeAll(passphrase)
        try secretWriter.close()
        request.input = .descriptor(secretReader.raw)
        request.output = .descriptor(outputWriter.raw)
        request.errorOutput = .descriptor(errorWriter.raw)
        process = try request.start()
        self.output = outputReader
        self.errors = errorReader
    }

    deinit {
        guard !hasEnded else { return }
        process.terminate()
        _ = process.wait()
    }

    /// Reads decrypted bytes; 0 at the end of a message whose integrity gpg has checked.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try output.read(into: buffer)
        guard count == 0, !hasEnded else { return count }
        hasEnded = true
        let status = process.wait()
        guard status != .exited(0) else { return 0 }
        let text = String(decoding: try errors.readToEnd(limit: 1 << 20), as: UTF8.self)
        if text.contains("No passphrase given") {
            throw Locked(description: "Error: No passphrase provided for decryption.")
        }
        if text.contains("Bad passphrase") {
            throw Locked(description: "Error: Bad passphrase provided for decryption.")
        }
        if text.contains("No secret key") {
            throw Locked(
                description: "there is no secret key in the key ring of this account for \(path.quoted)\n\(text)"
            )
        }
        throw Failure("gpg could not decrypt \(path.quoted): \(status)\n\(text)")
    }

    /// The passphrase that the configured command prints, for an encrypted backup; `purpose` is what it is wanted for: `a restore`.
    package static func passphrase(
        for backupID: String,
        _ settings: ServerSettings,
        purpose: String
    ) throws -> [UInt8] {
        let refusal = Failure(
            "Encrypted backup '\(backupID)' was found for server '\(settings.name)', but 'encryption_passphrase_command' is "
                + "not configured correctly. Please fix it before attempting \(purpose)."
        )
        guard let command = settings.encryptionPassphraseCommand else { throw refusal }
        // The user's own command line, as the reference runs it; it may hold the secret and is told to nobody.
        let outcome = try ProcessRequest("/bin/sh", ["-c", command.exposed]).run()
        guard outcome.isSuccess, !outcome.output.isEmpty else { throw refusal }
        return outcome.output
    }
}
