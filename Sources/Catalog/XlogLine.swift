import Failure
public import WAL

/// One line of `xlog.db` where it lies in a read buffer; valid only within the closure that gets it.
///
/// Nothing is copied: a million lines are looked at without a million texts.
public struct XlogLine {
    /// The line without its end.
    let bytes: UnsafeRawBufferPointer
    /// Where the name ends; it begins at 0 but for leading blanks.
    let nameStart: Int
    let nameEnd: Int
    /// The stored size.
    public let sizeBytes: Int64
    /// The time before it is made a number, which takes longer than reading the line.
    let pendingTime: DecimalTime
    /// Where the text after the time begins.
    let restStart: Int

    /// Splits a line at blanks; nil unless it has 3, 4 or 5 fields with a size and a time.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer) {
        var position = XlogLine.skipBlanks(bytes, 0)
        nameStart = position
        position = XlogLine.skipField(bytes, position)
        nameEnd = position
        guard position > nameStart else { return nil }
        position = XlogLine.skipBlanks(bytes, position)

        var size: UInt64 = 0
        let sizeStart = position
        while position < bytes.count {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            size = size &* 10 &+ UInt64(digit)
            position += 1
        }
        // Eighteen digits cannot overflow, and no file is larger.
        guard position > sizeStart, position - sizeStart <= 18, position < bytes.count,
            XlogLine.isBlank(bytes[position])
        else { return nil }
        sizeBytes = Int64(truncatingIfNeeded: size)
        position = XlogLine.skipBlanks(bytes, position)

        let timeStart = position
        var time = DecimalTime(bytes, &position)
        if position < bytes.count, !XlogLine.isBlank(bytes[position]) { time = nil }
        if time == nil {
            position = XlogLine.skipField(bytes, timeStart)
            time = DecimalTime(unusual: bytes[timeStart..<position])
        }
        guard let time, XlogLine.countFields(bytes, from: position) <= 2 else { return nil }
        pendingTime = time
        restStart = position
        self.bytes = bytes
    }

    /// The name of the file.
    public var name: String { String(decoding: bytes[nameStart..<nameEnd], as: UTF8.self) }

    /// What a line of an older release lacks at its end: compression and encryption.
    var missingFields: String {
        switch XlogLine.countFields(bytes, from: restStart) {
        case 0: "\tNone\tNone"
        case 1: "\tNone"
        default: ""
        }
    }

    /// Whether the line has all of its fields, and the last one, that of the encryption, is a whole word.
    var isComplete: Bool {
        guard missingFields.isEmpty, let last = bytes.split(whereSeparator: XlogLine.isBlank).last else { return false }
        return last.elementsEqual("None".utf8) || last.elementsEqual("gpg".utf8)
    }

    /// The name as a value; nil for a foreign one.
    public var fileName: WALFileName? { WALFileName(nameBytes.bindMemory(to: UInt8.self).span) }

    /// Whether the file is the history of a timeline.
    public var isHistory: Bool { XlogName.isHistory(nameBytes) }

    /// When the file as it was received was last modified, in seconds since the epoch.
    public var time: Double { pendingTime.seconds }

    /// Everything the line says.
    public var record: XlogRecord {
        let rest = bytes[restStart...].split(whereSeparator: XlogLine.isBlank)
            .map { String(decoding: $0, as: UTF8.self) }
        return XlogRecord(
            name: name,
            sizeBytes: sizeBytes,
            time: time,
            compression: rest.isEmpty || rest[0] == "None" ? nil : rest[0],
            encryption: rest.count < 2 || rest[1] == "None" ? nil : rest[1]
        )
    }

    var nameBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[nameStart..<nameEnd]) }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x09 || byte == 0x20 || (byte >= 0x0A && byte <= 0x0D) }

    @inline(__always)
    private static func skipBlanks(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var position = start
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        return position
    }

    @inline(__always)
    private static func skipField(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var position = start
        while position < bytes.count, !isBlank(bytes[position]) { position += 1 }
        return position
    }

    @inline(__always)
    private static func countFields(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var fields = 0
        var position = skipBlanks(bytes, start)
        while position < bytes.count {
            fields += 1
            position = skipBlanks(bytes, skipField(bytes, position))
        }
        return fields
    }
}

/// Seconds since the epoch as the digits that were read; made a number only when somebody asks.
struct DecimalTime {
    /// The digits without the point, or the bits of a number that is written in an unusual way.
    private let value: UInt64
    /// How many digits stand behind the point; -1 for an unusual number.
    private let decimals: Int

    static let zero = DecimalTime(value: 0, decimals: 0)

    private init(value: UInt64, decimals: Int) {
        self.value = value
        self.decimals = decimals
    }

    /// Reads digits, a point and digits; nil when there are none, or more than 64 bits can hold.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) {
        let start = position
        var value: UInt64 = 0
        var point = -1
        while position < bytes.count {
            let digit = bytes[position] &- UInt8(ascii: "0")
            if digit <= 9 {
                value = value &* 10 &+ UInt64(digit)
            } else if bytes[position] == UInt8(ascii: "."), point < 0 {
                point = position
            } else {
                break
            }
            position += 1
        }
        let digits = position - start - (point < 0 ? 0 : 1)
        guard digits > 0, digits <= 19 else { return nil }
        self.init(value: value, decimals: point < 0 ? 0 : position - point - 1)
    }

    /// Reads any other form of a finite number.
    init?(unusual bytes: Slice<UnsafeRawBufferPointer>) {
        guard let number = Double(String(decoding: bytes, as: UTF8.self)), number.isFinite else { return nil }
        self.init(value: number.bitPattern, decimals: -1)
    }

    /// The nearest floating-point number.
    var seconds: Double {
        decimals < 0 ? Double(bitPattern: value) : Double("\(value)e-\(decimals)") ?? 0
    }
}
