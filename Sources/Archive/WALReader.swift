public import Catalog
import Codecs
import Files
import Processes
public import SystemPackage

/// Gives archived WAL back as it was received: decrypted and decompressed, whatever it was stored with.
public struct WALReader: Sendable {
    private let home: ServerHome

    /// A reader for the WAL of one server.
    public init(home: ServerHome) {
        self.home = home
    }

    /// Writes the plain contents of a stored file to `destination`, replacing what is there; returns the size.
    ///
    /// The format is told by the first bytes. With `synchronizing` the contents are durable on return; the directory never is.
    /// After an error nothing is left at `destination`. Throws `Failure` or `SignalWatch.Interrupted`.
    @discardableResult
    public func fetch(
        _ source: FilePath,
        to destination: FilePath,
        permissions: FilePermissions = FilePermissions(rawValue: 0o600),
        synchronizing: Bool = false
    ) throws -> Int64 {
        do {
            try FileSystem.unlinkIfPresent(destination)
            let output = try OwnedDescriptor(
                opening: destination,
                .writeOnly,
                options: [.create, .exclusiveCreate, .noFollow],
                permissions: permissions
            )
            do {
                let size = try copy(source, to: output)
                if synchronizing { try output.sync() }
                try output.close()
                return size
            } catch {
                // Half a file must not be taken for a whole one; the error above is the one that matters.
                _ = try? FileSystem.unlink(destination)
                throw error
            }
        } catch let error as CodecError {
            throw ArchiveFailure.named(error, path: source)
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    /// The plain contents of a small stored file, of a history file for example; more than `limit` bytes are an error.
    public func contents(of source: FilePath, limit: Int = 1 << 20) throws -> [UInt8] {
        do {
            var bytes: [UInt8] = []
            try withPlainPieces(of: source) { piece in
                guard bytes.count + piece.count <= limit else {
                    throw FileError(call: "read", path: source, errno: .fileTooLarge)
                }
                bytes.append(contentsOf: piece)
            }
            return bytes
        } catch let error as CodecError {
            throw ArchiveFailure.named(error, path: source)
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    /// What is known about the plain contents of a stored file without a key and without a program of the user.
    public enum PlainSize: Sendable, Equatable {
        /// They have so many bytes, and can be read to the end.
        case bytes(Int64)
        /// They are encrypted.
        case encrypted
        /// They are compressed by the custom filter.
        case custom
    }

    /// How large the plain contents of a stored file are, read to the end.
    public func plainSize(of source: FilePath) throws -> PlainSize {
        do {
            let stored = try StoredWAL(source, settings: home.settings, assumingCustom: true)
            if stored.isEncrypted { return .encrypted }
            if stored.compression == "custom" { return .custom }
            guard stored.compression != nil else { return .bytes(try FileSystem.status(of: source).sizeBytes) }
            var size: Int64 = 0
            try withPieces(of: source) { size += Int64($0.count) }
            return .bytes(size)
        } catch let error as CodecError {
            throw ArchiveFailure.named(error, path: source)
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    /// The checksum of the plain contents: equal for the same WAL, whatever it is stored with.
    public func checksum(of source: FilePath) throws -> String {
        do {
            var checksum = Checksum()
            try withPlainPieces(of: source) { checksum.update($0) }
            return checksum.hexadecimal()
        } catch let error as CodecError {
            throw ArchiveFailure.named(error, path: source)
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    private func copy(_ source: FilePath, to output: borrowing OwnedDescriptor) throws -> Int64 {
        var size: Int64 = 0
        let stored = try StoredWAL(source, settings: home.settings, assumingCustom: true)
        if stored.compression == nil, !stored.isEncrypted {
            return try FileSystem.copyContents(from: try OwnedDescriptor(opening: source), to: output)
        }
        try withPlainPieces(of: source) { piece in
            try output.writeAll(piece)
            size += Int64(piece.count)
        }
        return size
    }

    /// Calls `body` with the plain contents, piece by piece.
    func withPlainPieces(of source: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let stored = try StoredWAL(source, settings: home.settings, assumingCustom: true)
        if stored.isEncrypted {
            try withTemporaryFile(for: source) { file in
                try WALEncryption.decrypt(source, to: file, settings: home.settings)
            } then: { path in
                try withPlainPieces(of: path, body)
            }
            return
        }
        try CustomFilter.withPlainFile(source, stored, home: home) { try withPieces(of: $0, body) }
    }

    private func withPieces(of path: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = try OwnedDescriptor(opening: path)
        file.expectSequentialReading()
        let plain = try PlainReader(file)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: DecompressingReader.preferredBytes,
            alignment: 64
        )
        defer { buffer.deallocate() }
        while true {
            try SignalWatch.check()
            let count = try plain.reader.read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// A file that only we can read, while it is used.
    func withTemporaryFile<Value>(
        for source: FilePath,
        fill: (borrowing OwnedDescriptor) throws -> Void,
        then use: (FilePath) throws -> Value
    ) throws -> Value {
        let prefix = ".\(source.lastComponent?.string ?? "")."
        let directory = try FileSystem.createTemporaryDirectory(prefix: prefix, in: home.walsDirectory)
        defer {
            // Left behind it is one hidden directory; the result does not depend on it.
            _ = try? FileSystem.removeTree(directory)
        }
        let path = directory.appending("contents")
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: FilePermissions(rawValue: 0o600)
        )
        try fill(file)
        try file.close()
        return try use(path)
    }
}
