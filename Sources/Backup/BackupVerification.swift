public import Catalog
public import Failure
import Files
import Settings
import SystemPackage

/// The check of a backup: every file of its manifest is there, none is too many, sizes and checksums agree, and the archive
/// holds the WAL from its begin to its end.
public struct BackupVerification: Sendable {
    /// What is wrong, in words, in the order in which it is told.
    public struct Report: Sendable, Equatable {
        /// What is wrong; nothing for a sound backup.
        public var defects: [String] = []
        /// What could not be checked or is not there yet.
        public var remarks: [String] = []
    }

    private let info: BackupInfo
    private let home: ServerHome
    private let reporter: any Reporter
    private let data: FilePath

    /// Prepares to check a backup; reads nothing yet.
    public init(_ info: BackupInfo, in home: ServerHome, reporter: any Reporter) throws {
        self.info = info
        self.home = home
        self.reporter = reporter
        data = try home.dataDirectory(of: info.id)
    }

    /// The directory that is checked.
    public var directory: String { data.string }

    /// Reads everything and tells what is wrong.
    ///
    /// Throws `Failure` when the manifest cannot be read, the backup is of a kind that cannot be checked, or is encrypted and the
    /// key is not here, `FileError` and `SignalWatch.Interrupted`.
    public func run() throws -> Report {
        guard info.type != .snapshot else {
            throw Failure(
                "backup '\(info.id)' consists of disk snapshots, which have no manifest to verify them against"
            )
        }
        var report = Report()
        let progress = ReadProgress("Verifying", reporter)
        if info.compression != nil {
            try verifyArchives(into: &report, progress)
        } else {
            try verifyTrees(into: &report, progress)
        }
        progress.finish()
        try verifyAncestors(into: &report)
        try WALVerification(home: home).check(info, into: &report)
        return report
    }

    // MARK: Archives

    private func verifyArchives(into report: inout Report, _ progress: ReadProgress) throws {
        let manifest = try ManifestFile(reading: data.appending(BackupManifest.fileName))
        do {
            let passphrase =
                try info.encryption == nil
                ? nil : DecryptedFile.passphrase(for: info.id, home.settings, purpose: "a verification")
            let source = ArchiveSource(passphrase: passphrase, pathPrefix: home.settings.pathPrefix)
            let check = TarVerification(
                data: data,
                tablespaces: info.tablespaces ?? [],
                source: source,
                progress: progress
            )
            report.defects += try check.defects(of: manifest)
        } catch let error as DecryptedFile.Locked {
            let words =
                error.lacksKey
                ? "is encrypted, and can be verified only where the private key of its recipient is"
                : "is encrypted, and 'encryption_passphrase_command' does not open the private key of its recipient"
            throw Failure("backup '\(info.id)' \(words): \(error)", cause: error)
        }
    }

    // MARK: Trees

    private func verifyTrees(into report: inout Report, _ progress: ReadProgress) throws {
        let path = data.appending(BackupManifest.fileName)
        guard try !BackupManifest.isForeign(path, to: info) else {
            throw Failure(
                "the manifest '\(path)' is not that of this backup: rsync copied it from the data directory",
                hint: "'barman generate-manifest \(home.name) \(info.id)' replaces it."
            )
        }
        let manifest = try ManifestFile(reading: path)
        var roots = [TreeVerification.Root(directory: data)]
        let tablespaces = info.tablespaces ?? []
        guard info.type == .rsync else {
            for tablespace in tablespaces {
                roots.append(try root(of: tablespace))
            }
            report.defects += try TreeVerification(roots: roots, progress: progress).defects(of: manifest)
            return
        }
        report.defects += try TreeVerification(roots: roots, progress: progress).defects(of: manifest)
        // The manifest of an rsync backup does not cover its tablespaces; what covers them is a file of ours.
        guard !tablespaces.isEmpty, try !home.hasOldLayout(info.id) else { return }
        let tablespaceManifest = BackupManifest.tablespaceManifest(of: info, in: home)
        guard try FileSystem.exists(tablespaceManifest) else {
            report.remarks.append(
                "the tablespaces of backup '\(info.id)' are not covered by its manifest and were not verified"
            )
            return
        }
        let check = TreeVerification(roots: try tablespaces.map { try root(of: $0) }, progress: progress)
        report.defects += try check.defects(of: ManifestFile(reading: tablespaceManifest))
    }

    /// The files of a tablespace lie beside the data directory; the link in it may have been broken by a move of the home.
    private func root(of tablespace: Tablespace) throws -> TreeVerification.Root {
        TreeVerification.Root(
            directory: try home.tablespaceDirectory(of: info.id, oid: tablespace.oid),
            prefix: "pg_tblspc/\(tablespace.oid)"
        )
    }

    // MARK: What else a restore needs

    /// An incremental backup is worth nothing without each of its ancestors.
    private func verifyAncestors(into report: inout Report) throws {
        guard info.isIncremental else { return }
        let catalog = try BackupCatalog.load(home)
        let ancestors = catalog.ancestors(of: info)
        if let missing = (ancestors.last ?? info).parentBackupID {
            report.defects.append("backup \"\(missing)\", which this one builds on, is not in the catalog")
        }
        for ancestor in ancestors where !ancestor.status.isCompleted {
            report.defects.append(
                "backup \"\(ancestor.id)\", which this one builds on, has status \(ancestor.status.rawValue)"
            )
        }
    }
}
