import Files
import SystemPackage
import TestWorld
import Testing

struct CopyTests {
    @Test func `a copy has contents, permissions and time to the nanosecond`() throws {
        try inWorld { root, world in
            let source = root.appending("source")
            let size = (3 << 20) + 17
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let file = try OwnedDescriptor(opening: source, .writeOnly, options: .create)
            try file.writeAll(bytes)
            try file.close()
            try world.run(["touch", "-d", "2020-02-03 04:05:06.123456789 UTC", source.string]).orThrow()
            try FileSystem.setPermissions(source, FilePermissions(rawValue: 0o640))

            var progress: Int64 = 0
            let target = root.appending("target")
            let copied = try FileSystem.copyFile(from: source, to: target, synchronizing: true) { progress += $0 }
            #expect(copied == Int64(size))
            #expect(progress == Int64(size))
            #expect(try FileSystem.read(target) == bytes)
            let status = try FileSystem.status(of: target)
            #expect(status.permissions == FilePermissions(rawValue: 0o640))
            #expect(status.modifiedSeconds == 1_580_702_706)
            #expect(status.modifiedNanoseconds == 123_456_789)
        }
    }

    @Test func `a read-only file is copied, over a longer one`() throws {
        try inScratch { root in
            try write("short", to: root.appending("source"))
            try FileSystem.setPermissions(root.appending("source"), FilePermissions(rawValue: 0o400))
            try write("something longer", to: root.appending("target"))
            try FileSystem.copyFile(from: root.appending("source"), to: root.appending("target"))
            #expect(try text(of: root.appending("target")) == "short")
        }
    }

    @Test func `what the kernel cannot copy itself is copied all the same`() throws {
        try inScratch { root in
            let target = root.appending("target")
            let copied = try FileSystem.copyFile(from: "/proc/self/status", to: target)
            #expect(copied > 0)
            #expect(try text(of: target).hasPrefix("Name:"))
        }
    }

    @Test func `a full disk is an error of the destination`() throws {
        try inScratch { root in
            try write("x", to: root.appending("source"))
            let input = try OwnedDescriptor(opening: root.appending("source"))
            let output = try OwnedDescriptor(opening: "/dev/full", .writeOnly)
            let error = #expect(throws: FileError.self) { try FileSystem.copyContents(from: input, to: output) }
            #expect(error?.errno == .noSpace)
        }
    }
}
