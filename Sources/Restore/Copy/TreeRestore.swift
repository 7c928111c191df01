import Catalog
import Failure
import Files
import Pipeline
import Processes
import Synchronization
import SystemPackage

/// Restores from a chain that lies in the catalog as files: several files at a time, each in one pass.
struct TreeRestore {
    let chain: BackupChain
    let roots: [RestoreRoot]
    let rules: RestoreRules
    let files: RestoredFiles
    private let checksums = StoredChecksums()

    init(chain: BackupChain, roots: [RestoreRoot], rules: RestoreRules, files: RestoredFiles) {
        self.chain = chain
        self.roots = roots
        self.rules = rules
        self.files = files
    }

    /// Lists what is to be copied, the largest files first: then no thread is left alone with one at the end.
    func list() throws -> TreeListing {
        var listing = TreeListing()
        for root in roots {
            let tree = try chain.tip.tree(of: root)
            let walk = TreeWalk(tree) { [rules] in rules.isSkipped($0, in: root) }
            try listing.add(walk, of: root, at: tree) { try weight(of: $0, below: tree) }
        }
        listing.sortLargestFirst()
        return listing
    }

    /// The size of a file when it is restored: an increment of nothing stands for a file of any size.
    private func weight(of member: RestoredMember, below tree: FilePath) throws -> Int64 {
        guard chain.isIncremental, member.path.withoutIncrementalPrefix != nil,
            let blocks = try IncrementalHeader.truncationBlocks(of: tree.pushing(member.path))
        else { return member.sizeBytes }
        return max(member.sizeBytes, Int64(blocks) * Int64(IncrementalHeader.blockBytes))
    }

    /// Copies everything; `check` is called often.
    func run(_ listing: TreeListing, to sinks: SinkSet, workerCount: Int, check: () throws -> Void) throws {
        let skeleton = try sinks.next()
        for directory in listing.directories {
            files.note(directory.member.path, in: directory.root)
            try skeleton.makeDirectory(directory.member, in: directory.root)
        }
        // Where directories are made elsewhere, they must be there before several streams put files into them.
        if workerCount > 1 { try skeleton.flush() }
        let queue = TwoEndedQueue(count: listing.fileCount)
        try Workers.map(
            Array(0..<max(1, workerCount)),
            count: workerCount,
            check: { try queue.closingOnError(check) },
            body: { worker in
                try queue.closingOnError {
                    let sink = workerCount > 1 ? try sinks.next() : skeleton
                    while let number = queue.take(last: worker == 0 && workerCount > 1) {
                        try restore(listing.file(number), to: sink)
                    }
                }
            },
            inOrder: { _, _ in }
        )
    }

    private func restore(_ listed: TreeListing.Entry, to sink: any FileSink) throws {
        var member = listed.member
        let root = listed.root
        if chain.isIncremental, let path = member.path.withoutIncrementalPrefix {
            member.path = path
            files.note(path, in: root)
            return try combine(member, in: root, to: sink)
        }
        member.path = rules.place(member.path, in: root)
        files.note(member.path, in: root)
        if chain.isIncremental, root.isData, member.path == "backup_label" {
            let label = BackupLabel(try FileSystem.read(listed.source, limit: 1 << 20))
            return try sink.put(member, label.combined, in: root)
        }
        if chain.isIncremental { member.checksum = known(listed.member, in: root, of: chain.tip) }
        try sink.copy(member, from: listed.source, in: root)
    }

    private func combine(_ member: RestoredMember, in root: RestoreRoot, to sink: any FileSink) throws {
        var increments: [CombinedFile.Increment] = []
        for backup in chain.newestFirst {
            let tree = try backup.tree(of: root)
            let place = tree.pushing(member.path)
            if let full = try open(place) {
                let status = try full.file.status()
                let source = CombinedFile.Full(sizeBytes: status.sizeBytes) { buffer, offset in
                    try full.file.readExactly(into: buffer, at: offset)
                }
                let combined = CombinedFile(increments: increments, full: source)
                var member = member
                member.sizeBytes = combined.sizeBytes
                guard combined.isUnchanged else { return try emit(combined, member, root, to: sink) }
                member.checksum = known(member, in: root, of: backup)
                return try sink.copy(member, from: place, in: root)
            }
            let path = place.withIncrementalPrefix
            guard let file = try open(path) else {
                throw Failure("\(place) is in no backup before \(backup.info.id), and \(backup.info.id) lacks it")
            }
            let header = try IncrementalHeader(path: path, fileBytes: file.file.status().sizeBytes) { buffer, offset in
                try file.file.read(into: buffer, at: offset)
            }
            increments.append(
                CombinedFile.Increment(header: header) { buffer, offset in
                    try file.file.readExactly(into: buffer, at: offset)
                }
            )
        }
        throw Failure("No full copy of \(member.path) is in the backups that \(chain.tip.info.id) builds on")
    }

    private func emit(
        _ combined: CombinedFile,
        _ member: RestoredMember,
        _ root: RestoreRoot,
        to sink: any FileSink
    ) throws {
        try sink.begin(member, in: root)
        try combined.forEachPiece { try sink.write($0) }
        try sink.end()
    }

    private func known(
        _ member: RestoredMember,
        in root: RestoreRoot,
        of backup: StoredBackup
    ) -> StoredChecksums.Known? {
        checksums.known(root.manifestPath(of: member.path), sizeBytes: member.sizeBytes, in: backup)
    }

    private func open(_ path: FilePath) throws -> SharedFile? {
        do {
            return SharedFile(try OwnedDescriptor(opening: path))
        } catch  where error.isMissing {
            return nil
        }
    }
}

/// An open file that closures keep.
final class SharedFile: Sendable {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}

/// The numbers of things to do, taken from either end.
///
/// Threads that make files in one directory wait for each other: so one of them takes the small files, where making is the work,
/// and the others the large ones, where copying is.
private final class TwoEndedQueue: Sendable {
    private let rest: Mutex<Range<Int>>

    init(count: Int) {
        rest = Mutex(0..<count)
    }

    /// The first of what is left, or the last; `nil` when there is nothing more.
    func take(last: Bool) -> Int? {
        rest.withLock { last ? $0.popLast() : $0.popFirst() }
    }

    /// Runs `body`; after an error nobody takes anything any more.
    func closingOnError(_ body: () throws -> Void) rethrows {
        do {
            try body()
        } catch {
            rest.withLock { $0 = 0..<0 }
            throw error
        }
    }
}
