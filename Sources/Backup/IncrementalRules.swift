import Catalog
import Failure
import Files
import Postgres
import Settings
import SystemPackage

/// What must hold for an incremental backup (backup.md 9).
struct IncrementalRules {
    let home: ServerHome
    let postgres: PostgresServer

    /// Why there can be no incremental backup on that parent; `nil` when there can.
    func refusal(parent: BackupInfo) throws -> String? {
        guard try postgres.versionNumber() >= 170_000 else {
            return "Postgres version 17 or greater is required for incremental backups using the Postgres backup method"
        }
        guard home.settings.backupMethod == .postgres else {
            return "Backup using the `--incremental` flag is available only for 'backup_method = postgres'. "
                + "Check Barman's documentation for more help on this topic."
        }
        guard try postgres.setting("summarize_wal") == "on" else {
            return "'summarize_wal' option has to be enabled in the Postgres server to perform an incremental backup "
                + "using the Postgres backup method"
        }
        guard parent.summarizeWAL == "on" else {
            return "Backup ID \(parent.id) is not eligible as a parent for an incremental backup because WAL summaries "
                + "were not enabled when that backup was taken."
        }
        guard parent.status.isCompleted else {
            return "Backup ID \(parent.id) is not eligible as a parent for an incremental backup because it has status "
                + "\(parent.status.rawValue)."
        }
        let manifest = try home.dataDirectory(of: parent.id).appending(BackupManifest.fileName)
        guard try FileSystem.exists(manifest) else {
            return "Backup ID \(parent.id) is not eligible as a parent for an incremental backup because it has no "
                + "backup manifest."
        }
        return nil
    }

    /// Says when pages of the chain were taken without the checksums that its last backup promises.
    func warnAboutChecksums(of info: BackupInfo, _ reporter: any Reporter) throws {
        guard info.dataChecksums == "on" else { return }
        let ancestors = try BackupCatalog.load(home).ancestors(of: info)
        guard ancestors.contains(where: { $0.dataChecksums == "off" }) else { return }
        reporter.warning(
            "This is an incremental backup taken with `data_checksums = on` whereas some previous backups in the chain were "
                + "taken with `data_checksums = off`. This can lead to potential recovery issues. Consider taking a new full "
                + "backup to avoid having inconsistent backup chains."
        )
    }
}
