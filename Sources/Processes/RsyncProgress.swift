/// How far an rsync has come, as it says itself.
public struct RsyncProgress: Sendable, Equatable {
    /// Bytes of the files it has dealt with.
    public let bytes: Int64
    /// Its own estimate of the part done; more files may turn up.
    public let percent: Int

    /// Makes a progress.
    public init(bytes: Int64, percent: Int) {
        self.bytes = bytes
        self.percent = percent
    }
}

/// Reads `--info=progress2`: `  1,234,567  12%    3.40MB/s    0:00:01\r`, cut anywhere.
struct RsyncProgressParser {
    private var line: [UInt8] = []
    private static let lineLimitBytes = 4096

    mutating func take(_ bytes: UnsafeRawBufferPointer) -> [RsyncProgress] {
        var updates: [RsyncProgress] = []
        for byte in bytes {
            guard byte == 0x0D || byte == 0x0A else {
                if line.count < Self.lineLimitBytes { line.append(byte) }
                continue
            }
            if let update = Self.parse(line) { updates.append(update) }
            line.removeAll(keepingCapacity: true)
        }
        return updates
    }

    static func parse(_ line: [UInt8]) -> RsyncProgress? {
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count >= 2, words[1].last == UInt8(ascii: "%") else { return nil }
        let digits = words[0].filter { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ".") }
        guard let bytes = Int64(String(decoding: digits, as: UTF8.self)),
            let percent = Int(String(decoding: words[1].dropLast(), as: UTF8.self)), bytes >= 0
        else { return nil }
        return RsyncProgress(bytes: bytes, percent: percent)
    }
}
