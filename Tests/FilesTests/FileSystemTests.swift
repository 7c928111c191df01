import Files
import Glibc
import SystemPackage
import TestWorld
import Testing

struct FileSystemTests {
    @Test func `an error reads as Python writes it`() throws {
        let error = #expect(throws: FileError.self) { try FileSystem.read("/no/such/file") }
        #expect(error?.description == "[Errno 2] No such file or directory: '/no/such/file'")
        #expect(error?.isMissing == true)
        let denied = FileError(call: "rename", path: "/a", destination: "/b", errno: .permissionDenied)
        #expect(denied.description == "[Errno 13] Permission denied: '/a' -> '/b'")
    }

    @Test func `a pipe where a file is expected is an error, and waits for nobody`() throws {
        try inScratch { root in
            let pipe = root.appending("pipe")
            #expect(mkfifo(pipe.string, 0o600) == 0)
            try write("x", to: root.appending("file"))
            try FileSystem.symlink(at: root.appending("link"), to: "pipe")
            #expect(throws: FileError.self) { try FileSystem.read(root.appending("link")) }
            let error = #expect(throws: FileError.self) { try FileSystem.read(pipe) }
            #expect(error?.errno == .invalidArgument)
            #expect(throws: FileError.self) { try FileSystem.readPrefix(pipe, count: 8) }
            #expect(throws: FileError.self) {
                try FileSystem.copyFile(from: pipe, to: root.appending("copy"))
            }
            #expect(try !FileSystem.exists(root.appending("copy")))
            #expect(throws: FileError.self) { try FileSystem.read("/dev/zero") }
            #expect(try FileSystem.readStream("/dev/null") == [])
        }
    }

    @Test(arguments: [
        ("/x", "'/x'"), ("/it's", "\"/it's\""), ("/it's \"q\"", #"'/it\'s "q"'"#), ("/a\nb\tc", #"'/a\nb\tc'"#),
        ("/back\\slash", #"'/back\\slash'"#), ("/é€", "'/é€'"), ("/\u{1}", #"'/\x01'"#),
    ])
    func `a path is quoted like a Python string`(path: String, expected: String) {
        #expect(FilePath(path).quoted == expected)
    }

    @Test func `undecodable bytes of a path are escaped`() throws {
        let path = [CChar(0x2F), CChar(bitPattern: 0xFF), CChar(0x61), 0].withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FilePath(platformString: $0) }
        }
        #expect(path?.quoted == #"'/\udcffa'"#)
    }

    @Test func `what is not there does not exist, and what cannot be told is an error`() throws {
        try inScratch { root in
            try write("x", to: root.appending("file"))
            #expect(try FileSystem.exists(root.appending("file")))
            #expect(try !FileSystem.exists(root.appending("other")))
            #expect(try !FileSystem.exists(root.appending("file").appending("below")))
            try FileSystem.symlink(at: root.appending("loop"), to: "loop")
            #expect(throws: FileError.self) { try FileSystem.exists(root.appending("loop")) }
            #expect(try FileSystem.kindIfPresent(root.appending("loop"), followingLinks: false) == .symbolicLink)
            #expect(try FileSystem.linkTarget(root.appending("loop")) == "loop")
        }
    }

    @Test func `names come in the order of their bytes`() throws {
        try inScratch { root in
            for name in ["b", "a", "B", "é", "z", ".hidden", "a-1"] { try write("", to: root.appending(name)) }
            #expect(try FileSystem.names(in: root) == [".hidden", "B", "a", "a-1", "b", "z", "é"])
        }
    }

    @Test func `a file longer than the limit is refused`() throws {
        try inScratch { root in
            let path = root.appending("file")
            try write(String(repeating: "x", count: 5000), to: path)
            #expect(try FileSystem.read(path, limit: 5000).count == 5000)
            let error = #expect(throws: FileError.self) { try FileSystem.read(path, limit: 4999) }
            #expect(error?.errno == .fileTooLarge)
            #expect(try FileSystem.readPrefix(path, count: 3) == Array("xxx".utf8))
            #expect(try FileSystem.readPrefix(path, count: 9000).count == 5000)
            #expect(try FileSystem.readIfPresent(root.appending("none")) == nil)
        }
    }

    @Test func `a file of the kernel that tells no size is read whole`() throws {
        #expect(try !FileSystem.read("/proc/self/status").isEmpty)
        #expect(FileSystem.processUmask.rawValue <= 0o777)
    }

    @Test func `directories are made with their parents, and again without complaint`() throws {
        try inScratch { root in
            let deep = root.appending("a").appending("b").appending("c")
            try FileSystem.createDirectories(deep)
            try FileSystem.createDirectories(deep)
            #expect(try FileSystem.isDirectory(deep))
            try write("", to: root.appending("file"))
            let error = #expect(throws: FileError.self) {
                try FileSystem.createDirectories(root.appending("file"))
            }
            #expect(error?.errno == .fileExists)
            #expect(throws: FileError.self) {
                try FileSystem.createDirectories(root.appending("file").appending("below"))
            }
        }
    }

    @Test func `a temporary directory is ours alone`() throws {
        try inScratch { root in
            let path = try FileSystem.createTemporaryDirectory(in: root)
            #expect(path.lastComponent?.string.utf8.count == "barman-".utf8.count + 8)
            #expect(try FileSystem.status(of: path).permissions == FilePermissions(rawValue: 0o700))
            #expect(try FileSystem.createTemporaryDirectory(in: root) != path)
        }
    }

    @Test func `a path is made canonical as far as it exists`() throws {
        try inScratch { root in
            try FileSystem.createDirectory(root.appending("real"))
            try FileSystem.symlink(at: root.appending("link"), to: "real")
            let canonical = try FileSystem.canonicalPath(root.appending("link").appending("new").appending("x"))
            let real = try FileSystem.realPath(root.appending("real"))
            #expect(canonical == real.appending("new").appending("x"))
            #expect(throws: FileError.self) { try FileSystem.realPath(root.appending("nothing")) }
        }
    }

    @Test func `a link never takes the place of a file`() throws {
        try inScratch { root in
            try write("old", to: root.appending("old"))
            try write("new", to: root.appending("new"))
            let error = #expect(throws: FileError.self) {
                try FileSystem.link(root.appending("new"), to: root.appending("old"))
            }
            #expect(error?.errno == .fileExists)
            #expect(try text(of: root.appending("old")) == "old")
        }
    }

    @Test func `free space is known`() throws {
        #expect(try FileSystem.freeBytes(at: "/") >= 0)
        #expect(try FileSystem.totalBytes(at: "/") > 0)
    }

    @Test func `bytes are written and read at offsets`() throws {
        try inScratch { root in
            let file = try OwnedDescriptor(opening: root.appending("f"), .readWrite, options: .create)
            try file.writeAll(Array("hello world".utf8))
            try Array("W".utf8).withUnsafeBytes { try file.writeAll($0, at: 6) }
            var buffer = [UInt8](repeating: 0, count: 5)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 6) }
            #expect(count == 5)
            #expect(buffer == Array("World".utf8))
            try file.truncate(to: 5)
            #expect(try file.status().sizeBytes == 5)
            #expect(try file.seek(to: 1) == 1)
            #expect(try file.readToEnd() == Array("ello".utf8))
            try file.close()
        }
    }

    @Test func `the close of a full device is an error, not silence`() throws {
        let file = try OwnedDescriptor(opening: "/dev/full", .writeOnly)
        let error = #expect(throws: FileError.self) { try file.writeAll([1]) }
        #expect(error?.errno == .noSpace)
        try file.close()
    }
}
