import Failure
import Files
import Pipeline
import Processes
import SystemPackage

/// Opens a tar file of a backup for one pass: decrypted and decompressed ahead, on threads and a process of their own.
struct TarSource {
    /// The passphrase of encrypted files.
    let passphrase: [UInt8]?
    let pathPrefix: String?

    func open(_ archive: FilePath) throws -> TarMemberStream {
        let stored: (UnsafeMutableRawBufferPointer) throws -> Int
        if let passphrase {
            let decrypted = try DecryptedFile(archive, passphrase: passphrase, pathPrefix: pathPrefix)
            stored = { buffer in try decrypted.read(into: buffer) }
        } else {
            let box = FileBox(try OwnedDescriptor(opening: archive))
            box.file.expectSequentialReading()
            stored = { buffer in try box.file.read(into: buffer) }
        }
        let plain = try ParallelDecompression(source: stored)
        return TarMemberStream { buffer in try plain.read(into: buffer) }
    }
}

/// An open file that a closure keeps.
private final class FileBox {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}
