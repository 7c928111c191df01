import Files
import Glibc
import SystemPackage
import WAL

/// Whether a plain file can be a whole segment.
enum SegmentShape {
    /// What is wrong with the file, in words; `nil` when it may be a segment.
    ///
    /// Its size must be one that a segment can have and, if a page header begins it, the one that the header names.
    static func defect(of path: FilePath, _ status: FileStatus) throws(FileError) -> String? {
        guard WALSegmentSize(bytes: status.sizeBytes) != nil else {
            return "\(status.sizeBytes) bytes is not the size of a WAL segment"
        }
        let header = try FileSystem.readPrefix(path, count: 40)
        guard let expected = segmentSize(inHeader: header), Int64(expected) != status.sizeBytes else { return nil }
        return "\(status.sizeBytes) bytes where its header says \(expected)"
    }

    /// `xlp_seg_size` of the long page header that begins a segment (PostgreSQL, access/xlog_internal.h).
    private static func segmentSize(inHeader header: [UInt8]) -> UInt32? {
        guard header.count >= 40 else { return nil }
        let magic = UInt16(header[0]) | UInt16(header[1]) << 8
        let info = header[2]
        // All releases have a magic of 0xD0xx or 0xD1xx; XLP_LONG_HEADER is 0x0002.
        guard (0xD0...0xD1).contains(magic >> 8), info & 0x02 != 0 else { return nil }
        let size = (0..<4).reduce(UInt32(0)) { $0 | UInt32(header[32 + $1]) << UInt32(8 * $1) }
        return WALSegmentSize(bytes: Int64(size)).map { _ in size }
    }

    static var nowSeconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }
}
