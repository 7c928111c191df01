import Files
import SystemPackage
import TestWorld
import Testing

@testable import Backup

@Suite struct TreeSyncTests {
    private func withTree(_ body: (FilePath) throws -> Void) throws {
        let root = try FileSystem.createTemporaryDirectory(prefix: "tree-sync-")
        defer { _ = try? FileSystem.removeTree(root) }
        try FileSystem.createDirectories(root.appending("a/b"))
        try FileSystem.replaceDurably(root.appending("one"), contents: [UInt8](repeating: 1, count: 1000))
        try FileSystem.replaceDurably(root.appending("a/b/two"), contents: [UInt8](repeating: 2, count: 500))
        try FileSystem.link(root.appending("a/b/two"), to: root.appending("a/three"))
        try FileSystem.symlink(at: root.appending("link"), to: "/etc")
        try body(root)
    }

    @Test func `sizes count every file, and apart those with one name`() throws {
        try withTree { root in
            var last: (Int64, Int64) = (0, 0)
            let result = try TreeSync.run([root], progress: { last = ($0, $1) })
            #expect(result == TreeSync.Result(sizeBytes: 2000, deduplicatedBytes: 1000))
            #expect(last == (2000, 2000))
            #expect(try TreeSync.measure(root) == result)
        }
    }

    @Test func `of very many files their file system is synced, and every one counts`() throws {
        try withTree { root in
            let many = root.appending("many")
            try FileSystem.createDirectories(many)
            for number in 0..<5010 {
                try OwnedDescriptor(opening: many.appending("\(number)"), .writeOnly, options: .create).close()
            }
            let fileSystem = try WholeFileSystem(of: root)
            var last: (Int64, Int64) = (0, 0)
            let result = try TreeSync.run([root], on: fileSystem, progress: { last = ($0, $1) })
            #expect(result == TreeSync.Result(sizeBytes: 2000, deduplicatedBytes: 1000))
            #expect(last == (2000, 2000))
        }
    }

    @Test func `what is on another file system is synced beside one with very many files`() throws {
        try withTree { root in
            for number in 0..<5010 {
                try OwnedDescriptor(opening: root.appending("\(number)"), .writeOnly, options: .create).close()
            }
            // A second root stands for what is mounted below the first one.
            let other = try FileSystem.createTemporaryDirectory(prefix: "tree-sync-", in: "/dev/shm")
            // What is left in memory does not change what was seen.
            defer { _ = try? FileSystem.removeTree(other) }
            try FileSystem.replaceDurably(other.appending("wal"), contents: [UInt8](repeating: 3, count: 70))
            let fileSystem = try WholeFileSystem(of: root)
            #expect(try fileSystem.device != FileSystem.status(of: other).device)
            var steps: [Int64] = []
            let result = try TreeSync.run([root, other], on: fileSystem, progress: { done, _ in steps.append(done) })
            #expect(result.sizeBytes == 2070)
            // The file, and its directory.
            #expect(steps == [2000, 2070, 2070])
        }
    }
}
