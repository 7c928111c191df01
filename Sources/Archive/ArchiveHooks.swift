import Catalog
import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage

/// The user's scripts around the archiving or the deletion of a WAL file (configuration.md 15).
struct ArchiveHooks: Sendable {
    /// What the scripts are told about a file.
    struct Subject: Sendable {
        let name: String
        let path: FilePath
        let sizeBytes: Int64
        let time: Double
        let compression: String?
    }

    /// The release whose behaviour the scripts were written for.
    private static let referenceVersion = "3.19.1"
    private let family: HookFamily
    private let home: ServerHome
    private let reporter: any Reporter
    private let scripts: [(phase: HookScript.Phase, script: HookScript)]

    /// The scripts that the settings name.
    init(_ family: HookFamily, home: ServerHome, reporter: any Reporter) {
        self.family = family
        self.home = home
        self.reporter = reporter
        let order: [(HookPhase, Bool)] = [(.pre, false), (.pre, true), (.post, true), (.post, false)]
        var scripts: [(HookScript.Phase, HookScript)] = []
        for (phase, isRetry) in order {
            guard let text = home.settings.hook(phase, family, retry: isRetry),
                let scriptPhase = HookScript.Phase(rawValue: phase.rawValue),
                let scriptFamily = HookScript.Family(rawValue: family.rawValue)
            else { continue }
            let script = HookScript(
                phase: scriptPhase,
                family: scriptFamily,
                isRetry: isRetry,
                script: text,
                pathPrefix: home.settings.pathPrefix
            )
            scripts.append((scriptPhase, script))
        }
        self.scripts = scripts
    }

    /// Whether there is nothing to run.
    var isEmpty: Bool { scripts.isEmpty }

    /// Runs the scripts of one phase; throws `HookScript.Abort` when a retry script asks to stop before the operation.
    func run(_ phase: HookScript.Phase, _ subject: Subject, error: String? = nil) throws {
        for entry in scripts where entry.phase == phase {
            try entry.script.run(variables: variables(subject, error), reporter: reporter)
        }
    }

    private func variables(_ subject: Subject, _ error: String?) -> [String: String] {
        [
            "BARMAN_VERSION": Self.referenceVersion,
            "BARMAN_SERVER": home.name,
            "BARMAN_CONFIGURATION": home.global.configurationFile,
            "BARMAN_ERROR": error ?? "",
            "BARMAN_SEGMENT": subject.name,
            "BARMAN_FILE": subject.path.string,
            "BARMAN_SIZE": String(subject.sizeBytes),
            "BARMAN_TIMESTAMP": PythonText.double(subject.time),
            "BARMAN_COMPRESSION": subject.compression ?? "",
        ]
    }
}
