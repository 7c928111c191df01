public import Catalog
import Codecs
public import Failure
import Files
public import SystemPackage
import WAL

/// Whether a file can be the segment that its name says, of the server that it is kept for.
///
/// The size must be one that a segment can have, and the header of the first page must agree with it, with the name, and with the
/// cluster that the server's backups come from. As long as no backup has told which cluster that is, files without a header are
/// let pass, as in the reference.
public struct SegmentJudge: Sendable {
    /// The cluster's system identifier; `nil` as long as there is no backup.
    let systemIdentifier: UInt64?
    private let home: ServerHome

    /// The judge for one server.
    ///
    /// An identity that cannot be read is told and counts as unknown: archiving must go on.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        do {
            systemIdentifier = try Identity.load(home).flatMap { UInt64($0.systemID) }
        } catch {
            reporter.log(.warning, IntakeGroup.logger, "Cannot tell which cluster WAL must come from: \(error.message)")
            systemIdentifier = nil
        }
    }

    /// What speaks against a plain file by its size, which may still change; `nil` if nothing does.
    func sizeDefect(of path: FilePath, _ status: FileStatus) throws(FileError) -> String? {
        guard WALSegmentSize(bytes: status.sizeBytes) != nil else {
            return "\(status.sizeBytes) bytes is not the size of a WAL segment"
        }
        let prefix = try FileSystem.readPrefix(path, count: WALPageHeader.byteCount)
        guard let expected = WALPageHeader(prefix)?.segmentSize.bytes, Int64(expected) != status.sizeBytes else {
            return nil
        }
        return "\(status.sizeBytes) bytes where its header says \(expected)"
    }

    /// What speaks against a file by the header of its first page, in words; `nil` if nothing does.
    ///
    /// A compressed file is unpacked as far as its header; that of an encrypted one cannot be had.
    func headerDefect(of path: FilePath, _ received: StoredWAL, as name: WALSegmentName) throws -> String? {
        guard !received.isEncrypted, received.compression != "custom", received.compression != "snappy" else {
            return nil
        }
        let prefix: [UInt8]
        do {
            prefix =
                received.compression == nil
                ? try FileSystem.readPrefix(path, count: WALPageHeader.byteCount) : try plainPrefix(of: path)
        } catch is CodecError {
            return systemIdentifier.map { _ in "it cannot be decompressed" }
        }
        guard let header = WALPageHeader(prefix) else {
            return systemIdentifier.map { _ in "it does not begin with the header of a WAL segment" }
        }
        // The size of a plain file has been looked at before; that of a compressed one is not known.
        if let defect = header.defect(asSegment: name, sizeBytes: Int64(header.segmentSize.bytes)) { return defect }
        guard let systemIdentifier, header.systemIdentifier != systemIdentifier else { return nil }
        return "it comes from the cluster with system identifier \(header.systemIdentifier), "
            + "the backups of this server from \(systemIdentifier)"
    }

    /// What speaks against a file in the errors directory, if its name and its header tell; for `check`.
    public func defect(ofRejected path: FilePath) throws -> String? {
        let text = path.lastComponent?.string ?? ""
        guard let name = WALSegmentName(text.prefix(24)), text.utf8.dropFirst(24).first == UInt8(ascii: "."),
            try FileSystem.kindIfPresent(path, followingLinks: false) == .regular
        else { return nil }
        let stored = try StoredWAL(path, settings: home.settings)
        do {
            guard WALPageHeader(try plainPrefix(of: path)) != nil else { return nil }
        } catch is CodecError {
            return nil
        }
        return try headerDefect(of: path, stored, as: name)
    }

    private func plainPrefix(of path: FilePath) throws -> [UInt8] {
        let plain = try PlainReader(OwnedDescriptor(opening: path))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: WALPageHeader.byteCount, alignment: 8)
        defer { buffer.deallocate() }
        let count = try plain.reader.readFully(into: buffer)
        return Array(buffer[..<count])
    }
}
