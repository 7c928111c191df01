import Files
import SystemPackage

/// A walk through a directory of the catalog, what is not wanted of it left out.
///
/// Symbolic links are followed, as `rsync -L` does: a restored directory holds no way out of it but those the restore makes.
/// Things that are neither file nor directory are left out. Whatever is found is to be read at its path below the tree.
///
/// Used by one thread at a time.
final class TreeWalk {
    /// A directory that the tree or a link leads to.
    private final class Level {
        /// Where it is, seen from the tree.
        let prefix: FilePath
        let directory: FilePath
        var walk: DirectoryWalk

        init(_ directory: FilePath, prefix: FilePath) throws {
            self.directory = directory
            self.prefix = prefix
            walk = try DirectoryWalk(directory)
        }
    }

    /// A link to a directory above itself never ends; no real data directory nests links.
    private static let mostLinks = 8

    private let tree: FilePath
    private let isSkipped: (FilePath) -> Bool
    private var levels: [Level] = []
    private var hasBegun = false

    /// Begins at `tree`; left out is what `isSkipped` says of a path seen from there, and what is in it.
    init(_ tree: FilePath, isSkipped: @escaping (FilePath) -> Bool = { _ in false }) {
        self.tree = tree
        self.isSkipped = isSkipped
    }

    /// The next file or directory, a directory before what is in it, the tree itself first; `nil` after the last.
    func next() throws -> RestoredMember? {
        guard hasBegun else {
            hasBegun = true
            let status = try FileSystem.status(of: tree)
            levels.append(try Level(tree, prefix: ""))
            return RestoredMember("", .directory, status)
        }
        while let level = levels.last {
            guard let entry = try level.walk.next() else {
                levels.removeLast()
                continue
            }
            let path = level.prefix.isEmpty ? entry.relativePath : level.prefix.pushing(entry.relativePath)
            if isSkipped(path) {
                level.walk.skipContents()
            } else if entry.status.kind == .symbolicLink {
                if let member = try follow(level.directory.pushing(entry.relativePath), path) { return member }
            } else if let member = RestoredMember(path, entry.status) {
                return member
            }
        }
        return nil
    }

    private func follow(_ link: FilePath, _ path: FilePath) throws -> RestoredMember? {
        let status = try FileSystem.status(of: link)
        if status.kind == .directory {
            guard levels.count <= Self.mostLinks else {
                throw FileError(call: "open", path: link, errno: .tooManySymbolicLinkLevels)
            }
            levels.append(try Level(link, prefix: path))
        }
        return RestoredMember(path, status)
    }
}

extension RestoredMember {
    /// What a status says of a path; `nil` for what is neither file nor directory.
    fileprivate init?(_ path: FilePath, _ status: FileStatus) {
        switch status.kind {
        case .directory: self.init(path, .directory, status)
        case .regular: self.init(path, .file, status)
        case .symbolicLink, .other: return nil
        }
    }

    fileprivate init(_ path: FilePath, _ kind: Kind, _ status: FileStatus) {
        self.init(
            path: path,
            kind: kind,
            sizeBytes: kind == .file ? status.sizeBytes : 0,
            permissions: status.permissions,
            modifiedSeconds: status.modifiedSeconds,
            modifiedNanoseconds: status.modifiedNanoseconds
        )
    }
}
