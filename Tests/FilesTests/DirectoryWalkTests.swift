import Files
import SystemPackage
import TestWorld
import Testing

struct DirectoryWalkTests {
    private func makeTree(_ root: FilePath) throws {
        try FileSystem.createDirectories(root.appending("b").appending("deep"))
        try FileSystem.createDirectory(root.appending("a"))
        try write("1", to: root.appending("b").appending("deep").appending("x"))
        try write("22", to: root.appending("b").appending("a"))
        try write("333", to: root.appending("c"))
        try FileSystem.symlink(at: root.appending("a").appending("up"), to: "..")
    }

    @Test func `a walk tells directories before their contents, in the order of bytes`() throws {
        try inScratch { root in
            try makeTree(root)
            var seen: [String] = []
            try FileSystem.walk(root) { seen.append($0.relativePath.string) }
            #expect(seen == ["a", "a/up", "b", "b/a", "b/deep", "b/deep/x", "c"])
            #expect(try FileSystem.sizeOfTree(root) == 6)
        }
    }

    @Test func `a directory's contents can be left out, and an entry opened`() throws {
        try inScratch { root in
            try makeTree(root)
            var walk = try DirectoryWalk(root)
            var seen: [String] = []
            while let entry = try walk.next() {
                seen.append(entry.relativePath.string)
                if entry.relativePath == "b" { walk.skipContents() }
                if entry.relativePath == "c" {
                    let file = try walk.open(entry)
                    #expect(try file.readToEnd() == Array("333".utf8))
                }
                if entry.status.kind == .symbolicLink {
                    let error = #expect(throws: FileError.self) { _ = try walk.open(entry) }
                    #expect(error?.errno == .tooManySymbolicLinkLevels)
                }
            }
            #expect(seen == ["a", "a/up", "b", "c"])
        }
    }

    @Test func `a directory swapped for a link during the walk is not entered`() throws {
        try inScratch { root in
            let tree = root.appending("tree")
            try FileSystem.createDirectories(tree.appending("d"))
            try FileSystem.createDirectory(root.appending("outside"))
            try write("secret", to: root.appending("outside").appending("secret"))
            var walk = try DirectoryWalk(tree)
            #expect(try walk.next()?.relativePath == "d")
            try FileSystem.removeDirectory(tree.appending("d"))
            try FileSystem.symlink(at: tree.appending("d"), to: root.appending("outside"))
            #expect(try walk.next() == nil)
        }
    }

    @Test func `removing a tree follows no link`() throws {
        try inScratch { root in
            let outside = root.appending("outside")
            try FileSystem.createDirectory(outside)
            try write("precious", to: outside.appending("file"))
            let tree = root.appending("tree")
            try makeTree(tree.appending("sub").createdAsDirectory())
            try FileSystem.symlink(at: tree.appending("directory"), to: outside)
            try FileSystem.symlink(at: tree.appending("file"), to: outside.appending("file"))
            try FileSystem.link(outside.appending("file"), to: tree.appending("hard"))
            try FileSystem.removeTree(tree)
            #expect(try FileSystem.names(in: root) == ["outside"])
            #expect(try text(of: outside.appending("file")) == "precious")
        }
    }

    @Test func `removing a link removes the link alone, and nothing is no error`() throws {
        try inScratch { root in
            try FileSystem.createDirectory(root.appending("real"))
            try write("x", to: root.appending("real").appending("file"))
            try FileSystem.symlink(at: root.appending("link"), to: "real")
            try FileSystem.removeTree(root.appending("link"))
            try FileSystem.removeTree(root.appending("never"))
            #expect(try FileSystem.names(in: root) == ["real"])
            try FileSystem.removeContents(of: root.appending("real"))
            #expect(try FileSystem.names(in: root.appending("real")).isEmpty)
        }
    }

    @Test func `names with any bytes are removed`() throws {
        try inWorld { root, world in
            let tree = root.appending("tree")
            try FileSystem.createDirectory(tree)
            let script = #"cd "$1" && touch -- "$(printf 'bad\377name')" -rf '*' "$(printf 'a\nb')""#
            try world.run(["sh", "-c", script, "sh", tree.string]).orThrow()
            #expect(try FileSystem.names(in: tree).count == 4)
            try FileSystem.removeTree(tree)
            #expect(try !FileSystem.exists(tree))
        }
    }

    #if DEBUG
    @Test func `a removal that fails says so and can be done again`() throws {
        try inScratch { root in
            let tree = root.appending("tree")
            try makeTree(tree.createdAsDirectory())
            for position in 1...20 {
                let plan = FaultPlan(.once(.ioError), at: position)
                var failed = false
                FaultPlan.$current.withValue(plan) {
                    do { try FileSystem.removeTree(tree) } catch { failed = true }
                }
                if !failed { break }
            }
            #expect(try !FileSystem.exists(tree))
        }
    }
    #endif
}

extension FilePath {
    /// Makes the directory and gives its path back.
    fileprivate func createdAsDirectory() throws -> FilePath {
        try FileSystem.createDirectories(self)
        return self
    }
}
