import Files
import Synchronization
import SystemPackage

/// Where restored things go: directories here, a stream to another host, or only a checksum.
///
/// Used by one thread at a time, which may be another one at the end.
protocol FileSink: AnyObject, Sendable {
    /// Makes a directory unless it is there; its attributes may come at the end.
    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws
    /// Begins a file; exactly `member.sizeBytes` follow in pieces.
    func begin(_ member: RestoredMember, in root: RestoreRoot) throws
    /// Takes the next piece.
    func write(_ bytes: UnsafeRawBufferPointer) throws
    /// Ends the file.
    func end() throws
    /// Takes a whole file that lies on this host.
    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws
    /// Sees to it that what was given so far is there.
    func flush() throws
    /// Ends everything: afterwards it is where it belongs, though not yet on disk.
    func close() throws
    /// Gives up; what was begun may stay half done.
    func abandon()
}

extension FileSink {
    /// Reads a file into the sink.
    func stream(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        let file = try OwnedDescriptor(opening: source)
        file.expectSequentialReading()
        try begin(member, in: root)
        try write(file, count: member.sizeBytes)
        try end()
    }

    /// Gives so many bytes from the position of a file on; fewer are an error.
    func write(_ file: borrowing OwnedDescriptor, count: Int64) throws {
        let buffer = CopyPiece.allocate()
        defer { buffer.deallocate() }
        var rest = count
        while rest > 0 {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(rest, Int64(buffer.count)))])
            let count = try file.read(into: wanted)
            guard count > 0 else { throw FileError(call: "read", path: file.path, errno: .ioError) }
            try write(UnsafeRawBufferPointer(rebasing: wanted[..<count]))
            rest -= Int64(count)
        }
    }

    /// Gives a file whose contents are in memory.
    func put(_ member: RestoredMember, _ contents: [UInt8], in root: RestoreRoot) throws {
        var member = member
        member.sizeBytes = Int64(contents.count)
        try begin(member, in: root)
        if !contents.isEmpty { try contents.withUnsafeBytes { try write($0) } }
        try end()
    }
}

/// What a copy reads and writes at once.
enum CopyPiece {
    /// A quarter of a mebibyte stays in a core's cache from reading to writing.
    static let byteCount = 1 << 18

    /// Memory for one piece.
    static func allocate() -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: byteCount, alignment: 4096)
    }
}

/// The sinks of one copy, one for each thread that asks.
final class SinkSet: Sendable {
    private let make: @Sendable () throws -> any FileSink
    private let sinks = Mutex<[any FileSink]>([])

    /// Sinks made by `make`.
    init(_ make: @escaping @Sendable () throws -> any FileSink) {
        self.make = make
    }

    /// A new sink.
    func next() throws -> any FileSink {
        let sink = try make()
        sinks.withLock { $0.append(sink) }
        return sink
    }

    /// Ends all of them; no thread uses one any more.
    func close() throws {
        for sink in sinks.withLock({ $0 }) { try sink.close() }
    }

    /// Gives all of them up: threads that wait in one get an error.
    func abandon() {
        for sink in sinks.withLock({ $0 }) { sink.abandon() }
    }
}
