import Archive
import Catalog
import Console
import Failure
import Files
import Notation
import SystemPackage
import WAL

/// `get-wal`: delivers a WAL file, on standard output or into a directory.
enum GetWALCommand {
    static let specification = CommandSpecification(
        name: "get-wal",
        summary: "Deliver a WAL file of a server on standard output or into a directory.",
        options: [
            .value("--output-directory", "-o", help: "put the file into this directory"),
            .flag("--partial", "-P", help: "take a partial file if there is no complete one"),
            .flag("--gzip", "-z", "-x", keeping: "compression", as: .text("gzip"), help: "send it as gzip"),
            .flag("--bzip2", "-j", keeping: "compression", as: .text("bzip2"), help: "send it as bzip2"),
            .flag("--keep-compression", help: "deliver the bytes as they are stored"),
            .value(
                "--peek",
                "-p",
                type: .positiveInteger,
                metavar: "SIZE",
                help: "print the names of up to SIZE files from this one on, and deliver nothing"
            ),
            .flag("--test", "-t", help: "test the way to the server's WAL; the name is ignored"),
        ],
        positionals: [.server, PositionalArgument("wal_name", help: "the WAL file")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        guard !home.walsAreInCloud else {
            throw Failure(
                "Cannot retrieve WAL file for server '\(home.name)' because it is configured with a cloud object storage. "
                    + "WAL retrieval is only supported for local storages."
            )
        }
        if arguments.flag("test") {
            context.console.info("Ready to retrieve WAL files from the server \(home.name)")
            return
        }
        let compression = arguments.text("compression")
        if let compression, arguments.flag("keep_compression") {
            throw Failure("argument `\(compression)` not allowed with argument `keep-compression`")
        }
        let text = arguments.required("wal_name")
        guard let name = WALFileName(text) else {
            throw Failure("'\(text)' is not a valid wal file name\(context.origin)", exitStatus: 3)
        }
        if let count = arguments.integer("peek") {
            let names = try WALLookup(home: home).names(from: name, text: text, count: count)
            for name in names { context.console.show(name) }
            return
        }
        let form: WALDispatch.Form =
            switch compression {
            case "gzip": .gzip
            case "bzip2": .bzip2
            default: arguments.flag("keep_compression") ? .stored : .plain
            }
        let delivery = Delivery(
            context: context,
            home: home,
            name: name,
            text: text,
            partial: arguments.flag("partial"),
            form: form
        )
        if let directory = arguments.text("output_directory") {
            try delivery.run(into: FilePath(directory))
        } else {
            try delivery.runToOutput()
        }
    }
}

/// One file on its way to whoever asked.
private struct Delivery {
    let context: Context
    let home: ServerHome
    let name: WALFileName
    let text: String
    let partial: Bool
    let form: WALDispatch.Form

    func runToOutput() throws {
        let output = try OwnedDescriptor(duplicating: .standardOutput, path: "<stdout>")
        try send(to: output) { file in
            context.console.log(
                .info,
                "barman.server",
                "Sending WAL '\(file)' for server '\(home.name)' to standard output\(context.origin)"
            )
        }
        // What was asked for is the whole output, in every format.
        if context.console.isJSON { context.console.silence() }
    }

    /// Puts the file into a directory; it appears there whole or not at all.
    func run(into directory: FilePath) throws {
        let path = directory.appending(text)
        let temporary = directory.appending(".\(text).\(FileSystem.randomNamePart()).tmp")
        do {
            let output = try open(temporary, for: path)
            try send(to: output) { file in
                context.console.info(
                    "Sending WAL '\(file)' for server '\(home.name)' into '\(path)' file\(context.origin)"
                )
            }
            try output.close()
            // Not synced: the file is a copy, and its reader is waiting.
            try FileSystem.rename(temporary, to: path)
        } catch {
            // The error above is the one that matters; there may be nothing to remove.
            _ = try? FileSystem.unlinkIfPresent(temporary)
            throw error
        }
    }

    private func open(_ temporary: FilePath, for path: FilePath) throws -> OwnedDescriptor {
        do throws(FileError) {
            if try FileSystem.isDirectory(path) { throw FileError(call: "open", path: path, errno: .isDirectory) }
            return try OwnedDescriptor(opening: temporary, .writeOnly, options: [.create, .exclusiveCreate])
        } catch {
            let named = FileError(call: error.call, path: path, errno: error.errno)
            throw Failure("Unable to open '\(path)' file\(context.origin): \(named)", exitStatus: 3, cause: error)
        }
    }

    private func send(to output: borrowing OwnedDescriptor, announce: (String) -> Void) throws {
        try WALDispatch(home: home, reporter: context.console, origin: context.origin).send(
            name,
            text: text,
            partial: partial,
            as: form,
            to: output,
            announce: announce
        )
    }
}
