import Codecs
import Files
import Synchronization
import SystemPackage

/// The checksums of files by their paths on the restored host.
final class Digests: Sendable {
    private let digests = Mutex<[FilePath: String]>([:])

    func set(_ digest: String, of path: FilePath) {
        digests.withLock { $0[path] = digest }
    }

    /// The paths whose checksum is another one than here.
    func paths(differingFrom present: [FilePath: String]) -> Set<FilePath> {
        digests.withLock { digests in Set(digests.filter { present[$0.key] != $0.value }.keys) }
    }
}

/// A sink that keeps the checksum of each file and nothing else.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class DigestSink: FileSink, @unchecked Sendable {
    private let digests: Digests
    private let counter: ByteCounter
    private var path = FilePath()
    private var checksum = Checksum()

    init(_ digests: Digests, counter: ByteCounter) {
        self.digests = digests
        self.counter = counter
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) {}

    func begin(_ member: RestoredMember, in root: RestoreRoot) {
        path = FilePath(root.destination).pushing(member.path)
        checksum = Checksum()
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        checksum.update(bytes)
        counter.add(Int64(bytes.count))
    }

    func end() { digests.set(checksum.hexadecimal(), of: path) }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        try stream(member, from: source, in: root)
    }

    func flush() {}
    func close() {}
    func abandon() {}
}

/// A sink that lets only some files through; directories pass.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class FilteredSink: FileSink, @unchecked Sendable {
    private let sink: any FileSink
    private let wanted: Set<FilePath>
    private var passes = false

    init(_ sink: any FileSink, wanted: Set<FilePath>) {
        self.sink = sink
        self.wanted = wanted
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        try sink.makeDirectory(member, in: root)
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        passes = wanted.contains(FilePath(root.destination).pushing(member.path))
        if passes { try sink.begin(member, in: root) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if passes { try sink.write(bytes) }
    }

    func end() throws {
        if passes { try sink.end() }
    }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        guard wanted.contains(FilePath(root.destination).pushing(member.path)) else { return }
        try sink.copy(member, from: source, in: root)
    }

    func flush() throws { try sink.flush() }
    func close() throws { try sink.close() }
    func abandon() { sink.abandon() }
}
