import Failure
import Notation

/// How a line of the log file is put together: `%(asctime)s [%(process)s] %(name)s %(levelname)s: %(message)s`.
///
/// The dialect is printf with names in brackets; flags, width and precision are honoured, unknown names are refused.
public struct LogFormat: Sendable {
    /// What is wrong with the text of a format.
    public struct Problem: Error, Sendable, CustomStringConvertible {
        /// The words for the user.
        public let description: String
    }

    /// One line for the log.
    struct Record {
        let level: LogLevel
        let logger: String
        let message: String
        let process: Int32
        let time: Timestamp
        let startedAt: Timestamp
    }

    private enum Piece: Sendable {
        case text(String)
        case field(name: String, leftAligned: Bool, zeroPadded: Bool, width: Int, precision: Int?, conversion: UInt8)
    }

    /// The format used when `log_format` is unset.
    public static let standard = LogFormat(pieces: [
        plain("asctime"), .text(" ["), plain("process"), .text("] "), plain("name"), .text(" "), plain("levelname"),
        .text(": "), plain("message"),
    ])

    private let pieces: [Piece]

    private init(pieces: [Piece]) {
        self.pieces = pieces
    }

    /// Reads a format.
    public init(parsing text: String) throws(Problem) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "%") {
                rest.removeFirst()
                literal.append(byte)
                continue
            }
            if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
            literal = []
            pieces.append(try Self.field(&rest, in: text))
        }
        if !literal.isEmpty { pieces.append(.text(String(decoding: literal, as: UTF8.self))) }
        self.pieces = pieces
    }

    /// The line without its newline.
    func line(_ record: Record) -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .field(let name, let leftAligned, let zeroPadded, let width, let precision, let conversion):
                var value = Self.value(of: name, in: record) ?? ""
                let isText = conversion == UInt8(ascii: "s") || conversion == UInt8(ascii: "r")
                if isText, let precision { value = String(value.prefix(precision)) }
                if !isText, let dot = value.firstIndex(of: "."), conversion != UInt8(ascii: "f") {
                    value = String(value[..<dot])
                }
                if !isText, let precision, conversion == UInt8(ascii: "f"), let number = Double(value) {
                    value = PythonText.fixed(number, decimals: precision)
                }
                let padding = String(repeating: zeroPadded && !isText ? "0" : " ", count: max(0, width - value.count))
                result += leftAligned ? value + padding : padding + value
            }
        }
        return result
    }

    private static func plain(_ name: String) -> Piece {
        .field(
            name: name,
            leftAligned: false,
            zeroPadded: false,
            width: 0,
            precision: nil,
            conversion: UInt8(ascii: "s")
        )
    }

    private static func field(_ rest: inout ArraySlice<UInt8>, in text: String) throws(Problem) -> Piece {
        guard rest.popFirst() == UInt8(ascii: "("), let end = rest.firstIndex(of: UInt8(ascii: ")")) else {
            throw Problem(description: "'%' must be followed by '(' in the log format '\(text)'")
        }
        let name = String(decoding: rest[..<end], as: UTF8.self)
        guard names.contains(name) else {
            throw Problem(description: "unknown field '\(name)' in the log format '\(text)'")
        }
        rest = rest[(end + 1)...]
        var flags: Set<UInt8> = []
        while let flag = rest.first, "-0+ #".utf8.contains(flag) {
            flags.insert(flag)
            rest.removeFirst()
        }
        let width = number(&rest)
        var precision: Int?
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            precision = number(&rest)
        }
        guard let conversion = rest.popFirst(), "srdif".utf8.contains(conversion) else {
            throw Problem(description: "field '\(name)' has no type such as 's' in the log format '\(text)'")
        }
        return .field(
            name: name,
            leftAligned: flags.contains(UInt8(ascii: "-")),
            zeroPadded: flags.contains(UInt8(ascii: "0")),
            width: width,
            precision: precision,
            conversion: conversion
        )
    }

    /// A number of at most three digits; widths beyond that make no sense.
    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int {
        var value = 0
        while let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
            value = min(999, value * 10 + Int(digit - UInt8(ascii: "0")))
            rest.removeFirst()
        }
        return value
    }

    private static let names: Set<String> = [
        "asctime", "created", "filename", "funcName", "levelname", "levelno", "lineno", "message", "module", "msecs",
        "name", "pathname", "process", "processName", "relativeCreated", "thread", "threadName",
    ]

    private static func value(of name: String, in record: Record) -> String? {
        switch name {
        case "asctime": asctime(record.time)
        case "created": PythonText.double(record.time.secondsDouble)
        case "levelname": record.level.name
        case "levelno": String(record.level.rawValue)
        case "message": record.message
        case "msecs": PythonText.double(Double(record.time.microseconds / 1000))
        case "name": record.logger
        case "process": String(record.process)
        case "processName": "MainProcess"
        case "relativeCreated": PythonText.double(record.time.seconds(since: record.startedAt) * 1000)
        case "threadName": "MainThread"
        case "thread", "lineno": "0"
        case "module", "filename", "pathname", "funcName": String(record.logger.split(separator: ".").last ?? "barman")
        default: nil
        }
    }

    /// `2024-01-02 10:00:05,123`.
    private static func asctime(_ time: Timestamp) -> String {
        let seconds = Timestamp(secondsSinceEpoch: time.secondsSinceEpoch, utcOffsetSeconds: time.utcOffsetSeconds)
        let milliseconds = String(time.microseconds / 1000)
        return seconds.naiveText + "," + String(repeating: "0", count: max(0, 3 - milliseconds.utf8.count))
            + milliseconds
    }
}
