import Catalog
import Console
import Failure
import Files
import SystemPackage
import Upkeep

/// `import-backup`: takes a backup that `export-backup` packed into the catalog.
enum ImportBackupCommand {
    static let specification = CommandSpecification(
        name: "import-backup",
        summary: "Take a backup that export-backup packed into the catalog.",
        positionals: [.server, PositionalArgument("input_tarball", help: "the tar file")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        let tarball = arguments.required("input_tarball")
        try verify(tarball)
        context.console.info("Importing backup from '\(tarball)' to server '\(home.name)'")
        let id = try BackupImport(home: home, reporter: context.console).run(FilePath(tarball))
        context.console.info("Successfully imported backup '\(id)' into server '\(home.name)'")
    }

    private static func verify(_ tarball: String) throws {
        let path = FilePath(tarball)
        switch try FileSystem.kindIfPresent(path) {
        case nil: throw Failure("Tarball file '\(tarball)' does not exist")
        case .regular: break
        default: throw Failure("Tarball path '\(tarball)' is not a file")
        }
        guard FileSystem.isAccessible(path, for: .read) else {
            throw Failure("Tarball file '\(tarball)' is not readable")
        }
        guard try BackupImport.isTar(path) else { throw Failure("File '\(tarball)' is not a valid tar file") }
    }
}
