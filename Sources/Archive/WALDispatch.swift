public import Catalog
import Codecs
public import Failure
public import Files
import Processes
import Settings
import SystemPackage
public import WAL

/// Delivers a WAL file from wherever it is: `get-wal` (wal-archiving.md 10).
public struct WALDispatch {
    /// What the receiver wants.
    public enum Form: Sendable, Equatable {
        /// As PostgreSQL wrote it.
        case plain
        /// As it is stored, only decrypted.
        case stored
        /// As gzip.
        case gzip
        /// As bzip2.
        case bzip2

        fileprivate var format: CompressionFormat? {
            switch self {
            case .gzip: .gzip
            case .bzip2: .bzip2
            case .plain, .stored: nil
            }
        }
    }

    private let home: ServerHome
    private let reporter: any Reporter
    private let origin: String

    /// A dispatch for one server; `origin` is ` (SSH host: …)` or nothing.
    public init(home: ServerHome, reporter: any Reporter, origin: String = "") {
        self.home = home
        self.reporter = reporter
        self.origin = origin
    }

    /// Writes a file to an open descriptor.
    ///
    /// `announce` gets the name of the file found before the first byte. Throws `Failure` or `SignalWatch.Interrupted`.
    public func send(
        _ name: WALFileName,
        text: String,
        partial: Bool,
        as form: Form,
        to output: borrowing OwnedDescriptor,
        announce: (String) -> Void
    ) throws {
        output.widenPipe()
        do {
            for place in WALLookup(home: home).places(of: name, text: text, partial: partial)
            where try WALLookup.isWAL(place) {
                do {
                    try deliver(place, as: form, to: output, announce: announce)
                    return
                } catch let error as FileError where error.path == place && error.isMissing {
                    reporter.log(.info, "barman.server", "Skipping vanished WAL file '\(place)'\(origin)")
                }
            }
        } catch let error as CodecError {
            throw Failure("Error decompressing WAL: \(error)", cause: error)
        } catch {
            throw ArchiveFailure.named(error)
        }
        throw Failure("WAL file '\(text)' not found in server '\(home.name)'\(origin)")
    }

    private func deliver(
        _ place: FilePath,
        as form: Form,
        to output: borrowing OwnedDescriptor,
        announce: (String) -> Void
    ) throws {
        let stored = try StoredWAL(place, settings: home.settings, assumingCustom: true)
        if stored.isEncrypted {
            let target = DescriptorBox(try OwnedDescriptor(duplicating: output.raw, path: output.path))
            announce(place.lastComponent?.string ?? "")
            try WALReader(home: home).withTemporaryFile(for: place) { file in
                try WALEncryption.decrypt(place, to: file, settings: home.settings)
            } then: { path in
                try deliver(path, as: form, to: target.file) { _ in }
            }
            return
        }
        let compression = stored.compression
        if form == .stored || compression == form.format?.rawValue {
            let file = try OwnedDescriptor(opening: place)
            announce(place.lastComponent?.string ?? "")
            try FileSystem.copyContents(from: file, to: output)
            return
        }
        try CustomFilter.withPlainFile(place, stored, home: home) { path in
            let reader = try PlainReader(OwnedDescriptor(opening: path)).reader
            announce(place.lastComponent?.string ?? "")
            try write(reader, form.format, to: output)
        }
    }

    private func write(
        _ reader: DecompressingReader,
        _ format: CompressionFormat?,
        to output: borrowing OwnedDescriptor
    ) throws {
        let target = DescriptorBox(try OwnedDescriptor(duplicating: output.raw, path: output.path))
        func read(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            try SignalWatch.check()
            return try reader.read(into: buffer)
        }
        if let format {
            let level = WALCompression.level(home.settings.compressionLevel)
            try Compressor(format: format, level: level).compress(read: read) { try target.file.writeAll($0) }
            return
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: DecompressingReader.preferredBytes,
            alignment: 64
        )
        defer { buffer.deallocate() }
        while true {
            let count = try read(buffer)
            if count == 0 { return }
            try target.file.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
