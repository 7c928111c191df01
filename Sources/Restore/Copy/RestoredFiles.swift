import Codecs
import Synchronization
import SystemPackage

/// What a copy brought: the names in each tree, and what a manifest of the combined backup says of them.
final class RestoredFiles: Sendable {
    /// An entry of a manifest.
    struct Entry: Sendable {
        let path: FilePath
        let sizeBytes: Int64
        let modifiedSeconds: Int64
        let checksum: StoredChecksums.Known
    }

    private struct State {
        var names: [Int64?: Set<FilePath>] = [:]
        var entries: [Entry] = []
    }

    private let state = Mutex(State())

    /// Notes that something belongs into a tree.
    func note(_ path: FilePath, in root: RestoreRoot) {
        state.withLock { _ = $0.names[root.oid, default: []].insert(path) }
    }

    /// Notes an entry for the manifest.
    func note(_ entry: Entry) {
        state.withLock { $0.entries.append(entry) }
    }

    /// Everything that belongs into a tree.
    func names(in root: RestoreRoot) -> Set<FilePath> {
        state.withLock { $0.names[root.oid] ?? [] }
    }

    /// The entries for the manifest, by path.
    var entries: [Entry] {
        state.withLock { $0.entries }.sorted { $0.path.string < $1.path.string }
    }
}

/// A sink that notes checksums of what passes through it.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class ChecksummingSink: FileSink, @unchecked Sendable {
    private let sink: any FileSink
    private let files: RestoredFiles
    private var checksum: ManifestChecksum?
    private var current: (member: RestoredMember, root: RestoreRoot)?

    init(_ sink: any FileSink, noting files: RestoredFiles) {
        self.sink = sink
        self.files = files
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        try sink.makeDirectory(member, in: root)
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        checksum = ManifestChecksum(algorithm: "CRC32C")
        current = (member, root)
        try sink.begin(member, in: root)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        checksum?.update(bytes)
        try sink.write(bytes)
    }

    func end() throws {
        try sink.end()
        guard let (member, root) = current else { return }
        current = nil
        note(member, root, StoredChecksums.Known(algorithm: "CRC32C", text: checksum?.hexadecimal() ?? ""))
    }

    private func note(_ member: RestoredMember, _ root: RestoreRoot, _ checksum: StoredChecksums.Known) {
        let path = member.path == ControlFile.waitingPath && root.isData ? ControlFile.path : member.path
        files.note(
            RestoredFiles.Entry(
                path: root.manifestPath(of: path),
                sizeBytes: member.sizeBytes,
                modifiedSeconds: member.modifiedSeconds,
                checksum: checksum
            )
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
