import Catalog
import Failure
import Files
import Notation
import SystemPackage
import WAL

/// What the primary node of a passive server said last: its answer to `sync-info`, kept in the file `primary.info`.
///
/// The list of WAL is read when it is needed and never held as a whole.
struct PrimaryInfo {
    /// The last file of the primary's list; empty when the list is.
    private(set) var lastName = ""
    /// Where the last line of the list begins.
    private(set) var lastPosition: Int64 = 0
    /// The records of the complete backups, by id.
    private(set) var backups: [String: JSONValue] = [:]
    /// How many WAL files are told.
    private(set) var walCount = 0
    /// The first segment that is told.
    private(set) var firstSegment: String?
    private var config: JSONValue?
    private var path: FilePath

    /// The file (catalog-formats.md 12).
    static func path(_ home: ServerHome) -> FilePath { home.backupDirectory.appending("primary.info") }

    /// Reads the file.
    init(of home: ServerHome) throws(Failure) {
        let path = Self.path(home)
        do {
            try self.init(reading: path)
        } catch let error as FileError {
            throw Failure("Cannot open primary.info file for server \(home.name): \(error)", cause: error)
        } catch {
            throw Failure("\(path.string): \(error)", cause: error)
        }
    }

    /// Reads an answer wherever it is, and makes sure that it is one.
    init(reading path: FilePath) throws {
        self.path = path
        var info = self
        try Self.read(path) { part in
            switch part {
            case .member(key: "last_name", let value): info.lastName = value.stringValue ?? ""
            case .member(key: "last_position", let value): info.lastPosition = value.integerValue ?? 0
            case .member(key: "config", let value): info.config = value
            case .member(key: "backups", let value):
                for (id, record) in value.objectValue ?? [] where BackupCatalog.isBackupID(id) {
                    info.backups[id] = record
                }
            case .member: break
            case .element(let value):
                info.walCount += 1
                if info.firstSegment == nil, let name = value["name"]?.stringValue, case .segment = WALFileName(name) {
                    info.firstSegment = name
                }
            }
        }
        guard info.config != nil else { throw PrimaryInfoError("the configuration of the primary is missing") }
        self = info
    }

    /// The record of a backup on the primary; nil when it has no complete one of that id.
    func record(of id: String) throws(Failure) -> BackupInfo? {
        guard let record = backups[id] else { return nil }
        do {
            return try BackupInfo(syncInfo: record, id: id, path: path)
        } catch {
            throw error.failure
        }
    }

    /// A text in the primary's configuration of the server; nil when it is not set.
    func option(_ name: String) -> String? { config?[name]?.stringValue }

    /// Where the primary has something; what it says about its own paths.
    func directory(_ name: String) throws(Failure) -> String {
        guard let text = option(name), text.utf8.first == UInt8(ascii: "/") else {
            throw Failure("\(path.string): \(name) of the primary is no path")
        }
        return text
    }

    /// Calls `body` with the WAL that is told, in the order of the primary's list.
    func forEachWAL(_ body: (XlogRecord) throws -> Void) throws {
        try Self.read(path) { part in
            guard case .element(let value) = part else { return }
            try body(try Self.walRecord(value))
        }
    }

    /// One entry of the list; names are paths below the archive later, so nothing but a name is accepted.
    private static func walRecord(_ value: JSONValue) throws -> XlogRecord {
        guard let name = value["name"]?.stringValue, WALFileName(name) != nil, let size = value["size"]?.integerValue,
            size >= 0
        else { throw PrimaryInfoError("no WAL file: \(value.text())") }
        let time: Double
        switch value["time"] {
        case .integer(let seconds): time = Double(seconds)
        case .double(let seconds) where seconds.isFinite: time = seconds
        default: throw PrimaryInfoError("no time of a WAL file: \(value.text())")
        }
        let codes = ["compression", "encryption"].map { value[$0]?.stringValue }
        for case let code? in codes where !code.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw PrimaryInfoError("no compression or encryption: \(value.text())")
        }
        return XlogRecord(name: name, sizeBytes: size, time: time, compression: codes[0], encryption: codes[1])
    }

    private static func read(_ path: FilePath, _ body: (JSONMemberReader.Part) throws -> Void) throws {
        let file = try OwnedDescriptor(opening: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var reader = JSONMemberReader(listKey: "wals")
        while case let count = try file.read(into: buffer), count > 0 {
            try reader.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), body)
        }
        try reader.finish()
    }
}

/// An answer to `sync-info` that cannot be one.
struct PrimaryInfoError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
