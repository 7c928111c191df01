import Backup
import Catalog
import Console
import Failure
import Files
import Notation
import Settings

/// `verify-backup`: checks a backup against its manifest, without any program of PostgreSQL.
enum VerifyBackupCommand {
    static let specification = CommandSpecification(
        name: "verify-backup",
        aliases: ["verify"],
        summary: "Check every file of a backup against its manifest.",
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .runAll) else { return }
        let word = arguments.required("backup_id")
        let info = try BackupCatalog.load(home).resolve(word)
        guard !home.settings.basebackupsAreInCloud else {
            throw Failure("Backup verification is not supported for servers using cloud storage")
        }
        context.console.info("Verifying backup '\(word)' on server [\(PythonText.quoted(home.name))]")
        do {
            let verification = try BackupVerification(info, in: home, reporter: context.console)
            let report = try verification.run()
            for remark in report.remarks { context.console.warning(remark) }
            if !report.defects.isEmpty {
                context.console.error("verify backup failure on directory '\(verification.directory)'")
                throw Failure(report.defects.joined(separator: "\n"))
            }
        } catch let error as FileError {
            throw Failure(error.description, kind: .exception, cause: error)
        }
        context.console.info("backup successfully verified")
    }
}
