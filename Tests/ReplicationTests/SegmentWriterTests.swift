import Files
import SystemPackage
import TestWorld
import Testing
import WAL

@testable import Replication

/// Segments as they are on disk while they are written, in pieces of every size.
@Suite struct SegmentWriterTests {
    private static let size = WALSegmentSize(bytes: 1 << 20) ?? .standard
    private static let segment = WALSegmentName(
        containing: LSN(rawValue: 0),
        timeline: Timeline(rawValue: 1),
        size: size
    )

    /// What is to be written: no block is like the one before it, and no byte is zero.
    private static let wal = (0..<Int(size.bytes)).map { (index: Int) -> UInt8 in
        UInt8((index * 31 + index / 4096) % 255 + 1)
    }

    /// A writer in an empty directory.
    private struct Desk: ~Copyable {
        let directory: StreamingDirectory
        var writer: SegmentWriter
        var written = 0

        init(_ path: String) throws {
            directory = StreamingDirectory(FilePath(path), segmentSize: size)
            let spare = SpareSegment(in: directory, isZeroed: { true })
            try spare.remove()
            writer = SegmentWriter(directory, spare: spare)
        }

        mutating func write(_ count: Int) throws {
            let end = min(written + count, wal.count)
            try wal[written..<end].withUnsafeBytes { try writer.write($0, at: Int64(written)) }
            written = end
        }

        /// What the file has at a moment when it is called so.
        func contents(complete: Bool = false) throws -> [UInt8] {
            try FileSystem.read(complete ? directory.completePath(of: segment) : directory.partialPath(of: segment))
        }

        /// The whole file when so much of the WAL is in it.
        func expected(_ count: Int) -> [UInt8] { wal[..<count] + [UInt8](repeating: 0, count: wal.count - count) }
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func `what is flushed is in its place with zeros behind it, in pieces of every size`(seed: UInt64) throws {
        try World.with { world in
            var numbers = SeededNumbers(seed: seed)
            var desk = try Desk(world.makeDirectory("streaming"))
            try desk.writer.open(Self.segment)
            #expect(try desk.contents() == desk.expected(0))
            while desk.written < Self.wal.count {
                let limit = [200, 5000, 70_000, 140_000].randomElement(using: &numbers) ?? 1
                try desk.write(.random(in: 1...limit, using: &numbers))
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0: try desk.writer.push()
                case 1, 2: try desk.writer.flush()
                default: continue
                }
                try #require(desk.contents() == desk.expected(desk.written), "after \(desk.written) bytes")
            }
            try desk.writer.finish(Self.segment)
            #expect(try desk.contents(complete: true) == Self.wal)
        }
    }

    @Test func `what an earlier receiver wrote behind our place stays, since it may have been confirmed`() throws {
        try World.with { world in
            var desk = try Desk(world.makeDirectory("streaming"))
            try Shell.write(Self.wal, to: desk.directory.partialPath(of: Self.segment).string)
            try desk.writer.open(Self.segment)
            for _ in 0..<100 {
                try desk.write(100)
                try desk.writer.flush()
                try #require(desk.contents() == Self.wal)
            }
            try desk.writer.close()
            #expect(try desk.contents() == Self.wal)
        }
    }

    @Test func `a start anywhere leaves what is around it`() throws {
        try World.with { world in
            let more = [UInt8](repeating: 255, count: 100)
            for offset in [4096, 5000, 20_480, 24_000] as [Int64] {
                var desk = try Desk(world.makeDirectory("streaming-\(offset)"))
                try desk.writer.open(Self.segment)
                try desk.write(10_000)
                try desk.writer.flush()
                try more.withUnsafeBytes { try desk.writer.write($0, at: offset) }
                try desk.writer.flush()
                var expected = desk.expected(10_000)
                expected.replaceSubrange(Int(offset)..<Int(offset) + more.count, with: more)
                #expect(try desk.contents() == expected, "\(offset)")
            }
        }
    }

