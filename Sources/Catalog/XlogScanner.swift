public import Failure
import Files
import Glibc
import Notation
public import SystemPackage

/// A line of `xlog.db` that cannot be read.
public struct XlogLineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The list.
    public let path: FilePath
    /// The line, from 1.
    public let number: Int
    /// Its text.
    public let text: String

    /// The words of the reference, and where the line is.
    public var description: String {
        "cannot parse line: \(PythonText.quoted(text + "\n")) (line \(number) of \(path.string))"
    }

    /// What the user sees.
    public var failure: Failure { Failure(description, kind: .exception, cause: self) }
}

/// Cuts a file into lines, buffer by buffer.
struct XlogScanner {
    private let path: FilePath
    private var lineNumber = 0
    private static let bufferSize = 1 << 20
    /// No line of the list is longer; one that is is no line of the list.
    static let longestLine = 1 << 16

    init(path: FilePath) {
        self.path = path
    }

    /// Calls `body` for each line until it returns false.
    mutating func scan(_ file: borrowing OwnedDescriptor, _ body: (XlogLine) throws -> Bool) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: XlogScanner.bufferSize, alignment: 16)
        defer { buffer.deallocate() }
        var held = 0
        while true {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[held...]))
            let filled = UnsafeRawBufferPointer(rebasing: buffer[..<(held + count)])
            if count == 0 {
                if !filled.isEmpty { try lastLine(filled, body) }
                return
            }
            guard let rest = try lines(in: filled, body) else { return }
            held = filled.count - rest
            if held > XlogScanner.longestLine {
                let tail = filled[rest...]
                if try endsInZeros(tail, file) { return try lastLine(UnsafeRawBufferPointer(rebasing: tail), body) }
                lineNumber += 1
                throw error(tail)
            }
            if rest > 0, held > 0, let base = buffer.baseAddress { memmove(base, base + rest, held) }
        }
    }

    /// Goes through the whole lines in a buffer; returns where the rest begins, nil to stop.
    private mutating func lines(
        in buffer: UnsafeRawBufferPointer,
        _ body: (XlogLine) throws -> Bool
    ) throws -> Int? {
        guard let base = buffer.baseAddress else { return 0 }
        var start = 0
        while let found = memchr(base + start, 0x0A, buffer.count - start) {
            let end = base.distance(to: UnsafeRawPointer(found))
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
            lineNumber += 1
            guard let line = XlogLine(bytes) else { throw error(buffer[start..<end]) }
            guard try body(line) else { return nil }
            start = end + 1
        }
        return start
    }

    /// A line without its end: taken when it has all five fields, otherwise what is left of a write that never ended.
    ///
    /// Zeros behind it are what a power failure leaves of a file that had grown already.
    private mutating func lastLine(_ bytes: UnsafeRawBufferPointer, _ body: (XlogLine) throws -> Bool) throws {
        lineNumber += 1
        let text = UnsafeRawBufferPointer(rebasing: bytes.prefix { $0 != 0 })
        if let line = XlogLine(text), line.isComplete { _ = try body(line) }
    }

    /// Whether nothing but zeros follows what there is of a line, to the end of the file.
    private func endsInZeros(
        _ tail: Slice<UnsafeRawBufferPointer>,
        _ file: borrowing OwnedDescriptor
    ) throws -> Bool {
        let zeros = tail.drop { $0 != 0 }
        guard tail.count - zeros.count <= XlogScanner.longestLine, zeros.allSatisfy({ $0 == 0 }) else { return false }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: XlogScanner.longestLine, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return true }
            guard buffer[..<count].allSatisfy({ $0 == 0 }) else { return false }
        }
    }

    func error(_ bytes: Slice<UnsafeRawBufferPointer>) -> XlogLineError {
        XlogLineError(path: path, number: lineNumber, text: String(decoding: bytes.prefix(200), as: UTF8.self))
    }
}
