import Failure
import Files
import Processes
import Settings
import SystemPackage

/// Whether what a server stores can be encrypted.
enum EncryptionTest {
    /// What is wrong with the settings; `nil` if nothing.
    static func configurationProblem(_ settings: ServerSettings) -> String? {
        if settings.encryptionKeyID == nil { return "Encryption is set as gpg, but encryption_key_id is unset" }
        if settings.backupMethod != .postgres { return "Encryption is set as gpg, but backup_method != postgres" }
        if settings.backupCompression == nil { return "Encryption is set as gpg, but backup_compression is unset" }
        if settings.backupCompressionFormat != "tar" {
            return "Encryption is set as gpg, but backup_compression_format != tar"
        }
        return nil
    }

    /// Encrypts a small file in a directory of its own; returns the hint when that fails.
    static func run(_ settings: ServerSettings, reporter: any Reporter, timeoutSeconds: Double?) -> String? {
        let hint = "encryption test failed. Check the log file for more details"
        do {
            let directory = try FileSystem.createTemporaryDirectory(prefix: "barman-encrypt-test-")
            defer {
                do {
                    try FileSystem.removeTree(directory)
                } catch {
                    reporter.log(.warning, "barman.server", "Cannot remove a temporary directory: \(error)")
                }
            }
            let file = directory.appending("test")
            try FileSystem.replaceDurably(file, contents: Array("test\n".utf8))
            var request = ProcessRequest(
                "gpg",
                [
                    "--batch", "--yes", "--no-tty", "--recipient", settings.encryptionKeyID ?? "", "--output",
                    file.string + ".gpg", "--encrypt", file.string,
                ]
            )
            request.pathPrefix = settings.pathPrefix
            request.timeoutSeconds = timeoutSeconds
            try request.runChecked()
            return nil
        } catch {
            reporter.log(.error, "barman.server", "Encryption test failed: \(error)")
            return hint
        }
    }
}