    #if DEBUG
    /// Whether the file system of the tests takes whole blocks around the page cache.
    private static func takesBlocks(in directory: String) throws(FileError) -> Bool {
        let path = FilePath(directory).appending("probe")
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { block.deallocate() }
        block.initializeMemory(as: UInt8.self, repeating: 1)
        do throws(FileError) {
            let file = try OwnedDescriptor(opening: path, .writeOnly, options: [.create, .aroundPageCache])
            try file.writeAll(UnsafeRawBufferPointer(block), at: 0)
            return true
        } catch  where error.errno == .invalidArgument || error.errno == .notSupported {
            return false
        }
    }

    @Test func `a flush of little is one call, and two once something is in the page cache alone`() throws {
        try World.with { world in
            let directory = try world.makeDirectory("streaming")
            let usual = try Self.takesBlocks(in: directory) ? 1 : 2
            var desk = try Desk(directory)
            try desk.writer.open(Self.segment)
            try desk.write(100)
            try desk.writer.flush()
            // A negative count is followed by a push.
            let cases: [(counts: [Int], calls: Int)] = [
                ([100], usual), ([9000, 1], usual), ([-10_000, 100], 2), ([100], usual), ([80_000, 100], 2), ([-5], 1),
                ([100], usual),
            ]
            for (counts, calls) in cases {
                for count in counts {
                    try desk.write(abs(count))
                    if count < 0 { try desk.writer.push() }
                }
                let plan = FaultPlan(.crash, at: 0)
                try FaultPlan.$current.withValue(plan) { try desk.writer.flush() }
                #expect(plan.callCount == calls, "\(counts)")
                #expect(try desk.contents() == desk.expected(desk.written))
            }
        }
    }

    @Test(arguments: [Errno.invalidArgument, .notSupported])
    func `a file system that refuses whole blocks gets its WAL the other way`(errno: Errno) throws {
        try World.with { world in
            // The opening of the file is refused, or the first write to it.
            let positions = try Self.takesBlocks(in: world.makeDirectory("probe")) ? [1, 2] : [1]
            for position in positions {
                var desk = try Desk(world.makeDirectory("streaming-\(position)"))
                try desk.writer.open(Self.segment)
                let plan = FaultPlan(.once(errno), at: position)
                try FaultPlan.$current.withValue(plan) {
                    for _ in 0..<3 {
                        try desk.write(3000)
                        try desk.writer.flush()
                        #expect(try desk.contents() == desk.expected(desk.written))
                    }
                }
                // Then two calls for each flush.
                #expect(plan.callCount == position + 3 * 2)
            }
        }
    }

    @Test(arguments: [FaultPlan.Kind.once(.ioError), .once(.noSpace), .crash])
    func `what was flushed before a fault at any call is there after it`(kind: FaultPlan.Kind) throws {
        try World.with { world in
            var failures = 0
            for position in 1... {
                var desk = try Desk(world.makeDirectory("streaming-\(position)"))
                var flushed = 0
                let plan = FaultPlan(kind, at: position)
                let isDone = FaultPlan.$current.withValue(plan) {
                    do {
                        try desk.writer.open(Self.segment)
                        for count in [300, 5000, 77, 9001, -200, 80_000, 10, 4096, 140_000, 5, -3000, 1 << 20] {
                            try desk.write(abs(count))
                            if count < 0 { try desk.writer.push() }
                            try desk.writer.flush()
                            flushed = desk.written
                        }
                        try desk.writer.finish(Self.segment)
                        return true
                    } catch {
                        return false
                    }
                }
                if isDone { break }
                failures += 1
                guard flushed > 0 else { continue }
                let isComplete = try FileSystem.exists(desk.directory.completePath(of: Self.segment))
                #expect(try desk.contents(complete: isComplete).starts(with: Self.wal[..<flushed]), "call \(position)")
            }
            #expect(failures > 15)
        }
    }
    #endif
}
