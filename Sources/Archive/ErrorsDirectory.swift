import Catalog
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
            // Another file system: copy, then remove.
            try FileSystem.copyFile(from: path, to: destination, synchronizing: true)
            try FileSystem.syncDirectory(directory)
            try FileSystem.unlink(path)
        }
        try FileSystem.syncDirectory(directory)
        try FileSystem.syncParent(of: path)
    }

    /// The name of the reference, `<name>.<UTC>.<kind>`; when it is taken, that of a later second.
    private func freePath(for name: String, _ kind: Kind) throws(FileError) -> FilePath {
        var seconds = Timestamp.now().secondsSinceEpoch
        while true {
            let stamp = Timestamp(secondsSinceEpoch: seconds, microseconds: 0, utcOffsetSeconds: 0).compactUTCText
            let path = home.errorsDirectory.appending("\(name).\(stamp).\(kind.rawValue)")
            if try FileSystem.kindIfPresent(path, followingLinks: false) == nil { return path }
            seconds += 1
        }
    }
}
