import Catalog
import Failure
import Files
import Notation
import SystemPackage

/// Where files go that cannot be archived: nothing is thrown away (catalog-formats.md 8).
struct ErrorsDirectory: Sendable {
    /// Why a file is there; the end of its name.
    enum Kind: String {
        /// A different file of this name is archived.
        case duplicate
        /// Not a WAL file, or a broken one.
        case unknown
    }

    let home: ServerHome
    /// No name in a directory is longer.
    private static let longestNameBytes = 255

    /// Moves a file or directory there, or says why it stays; returns whether it went.
    ///
    /// What waits behind it must not wait for it.
    func take(_ path: FilePath, as kind: Kind, telling reporter: any Reporter) -> Bool {
        do throws(FileError) {
            try take(path, as: kind)
            return true
        } catch {
            reporter.warning("Unable to move \(path.quoted) to the errors directory: \(error)")
            return false
        }
    }

    /// Moves a file or directory there, durably, under a name that nothing has yet.
    ///
    /// The name begins with `name`, or with that of the file.
    func take(_ path: FilePath, as kind: Kind, name: String? = nil) throws(FileError) {
        let directory = home.errorsDirectory
        try FileSystem.createDirectories(directory)
        let destination = try freePath(for: name ?? path.lastComponent?.string ?? "", kind)
        do throws(FileError) {
            try FileSystem.rename(path, to: destination)
        } catch {
            guard error.errno == .improperLink else { throw error }
            // Another file system.
            try copy(path, to: destination)
            try FileSystem.removeTree(path)
        }
        try FileSystem.syncDirectory(directory)
        try FileSystem.syncParent(of: path)
    }

    /// The name of the reference, `<name>.<UTC>.<kind>`; when it is taken, that of a later second.
    ///
    /// Of a name that is too long the end is left out.
    private func freePath(for name: String, _ kind: Kind) throws(FileError) -> FilePath {
        var seconds = Timestamp.now().secondsSinceEpoch
        while true {
            let stamp = Timestamp(secondsSinceEpoch: seconds, microseconds: 0, utcOffsetSeconds: 0).compactUTCText
            let suffix = ".\(stamp).\(kind.rawValue)"
            var beginning = name.unicodeScalars
            while String(beginning).utf8.count + suffix.utf8.count > Self.longestNameBytes { beginning.removeLast() }
            let path = home.errorsDirectory.appending(String(beginning) + suffix)
            if try FileSystem.kindIfPresent(path, followingLinks: false) == nil { return path }
            seconds += 1
        }
    }

    // MARK: From another file system

    /// Copies a file, link or directory, durably and as a whole: what is copied halfway has no name that anybody looks at.
    private func copy(_ path: FilePath, to destination: FilePath) throws(FileError) {
        let hidden = try FileSystem.createTemporaryDirectory(prefix: ".moving-", in: home.errorsDirectory)
        defer {
            // Left behind it is one hidden directory.
            _ = try? FileSystem.removeTree(hidden)
        }
        let copy = hidden.appending("copy")
        let status = try FileSystem.status(of: path, followingLinks: false)
        try Self.copy(status, path, to: copy)
        if status.kind == .directory {
            var walk = try DirectoryWalk(path)
            while let entry = try walk.next() {
                try Self.copy(entry.status, path.pushing(entry.relativePath), to: copy.pushing(entry.relativePath))
            }
            try FileSystem.syncTree(copy)
        }
        try FileSystem.rename(copy, to: destination)
        try FileSystem.syncDirectory(home.errorsDirectory)
    }

    /// Copies one entry; a directory without what is in it.
    private static func copy(_ status: FileStatus, _ source: FilePath, to copy: FilePath) throws(FileError) {
        switch status.kind {
        case .regular:
            let input = try OwnedDescriptor(opening: source, options: .noFollow)
            let output = try OwnedDescriptor(
                opening: copy,
                .writeOnly,
                options: [.create, .exclusiveCreate, .noFollow],
                permissions: FilePermissions(rawValue: 0o600)
            )
            try FileSystem.copyContents(from: input, to: output)
            try output.copyAttributes(of: status)
            try output.sync()
            try output.close()
        case .directory:
            try FileSystem.createDirectory(copy, permissions: status.permissions.union(.ownerReadWriteExecute))
        case .symbolicLink:
            try FileSystem.symlink(at: copy, to: FileSystem.linkTarget(source))
        case .other:
            throw FileError(call: "rename", path: source, errno: .improperLink)
        }
    }
}
