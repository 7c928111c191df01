import Codecs
import Files
import Glibc
import Processes
import SystemPackage

/// One file of a stream, written under a temporary name.
final class ReceivedFile {
    let name: String
    let temporaryPath: FilePath
    /// Whether it is still there under that name alone.
    private(set) var isTemporary = true
    /// Held while the file is ours, so that nobody takes it for a leftover.
    private let descriptor: OwnedDescriptor
    private let checksum: String
    private let algorithm: ChecksumAlgorithm

    fileprivate init(
        name: String,
        temporaryPath: FilePath,
        descriptor: consuming OwnedDescriptor,
        checksum: String,
        algorithm: ChecksumAlgorithm
    ) {
        self.name = name
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
        self.checksum = checksum
        self.algorithm = algorithm
    }

    /// The checksum of what was written.
    func checksum(_ algorithm: ChecksumAlgorithm) throws -> String {
        algorithm == self.algorithm ? checksum : try Self.checksum(of: temporaryPath, algorithm)
    }

    /// Makes the contents durable.
    func sync() throws(FileError) { try descriptor.sync() }

    /// Takes the final name; returns false if somebody has it.
    func take(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            try FileSystem.link(temporaryPath, to: path)
        } catch {
            switch error.errno {
            case .fileExists:
                return false
            case .notPermitted, .notSupported, .noFunction:
                // A file system without links: the name is looked at first, and then taken.
                guard try FileSystem.kindIfPresent(path, followingLinks: false) == nil else { return false }
                try FileSystem.rename(temporaryPath, to: path)
                isTemporary = false
                return true
            default:
                throw error
            }
        }
        try FileSystem.unlink(temporaryPath)
        isTemporary = false
        return true
    }

    /// The checksum of a file on disk.
    static func checksum(of path: FilePath, _ algorithm: ChecksumAlgorithm) throws -> String {
        let file = try OwnedDescriptor(opening: path)
        file.expectSequentialReading()
        var checksum = Checksum(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            try SignalWatch.check()
            let count = try file.read(into: buffer)
            if count == 0 { return checksum.hexadecimal() }
            checksum.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// The files of one stream, in its order.
final class ReceivedFiles {
    private(set) var all: [ReceivedFile] = []
    private let directory: FilePath
    private let prefix = ".\(getpid())-"
    private var unfinished: FilePath?
    private static let writebackBytes = 2 << 20
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)

    init(directory: FilePath) {
        self.directory = directory
    }

    deinit {
        buffer.deallocate()
    }

    subscript(name: String) -> ReceivedFile? { all.first { $0.name == name } }

    /// Writes a member's contents beside where they will go; `algorithm` is the checksum that will be asked for.
    func write(_ name: String, _ member: TarMember, from reader: TarReader, _ algorithm: ChecksumAlgorithm) throws {
        let path = directory.appending(prefix + name)
        // What a process of the same number left behind is nobody's any more.
        try FileSystem.unlinkIfPresent(path)
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow]
        )
        unfinished = path
        _ = try file.tryLock()
        var checksum = Checksum(algorithm)
        var waitingBytes = 0
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { break }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            try file.writeAll(piece)
            checksum.update(piece)
            // The disk works while more arrives: then little is left to wait for at the end.
            waitingBytes += count
            guard waitingBytes >= Self.writebackBytes else { continue }
            file.startWriteback()
            waitingBytes = 0
        }
        try file.setModified(seconds: member.modifiedSeconds, nanoseconds: member.modifiedNanoseconds)
        file.startWriteback()
        all.append(
            ReceivedFile(
                name: name,
                temporaryPath: path,
                descriptor: file,
                checksum: checksum.hexadecimal(),
                algorithm: algorithm
            )
        )
        unfinished = nil
    }

    /// Removes what did not get its name.
    func removeTemporaries() {
        for path in all.filter(\.isTemporary).map(\.temporaryPath) + (unfinished.map { [$0] } ?? []) {
            _ = try? FileSystem.unlinkIfPresent(path)
        }
    }

    /// Removes what killed receptions left behind: their process is gone and nobody holds the file's lock.
    func sweepLeftovers() {
        // Nothing depends on it: what cannot be removed now is found the next time.
        guard let names = try? FileSystem.names(in: directory) else { return }
        for name in names where name.hasPrefix(".") && !name.hasPrefix(prefix) {
            let digits = name.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard name.dropFirst(1 + digits.count).first == "-", let process = Int32(digits),
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            let path = directory.appending(name)
            // As above.
            guard let file = try? OwnedDescriptor(opening: path, options: [.noFollow, .nonBlocking]),
                (try? file.tryLock()) == true
            else { continue }
            // As above.
            _ = try? FileSystem.unlink(path)
        }
    }
}
