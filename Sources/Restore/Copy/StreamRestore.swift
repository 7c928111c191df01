import Backup
import Catalog
import Failure
import Files
import Notation
import Processes
import SystemPackage

/// Restores one tree of a chain whose backups can be read from front to back only, the newest first: each is read once.
///
/// Whole files go to their place at once. Increments wait in a spool, which holds changed blocks and nothing else, until
/// the full file of an older backup comes by.
struct StreamRestore {
    let chain: BackupChain
    let root: RestoreRoot
    let rules: RestoreRules
    let files: RestoredFiles
    let tars: TarSource
    /// Where the spool is made; nobody sees it, and it goes with the process.
    let spoolDirectory: FilePath

    /// Where an increment lies in the spool.
    private struct Spooled {
        let start: Int64
        let sizeBytes: Int64
        let path: FilePath
    }

    /// A file of the backup that waits for its full copy, its increments the newest first.
    private struct Waiting {
        let member: RestoredMember
        var increments: [Spooled]
    }

    func run(to sink: any FileSink) throws {
        var waiting: [FilePath: Waiting] = [:]
        let spool = Spool(directory: spoolDirectory)
        // A tar file says nothing of its root; PostgreSQL starts in no directory that others can look into.
        let now = Timestamp.now().secondsSinceEpoch
        let top = RestoredMember(path: "", kind: .directory, permissions: .ownerReadWriteExecute, modifiedSeconds: now)
        try sink.makeDirectory(top, in: root)
        for (age, backup) in chain.newestFirst.enumerated() where age == 0 || !waiting.isEmpty {
            let archive = backup.isTar ? backup.archive(of: root) : try backup.tree(of: root)
            do {
                let stream: any MemberStream =
                    backup.isTar
                    ? try tars(backup).open(archive) : TreeMemberStream(archive) { isSkipped($0, of: backup) }
                while let member = try stream.next() {
                    if age == 0 {
                        try takeNewest(member, stream, &waiting, spool, to: sink)
                    } else {
                        try takeOlder(member, stream, &waiting, spool, to: sink)
                    }
                }
            } catch let error where !RestoreError.isInterruption(error) && !(error is DecryptedFile.Locked) {
                throw Failure("Error decompressing \(archive) into \(root.destination): \(RestoreError.text(error))")
            }
        }
        guard waiting.isEmpty else {
            let names = waiting.keys.map(\.string).sorted().prefix(3).joined(separator: ", ")
            throw Failure("No full copy of \(names) is in the backups that \(chain.tip.info.id) builds on")
        }
    }

    /// Whether something of a tree, and what is in it, is not read.
    private func isSkipped(_ path: FilePath, of backup: StoredBackup) -> Bool {
        rules.isSkipped(path, in: root) || root.isData && backup.tablespaceLinks.contains(path)
    }

    private func tars(_ backup: StoredBackup) -> TarSource {
        backup.info.encryption == nil ? TarSource(passphrase: nil, pathPrefix: nil) : tars
    }

    // MARK: The newest backup says what there is

    private func takeNewest(
        _ found: RestoredMember,
        _ stream: any MemberStream,
        _ waiting: inout [FilePath: Waiting],
        _ spool: Spool,
        to sink: any FileSink
    ) throws {
        guard !rules.isSkipped(found.path, in: root) else { return }
        var member = found
        if member.kind == .directory {
            files.note(member.path, in: root)
            return try sink.makeDirectory(member, in: root)
        }
        if chain.isIncremental, let path = member.path.withoutIncrementalPrefix {
            let spooled = try spool.take(found, from: stream)
            member.path = path
            waiting[path] = Waiting(member: member, increments: [spooled])
            return files.note(path, in: root)
        }
        member.path = rules.place(member.path, in: root)
        files.note(member.path, in: root)
        if chain.isIncremental, root.isData, member.path == "backup_label" {
            return try sink.put(member, BackupLabel(stream.readRest()).combined, in: root)
        }
        if let source = stream.source { return try sink.copy(member, from: source, in: root) }
        try sink.begin(member, in: root)
        try CopyPiece.forEach(of: stream) { try sink.write($0) }
        try sink.end()
    }

