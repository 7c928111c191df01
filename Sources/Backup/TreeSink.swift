import Codecs
import Failure
import Files
import Replication
import SystemPackage

/// Unpacks the archives of a streamed backup into the tree that a restore copies.
final class TreeSink: StreamSink {
    private let target: StreamTarget
    private let writer: TreeWriter
    private var tracker: MemberTracker
    private var tar = TarFeed()
    private var feed: DecompressingFeed?
    /// Where the current archive goes.
    private var root: FilePath

    var backupLabel: [UInt8]? { tracker.backupLabel }

    init(_ target: StreamTarget, ledger: FileLedger) throws {
        self.target = target
        root = target.dataDirectory
        tracker = MemberTracker(ledger)
        writer = try TreeWriter(ledger: ledger, check: target.check)
    }

    func prepare(_ archives: [BaseBackupArchive]) throws {
        for archive in archives {
            try FileSystem.createDirectories(directory(of: archive), permissions: .ownerReadWriteExecute)
        }
    }

    /// A tablespace gets a directory beside the data directory, but one that lives in it stays there.
    private func directory(of archive: BaseBackupArchive) throws -> FilePath {
        guard let oid = archive.tablespaceOID else { return target.dataDirectory }
        guard let location = archive.location, !location.hasPrefix("/") else {
            return target.directory.appending(String(oid))
        }
        guard location == "pg_tblspc/\(oid)" else {
            throw MemberTracker.UnexpectedMember(description: "unexpected place '\(location)' of tablespace \(oid)")
        }
        return target.dataDirectory.pushing(FilePath(location))
    }

    func begin(_ archive: BaseBackupArchive) throws {
        root = try directory(of: archive)
        tar = TarFeed()
        feed = try target.format.wireFormat.map { format throws(CodecError) in try DecompressingFeed(format: format) }
        tracker.begin(archive)
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        guard let feed else { return try takeTar(bytes) }
        try feed.take(bytes) { try takeTar($0) }
    }

    func complete() throws {
        try feed?.finish { try takeTar($0) }
        feed = nil
        guard tar.isBetweenMembers else { throw TarError.unexpectedEnd }
    }

    func finish() throws { try writer.finish() }

    func abandon() { writer.abandon() }

    // MARK: Members

    private func takeTar(_ bytes: UnsafeRawBufferPointer) throws {
        try tar.take(bytes) { event in
            switch event {
            case .member(let member): try begin(member)
            case .contents(let bytes):
                tracker.take(bytes)
                try writer.append(bytes)
            case .memberEnd:
                if tracker.end() { try writer.end() }
            }
        }
    }

    private func begin(_ member: TarMember) throws {
        let place = try MemberTracker.place(of: member)
        let path = root.pushing(place)
        let permissions = FilePermissions(rawValue: CModeT(member.mode & 0o777))
        switch member.kind {
        case .regular:
            let number = try tracker.beginFile(member)
            try writer.begin(number: number, path: path, permissions: permissions.union(.ownerReadWrite))
        case .other(UInt8(ascii: "5")):
            try makeDirectory(path, permissions.union(.ownerReadWriteExecute))
        case .other(UInt8(ascii: "2")):
            try link(place, at: path)
        case .other(let flag):
            throw MemberTracker.UnexpectedMember(
                description: "unexpected member type '\(UnicodeScalar(flag))' of '\(place)' in the base backup"
            )
        }
    }

    private func makeDirectory(_ path: FilePath, _ permissions: FilePermissions) throws {
        do {
            try FileSystem.createDirectory(path, permissions: .ownerReadWriteExecute)
        } catch  where error.errno == .fileExists {
            guard try FileSystem.kindIfPresent(path, followingLinks: false) == .directory else { throw error }
        }
        if permissions != .ownerReadWriteExecute { try FileSystem.setPermissions(path, permissions) }
    }

    /// The only links are those to tablespaces, which lead to our copy of them.
    private func link(_ place: FilePath, at path: FilePath) throws {
        guard let oid = place.lastComponent.flatMap({ UInt32($0.string) }), place == FilePath("pg_tblspc/\(oid)") else {
            throw MemberTracker.UnexpectedMember(description: "unexpected link '\(place)' in the base backup")
        }
        try FileSystem.symlink(at: path, to: target.directory.appending(String(oid)))
    }
}
