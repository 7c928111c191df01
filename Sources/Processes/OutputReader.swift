import Files
import Glibc

/// One output of a child on our side: reads the pipe and hands the bytes to where the request wants them.
struct OutputReader {
    /// How much of it is kept for messages when it is not collected.
    static let tailBytes = 64 << 10
    /// A line that is longer is handed over in parts.
    private static let lineLimitBytes = 1 << 20

    private let destination: ProcessRequest.Output
    /// Whether all of it must be kept, or its end is enough.
    private let keepsAll: Bool
    private var line: [UInt8] = []
    private(set) var kept: [UInt8] = []

    init(_ destination: ProcessRequest.Output, keepsAll: Bool) {
        self.destination = destination
        self.keepsAll = keepsAll
    }

    /// Takes what was read; returns false when the limit of a collected output is passed.
    mutating func take(_ bytes: UnsafeRawBufferPointer, isHandled: Bool) throws -> Bool {
        kept.append(contentsOf: bytes)
        if case .collect(let limitBytes) = destination, keepsAll {
            return kept.count <= limitBytes
        }
        // Cut only now and then, so that it stays cheap.
        if kept.count > 2 * Self.tailBytes { kept.removeFirst(kept.count - Self.tailBytes) }
        guard isHandled else { return true }
        switch destination {
        case .lines(let handler): try takeLines(bytes, handler)
        case .chunks(let handler): try handler(bytes)
        case .collect, .descriptor, .discard, .inherited: break
        }
        return true
    }

    /// Hands over what is left when the output has ended.
    mutating func finish(isHandled: Bool) throws {
        if !keepsAll, kept.count > Self.tailBytes { kept.removeFirst(kept.count - Self.tailBytes) }
        guard isHandled, case .lines(let handler) = destination, !line.isEmpty else { return }
        let last = line
        line = []
        try handler(Self.text(last[...]))
    }

    private mutating func takeLines(_ bytes: UnsafeRawBufferPointer, _ handler: (String) throws -> Void) throws {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            line.append(contentsOf: rest[..<end])
            rest = rest[(end + 1)...]
            let finished = line
            line.removeAll(keepingCapacity: true)
            try handler(Self.text(finished[...]))
        }
        line.append(contentsOf: rest)
        if line.count > Self.lineLimitBytes {
            let part = line
            line = []
            try handler(Self.text(part[...]))
        }
    }

    /// A line as text; the carriage return of `\r\n` belongs to the line end.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self)
    }
}