    // MARK: Older ones complete it

    private func takeOlder(
        _ found: RestoredMember,
        _ stream: any MemberStream,
        _ waiting: inout [FilePath: Waiting],
        _ spool: Spool,
        to sink: any FileSink
    ) throws {
        guard found.kind == .file else { return }
        if let file = waiting.removeValue(forKey: found.path) {
            return try combine(file, with: found, stream, spool, to: sink)
        }
        guard let path = found.path.withoutIncrementalPrefix, waiting[path] != nil else { return }
        waiting[path]?.increments.append(try spool.take(found, from: stream))
    }

    private func combine(
        _ file: Waiting,
        with full: RestoredMember,
        _ stream: any MemberStream,
        _ spool: Spool,
        to sink: any FileSink
    ) throws {
        var increments: [CombinedFile.Increment] = []
        for spooled in file.increments {
            let header = try IncrementalHeader(path: spooled.path, fileBytes: spooled.sizeBytes) { buffer, offset in
                let rest = max(0, spooled.sizeBytes - offset)
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, Int(clamping: rest))])
                try spool.read(into: room, at: spooled.start + offset)
                return room.count
            }
            increments.append(
                CombinedFile.Increment(header: header) { buffer, offset in
                    try spool.read(into: buffer, at: spooled.start + offset)
                }
            )
        }
        let forward = ForwardReader(stream)
        let combined = CombinedFile(
            increments: increments,
            full: CombinedFile.Full(sizeBytes: full.sizeBytes) { buffer, offset in
                try forward.read(into: buffer, at: offset)
            }
        )
        var member = file.member
        member.sizeBytes = combined.sizeBytes
        try sink.begin(member, in: root)
        try combined.forEachPiece { try sink.write($0) }
        try sink.end()
    }

    /// A file that holds increments and has no name.
    private final class Spool {
        private let directory: FilePath
        private var file: ScratchFile?
        private var endBytes: Int64 = 0

        init(directory: FilePath) {
            self.directory = directory
        }

        /// Takes the whole of a member.
        func take(_ member: RestoredMember, from stream: any MemberStream) throws -> Spooled {
            let file = try opened()
            let start = endBytes
            try CopyPiece.forEach(of: stream) { piece in
                try file.file.writeAll(piece, at: endBytes)
                endBytes += Int64(piece.count)
            }
            return Spooled(start: start, sizeBytes: endBytes - start, path: member.path)
        }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
            try opened().file.readExactly(into: buffer, at: offset)
        }

        private func opened() throws -> ScratchFile {
            let opened = try file ?? ScratchFile(in: directory)
            file = opened
            return opened
        }
    }
}

/// Reads at growing offsets of a stream, by passing over what is between.
private final class ForwardReader {
    private let stream: any MemberStream
    private var position: Int64 = 0

    init(_ stream: any MemberStream) {
        self.stream = stream
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        while position < offset {
            // What is passed over lands where it will be overwritten.
            let gap = Int(min(offset - position, Int64(buffer.count)))
            try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<gap]))
        }
        try fill(buffer)
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            guard count > 0 else { throw TarContentError(description: "a file ends before its length") }
            filled += count
        }
        position += Int64(filled)
    }
}

extension CopyPiece {
    /// Hands out the contents of a file.
    fileprivate static func forEach(of stream: any MemberStream, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
    {
        let buffer = allocate()
        defer { buffer.deallocate() }
        while true {
            var filled = 0
            while filled < buffer.count {
                let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                if count == 0 { break }
                filled += count
            }
            if filled > 0 { try body(UnsafeRawBufferPointer(rebasing: buffer[..<filled])) }
            if filled < buffer.count { return }
            try SignalWatch.check()
        }
    }
}
