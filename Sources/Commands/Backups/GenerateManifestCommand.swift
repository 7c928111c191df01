import Backup
import Catalog
import Console
import Failure
import Files
import Notation
import Settings

/// `generate-manifest`: writes the manifest of a backup that has none.
enum GenerateManifestCommand {
    static let specification = CommandSpecification(
        name: "generate-manifest",
        summary: "Write the manifest of a backup that has none.",
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let word = arguments.required("backup_id")
        let info = try BackupCatalog.load(home).resolve(word)
        guard !home.settings.basebackupsAreInCloud else {
            throw Failure(
                "Cannot generate backup manifest for backup '\(word)' of server '\(home.name)' because a cloud backup "
                    + "storage is configured. The manifest generation is only supported for local backup storage."
            )
        }
        do {
            try BackupManifest.write(for: info, in: home, reporter: context.console)
        } catch let error as FileError {
            throw Failure(error.description, kind: .exception, cause: error)
        }
        context.console.info(
            "Backup manifest for backup '\(word)' successfully generated for server [\(PythonText.quoted(home.name))]"
        )
    }
}
