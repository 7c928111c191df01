import Files
import SystemPackage
import TestWorld
import Testing

struct DurabilityTests {
    @Test func `a replaced file has the new contents and leaves nothing beside it`() throws {
        try inScratch { root in
            let path = root.appending("file")
            try FileSystem.replaceDurably(path, contents: Array("one".utf8))
            try FileSystem.replaceDurably(path, contents: Array("two".utf8), temporaryName: "file.tmp")
            #expect(try text(of: path) == "two")
            #expect(try FileSystem.names(in: root) == ["file"])
        }
    }

    @Test func `a leftover with the temporary name is overwritten, but never followed as a link`() throws {
        try inScratch { root in
            let path = root.appending("file")
            try write("a long leftover of a crash", to: root.appending("file.tmp"))
            try FileSystem.replaceDurably(path, contents: Array("new".utf8), temporaryName: "file.tmp")
            #expect(try text(of: path) == "new")

            try write("precious", to: root.appending("precious"))
            try FileSystem.symlink(at: root.appending("file.tmp"), to: "precious")
            #expect(throws: FileError.self) {
                try FileSystem.replaceDurably(path, contents: [1], temporaryName: "file.tmp")
            }
            #expect(try text(of: root.appending("precious")) == "precious")
        }
    }

    @Test func `contents of any size go through the buffer`() throws {
        try inScratch { root in
            var file = try DurableFile(replacing: root.appending("big"))
            let part = [UInt8](repeating: 7, count: 300_000)
            for _ in 0..<10 { try file.write(part) }
            try file.commit()
            #expect(try FileSystem.read(root.appending("big")) == [UInt8](repeating: 7, count: 3_000_000))
        }
    }

    @Test func `what is not committed leaves nothing`() throws {
        try inScratch { root in
            do {
                var file = try DurableFile(replacing: root.appending("file"))
                try file.write(Array("lost".utf8))
                #expect(try FileSystem.names(in: root).count == 1)
            }
            #expect(try FileSystem.names(in: root).isEmpty)
        }
    }

    #if DEBUG
    @Test(arguments: [Errno.ioError, .noSpace])
    func `a replace whose n-th call fails leaves the old file or the new one and no other`(errno: Errno) throws {
        try eachFault(.once(errno)) { root, path, failure in
            let contents = try text(of: path)
            if failure == nil { #expect(contents == "new") }
            #expect(["old", "new"].contains(contents))
            #expect(try FileSystem.names(in: root) == ["file"])
        }
    }

    @Test func `a replace that dies at the n-th call leaves the old file or the new one`() throws {
        try eachFault(.crash) { _, path, failure in
            let contents = try text(of: path)
            #expect(failure == nil ? contents == "new" : ["old", "new"].contains(contents))
        }
    }

    /// Replaces a file with the first call failing, then with the second, and so on until it succeeds.
    private func eachFault(
        _ kind: FaultPlan.Kind,
        check: (_ root: FilePath, _ path: FilePath, _ failure: (any Error)?) throws -> Void
    ) throws {
        for position in 1...20 {
            var succeeded = false
            try inScratch { root in
                let path = root.appending("file")
                try write("old", to: path)
                let plan = FaultPlan(kind, at: position)
                var failure: (any Error)?
                FaultPlan.$current.withValue(plan) {
                    do {
                        try FileSystem.replaceDurably(path, contents: Array("new".utf8), temporaryName: "file.tmp")
                    } catch {
                        failure = error
                    }
                }
                try check(root, path, failure)
                succeeded = failure == nil
                // open, write, fsync, rename, fsync of the directory
                if succeeded { #expect(position == 6) }
            }
            if succeeded { return }
        }
        Issue.record("the replace never succeeded")
    }

    @Test func `a plan that only counts lets everything pass`() throws {
        try inScratch { root in
            let plan = FaultPlan(.crash, at: 0)
            try FaultPlan.$current.withValue(plan) {
                try FileSystem.replaceDurably(root.appending("file"), contents: [1])
            }
            #expect(plan.callCount == 5)
        }
    }
    #endif

    @Test func `a tree is synced file by file, links left alone`() throws {
        try inScratch { root in
            try FileSystem.createDirectories(root.appending("a").appending("b"))
            try write("12345", to: root.appending("a").appending("f"))
            try write("123", to: root.appending("a").appending("b").appending("g"))
            try FileSystem.symlink(at: root.appending("dangling"), to: "/nowhere/at/all")
            var seen: [Int64] = []
            #expect(try FileSystem.syncTree(root) { seen.append($0) } == 8)
            #expect(seen.sorted() == [3, 5])
        }
    }
}
