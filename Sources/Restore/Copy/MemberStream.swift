import Codecs
import Files
import Processes
import SystemPackage

/// What is in one tree of one backup, thing after thing, whatever form it is stored in.
///
/// Used by one thread at a time.
protocol MemberStream: AnyObject {
    /// The next thing, what is left of the one before skipped; `nil` after the last.
    func next() throws -> RestoredMember?
    /// Reads contents of the current file; 0 at their end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
    /// Where the current file lies as it is, on this host; `nil` when it comes out of a stream.
    var source: FilePath? { get }
}

extension MemberStream {
    var source: FilePath? { nil }

    /// All of what is left of a file that is known to be small.
    func readRest(limit: Int = 1 << 20) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 13)
        while true {
            let count = try chunk.withUnsafeMutableBytes { try read(into: $0) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else {
                throw FileError(call: "read", path: "backup_label", errno: .fileTooLarge)
            }
        }
    }
}

/// A tar file that does not hold what PostgreSQL writes.
struct TarContentError: Error, CustomStringConvertible {
    let description: String
}

/// The members of a tar file of pg_basebackup, whatever its bytes come out of.
///
/// Names cannot lead out of their root: absolute ones and those with `..` are refused, as is everything that is neither file
/// nor directory, but for the links to tablespaces, which the restore makes anew.
final class TarMemberStream: MemberStream {
    private let reader: TarReader

    /// `source` fills a buffer with plain tar and returns the number of bytes, 0 at the end.
    init(source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        reader = TarReader(source: source)
    }

    func next() throws -> RestoredMember? {
        while let member = try reader.next() {
            try SignalWatch.check()
            let path = try safePath(member)
            switch member.kind {
            case .regular:
                return restored(member, path, .file)
            case .other(UInt8(ascii: "5")):
                return restored(member, path, .directory)
            case .other(UInt8(ascii: "2")) where path.starts(with: "pg_tblspc"):
                continue
            case .other(let flag):
                throw TarContentError(
                    description: "unexpected member type '\(UnicodeScalar(flag))' of '\(path)' in the tar file"
                )
            }
        }
        // What follows the end mark belongs to the file: a writer that is cut off would count as one that failed.
        try reader.drain()
        return nil
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try reader.read(into: buffer)
    }

    private func restored(_ member: TarMember, _ path: FilePath, _ kind: RestoredMember.Kind) -> RestoredMember {
        RestoredMember(
            path: path,
            kind: kind,
            sizeBytes: kind == .file ? member.sizeBytes : 0,
            permissions: FilePermissions(rawValue: CModeT(member.mode & 0o777)),
            modifiedSeconds: member.modifiedSeconds,
            modifiedNanoseconds: member.modifiedNanoseconds
        )
    }

    /// The name seen from the root, without `.`; refuses names that lead out of it.
    private func safePath(_ member: TarMember) throws(TarContentError) -> FilePath {
        let parts = member.name.split(separator: UInt8(ascii: "/")).filter { Array($0) != [UInt8(ascii: ".")] }
        guard member.name.first != UInt8(ascii: "/"), !parts.contains(where: { Array($0) == Array("..".utf8) }) else {
            throw TarContentError(description: "unsafe path '\(member.text)' in the tar file")
        }
        let bytes = parts.joined(separator: [UInt8(ascii: "/")]).map(CChar.init(bitPattern:)) + [0]
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }
}

/// The members of a tree that is stored as files.
final class TreeMemberStream: MemberStream {
    private let tree: FilePath
    private let walk: TreeWalk
    private var current: RestoredMember?
    private var file: OwnedDescriptor?

    /// Walks through the tree; links are followed, but what `isSkipped` says of a path seen from there is left out.
    init(_ tree: FilePath, isSkipped: @escaping (FilePath) -> Bool) {
        self.tree = tree
        walk = TreeWalk(tree, isSkipped: isSkipped)
    }

    var source: FilePath? { current.map { tree.pushing($0.path) } }

    func next() throws -> RestoredMember? {
        file = nil
        current = try walk.next()
        return current
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if file == nil, let source { file = try OwnedDescriptor(opening: source) }
        return try file?.read(into: buffer) ?? 0
    }
}
