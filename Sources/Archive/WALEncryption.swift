import Catalog
import Failure
import Files
import Processes
import Settings
import SystemPackage

/// Encryption of archived WAL by gpg (wal-archiving.md 7).
struct WALEncryption: Sendable {
    /// The name that `xlog.db` gets.
    static let name = "gpg"
    private let keyID: String

    /// The encryption that the settings ask for; `nil` for none.
    init?(_ settings: ServerSettings) throws(Failure) {
        guard let method = settings.encryption, method != "none" else { return nil }
        guard method == Self.name else { throw Failure("encryption '\(method)' is not supported by this build") }
        guard let keyID = settings.encryptionKeyID else {
            throw Failure("encryption_key_id is not configured for server \(settings.name)")
        }
        self.keyID = keyID
    }

    private static let batch = ["--yes", "--batch", "--pinentry-mode", "loopback"]

    /// Encrypts a file into an open one.
    func encrypt(_ source: FilePath, to output: borrowing OwnedDescriptor, settings: ServerSettings) throws {
        let words = Self.batch + ["--compress-level", "0", "--recipient", keyID, "--encrypt"]
        try Self.run(words, reading: source, writing: output, input: .none, settings: settings)
        // What is encrypted is never smaller. The received file goes once this one is stored: better to look.
        let size = try output.status().sizeBytes
        guard size > (try FileSystem.status(of: source).sizeBytes) else {
            throw Failure("gpg wrote \(size) bytes for \(source.quoted)", kind: .exception)
        }
    }

    /// Decrypts a file into an open one, with the passphrase that the configured command prints.
    static func decrypt(_ source: FilePath, to output: borrowing OwnedDescriptor, settings: ServerSettings) throws {
        guard let command = settings.encryptionPassphraseCommand else {
            throw Failure(
                "Encrypted WAL file '\(source.lastComponent?.string ?? "")' detected, but no "
                    + "'encryption_passphrase_command' is configured. Please set 'encryption_passphrase_command' in the "
                    + "configuration so the correct private key can be identified for decryption."
            )
        }
        let words = batch + ["--passphrase-fd", "0", "--decrypt"]
        let passphrase = try passphrase(command)
        do {
            try run(words, reading: source, writing: output, input: .bytes(passphrase), settings: settings)
        } catch let error as ProcessError {
            guard case .failed(let outcome) = error, outcome.errorText.contains("Bad passphrase") else { throw error }
            throw Failure("Error: Bad passphrase provided for decryption.", kind: .exception, cause: error)
        }
    }

    private static func run(
        _ words: [String],
        reading source: FilePath,
        writing output: borrowing OwnedDescriptor,
        input: ProcessRequest.Input,
        settings: ServerSettings
    ) throws {
        var request = ProcessRequest("gpg", words + ["--output", "-", source.string])
        request.pathPrefix = settings.pathPrefix
        // What it says is looked into, and it speaks the user's language.
        request.extraEnvironment["LC_ALL"] = "C"
        request.input = input
        request.output = .descriptor(output.raw)
        try request.runChecked()
    }

    private static func passphrase(_ command: Secret) throws -> [UInt8] {
        let outcome: ProcessOutcome
        do {
            outcome = try ProcessRequest("/bin/sh", ["-c", command.exposed]).run()
        } catch let error as ProcessError {
            throw Failure("Command failed: \(error)", cause: error)
        }
        // The command line may hold the secret, so that only its status is told.
        guard outcome.isSuccess else { throw Failure("Command failed: \(outcome.status)") }
        guard !outcome.output.isEmpty else { throw Failure("The command returned an empty passphrase") }
        return outcome.output
    }
}
