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
        /// True when the private key is not here; false when it is and the passphrase does not open it.
        package let lacksKey: Bool
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
        // What it says is looked into, and it speaks the user's language.
        request.extraEnvironment["LC_ALL"] = "C"
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
        let said = String(decoding: try errors.readToEnd(limit: 1 << 20), as: UTF8.self)
        let text = said.split(separator: "\n").joined(separator: "\n")
        if text.contains("No passphrase given") {
            throw Locked(description: "Error: No passphrase provided for decryption.", lacksKey: false)
        }
        if text.contains("Bad passphrase") {
            throw Locked(description: "Error: Bad passphrase provided for decryption.", lacksKey: false)
        }
        if text.contains("No secret key") {
            throw Locked(
                description: "there is no secret key in the key ring of this account for \(path.quoted)\n\(text)",
                lacksKey: true
            )
        }
        throw Failure("gpg could not decrypt \(path.quoted): \(status)\n\(text)")
    }

    /// Throws `Locked` when the file cannot be opened with this passphrase; reads no more of it than its first bytes.
    package static func probe(_ path: FilePath, passphrase: [UInt8], pathPrefix: String?) throws {
        let file = try DecryptedFile(path, passphrase: passphrase, pathPrefix: pathPrefix)
        var bytes: [UInt8] = [0]
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
    }

    /// The passphrase that the configured command prints, for an encrypted backup; `purpose` is what it is wanted for: `a restore`.
    package static func passphrase(
        for backupID: String,
        _ settings: ServerSettings,
        purpose: String
    ) throws -> [UInt8] {
        func refusal(_ hint: String?) -> Failure {
            Failure(
                "Encrypted backup '\(backupID)' was found for server '\(settings.name)', but "
                    + "'encryption_passphrase_command' is not configured correctly. "
                    + "Please fix it before attempting \(purpose).",
                hint: hint
            )
        }
        guard let command = settings.encryptionPassphraseCommand else { throw refusal(nil) }
        // The user's own command line, as the reference runs it; it and what it prints may hold the secret and are told to nobody.
        let outcome = try ProcessRequest("/bin/sh", ["-c", command.exposed]).run()
        guard outcome.isSuccess else { throw refusal("The command failed: \(outcome.status).") }
        guard !outcome.output.isEmpty else { throw refusal("The command returned an empty passphrase.") }
        return outcome.output
    }
}
