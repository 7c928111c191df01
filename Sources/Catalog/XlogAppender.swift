import Files
import SystemPackage

/// Adds records to the list whose lock is held.
struct XlogAppender {
    let database: XlogDatabase

    func append(_ records: [XlogRecord]) throws {
        let file = try OwnedDescriptor(opening: database.path, .readWrite)
        let size = try file.status().sizeBytes
        let (end, tornName) = try tail(of: file, size: size)
        // A file whose line comes now gets it once.
        var lines = records
        if let tornName, !records.contains(where: { $0.name == tornName }),
            let mended = try XlogRebuild(database: database).record(named: tornName)
        {
            lines.insert(mended, at: 0)
        }
        do {
            if end < size { try file.truncate(to: end) }
            let content = Array(lines.map(\.line).joined().utf8)
            try content.withUnsafeBytes { try file.writeAll($0, at: end) }
            try file.sync()
        } catch {
            // A half-written line would be read as garbage. If cutting fails as well the next append mends the tail.
            _ = try? file.truncate(to: end)
            throw error
        }
        try file.close()
    }

    /// Where to go on, and the name on a line that is torn: after a crash the last line may lack its end, and zeros may follow it.
    ///
    /// Of a torn line only the name can be trusted. If that file is in the archive its line is made anew from it; if not, the line was never
    /// reported stored. What no crash leaves is not cut off, but an error.
    private func tail(of file: borrowing OwnedDescriptor, size: Int64) throws -> (end: Int64, tornName: String?) {
        var textEnd = size
        var text: [UInt8] = []
        while textEnd > 0, text.isEmpty {
            text = try bytes(of: file, before: textEnd)
            guard !text.isEmpty else { break }
            let zeros = text.reversed().prefix { $0 == 0 }.count
            text.removeLast(zeros)
            textEnd -= Int64(zeros)
        }
        guard let last = text.last, last != 0x0A else { return (textEnd, nil) }
        // The zeros took a part of what was read.
        text = try bytes(of: file, before: textEnd)
        let newline = text.lastIndex(of: 0x0A)
        if newline == nil, text.count < textEnd {
            // Reading tells which line it is.
            var scanner = XlogScanner(path: database.path)
            try scanner.scan(file) { _ in true }
            throw text.withUnsafeBytes { scanner.error($0[...]) }
        }
        let torn = text[(newline.map { $0 + 1 } ?? 0)...]
        let name = torn.firstIndex(of: 0x09).map { String(decoding: torn[..<$0], as: UTF8.self) }
        return (textEnd - Int64(torn.count), name)
    }

    /// As much before a position as a line may be long.
    private func bytes(of file: borrowing OwnedDescriptor, before end: Int64) throws -> [UInt8] {
        let start = max(0, end - Int64(XlogScanner.longestLine))
        var bytes = [UInt8](repeating: 0, count: Int(end - start))
        var count = 0
        while count < bytes.count {
            let read = try bytes.withUnsafeMutableBytes { buffer in
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]),
                    at: start + Int64(count)
                )
            }
            if read == 0 { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
