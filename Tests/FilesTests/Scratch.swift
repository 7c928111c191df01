import Files
import SystemPackage
import TestWorld
import Testing

/// Runs a test in a scratch directory of its own.
func inScratch(_ body: (FilePath) throws -> Void) throws {
    try inWorld { root, _ in try body(root) }
}

/// Runs a test in a scratch directory of its own, in a world that can run programs.
func inWorld(_ body: (FilePath, World) throws -> Void) throws {
    try World.with { world in
        try world.makeDirectory("work")
        try body(FilePath(world.path("work")), world)
    }
}

/// Writes a small file, without any of the code under test that a fault could befall.
func write(_ text: String, to path: FilePath) throws {
    let file = try OwnedDescriptor(opening: path, .writeOnly, options: [.create, .truncate])
    try file.writeAll(Array(text.utf8))
    try file.close()
}

/// A small file's contents.
func text(of path: FilePath) throws -> String {
    String(decoding: try FileSystem.read(path), as: UTF8.self)
}
