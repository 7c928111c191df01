/// The first place where a text is not UTF-8.
struct UTF8Flaw: Equatable, CustomStringConvertible {
    let offset: Int
    let byte: UInt8
    let reason: String

    var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let hex = String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
        return "'utf-8' codec can't decode byte 0x\(hex) in position \(offset): \(reason)"
    }

    /// Finds the first flaw, or nil in a sound text.
    static func first(in bytes: [UInt8]) -> UTF8Flaw? {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                index += 1
                continue
            }
            guard let length = sequenceLength(byte) else {
                return UTF8Flaw(offset: index, byte: byte, reason: "invalid start byte")
            }
            for step in 1..<length {
                guard index + step < bytes.count else {
                    return UTF8Flaw(offset: index, byte: byte, reason: "unexpected end of data")
                }
                let next = bytes[index + step]
                guard next & 0xC0 == 0x80, step > 1 || secondByteRange(byte).contains(next) else {
                    return UTF8Flaw(offset: index, byte: byte, reason: "invalid continuation byte")
                }
            }
            index += length
        }
        return nil
    }

    private static func sequenceLength(_ byte: UInt8) -> Int? {
        switch byte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: nil
        }
    }

    /// Overlong forms, surrogates and values past U+10FFFF are refused at the second byte.
    private static func secondByteRange(_ byte: UInt8) -> ClosedRange<UInt8> {
        switch byte {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
    }
}
