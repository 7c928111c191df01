import Catalog
import Codecs
import Console
import Failure
import Files
import Notation
import SystemPackage
import Upkeep

/// `export-backup`: packs a backup with the WAL it needs into one tar file.
enum ExportBackupCommand {
    static let specification = CommandSpecification(
        name: "export-backup",
        summary: "Pack a backup with the WAL it needs into one tar file.",
        options: [
            .value("--compression", choices: ["gzip", "bzip2", "xz"], help: "compress the tar file"),
            .value("--compression-level", type: .integer, help: "how hard to compress: 1 to 9, for xz 0 to 9"),
        ],
        positionals: [
            .server, .backup, PositionalArgument("output_directory", help: "where the tar file goes"),
        ],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        let name = arguments.required("backup_id")
        let directory = arguments.required("output_directory")
        let info = try BackupCatalog.load(home).resolve(name)
        try verify(info, named: name, of: home)
        try verify(directory: directory)
        let compression = try compression(arguments)
        context.console.info("Exporting backup '\(name)' from server '\(home.name)' to '\(directory)'")
        let moment = [
            (key: "barman_ver", value: JSONValue.string(Product.referenceVersion)),
            (key: "timestamp", value: JSONValue.string(Timestamp.now().isoText)),
        ]
        let system = try SystemInformation.local(runtime: Product.runtime).members + moment
        let file = try BackupExport(home: home, info: info, reporter: context.console)
            .run(into: FilePath(directory), compression: compression, systemInformation: .object(system))
        context.console.info("Export completed successfully: \(file.string)")
    }

    private static func verify(_ info: BackupInfo, named name: String, of home: ServerHome) throws(Failure) {
        if info.isIncremental {
            throw Failure(
                "Cannot export backup \(info.id) from server \(home.name): it is an incremental backup.\n"
                    + "Only full backups are eligible for exporting."
            )
        }
        guard info.status == .done else {
            throw Failure(
                "Cannot export backup '\(name)' from server '\(home.name)': "
                    + "backup status is '\(info.status.rawValue)', expected 'DONE'"
            )
        }
    }

    private static func verify(directory: String) throws {
        let path = FilePath(directory)
        guard try FileSystem.exists(path) else { throw Failure("Output directory '\(directory)' does not exist") }
        guard try FileSystem.isDirectory(path) else {
            throw Failure("Output directory '\(directory)' is not a directory")
        }
        guard FileSystem.isAccessible(path, for: [.write, .execute]) else {
            throw Failure("Output directory '\(directory)' does not have the required write and execute permissions")
        }
    }

    private static func compression(_ arguments: ParsedArguments) throws(Failure) -> BackupExport.Compression? {
        let level = arguments.integer("compression_level")
        guard let name = arguments.text("compression") else {
            guard level == nil else { throw Failure("--compression-level requires --compression to be set") }
            return nil
        }
        guard let format = CompressionFormat(rawValue: name) else { return nil }
        let levels = (name == "xz" ? 0 : 1)...9
        if let level, !levels.contains(level) {
            throw Failure(
                "Invalid compression level '\(level)' for algorithm '\(name)'. Valid levels are: "
                    + levels.map { String($0) }.joined(separator: ", ")
            )
        }
        return BackupExport.Compression(format: format, level: level)
    }
}
