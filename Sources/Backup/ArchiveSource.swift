import Files
package import Pipeline
package import SystemPackage

/// Opens stored archives of backups for one pass: decrypted by a process and decompressed by threads that run ahead of the reader.
package struct ArchiveSource: Sendable {
    /// The passphrase of encrypted archives; nil when they are not encrypted.
    private let passphrase: [UInt8]?
    private let pathPrefix: String?

    /// A source of archives that are encrypted if there is a passphrase for them.
    package init(passphrase: [UInt8]?, pathPrefix: String?) {
        self.passphrase = passphrase
        self.pathPrefix = pathPrefix
    }

    /// Opens an archive; `count` is told the bytes that are read of the file, or come out of gpg, by whatever thread reads.
    package func open(
        _ archive: FilePath,
        count: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> ParallelDecompression {
        if let passphrase {
            let decrypted = try DecryptedFile(archive, passphrase: passphrase, pathPrefix: pathPrefix)
            return try ParallelDecompression { buffer in
                let bytes = try decrypted.read(into: buffer)
                count(bytes)
                return bytes
            }
        }
        let box = FileBox(try OwnedDescriptor(opening: archive))
        box.file.expectSequentialReading()
        return try ParallelDecompression { buffer in
            let bytes = try box.file.read(into: buffer)
            count(bytes)
            return bytes
        }
    }
}

/// An open file that a closure keeps.
private final class FileBox {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}
