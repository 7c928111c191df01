import Files
import Glibc
import SystemPackage
import TestWorld
import Testing

/// Copies on a file system that can share blocks between files: XFS on a loop device, which is not to be had everywhere.
@Suite(
    .enabled(if: geteuid() == 0, "needs root, to mount a file system"),
    .enabled(if: access("/dev/loop-control", R_OK | W_OK) == 0, "needs loop devices")
)
struct SharedBlocksTests {
    @Test func `a copy shares its blocks, and one to another file system has its own`() throws {
        try World.with { world in
            let image = world.path("image")
            let place = try world.makeDirectory("mounted", as: .postgres)
            try world.shell("truncate -s 400M \(image) && mkfs.xfs -q \(image) && mount -o loop \(image) \(place)")
                .orThrow()
            world.atEnd { [world] in
                // Nothing in it is open any more; what stays is reported by the removal of its directory.
                _ = try? world.run(["umount", place])
            }
            let source = FilePath("\(place)/source")
            // 40 MiB and a part of a block, which do not shrink.
            try world.shell("head -c 41943141 /dev/urandom > \(source) && sync -f \(place)").orThrow()
            let free = try FileSystem.freeBytes(at: FilePath(place))
            let size = try FileSystem.copyFile(from: source, to: FilePath("\(place)/copy"), synchronizing: true)
            let used = try free - FileSystem.freeBytes(at: FilePath(place))
            #expect(size == 41_943_141 && used < 4 << 20, "\(used) bytes")
            try FileSystem.copyFile(from: source, to: FilePath(world.path("elsewhere")))
            for copy in ["\(place)/copy", world.path("elsewhere")] {
                #expect(try world.run(["cmp", source.string, copy]).status == 0)
            }
        }
    }
}
