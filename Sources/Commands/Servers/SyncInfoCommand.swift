import Catalog
import Console
import Failure
import Notation
import Settings

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
                type: .positiveInteger,
                help: "where the caller stopped reading the WAL catalog, in bytes"
            ),
        ],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        guard !arguments.flag("primary") else {
            guard home.settings.isPassive else { throw Failure("server \(home.name) is not passive") }
            throw Failure("asking a primary node is not available in this version yet")
        }
        let lastWAL = arguments.text("last_wal")
        let database = XlogDatabase(home)
        let extent = try database.extent()
        if let lastWAL { try verify(lastWAL, extent) }
        let catalog = try BackupCatalog.load(home)
        let oldestWAL = catalog.oldest()?.beginWAL
        print(head(extent, catalog), context)
        var pieces = ""
        var isFirst = true
        // Positions speed up reading for others; we read the list in one pass anyway, and names say the same.
        try database.forEachRecord(within: extent) { name in
            if let lastWAL { name > lastWAL } else { oldestWAL.map { name >= $0 } ?? true }
        } _: { record in
            let text = record.jsonValue.text(sortedKeys: false, indent: 4).replacing("\n", with: "\n        ")
            pieces += (isFirst ? "\n        " : ",\n        ") + text
            isFirst = false
            guard pieces.utf8.count > 1 << 16 else { return }
            print(pieces, context)
            pieces = ""
        }
        print(pieces + (isFirst ? "],\n" : "\n    ],\n") + tail(home), context)
        context.console.silence()
    }

    private static func verify(_ lastWAL: String, _ extent: XlogDatabase.Extent) throws(Failure) {
        guard let first = extent.firstName, let last = extent.lastName else { return }
        if lastWAL < first {
            throw Failure("last_wal '\(lastWAL)' is older than the first available wal '\(first)'")
        }
        if lastWAL > last {
            throw Failure("last_wal '\(lastWAL)' is newer than the last available wal  '\(last)'")
        }
    }

    private static func print(_ text: String, _ context: Context) { context.console.printDirectly(text) }

    /// The document up to the bracket of the list of WAL.
    private static func head(_ extent: XlogDatabase.Extent, _ catalog: BackupCatalog) -> String {
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
        var config = ServerOption.allCases.map { option in
            (key: option.name, value: OptionText.diagnosis(home.settings[option], of: option))
        }
        config.append(("name", .string(home.name)))
        let tail: JSONValue = .object([
            ("version", .string(Product.referenceVersion)), ("config", Secrets.masked(.object(config))),
        ])
        return String(tail.text(sortedKeys: false, indent: 4).dropFirst(2))
    }
}
