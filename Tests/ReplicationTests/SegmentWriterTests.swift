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

    @Test func `a start within a block leaves what is before it`() throws {
        try World.with { world in
            var desk = try Desk(world.makeDirectory("streaming"))
            try desk.writer.open(Self.segment)
            try desk.write(5000)
            try desk.writer.flush()
            let more = [UInt8](repeating: 255, count: 3000)
            for offset in [6000, 20_480, 24_576] as [Int64] {
                try more.withUnsafeBytes { try desk.writer.write($0, at: offset) }
                try desk.writer.flush()
            }
            var expected = desk.expected(5000)
            for offset in [6000, 20_480, 24_576] { expected.replaceSubrange(offset..<offset + 3000, with: more) }
            #expect(try desk.contents() == expected)
        }
    }

    #if DEBUG
    @Test func `a flush of little is one call where the file system can do it`() throws {
        try World.with { world in
            var desk = try Desk(world.makeDirectory("streaming"))
            try desk.writer.open(Self.segment)
            try desk.write(100)
            try desk.writer.flush()
            let path = desk.directory.partialPath(of: Self.segment)
            let probe = try? OwnedDescriptor(opening: path, .writeOnly, options: .aroundPageCache)
            let calls = FaultPlan(.crash, at: 0)
            try FaultPlan.$current.withValue(calls) {
                try desk.write(100)
                try desk.writer.flush()
            }
            #expect(calls.callCount == (probe == nil ? 2 : 1))
            #expect(try desk.contents() == desk.expected(200))
        }
    }

    @Test(arguments: [Errno.invalidArgument, .notSupported])
    func `a file system that refuses whole blocks gets its WAL the other way`(errno: Errno) throws {
        try World.with { world in
            for position in [1, 2] {
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
                // The refused call, then two calls for each flush; before it the opening of the file, unless that was refused.
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
                        for count in [300, 5000, 80_000, 10, 140_000, 4096, 1 << 20] {
                            try desk.write(count)
                            if count % 4 == 0 { try desk.writer.push() }
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
