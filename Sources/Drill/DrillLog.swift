public import Catalog
import Codecs
import Failure
import Files
import Notation
import SystemPackage

/// The drills of a server, one line each: `.drills` beside its catalog, which release 3.19.1 does not look at.
///
/// Each line is the record and a code (HMAC with SHA-256) over it and over the code of the line before, made with a key that is
/// made with the first record and that only the account can read (`.drill-key`, mode 0600). A right code says that somebody who
/// could read the key wrote this line after those before it: a line that was changed, left out or put in shows. Lines that were
/// cut off at the end do not show, and whoever has the account can write what they like.
public struct DrillLog: Sendable {
    private let home: ServerHome

    /// The drills of one server; nothing is read yet.
    public init(_ home: ServerHome) {
        self.home = home
    }

    private var path: FilePath { home.backupDirectory.appending(".drills") }
    private var keyPath: FilePath { home.backupDirectory.appending(".drill-key") }

    /// The newest record; `nil` when there never was a drill.
    public func last() throws -> PastDrill? {
        guard let lines = try lines(), let line = lines.last else { return nil }
        guard let json = try? JSONValue(parsing: Array(line.utf8)) else {
            throw Failure("the last line of '\(path)' is no record of a drill")
        }
        let previous = lines.dropLast().last.flatMap { Self.code(in: $0) } ?? ""
        let key = try FileSystem.readIfPresent(keyPath)
        let isAuthentic =
            key.map { key in Self.split(line).map { Self.code($0.record, after: previous, key) == $0.code } ?? false }
            ?? false
        guard let drill = PastDrill(json["record"] ?? .null, isAuthentic: isAuthentic) else {
            throw Failure("the last line of '\(path)' is no record of a drill")
        }
        return drill
    }

    /// Adds a record, durably.
    func append(_ record: DrillRecord) throws {
        try FileLock.withLock(home.lockPath(.drill), waiting: true) { try appendLocked(record) }
    }

    private func appendLocked(_ record: DrillRecord) throws {
        let key = try key()
        let lines = try lines() ?? []
        let previous = lines.last.flatMap { Self.code(in: $0) } ?? ""
        let text = record.json.text()
        let line = "{\"record\": \(text), \"code\": \"\(Self.code(text, after: previous, key))\"}\n"
        let all = lines.map { $0 + "\n" }.joined() + line
        try FileSystem.replaceDurably(path, contents: Array(all.utf8))
    }

    private func lines() throws -> [String]? {
        guard let bytes = try FileSystem.readIfPresent(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The key; made by the first drill.
    private func key() throws -> [UInt8] {
        if let key = try FileSystem.readIfPresent(keyPath) { return key }
        var random = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: 0...UInt8.max, using: &random) }
        var file = try DurableFile(replacing: keyPath, permissions: [.ownerReadWrite])
        try file.write(key)
        try file.commit()
        return key
    }

    private static func code(_ record: String, after previous: String, _ key: [UInt8]) -> String {
        MessageAuthentication.code(of: Array((previous + "\n" + record).utf8), key: key)
    }

    /// A line as it was written: the text of the record, and its code.
    private static func split(_ line: String) -> (record: String, code: String)? {
        let (head, middle, tail) = ("{\"record\": ", ", \"code\": \"", "\"}")
        guard line.hasPrefix(head), line.hasSuffix(tail) else { return nil }
        let codeCount = 64
        let text = line.utf8.dropFirst(head.utf8.count).dropLast(tail.utf8.count + codeCount + middle.utf8.count)
        let code = line.utf8.dropLast(tail.utf8.count).suffix(codeCount)
        guard let record = String(text), let code = String(code) else { return nil }
        return (record, code)
    }

    private static func code(in line: String) -> String? { split(line)?.code }
}
