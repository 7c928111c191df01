import Files
import SystemPackage

/// What lies in a destination and does not belong there after a delta restore.
struct ExtraFiles {
    private let root: RestoreRoot
    private let names: Set<FilePath>
    /// Paths in the root that belong to somebody else.
    private let protected: [FilePath]
    /// The directories of a tablespace that are ours; others are of other clusters.
    private let ourDirectories: Set<FilePath>

    /// `names` is everything that belongs into the root; the places of all roots are without symbolic links.
    init(root: RestoreRoot, names: Set<FilePath>, roots: [RestoreRoot]) {
        self.root = root
        self.names = names
        var protected: [FilePath] = []
        if root.isData {
            // What the server logged is not what is restored, but nobody has it twice.
            protected = ["log", "pg_log"] + roots.compactMap { $0.oid.map { FilePath("pg_tblspc/\($0)") } }
            let base = FilePath(root.destination).lexicallyNormalized()
            for tablespace in roots where !tablespace.isData {
                var inside = FilePath(tablespace.destination).lexicallyNormalized()
                if inside.removePrefix(base), !inside.isEmpty { protected.append(inside) }
            }
        }
        self.protected = protected
        ourDirectories = Set(names.filter { $0.components.count == 1 })
    }

    /// Whether something is to be removed, with what is in it.
    func contains(_ path: FilePath) -> Bool {
        if path.isEmpty || names.contains(path) { return false }
        guard let first = path.components.first else { return false }
        guard root.isData else { return ourDirectories.contains(FilePath(first.string)) }
        // Hidden files of a data directory are none of PostgreSQL's.
        if first.string.hasPrefix(".") { return false }
        return !protected.contains { $0.starts(with: path) || path.starts(with: $0) }
    }

    /// Removes them from this host.
    func remove() throws {
        try remove(below: FilePath(root.destination), prefix: "")
    }

    private func remove(below directory: FilePath, prefix: FilePath) throws {
        var walk = try DirectoryWalk(directory)
        while let entry = try walk.next() {
            let path = prefix.pushing(entry.relativePath)
            if contains(path) {
                walk.skipContents()
                try FileSystem.removeTree(directory.pushing(entry.relativePath))
            } else if entry.status.kind == .symbolicLink, names.contains(path), path.components.count == 1,
                try FileSystem.isDirectory(directory.pushing(entry.relativePath))
            {
                // A directory that somebody moved elsewhere, pg_wal for example.
                try remove(below: directory.pushing(entry.relativePath), prefix: path)
            }
        }
    }
}
