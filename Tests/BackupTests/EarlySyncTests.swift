import Files
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Backup

@Suite struct EarlySyncTests {
    /// Counts calls, and lets a test wait for the next one.
    private final class Count: Sendable {
        private let calls = Atomic<Int>(0)
        var value: Int { calls.load(ordering: .acquiring) }
        func add() { calls.add(1, ordering: .acquiringAndReleasing) }
        func wait(for wanted: Int) {
            while value < wanted { usleep(1000) }
        }
    }

    @Test func `nothing is written before the period is over`() throws {
        let count = Count()
        let early = EarlySync(periodSeconds: 3600) { count.add() }
        for _ in 0..<100 { try early.tick() }
        try early.end()
        #expect(count.value == 0)
    }

    @Test func `what is due is written beside the copy, and waited for at its end`() throws {
        let (begun, copied, written) = (Count(), Count(), Count())
        let early = EarlySync(periodSeconds: 0) {
            begun.add()
            copied.wait(for: 1)
            written.add()
        }
        try early.tick()
        begun.wait(for: 1)
        #expect(written.value == 0)
        copied.add()
        try early.end()
        #expect(written.value == 1)
        try early.tick()
        #expect(written.value == 1)
    }

    @Test func `what could not be written is told by the next tick, and at the end`() throws {
        let count = Count()
        let early = EarlySync(periodSeconds: 0) { () throws(FileError) in
            count.add()
            throw FileError(call: "syncfs", path: "/copy", errno: count.value == 1 ? .ioError : .noSpace)
        }
        try early.tick()
        count.wait(for: 1)
        let error = #expect(throws: FileError.self) { try early.end() }
        #expect(error?.errno == .ioError)
        let again = #expect(throws: FileError.self) { try early.tick() }
        #expect(again?.errno == .ioError)
    }

    @Test func `a real file system is written out`() throws {
        let root = try FileSystem.createTemporaryDirectory(prefix: "early-sync-")
        defer { _ = try? FileSystem.removeTree(root) }
        let early = try EarlySync(of: root, doubting: [])
        try FileSystem.replaceDurably(root.appending("one"), contents: [1])
        try early.end()
        try WholeFileSystem(of: root).syncEarly()
    }
}
