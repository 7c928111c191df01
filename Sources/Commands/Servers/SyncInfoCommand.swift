import Catalog
import Console
import Failure
import Files
import Notation
import Settings
import SystemPackage
import Upkeep

/// `sync-info`: what a passive node needs to know of a server, as JSON straight to standard output.
enum SyncInfoCommand {
    static let specification = CommandSpecification(
        name: "sync-info",
        summary: "Print what a passive node needs to know of a server.",
        options: [.flag("--primary", help: "ask the primary node")],
        positionals: [
            .server,
            PositionalArgument("last_wal", .optional, help: "the newest WAL file the caller has"),
            PositionalArgument(
                "last_position",
                .optional,
                type: .listPosition,
                help: "where the caller stopped reading the WAL catalog, in bytes"
            ),
        ],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        guard !arguments.flag("primary") else {
            let position = arguments.integer("last_position").flatMap { $0 > 0 ? String($0) : nil }
            let place = [arguments.text("last_wal"), position].compactMap { $0 }
            let answer = try PrimaryNode(of: home, reporter: context.console).ask(after: place)
            return try show(contentsOf: answer, context)
        }
        let lastWAL = arguments.text("last_wal")
        let catalog = try BackupCatalog.load(home)
        let oldestWAL = catalog.oldest()?.beginWAL
        let excerpt = try XlogDatabase(home).excerpt(from: place(lastWAL, arguments)) { name in
            if let lastWAL { name > lastWAL } else { oldestWAL.map { name >= $0 } ?? true }
        }
        if let lastWAL, !excerpt.isContinued { try verify(lastWAL, excerpt.extent) }
        print(head(excerpt.extent, catalog), context)
        var pieces = ""
        var isFirst = true
        try excerpt.forEachRecord { record in
            pieces += isFirst ? "\n" : ",\n"
            pieces += entry(record)
            isFirst = false
            guard pieces.utf8.count > 1 << 16 else { return }
            print(pieces, context)
            pieces = ""
        }
        print(pieces + (isFirst ? "],\n" : "\n    ],\n") + tail(home), context)
        context.console.silence()
    }

    /// Where the caller says that the line of the last file begins that they have.
    private static func place(_ name: String?, _ arguments: ParsedArguments) -> (name: String, position: Int64)? {
        guard let name, let position = arguments.integer("last_position") else { return nil }
        return (name, Int64(position))
    }

    /// Shows a file of any length and a line end.
    private static func show(contentsOf path: FilePath, _ context: Context) throws {
        guard !context.console.isJSON else {
            return context.console.info(String(decoding: try FileSystem.read(path, limit: 1 << 30), as: UTF8.self))
        }
        let file = try OwnedDescriptor(opening: path)
        var held: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            held += buffer[..<count]
            guard let end = held.lastIndex(of: 0x0A) else { continue }
            context.console.show(lines: lines(held[..<end]))
            held.removeFirst(end + 1)
        }
        context.console.show(lines: lines(held[...]))
    }

    private static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func verify(_ lastWAL: String, _ extent: XlogExcerpt.Extent) throws(Failure) {
        guard let first = extent.firstName, let last = extent.lastName else { return }
        if lastWAL < first {
            throw Failure("last_wal '\(lastWAL)' is older than the first available wal '\(first)'")
        }
        if lastWAL > last {
            throw Failure("last_wal '\(lastWAL)' is newer than the last available wal  '\(last)'")
        }
    }

    /// One entry of the list of WAL; put together by hand, since there may be a million.
    private static func entry(_ record: XlogRecord) -> String {
        func text(_ value: String?) -> String {
            guard let value else { return "null" }
            let isPlain = value.utf8.allSatisfy { byte in
                (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".")
            }
            return isPlain ? "\"\(value)\"" : JSONValue.string(value).text()
        }
        return """
                    {
                        "compression": \(text(record.compression)),
                        "encryption": \(text(record.encryption)),
                        "name": \(text(record.name)),
                        "size": \(record.sizeBytes),
                        "time": \(JSONValue.double(record.time).text())
                    }
            """
    }

    private static func print(_ text: String, _ context: Context) { context.console.printDirectly(text) }

    /// The document up to the bracket of the list of WAL.
    private static func head(_ extent: XlogExcerpt.Extent, _ catalog: BackupCatalog) -> String {
        let head: JSONValue = .object([
            ("last_position", .integer(extent.lastPosition)), ("last_name", .string(extent.lastName ?? "")),
            (
                "backups",
                .object(
                    catalog.backups(.completed).map { ($0.id, .object(BackupRecordJSON.members(of: $0, .sync))) }
                )
            ),
        ])
        return String(head.text(sortedKeys: false, indent: 4).dropLast(2)) + ",\n    \"wals\": ["
    }

    /// The document after the list of WAL.
    private static func tail(_ home: ServerHome) -> String {
        let known = ServerOption.allCases.filter { !ServerOption.added.contains($0) }
        var config = known.map { option in
            (key: option.name, value: OptionText.diagnosis(home.settings[option], of: option))
        }
        config.append(("name", .string(home.name)))
        let tail: JSONValue = .object([
            ("version", .string(Product.referenceVersion)), ("config", Secrets.masked(.object(config))),
        ])
        return String(tail.text(sortedKeys: false, indent: 4).dropFirst(2))
    }
}
