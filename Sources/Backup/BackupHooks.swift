public import Catalog
public import Failure
import Processes
public import Settings
import SystemPackage

/// Runs the user's scripts around the operations on a whole backup: taking, deleting, restoring it.
public struct BackupHooks: Sendable {
    private let home: ServerHome
    private let family: HookFamily
    private let reporter: any Reporter

    /// The release whose behaviour hooks find in `BARMAN_VERSION`.
    private static let version = "3.19.1"

    /// The hooks of one operation of one server.
    public init(home: ServerHome, family: HookFamily, reporter: any Reporter) {
        self.home = home
        self.family = family
        self.reporter = reporter
    }

    /// Runs the scripts of a phase: before the operation the plain one first, after it the retry one first.
    ///
    /// `catalog` tells the neighbours of the backup. Throws `HookScript.Abort` when a retry script before the operation says
    /// that it must not happen; nothing else a script does is an error.
    public func run(
        _ phase: HookPhase,
        for info: BackupInfo,
        catalog: BackupCatalog,
        error: String? = nil,
        extra: [String: String] = [:]
    ) throws {
        let variables = variables(info, catalog, error).merging(extra) { $1 }
        for isRetry in phase == .pre ? [false, true] : [true, false] {
            guard let script = home.settings.hook(phase, family, retry: isRetry) else { continue }
            let hook = HookScript(
                phase: phase == .pre ? .pre : .post,
                family: HookScript.Family(rawValue: family.rawValue) ?? .backup,
                isRetry: isRetry,
                script: script,
                pathPrefix: home.settings.pathPrefix
            )
            try hook.run(variables: variables, reporter: reporter)
        }
    }

    /// What every script of the family finds in its environment (configuration.md 15.3).
    private func variables(_ info: BackupInfo, _ catalog: BackupCatalog, _ error: String?) -> [String: String] {
        [
            "BARMAN_VERSION": Self.version,
            "BARMAN_SERVER": home.name,
            "BARMAN_CONFIGURATION": home.global.configurationFile,
            "BARMAN_ERROR": error ?? "",
            "BARMAN_BACKUP_DIR": home.backupDirectory(of: info.id).string,
            "BARMAN_BACKUP_INFO_PATH": home.backupInfoPath(info.id).string,
            "BARMAN_BACKUP_ID": info.id,
            "BARMAN_PREVIOUS_ID": catalog.previous(of: info.id)?.id ?? "",
            "BARMAN_NEXT_ID": catalog.next(of: info.id)?.id ?? "",
            "BARMAN_STATUS": info.status.rawValue,
        ]
    }
}
