import Files
import Glibc
import SystemPackage

/// One line of `rsync --list-only`.
struct RsyncListingEntry: Sendable, Equatable {
    /// What rsync compares to tell whether a file has changed.
    struct Look: Sendable, Hashable {
        /// The path below the listed directory; bytes, since names of files need not be text.
        let path: [UInt8]
        /// The length of the file.
        let sizeBytes: Int64
        /// Time of the last change in whole seconds since the epoch.
        let modifiedSeconds: Int64
    }

    /// Where it is and how it looks.
    let look: Look
    /// Its permission bits.
    let permissions: FilePermissions
    /// True for a directory.
    let isDirectory: Bool

    /// The path below the listed directory.
    var path: [UInt8] { look.path }
    /// The length of the file.
    var sizeBytes: Int64 { look.sizeBytes }
}

/// A line that is no line of a listing.
struct RsyncListingError: Error, CustomStringConvertible {
    let line: String

    var description: String { "Unable to parse rsync --list-only output line: '\(line)'" }
}

extension RsyncListingEntry {
    /// Reads a line: mode, size, date and path; rsync must have run in UTC.
    ///
    /// `nil` for lines that are not about a file.
    init?(parsing line: String) throws(RsyncListingError) {
        guard let fields = Self.fields(Array(line.utf8)) else { throw RsyncListingError(line: line) }
        look = Look(path: Self.unescaped(fields.path), sizeBytes: fields.size, modifiedSeconds: fields.seconds)
        permissions = FilePermissions(rawValue: fields.permissions)
        isDirectory = fields.kind == UInt8(ascii: "d")
        // Sockets and pipes are never copied.
        guard isDirectory || fields.kind == UInt8(ascii: "-") else { return nil }
    }

    private struct Fields {
        let kind: UInt8
        let permissions: CModeT
        let size: Int64
        let seconds: Int64
        let path: ArraySlice<UInt8>
    }

    /// `-rw------- 8,192 2024/01/02 03:04:05 base/1/1259`.
    private static func fields(_ line: [UInt8]) -> Fields? {
        var rest = line[...]
        func word() -> ArraySlice<UInt8> {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            let word = rest.prefix { $0 != UInt8(ascii: " ") }
            rest = rest.dropFirst(word.count)
            return word
        }
        let mode = word()
        let digits = word().filter { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ".") }
        let date = word()
        let time = word()
        guard mode.count >= 10, let kind = mode.first, let size = Int64(String(decoding: digits, as: UTF8.self)),
            let seconds = seconds(date, time), rest.count > 1, rest.first == UInt8(ascii: " ")
        else { return nil }
        return Fields(
            kind: kind,
            permissions: permissions(mode.dropFirst().prefix(9)),
            size: size,
            seconds: seconds,
            path: rest.dropFirst()
        )
    }

    /// `rwxr-x---`; the bits beside read, write and execute are of no use to a backup.
    private static func permissions(_ letters: ArraySlice<UInt8>) -> CModeT {
        letters.reduce(0) { bits, letter in
            bits << 1
                | (letter == UInt8(ascii: "-") || letter == UInt8(ascii: "S") || letter == UInt8(ascii: "T") ? 0 : 1)
        }
    }

    /// `2024/01/02` and `03:04:05`, in UTC.
    private static func seconds(_ date: ArraySlice<UInt8>, _ time: ArraySlice<UInt8>) -> Int64? {
        func numbers(_ text: ArraySlice<UInt8>, _ separator: Unicode.Scalar) -> [Int32]? {
            let parts = text.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
            let values = parts.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
            return parts.count == 3 && values.count == 3 ? values : nil
        }
        guard let day = numbers(date, "/"), let clock = numbers(time, ":") else { return nil }
        guard (1...9999).contains(day[0]), (1...12).contains(day[1]), (1...31).contains(day[2]),
            (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        var parts = tm()
        parts.tm_year = day[0] - 1900
        parts.tm_mon = day[1] - 1
        parts.tm_mday = day[2]
        parts.tm_hour = clock[0]
        parts.tm_min = clock[1]
        parts.tm_sec = clock[2]
        return Int64(timegm(&parts))
    }

    /// rsync writes bytes that it takes for unprintable as `\#ooo`, three octal digits.
    private static func unescaped(_ path: ArraySlice<UInt8>) -> [UInt8] {
        guard path.contains(UInt8(ascii: "\\")) else { return Array(path) }
        var bytes: [UInt8] = []
        var rest = path
        while let byte = rest.first {
            let escape = Array(rest.prefix(5))
            if escape.count == 5, escape[0] == UInt8(ascii: "\\"), escape[1] == UInt8(ascii: "#"),
                let value = UInt8(String(decoding: escape[2...], as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(5)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }
}

extension Set<RsyncListingEntry.Look> {
    /// The files below a directory of this host; none when it is not there.
    init(filesBelow directory: FilePath) throws {
        self = []
        guard try FileSystem.isDirectory(directory) else { return }
        try FileSystem.walk(directory) { entry in
            guard entry.status.kind == .regular else { return }
            insert(
                RsyncListingEntry.Look(
                    path: entry.relativePath.bytes,
                    sizeBytes: entry.status.sizeBytes,
                    modifiedSeconds: entry.status.modifiedSeconds
                )
            )
        }
    }
}
