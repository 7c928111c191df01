import Codecs
import Files
public import SystemPackage
public import WAL

extension WALReader {
    /// What the records of a segment say besides where recovery can stop.
    public struct Records: Sendable, Equatable {
        /// Where its last record begins; `nil` when there is none, or the file is no segment.
        public let lastRecord: LSN?
        /// The newest transaction that wrote anything in it.
        public let newestTransactionID: UInt32?
    }

    /// Calls `visit` with every record of a stored segment at which recovery can stop, in their order.
    ///
    /// Reads no further than the records go. One that reaches into the next segment is read to its end there. A file that is no
    /// segment, or not to its end, is read as far as recovery would. Throws as `contents(of:)` does.
    public func records(
        of source: FilePath,
        at start: LSN,
        size: WALSegmentSize,
        limit: LSN? = nil,
        followedBy next: FilePath? = nil,
        _ visit: (WALStop) -> Void
    ) throws -> Records {
        var scanner = WALRecordScanner(segmentAt: start, size: size, limit: limit) { bytes in
            var checksum = CRC32C()
            bytes.withUnsafeBytes { checksum.update($0) }
            return checksum.value
        }
        try feed(source, to: &scanner, while: { !$0.isFinished }, visit)
        if let next { try feed(next, to: &scanner, while: { $0.wantsNextSegment }, visit) }
        return Records(lastRecord: scanner.lastRecord, newestTransactionID: scanner.newestTransactionID)
    }

    private struct Enough: Error {}

    private func feed(
        _ source: FilePath,
        to scanner: inout WALRecordScanner,
        while isHungry: (WALRecordScanner) -> Bool,
        _ visit: (WALStop) -> Void
    ) throws {
        guard isHungry(scanner) else { return }
        do {
            try withPlainPieces(of: source) { piece in
                // Small pieces, because the end may come soon.
                for start in stride(from: 0, to: piece.count, by: 1 << 16) {
                    let part = UnsafeRawBufferPointer(rebasing: piece[start..<min(start + 1 << 16, piece.count)])
                    scanner.take(part.bindMemory(to: UInt8.self).span, visit)
                    guard isHungry(scanner) else { throw Enough() }
                }
            }
        } catch is Enough {
            return
        } catch let error as CodecError {
            throw ArchiveFailure.named(error, path: source)
        } catch {
            throw ArchiveFailure.named(error)
        }
    }
}
