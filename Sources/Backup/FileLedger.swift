import Synchronization

/// What is known of every file of a backup in the order of its coming, to be held against the server's manifest.
///
/// A file takes less than 64 bytes here, so that a million of them do not fill the memory.
final class FileLedger: Sendable {
    /// A file as it came.
    struct Entry: Sendable {
        /// A hash of its path, which the manifest tells again.
        let pathHash: Int
        var sizeBytes: Int64 = 0
        var crc32c: UInt32 = 0
        var hasDigest = false
        /// SHA-256, when it is wanted.
        var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    }

    /// Pieces that never move once they are full.
    private static let pieceCount = 4096
    private let pieces = Mutex<[[Entry]]>([])

    /// Notes the next file; returns its number.
    func begin(_ path: [UInt8]) -> Int {
        pieces.withLock { pieces in
            if pieces.last?.count ?? Self.pieceCount == Self.pieceCount {
                pieces.append([])
                pieces[pieces.count - 1].reserveCapacity(Self.pieceCount)
            }
            pieces[pieces.count - 1].append(Entry(pathHash: Self.hash(path)))
            return (pieces.count - 1) * Self.pieceCount + pieces[pieces.count - 1].count - 1
        }
    }

    /// Notes what came of a file.
    func complete(_ number: Int, sizeBytes: Int64, crc32c: UInt32) {
        update(number) {
            $0.sizeBytes = sizeBytes
            $0.crc32c = crc32c
        }
    }

    /// Notes the SHA-256 of a file, 32 bytes.
    func note(_ digest: [UInt8], of number: Int) {
        guard digest.count == 32 else { return }
        let words = digest.withUnsafeBytes { bytes in
            (0..<4).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
        update(number) {
            $0.digest = (words[0], words[1], words[2], words[3])
            $0.hasDigest = true
        }
    }

    /// How many files there are.
    var count: Int {
        pieces.withLock { pieces in
            pieces.isEmpty ? 0 : (pieces.count - 1) * Self.pieceCount + (pieces.last?.count ?? 0)
        }
    }

    /// A file by its number; `nil` when so many did not come.
    subscript(number: Int) -> Entry? {
        pieces.withLock { pieces in
            let piece = number / Self.pieceCount
            guard piece < pieces.count, number % Self.pieceCount < pieces[piece].count else { return nil }
            return pieces[piece][number % Self.pieceCount]
        }
    }

    private func update(_ number: Int, _ change: (inout Entry) -> Void) {
        pieces.withLock { change(&$0[number / Self.pieceCount][number % Self.pieceCount]) }
    }

    /// The hash of a path.
    static func hash(_ path: [UInt8]) -> Int {
        var hasher = Hasher()
        path.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}

extension FileLedger.Entry {
    /// The SHA-256, 32 bytes.
    var digestBytes: [UInt8] {
        [digest.0, digest.1, digest.2, digest.3].flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
    }
}
