import Codecs
import Failure
import Files
import Replication
import SystemPackage

/// Stores the archives of a streamed backup as tar files, compressed and encrypted on the way.
final class ArchiveSink: StreamSink {
    private let target: StreamTarget
    /// Whether the server ends its archives itself: before PostgreSQL 15 it leaves that to us.
    private let endsArchives: Bool
    private var writer: ArchiveWriter?
    private var tracker: MemberTracker
    private var tar = TarFeed()
    /// Looks into what the server has compressed.
    private var feed: DecompressingFeed?

    var backupLabel: [UInt8]? { tracker.backupLabel }

    init(_ target: StreamTarget, ledger: FileLedger, serverVersion: Int) {
        self.target = target
        endsArchives = serverVersion >= 150_000
        tracker = MemberTracker(ledger)
    }

    func prepare(_ archives: [BaseBackupArchive]) throws {
        try FileSystem.createDirectories(target.dataDirectory, permissions: .ownerReadWriteExecute)
    }

    func begin(_ archive: BaseBackupArchive) throws {
        let stem = archive.tablespaceOID.map(String.init) ?? "base"
        let suffix = target.format.suffix + (target.encryptionKey == nil ? "" : ".gpg")
        let output = try ArchiveOutput(
            target.dataDirectory.appending(stem + suffix),
            key: target.encryptionKey,
            pathPrefix: target.pathPrefix
        )
        writer = try ArchiveWriter(output, compression: compression, check: target.check)
        tar = TarFeed()
        tracker.begin(archive)
        feed = try target.format.wireFormat.map { format throws(CodecError) in try DecompressingFeed(format: format) }
    }

    private var compression: ArchiveWriter.Compression? {
        guard let format = target.format.storedFormat, let level = target.format.clientLevel else { return nil }
        return ArchiveWriter.Compression(format: format, level: level, workers: target.format.clientWorkers)
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        if let feed {
            // Compressing costs the server so much more that this does not hold it up.
            try feed.take(bytes) { try takeTar($0) }
        } else {
            try takeTar(bytes)
        }
        try writer?.append(bytes)
    }

    func complete() throws {
        try feed?.finish { try takeTar($0) }
        guard tar.isBetweenMembers else { throw TarError.unexpectedEnd }
        if !endsArchives, !tar.isAtEnd { try append([UInt8](repeating: 0, count: 1024)) }
        let finished = writer
        try finished?.finish()
        writer = nil
    }

    func finish() {}

    func abandon() {
        writer?.abandon()
        writer = nil
    }

    private func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try writer?.append($0) }
    }

    private func takeTar(_ bytes: UnsafeRawBufferPointer) throws {
        try tar.take(bytes) { event in
            switch event {
            case .member(let member):
                _ = try MemberTracker.place(of: member)
                if case .regular = member.kind { _ = try tracker.beginFile(member) }
            case .contents(let bytes): tracker.take(bytes)
            case .memberEnd: _ = tracker.end()
            }
        }
    }
}
