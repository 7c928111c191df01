public import WAL

/// A message of the server in a replication stream (PostgreSQL manual, "Streaming Replication Protocol").
public enum StreamMessage: Sendable, Equatable {
    /// `w`: WAL from this position on; the bytes follow the header.
    case wal(start: LSN, byteCount: Int)
    /// `k`: a sign of life: where the server's WAL ends, and whether it wants to know at once how far we are.
    case keepalive(end: LSN, wantsReply: Bool)

    /// What stands before the bytes of a `w` message: the letter, the start, the server's end, the server's clock.
    public static let walHeaderByteCount = 1 + 8 + 8 + 8
    private static let keepaliveByteCount = 1 + 8 + 8 + 1

    /// Reads a message; `nil` for one that the protocol does not know.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        func number(at offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        switch bytes.first {
        case UInt8(ascii: "w") where bytes.count >= Self.walHeaderByteCount:
            self = .wal(start: LSN(rawValue: number(at: 1)), byteCount: bytes.count - Self.walHeaderByteCount)
        case UInt8(ascii: "k") where bytes.count >= Self.keepaliveByteCount:
            self = .keepalive(end: LSN(rawValue: number(at: 1)), wantsReply: bytes[17] != 0)
        default:
            return nil
        }
    }
}

/// What we tell the server about how far we are: an `r` message.
public struct StatusUpdate: Sendable, Equatable {
    /// Up to here WAL has been written.
    public let written: LSN
    /// Up to here it survives a crash of this machine.
    public let flushed: LSN
    /// Whether the server shall answer at once.
    public let wantsReply: Bool

    /// Makes an update.
    public init(written: LSN, flushed: LSN, wantsReply: Bool = false) {
        self.written = written
        self.flushed = flushed
        self.wantsReply = wantsReply
    }

    /// The message, with the time of our clock in seconds since 1970.
    ///
    /// Nothing is ever applied here: that position is 0, as a receiver of files says it.
    public func message(atSeconds seconds: Double) -> [UInt8] {
        let sinceEpoch = Int64((seconds - Self.epochSeconds) * 1_000_000)
        var bytes: [UInt8] = [UInt8(ascii: "r")]
        for number in [written.rawValue, flushed.rawValue, 0, UInt64(bitPattern: sinceEpoch)] {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(wantsReply ? 1 : 0)
        return bytes
    }

    /// 2000-01-01, from which PostgreSQL counts microseconds.
    private static let epochSeconds = 946_684_800.0
}
