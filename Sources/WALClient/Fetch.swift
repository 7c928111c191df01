import Codecs
import Files
import Glibc
import Processes
import SystemPackage
import WAL

/// Getting files from the backup host's `get-wal`.
struct Fetch: Sendable {
    let host: BackupHost
    let multiplexing: Multiplexing?
    /// After how long without a byte a call is given up; `nil` where PostgreSQL waits for it, as with the reference.
    private let silenceSeconds: Double?

    init(_ arguments: RestoreArguments, silenceSeconds: Double? = nil) {
        host = arguments.common.host
        multiplexing = arguments.common.multiplexing
        self.silenceSeconds = silenceSeconds
    }

    /// What the host says that it has; no names when it could not be asked.
    struct Names {
        let status: ProcessStatus
        let names: [String]
    }

    /// Asks for the names of files that are there, from this one on.
    func names(from name: String, _ options: [String]) throws -> Names {
        var text: [UInt8] = []
        let status = try attempt { multiplexing in
            let request = host.request(remote: host.getWords(options, name), multiplexing: multiplexing)
            return try collect(request, into: &text)
        }
        guard status == .exited(0) else { return Names(status: status, names: []) }
        let names = text.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        return Names(status: status, names: names)
    }

    private func collect(_ request: ProcessRequest, into text: inout [UInt8]) throws -> ProcessStatus {
        var request = request
        if let silenceSeconds {
            request.output = .collect(limitBytes: Self.longestList)
            request.errorOutput = .discard
            request.timeoutSeconds = silenceSeconds
            let outcome = try request.run()
            text = outcome.output
            return outcome.status
        }
        var pipe = try ChildPipe()
        guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else { return .exited(-1) }
        request.output = .descriptor(writer.raw)
        let child = try request.start()
        Emergency.watch(child)
        defer { Emergency.watch(nil) }
        try writer.close()
        text = try reader.readToEnd(limit: Self.longestList)
        return child.wait()
    }

    private static let longestList = 1 << 20

    /// Receives a file into an open one, from its start; returns how ssh ended.
    func receive(
        _ name: String,
        _ options: [String],
        into output: borrowing OwnedDescriptor
    ) throws -> ProcessStatus {
        let path = output.path
        let number = output.raw
        return try attempt { multiplexing in
            let target = try OwnedDescriptor(duplicating: number, path: path)
            // A second attempt starts over.
            try target.truncate(to: 0)
            try target.seek(to: 0)
            var request = host.request(remote: host.getWords(options, name), multiplexing: multiplexing)
            request.output = .descriptor(number)
            if let silenceSeconds {
                request.errorOutput = .discard
                return try request.run(writing: path, silenceSeconds: silenceSeconds)
            }
            let child = try request.start()
            Emergency.watch(child)
            defer { Emergency.watch(nil) }
            return child.wait()
        }
    }

    /// Makes a call; once more on a connection of its own when a shared one turns out to be broken.
    private func attempt(_ call: (Multiplexing?) throws -> ProcessStatus) throws -> ProcessStatus {
        let isShared = multiplexing?.isEstablished == true
        let status = try call(multiplexing)
        guard isShared, status == .exited(255) else { return status }
        multiplexing?.forget()
        return try call(nil)
    }
}

extension FileError {
    /// Whether a disk is full, or what the account may have of it.
    var isLackOfRoom: Bool { errno == .noSpace || errno == .diskQuotaExceeded }
}

/// What is done with a file that was received.
enum ReceivedWAL {
    /// Decompresses a file in its place, if it is compressed.
    static func unpack(_ path: FilePath) throws {
        guard CompressionFormat.detect(prefix: try FileSystem.readPrefix(path, count: 16)) != nil else { return }
        let packed = try OwnedDescriptor(opening: path)
        let status = try packed.status()
        let temporary = path.removingLastComponent().appending(
            ".\(path.lastComponent?.string ?? "").\(FileSystem.randomNamePart()).tmp"
        )
        let output = try OwnedDescriptor(
            opening: temporary,
            .writeOnly,
            options: [.create, .exclusiveCreate],
            permissions: status.permissions
        )
        do {
            let source = Borrowed(number: packed.raw.rawValue, path: path)
            let reader = try DecompressingReader(source: source.read)
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: DecompressingReader.preferredBytes,
                alignment: 64
            )
            defer { buffer.deallocate() }
            while true {
                let count = try reader.read(into: buffer)
                if count == 0 { break }
                try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            try output.close()
            try FileSystem.rename(temporary, to: path)
        } catch {
            // The error above is the one that matters.
            _ = try? FileSystem.unlink(temporary)
            throw error
        }
        try packed.close()
    }

    /// What speaks against a file being the segment of that name, in words; `nil` if nothing does.
    ///
    /// Only a page header can tell: a file without one is left to PostgreSQL to judge.
    static func defect(of path: FilePath, name: String) throws -> String? {
        guard let segment = WALSegmentName(name) else { return nil }
        let prefix = try FileSystem.readPrefix(path, count: WALPageHeader.byteCount)
        guard let header = WALPageHeader(prefix) else { return nil }
        return header.defect(asSegment: segment, sizeBytes: try FileSystem.status(of: path).sizeBytes)
    }

    /// Whether a file is that segment, whole, as its header says.
    static func isWhole(_ path: FilePath, name: String) throws -> Bool {
        let prefix = try FileSystem.readPrefix(path, count: WALPageHeader.byteCount)
        return try WALPageHeader(prefix) != nil && defect(of: path, name: name) == nil
    }

    /// What the disk says when more is to be written behind what has come; `nil` if it has room, or is none.
    ///
    /// A disk that is full here makes the command fail on the other host, which knows nothing of the reason. The file stays as it is.
    static func lackOfRoom(behind output: borrowing OwnedDescriptor) -> FileError? {
        do throws(FileError) {
            let end = try output.seek(to: 0, from: .end)
            // What was written in vain is of no use to anybody.
            defer { try? output.truncate(to: end) }
            try output.writeAll([UInt8](repeating: 0, count: 1 << 16))
            return nil
        } catch {
            return error.isLackOfRoom ? error : nil
        }
    }

    /// What is missing from a segment that did not come whole, or could not be written whole; `nil` if nothing is.
    static func shortage(of path: FilePath, name: String) throws -> String? {
        guard WALSegmentName(name) != nil else { return nil }
        let sizeBytes = try FileSystem.status(of: path).sizeBytes
        guard sizeBytes > 0 else { return "is empty" }
        let prefix = try FileSystem.readPrefix(path, count: WALPageHeader.byteCount)
        guard let header = WALPageHeader(prefix), sizeBytes < header.segmentSize.bytes else { return nil }
        return "has only \(sizeBytes) of its \(header.segmentSize.bytes) bytes"
    }

    /// Moves a file, by copying where it cannot be renamed.
    static func move(_ source: FilePath, to destination: FilePath) throws(FileError) {
        do throws(FileError) {
            try FileSystem.rename(source, to: destination)
        } catch {
            guard error.errno == .improperLink else { throw error }
            try FileSystem.copyFile(from: source, to: destination)
            try FileSystem.unlink(source)
        }
    }
}
