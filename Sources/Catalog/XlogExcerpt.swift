public import Failure
import Files
import SystemPackage

/// What the list of WAL said at one moment, for a node that copies it: where it ended, and the records that are wanted.
///
/// All of it was read under one lock, and nothing is locked any more: whoever is told of it may take as long as they like, and what
/// others change meanwhile does not show.
public struct XlogExcerpt: ~Copyable {
    /// Where a list begins and ends.
    public struct Extent: Sendable, Equatable {
        /// The first name; nil when the list is empty.
        public var firstName: String?
        /// The last name; nil when the list is empty.
        public var lastName: String?
        /// The byte at which the last line begins.
        public var lastPosition: Int64 = 0
    }

    /// The ends of the whole list.
    public let extent: Extent
    /// Whether the line was found at which reading was to go on; otherwise it began with the first line.
    public let isContinued: Bool
    private let lines: OwnedDescriptor

    fileprivate init(extent: Extent, isContinued: Bool, lines: consuming OwnedDescriptor) {
        self.extent = extent
        self.isContinued = isContinued
        self.lines = lines
    }

    /// Calls `body` with each record, in the order of the list.
    public borrowing func forEachRecord(_ body: (XlogRecord) throws -> Void) throws {
        try lines.seek(to: 0)
        var scanner = XlogScanner(path: lines.path)
        try scanner.scan(lines) { line in
            try body(line.record)
            return true
        }
    }
}

extension XlogDatabase {
    /// Reads the list once, from the line of a name on if it begins at that byte, and keeps the records whose name is wanted.
    ///
    /// They wait in a file without a name in the directory for short-lived files.
    public func excerpt(
        from place: (name: String, position: Int64)? = nil,
        where isWanted: (String) -> Bool
    ) throws(Failure) -> XlogExcerpt {
        do {
            let spool = try OwnedDescriptor.nameless(in: FileSystem.temporaryDirectory)
            var extent = XlogExcerpt.Extent()
            var start: Int64?
            var kept: [UInt8] = []
            try withLockedFile { file throws in
                if let place, try Self.hasLine(named: place.name, at: place.position, file) { start = place.position }
                try file.seek(to: 0)
                var position: Int64 = 0
                var scanner = XlogScanner(path: path)
                try scanner.scan(file) { line in
                    let name = line.name
                    if position >= start ?? 0, isWanted(name) {
                        kept.append(contentsOf: line.bytes)
                        kept.append(UInt8(ascii: "\n"))
                        if kept.count >= 1 << 20 {
                            try spool.writeAll(kept)
                            kept.removeAll(keepingCapacity: true)
                        }
                    }
                    if extent.firstName == nil { extent.firstName = name }
                    extent.lastName = name
                    extent.lastPosition = position
                    position += Int64(line.bytes.count) + 1
                    return true
                }
            }
            try spool.writeAll(kept)
            return XlogExcerpt(extent: extent, isContinued: start != nil, lines: spool)
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    /// Whether the line of that name begins at that byte.
    private static func hasLine(
        named name: String,
        at position: Int64,
        _ file: borrowing OwnedDescriptor
    ) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: name.utf8.count + 1)
        try file.seek(to: position)
        let count = try bytes.withUnsafeMutableBytes { try file.readFully(into: $0) }
        return count == bytes.count && bytes.starts(with: name.utf8) && bytes.last.map(XlogLine.isBlank) == true
    }
}
