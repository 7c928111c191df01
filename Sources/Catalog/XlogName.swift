/// Names of WAL files as bytes, compared as the reference compares them: as text.
struct XlogName: Comparable, Hashable, Sendable {
    /// The first eight characters: the timeline.
    let timelinePart: UInt64
    /// The next eight: the log.
    let logPart: UInt64
    /// The last eight: the segment.
    let segmentPart: UInt64

    /// What is greater than every name of the timelines up to `timeline`, and not greater than those of later ones.
    init(after timeline: UInt32) {
        let next = UInt64(timeline) + 1
        timelinePart = next > UInt64(UInt32.max) ? .max : XlogName.digits(UInt32(next))
        logPart = 0
        segmentPart = 0
    }

    /// Takes the first 24 characters of a text; shorter ones are padded so that they come first.
    init(_ text: String) {
        var bytes = Array(text.utf8.prefix(24))
        bytes.append(contentsOf: repeatElement(0, count: 24 - bytes.count))
        self = bytes.withUnsafeBytes { XlogName(unchecked: $0) }
    }

    /// Takes the first 24 bytes, which must be there.
    @inline(__always)
    init(unchecked bytes: UnsafeRawBufferPointer) {
        timelinePart = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        logPart = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        segmentPart = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }

    private init(_ timelinePart: UInt64, _ logPart: UInt64, _ segmentPart: UInt64) {
        self.timelinePart = timelinePart
        self.logPart = logPart
        self.segmentPart = segmentPart
    }

    /// What comes before every name.
    static let lowest = XlogName(0, 0, 0)

    /// What comes next after this name, so that nothing lies between.
    var successor: XlogName {
        let (segment, segmentCarry) = segmentPart.addingReportingOverflow(1)
        let (log, logCarry) = logPart.addingReportingOverflow(segmentCarry ? 1 : 0)
        let (timeline, timelineCarry) = timelinePart.addingReportingOverflow(logCarry ? 1 : 0)
        return timelineCarry ? self : XlogName(timeline, log, segment)
    }

    @inline(__always)
    static func < (left: XlogName, right: XlogName) -> Bool {
        if left.timelinePart != right.timelinePart { return left.timelinePart < right.timelinePart }
        if left.logPart != right.logPart { return left.logPart < right.logPart }
        return left.segmentPart < right.segmentPart
    }

    @inline(__always)
    static func == (left: XlogName, right: XlogName) -> Bool {
        left.segmentPart == right.segmentPart && left.logPart == right.logPart
            && left.timelinePart == right.timelinePart
    }

    var text: String {
        [timelinePart, logPart, segmentPart].map { part in
            withUnsafeBytes(of: part.bigEndian) { String(decoding: $0, as: UTF8.self) }
        }.joined()
    }

    // MARK: Kinds of names

    /// What a name is.
    enum Kind {
        case segment
        case other
        case invalid
    }

    /// Tells segments from other names of WAL files and from what is none.
    static func kind(_ bytes: UnsafeRawBufferPointer) -> Kind {
        if bytes.count == 24 { return isHexadecimal(bytes[...]) ? .segment : .invalid }
        if isHistory(bytes) { return .other }
        guard bytes.count > 24, isHexadecimal(bytes[..<24]) else { return .invalid }
        let suffix = bytes[24...]
        if suffix.elementsEqual(".partial".utf8) { return .other }
        let isLabel =
            bytes.count == 40 && bytes[24] == UInt8(ascii: ".") && isHexadecimal(bytes[25..<33])
            && bytes[33...].elementsEqual(".backup".utf8)
        return isLabel ? .other : .invalid
    }

    static func isHistory(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count == 16 && isHexadecimal(bytes[..<8]) && bytes[8...].elementsEqual(".history".utf8)
    }

    private static func isHexadecimal(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        bytes.allSatisfy(isHexadecimalDigit)
    }

    @inline(__always)
    static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") <= 9 || (byte | 0x20) &- UInt8(ascii: "a") <= 5
    }

    private static func digits(_ value: UInt32) -> UInt64 {
        let text = String(value, radix: 16, uppercase: true)
        let padded = Array((String(repeating: "0", count: 8 - text.utf8.count) + text).utf8)
        return padded.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
