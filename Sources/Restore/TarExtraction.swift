import Codecs
import Files
import Processes
import SystemPackage

/// A tar file that does not hold what PostgreSQL writes.
struct TarContentError: Error, CustomStringConvertible {
    let description: String
}

/// Makes what is in a tar file of pg_basebackup, compressed or not: one pass from the file to the final place.
struct TarExtraction {
    /// What becomes of a member.
    enum Fate {
        case keep
        case skip
        case rename(String)
    }

    private let archive: FilePath

    init(_ archive: FilePath) {
        self.archive = archive
    }

    /// Extracts all members below `destination`, which exists; `count` gets the bytes as they are written.
    ///
    /// Names cannot lead out of the destination: absolute ones and those with `..` are refused, as is everything that is
    /// neither file nor directory, but for the links to tablespaces, which the restore makes anew.
    func extract(to destination: FilePath, count: (Int64) -> Void, fate: (String) -> Fate) throws {
        let box = FileBox(try OwnedDescriptor(opening: archive))
        let plain = try DecompressingReader { buffer in try box.file.read(into: buffer) }
        let reader = TarReader { buffer in try plain.read(into: buffer) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var directories: [(FilePath, TarMember)] = []
        while let member = try reader.next() {
            try SignalWatch.check()
            let name = try safeName(member.text)
            let path: FilePath
            switch name.isEmpty ? Fate.keep : fate(name) {
            case .skip: continue
            case .keep: path = name.isEmpty ? destination : destination.pushing(FilePath(name))
            case .rename(let newName): path = destination.pushing(FilePath(newName))
            }
            switch member.kind {
            case .regular:
                try write(member, to: path, reader, buffer, count)
            case .other(UInt8(ascii: "5")):
                if try !FileSystem.isDirectory(path) {
                    try FileSystem.createDirectory(path, permissions: [.ownerReadWriteExecute])
                }
                directories.append((path, member))
            case .other(UInt8(ascii: "2")) where name.hasPrefix("pg_tblspc/"):
                continue
            case .other(let flag):
                throw TarContentError(
                    description: "unexpected member type '\(UnicodeScalar(flag))' of '\(name)' in the tar file"
                )
            }
        }
        for (path, member) in directories.reversed() {
            try FileSystem.setPermissions(path, permissions(member))
        }
    }

    private func write(
        _ member: TarMember,
        to path: FilePath,
        _ reader: TarReader,
        _ buffer: UnsafeMutableRawBufferPointer,
        _ count: (Int64) -> Void
    ) throws {
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .truncate, .noFollow],
            permissions: permissions(member).union(.ownerWrite)
        )
        while true {
            let read = try reader.read(into: buffer)
            if read == 0 { break }
            try file.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
            count(Int64(read))
        }
        try file.setPermissions(permissions(member))
        try file.close()
    }

    private func permissions(_ member: TarMember) -> FilePermissions {
        FilePermissions(rawValue: CModeT(member.mode & 0o777))
    }

    /// The name relative to the destination, without `.`; refuses names that lead out of it.
    private func safeName(_ name: String) throws(TarContentError) -> String {
        let parts = name.split(separator: "/").filter { $0 != "." }
        guard !name.hasPrefix("/"), !parts.contains("..") else {
            throw TarContentError(description: "unsafe path '\(name)' in the tar file")
        }
        return parts.joined(separator: "/")
    }
}

/// An open file that a closure keeps.
private final class FileBox {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}
