import TestWorld
import Testing

/// What the house holds itself to: the direction of imports, what the binary links, and calls that are not made.
@Suite struct HouseTests {
    /// The rooms from the bottom to the top; a room may import only what stands before it.
    private static let rooms = [
        "CBZip2", "CCRC32C", "CCrypto", "CDeflate", "CLZ4", "CLZMA", "CLibpq", "CLinux", "CZlib", "CZstd",
        "Failure", "Notation", "WAL", "Files", "Settings", "Codecs", "Pipeline", "Processes", "WALClient",
        "Postgres", "Replication", "Catalog", "Archive", "Backup", "Restore", "Drill", "Upkeep", "Console", "Commands",
        "barman", "barman-wal", "Manual", "barman-pages",
    ]

    /// Modules from outside that any room may import.
    private static let outside: Set = ["Glibc", "SystemPackage", "Synchronization"]

    @Test func `imports point to rooms below only`() throws {
        for room in try Self.roomsOnDisk() {
            let position = try #require(Self.rooms.firstIndex(of: room), "the room \(room) has no place in the order")
            for source in try Self.sources(of: room) {
                for module in source.imports where !Self.outside.contains(module) {
                    let below = Self.rooms.firstIndex(of: module)
                    #expect(below.map { $0 < position } == true, "\(source.path) imports \(module)")
                }
            }
        }
    }

    @Test func `the package declares what its rooms import`() throws {
        let package = try Source(path: "Package.swift")
        for room in try Self.roomsOnDisk() where !Self.isSystemLibrary(room) {
            let name = try #require(
                package.code.ranges(of: "name: \"\(room)\",").last {
                    !package.code[$0.upperBound...].hasPrefix(" targets")
                },
                "the package does not know \(room)"
            )
            let rest = package.code[name.upperBound...]
            let end = rest.firstRange(of: "swiftSettings")?.lowerBound ?? rest.endIndex
            let dependencies = rest[..<end]
            for source in try Self.sources(of: room) {
                for module in source.imports where !Self.outside.contains(module) {
                    #expect(dependencies.contains("\"\(module)\""), "\(room) imports \(module) without declaring it")
                }
            }
        }
    }

    @Test func `nothing ends the program by a trap of its own, and Foundation is nowhere`() throws {
        let banned = [
            "import Foundation", "import FoundationEssentials", "import Dispatch", "try!", "fatalError(", "as! ",
            "Task.detached", "@unchecked Sendable //", "NSString", "DispatchQueue",
        ]
        for room in try Self.roomsOnDisk() {
            for source in try Self.sources(of: room) {
                for word in banned {
                    let isSaid = source.code.contains(word)
                    #expect(!isSaid, "\(source.path) says \(word)")
                }
            }
        }
    }

    @Test func `only Files makes calls to the file system`() throws {
        // Calls as they are written: not methods (`.open(`) nor longer names (`reopen(`).
        let calls = [
            "open", "openat", "creat", "rename", "renameat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
            "opendir", "readdir", "fdopendir", "lstat", "fstat", "fstatat", "chmod", "fchmod", "chown", "lchown",
            "fchown", "truncate", "ftruncate", "fsync", "fdatasync", "symlink", "symlinkat", "linkat", "utimensat",
            "futimens", "flock", "fopen", "mkstemp", "mkdtemp", "realpath", "statvfs",
        ]
        for room in try Self.roomsOnDisk() where room != "Files" && !Self.isSystemLibrary(room) {
            for source in try Self.sources(of: room) {
                for call in calls {
                    let isCalled = source.calls(call)
                    #expect(!isCalled, "\(source.path) calls \(call)()")
                }
            }
        }
    }

    @Test func `only Console and the program itself print`() throws {
        for room in try Self.roomsOnDisk() where room != "Console" && room != "barman" {
            for source in try Self.sources(of: room) {
                for call in ["print", "puts", "printf", "fputs", "perror", "vprintf"] {
                    let isCalled = source.calls(call)
                    #expect(!isCalled, "\(source.path) calls \(call)()")
                }
            }
        }
    }

    @Test func `the built program links no Foundation`() throws {
        try World.with { world in
            let libraries = try world.run(["ldd", try World.builtProgram()]).orThrow().out
            for library in ["libFoundation", "lib_FoundationICU", "libicu", "not found"] {
                #expect(!libraries.contains(library), "\(libraries)")
            }
            for library in ["libpq", "libz", "libzstd", "liblz4", "libdeflate", "libbz2", "liblzma"] {
                #expect(libraries.contains(library), "\(libraries)")
            }
        }
    }

    @Test func `no file knows a machine`() throws {
        let root = World.repository
        for file in ["README.md", "CHANGELOG.md", "Makefile", "Package.swift", ".ci/run"] {
            let text = try Source(path: file).text
            #expect(!text.contains("/work/"), "\(file)")
            #expect(!text.contains("/root/"), "\(file)")
        }
        for folder in ["scripts", "docs", "Benchmarks"] {
            for name in Shell.names(in: "\(root)/\(folder)") where name.contains(".") || folder == "scripts" {
                let text = try Source(path: "\(folder)/\(name)").text
                #expect(!text.contains("/work/"), "\(folder)/\(name)")
                #expect(!text.contains("/root/"), "\(folder)/\(name)")
            }
        }
    }

    /// The rooms that are C: `CZlib`, not `Catalog`.
    private static func isSystemLibrary(_ room: String) -> Bool {
        room.hasPrefix("C") && room.dropFirst().first?.isUppercase == true
    }

    private static func roomsOnDisk() throws -> [String] {
        let rooms = Shell.names(in: "\(World.repository)/Sources")
        try #require(rooms.count > 20)
        return rooms
    }

    private static func sources(of room: String) throws -> [Source] {
        try files(under: "Sources/\(room)").map(Source.init(path:))
    }

    private static func files(under folder: String) -> [String] {
        Shell.names(in: "\(World.repository)/\(folder)").flatMap { name -> [String] in
            if name.hasSuffix(".swift") { return ["\(folder)/\(name)"] }
            return name.contains(".") ? [] : files(under: "\(folder)/\(name)")
        }
    }
}

/// A text file of the checkout.
private struct Source {
    let path: String
    let text: String
    /// The lines that are no comments.
    let code: String

    init(path: String) throws {
        self.path = path
        text = String(decoding: try Shell.read("\(World.repository)/\(path)"), as: UTF8.self)
        code = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
    }

    /// The modules it imports.
    var imports: [String] {
        code.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ")
            if words.first == "@testable" || words.first == "@preconcurrency" { words.removeFirst() }
            if words.first == "public" || words.first == "package" || words.first == "internal" { words.removeFirst() }
            guard words.first == "import", words.count > 1 else { return nil }
            return String(words[1])
        }
    }

    /// Whether it calls a function of that name: the name alone, not a method and not a declaration.
    func calls(_ name: String) -> Bool {
        // A file with a function of that name calls its own.
        guard !code.contains("func \(name)(") else { return false }
        var rest = code[...]
        while let range = rest.firstRange(of: "\(name)(") {
            let start = rest[..<range.lowerBound]
            let before = start.last ?? " "
            let isName = before.isLetter || before.isNumber || "._`".contains(before)
            if !isName && !start.hasSuffix("case ") { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }
}
