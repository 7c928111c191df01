import Backup
import Codecs
import Synchronization
import SystemPackage

/// What a copy brought: the names in each tree when somebody asks for them, and what a manifest of the combined backup says.
final class RestoredFiles: Sendable {
    /// What a manifest says of files.
    struct Listed: Sendable {
        var entries = PackedEntries()
        /// When each was modified.
        var modifiedSeconds: [Int64] = []
    }

    private struct State {
        var names: [Int64?: Set<FilePath>] = [:]
        var listed = Listed()
    }

    private let keepsNames: Bool
    private let state = Mutex(State())

    /// Nothing yet; names are kept for a restore that removes what does not belong into its trees.
    init(keepingNames keepsNames: Bool) {
        self.keepsNames = keepsNames
    }

    /// Notes that something belongs into a tree.
    func note(_ path: FilePath, in root: RestoreRoot) {
        guard keepsNames else { return }
        state.withLock { _ = $0.names[root.oid, default: []].insert(path) }
    }

    /// Notes an entry for the manifest.
    func note(_ entry: ManifestEntry, modifiedSeconds: Int64) {
        state.withLock { state in
            if state.listed.entries.append(entry) { state.listed.modifiedSeconds.append(modifiedSeconds) }
        }
    }

    /// Everything that belongs into a tree; nothing when names are not kept.
    func names(in root: RestoreRoot) -> Set<FilePath> {
        state.withLock { $0.names[root.oid] ?? [] }
    }

    /// What was noted for the manifest.
    var listed: Listed { state.withLock { $0.listed } }
}

/// A sink that notes checksums of what passes through it.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class ChecksummingSink: FileSink, @unchecked Sendable {
    private let sink: any FileSink
    private let files: RestoredFiles
    private static let algorithm = ChecksumAlgorithm.crc32c
    private var checksum = Checksum(algorithm)
    private var current: (member: RestoredMember, root: RestoreRoot)?

    init(_ sink: any FileSink, noting files: RestoredFiles) {
        self.sink = sink
        self.files = files
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        try sink.makeDirectory(member, in: root)
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        checksum = Checksum(Self.algorithm)
        current = (member, root)
        try sink.begin(member, in: root)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        checksum.update(bytes)
        try sink.write(bytes)
    }

    func end() throws {
        try sink.end()
        guard let (member, root) = current else { return }
        current = nil
        note(
            member,
            root,
            StoredChecksums.Known(algorithm: Self.algorithm.rawValue, text: checksum.hexadecimal())
        )
    }

    private func note(_ member: RestoredMember, _ root: RestoreRoot, _ checksum: StoredChecksums.Known) {
        let path = member.path == ControlFile.waitingPath && root.isData ? ControlFile.path : member.path
        files.note(
            ManifestEntry(
                pathBytes: root.manifestPath(of: path).bytes,
                sizeBytes: member.sizeBytes,
                algorithm: checksum.algorithm,
                checksum: checksum.text
            ),
            modifiedSeconds: member.modifiedSeconds
        )
    }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        guard let known = member.checksum else { return try stream(member, from: source, in: root) }
        try sink.copy(member, from: source, in: root)
        note(member, root, known)
    }

    func flush() throws { try sink.flush() }

    func close() throws { try sink.close() }

    func abandon() { sink.abandon() }
}
