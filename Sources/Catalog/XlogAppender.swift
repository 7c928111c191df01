import Files
import SystemPackage

/// Adds records to the list whose lock is held.
struct XlogAppender {
    let database: XlogDatabase

    func append(_ records: [XlogRecord]) throws {
        let file = try OwnedDescriptor(opening: database.path, .readWrite)
        let size = try file.status().sizeBytes
        let (end, mended) = try mendTail(of: file, size: size)
        do {
            if end < size { try file.truncate(to: end) }
            let content = Array((mended + records.map(\.line).joined()).utf8)
            try content.withUnsafeBytes { try file.writeAll($0, at: end) }
            try file.sync()
        } catch {
            // A half-written line would be read as garbage. If cutting fails as well the next append mends the tail.
            _ = try? file.truncate(to: end)
            throw error
        }
        try file.close()
    }

    /// Where to go on, and what to write first: after a crash the last line may lack its end.
    ///
    /// Of a torn line only the name can be trusted. If that file is in the archive its line is made anew from it; if not, the line was never
    /// reported stored.
    private func mendTail(
        of file: borrowing OwnedDescriptor,
        size: Int64
    ) throws -> (end: Int64, mended: String) {
        let window = min(size, 4_096)
        guard window > 0 else { return (size, "") }
        var tail = [UInt8](repeating: 0, count: Int(window))
        var count = 0
        while count < tail.count {
            let read = try tail.withUnsafeMutableBytes { buffer in
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]),
                    at: size - window + Int64(count)
                )
            }
            if read == 0 { break }
            count += read
        }
        tail.removeLast(tail.count - count)
        guard let last = tail.last, last != 0x0A else { return (size, "") }
        let start = tail.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let torn = tail[start...]
        let end = size - Int64(torn.count)
        guard let nameEnd = torn.firstIndex(of: 0x09) else { return (end, "") }
        let name = String(decoding: torn[..<nameEnd], as: UTF8.self)
        return (end, try XlogRebuild(database: database).record(named: name)?.line ?? "")
    }
}
