import Files
import SystemPackage

/// What is in the trees of a backup: packed, so that a million files take less than 100 MB.
struct TreeListing: Sendable {
    /// A directory or a file.
    struct Entry: Sendable {
        let member: RestoredMember
        let root: RestoreRoot
        /// Where it is in the catalog.
        let source: FilePath
    }

    /// A file without its name.
    private struct File: Sendable {
        /// How much there is to write.
        let weight: Int64
        let sizeBytes: Int64
        let modifiedSeconds: Int64
        /// Where its name begins among the names.
        let nameStart: Int
        let modifiedNanoseconds: Int32
        /// The number of its directory.
        let directory: UInt32
        let permissions: FilePermissions
    }

    /// All directories, each before those in it.
    private(set) var directories: [Entry] = []
    /// The bytes of all files.
    private(set) var totalBytes: Int64 = 0
    private var files: [File] = []
    /// The names of the files, each with a final zero.
    private var names: [CChar] = []

    /// How many files there are.
    var fileCount: Int { files.count }

    /// Adds the tree of a root that is at `tree`; `weight` says of a file how much there is to write.
    mutating func add(
        _ walk: TreeWalk,
        of root: RestoreRoot,
        at tree: FilePath,
        weight: (RestoredMember) throws -> Int64 = \.sizeBytes
    ) throws {
        // The numbers of the directory that the walk is in and of those above it.
        var open: [UInt32] = []
        while let member = try walk.next() {
            let (name, depth) = member.path.lastName
            open.removeLast(max(0, open.count - depth))
            if member.kind == .directory {
                open.append(UInt32(directories.count))
                directories.append(Entry(member: member, root: root, source: tree.pushing(member.path)))
            } else if let directory = open.last {
                totalBytes &+= member.sizeBytes
                files.append(
                    File(
                        weight: try weight(member),
                        sizeBytes: member.sizeBytes,
                        modifiedSeconds: member.modifiedSeconds,
                        nameStart: names.count,
                        modifiedNanoseconds: Int32(truncatingIfNeeded: member.modifiedNanoseconds),
                        directory: directory,
                        permissions: member.permissions
                    )
                )
                member.path.withPlatformString { path in
                    names.append(
                        contentsOf: UnsafeBufferPointer(start: path + name, count: member.path.length + 1 - name)
                    )
                }
            }
        }
    }

    /// Puts the files with the most to write first.
    mutating func sortLargestFirst() {
        files.sort { $0.weight > $1.weight }
    }

    /// A file.
    func file(_ number: Int) -> Entry {
        let file = files[number]
        let directory = directories[Int(file.directory)]
        let name = names[file.nameStart...].withUnsafeBufferPointer { names in
            names.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
        let member = RestoredMember(
            path: directory.member.path.pushing(name),
            kind: .file,
            sizeBytes: file.sizeBytes,
            permissions: file.permissions,
            modifiedSeconds: file.modifiedSeconds,
            modifiedNanoseconds: Int(file.modifiedNanoseconds)
        )
        return Entry(member: member, root: directory.root, source: directory.source.pushing(name))
    }
}

extension FilePath {
    /// Where the last name of a relative path begins, and how many names the path has.
    fileprivate var lastName: (start: Int, depth: Int) {
        guard !isEmpty else { return (0, 0) }
        return withPlatformString { path in
            var (start, depth) = (0, 1)
            for index in 0..<length where path[index] == CChar(bitPattern: UInt8(ascii: "/")) {
                (start, depth) = (index + 1, depth + 1)
            }
            return (start, depth)
        }
    }
}
