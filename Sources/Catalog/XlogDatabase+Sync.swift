public import Failure
import Files

extension XlogDatabase {
    /// Where the list begins and ends, for a node that copies it.
    public struct Extent: Sendable, Equatable {
        /// The first name; nil when the list is empty.
        public var firstName: String?
        /// The last name; nil when the list is empty.
        public var lastName: String?
        /// The byte at which the last line begins.
        public var lastPosition: Int64 = 0
    }

    /// Finds the ends of the list in one pass.
    public func extent() throws(Failure) -> Extent {
        var extent = Extent()
        var position: Int64 = 0
        do {
            try forEachLine { line in
                if extent.firstName == nil { extent.firstName = line.name }
                extent.lastPosition = position
                extent.lastName = line.name
                position += Int64(line.bytes.count) + 1
                return true
            }
        } catch {
            throw XlogDatabase.failure(error)
        }
        return extent
    }

    /// Whether the line of that name begins at that byte.
    public func hasLine(named name: String, at position: Int64) throws(Failure) -> Bool {
        do {
            return try withLockedFile { file throws in
                var bytes = [UInt8](repeating: 0, count: name.utf8.count + 1)
                try file.seek(to: position)
                let count = try bytes.withUnsafeMutableBytes { try file.readFully(into: $0) }
                return count == bytes.count && bytes.starts(with: name.utf8) && bytes.last.map(XlogLine.isBlank) == true
            }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    /// Calls `body` with each record from byte `start` up to the end that `extent` has found whose name is wanted.
    public func forEachRecord(
        within extent: Extent,
        from start: Int64 = 0,
        where isWanted: (String) -> Bool,
        _ body: (XlogRecord) -> Void
    ) throws(Failure) {
        var position: Int64 = 0
        do {
            try forEachLine { line in
                guard position <= extent.lastPosition else { return false }
                if position >= start, isWanted(line.name) { body(line.record) }
                position += Int64(line.bytes.count) + 1
                return true
            }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }
}
