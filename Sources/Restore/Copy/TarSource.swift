import Backup
import Pipeline
import SystemPackage

/// Opens a tar file of a backup for one pass: decrypted and decompressed ahead, on threads and a process of their own.
struct TarSource {
    /// The passphrase of encrypted files.
    let passphrase: [UInt8]?
    let pathPrefix: String?

    func open(_ archive: FilePath) throws -> TarMemberStream {
        let plain = try ArchiveSource(passphrase: passphrase, pathPrefix: pathPrefix).open(archive)
        return TarMemberStream { buffer in try plain.read(into: buffer) }
    }
}
