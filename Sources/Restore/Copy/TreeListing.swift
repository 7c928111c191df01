import Files
import SystemPackage

/// What is below a directory of the catalog, and what is not wanted of it left out.
///
/// Symbolic links are followed, as `rsync -L` does: a restored directory holds no way out of it but those the restore makes.
/// Things that are neither file nor directory are left out.
struct TreeListing: Sendable {
    /// Everything, a directory before what is in it; the first is the directory itself.
    private(set) var members: [RestoredMember] = []
    /// The bytes of all files.
    private(set) var totalBytes: Int64 = 0

    /// Nothing yet.
    init() {}

    /// Adds everything below `tree` except what `isSkipped` says of a path seen from it, and what is in it.
    mutating func add(_ tree: FilePath, isSkipped: (FilePath) -> Bool = { _ in false }) throws {
        append("", .directory, try FileSystem.status(of: tree), source: nil)
        try add(contentsOf: tree, below: "", depth: 0, isSkipped: isSkipped)
    }

    private mutating func add(
        contentsOf tree: FilePath,
        below prefix: FilePath,
        depth: Int,
        isSkipped: (FilePath) -> Bool
    ) throws {
        var walk = try DirectoryWalk(tree)
        while let entry = try walk.next() {
            let relative = prefix.isEmpty ? entry.relativePath : prefix.pushing(entry.relativePath)
            if isSkipped(relative) {
                walk.skipContents()
                continue
            }
            let path = tree.pushing(entry.relativePath)
            let isLink = entry.status.kind == .symbolicLink
            let status = isLink ? try FileSystem.status(of: path) : entry.status
            switch status.kind {
            case .directory:
                append(relative, .directory, status, source: nil)
                guard isLink else { break }
                // A link to a directory above itself never ends; no real data directory nests links.
                guard depth < 8 else { throw FileError(call: "open", path: path, errno: .tooManySymbolicLinkLevels) }
                try add(contentsOf: path, below: relative, depth: depth + 1, isSkipped: isSkipped)
            case .regular:
                append(relative, .file, status, source: path)
                totalBytes &+= status.sizeBytes
            case .symbolicLink, .other:
                break
            }
        }
    }

    private mutating func append(
        _ path: FilePath,
        _ kind: RestoredMember.Kind,
        _ status: FileStatus,
        source: FilePath?
    ) {
        members.append(
            RestoredMember(
                path: path,
                kind: kind,
                sizeBytes: kind == .file ? status.sizeBytes : 0,
                permissions: status.permissions,
                modifiedSeconds: status.modifiedSeconds,
                modifiedNanoseconds: status.modifiedNanoseconds,
                source: source
            )
        )
    }
}
