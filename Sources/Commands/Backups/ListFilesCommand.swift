import Catalog
import Console
import Failure
import Files
import Notation
import SystemPackage
import WAL

/// `list-files`: the files that make up a backup.
enum ListFilesCommand {
    static let specification = CommandSpecification(
        name: "list-files",
        summary: "List the files that make up a backup.",
        options: [
            .value(
                "--target",
                choices: ["standalone", "data", "wal", "full"],
                help: "the backup alone, with the WAL that makes it consistent (the default), the WAL after it, or all"
            ),
            .flag("--list-empty-directories", help: "list empty directories as well"),
        ],
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .runAll) else { return }
        let backups = try BackupCatalog.load(home)
        let info = try backups.resolve(arguments.required("backup_id"))
        let target = arguments.text("target") ?? "standalone"
        var paths: [String] = []
        if target != "wal" {
            try addContents(
                of: home.backupDirectory(of: info.id),
                withEmptyDirectories: arguments.flag("list_empty_directories"),
                to: &paths
            )
        }
        // What is known before something turns out to be wrong is listed all the same.
        defer { context.console.show(lines: paths) }
        if target == "standalone" { paths += try requiredWAL(of: info, in: home) }
        if target == "wal" || target == "full" { try addLaterWAL(of: info, in: backups, to: &paths) }
    }

    /// Adds the files of a directory, then those of its subdirectories; each by name.
    private static func addContents(
        of directory: FilePath,
        withEmptyDirectories: Bool,
        to paths: inout [String]
    ) throws {
        guard let names = try? FileSystem.names(in: directory) else {
            // A directory that is not there or cannot be read has nothing to list.
            return
        }
        if names.isEmpty, withEmptyDirectories { paths.append(directory.string) }
        var directories: [FilePath] = []
        for name in names {
            let path = directory.appending(name)
            guard let status = try FileSystem.statusIfPresent(of: path, followingLinks: false) else { continue }
            switch status.kind {
            case .directory: directories.append(path)
            case .symbolicLink where try FileSystem.kindIfPresent(path) == .directory: break
            default: paths.append(path.string)
            }
        }
        for path in directories { try addContents(of: path, withEmptyDirectories: withEmptyDirectories, to: &paths) }
    }

    /// The segments from the begin of the backup to its end, whether they are archived or not.
    private static func requiredWAL(of info: BackupInfo, in home: ServerHome) throws(Failure) -> [String] {
        try info.requiredSegments().map { path(of: $0.description, $0.hashDirectory, in: home) }
    }

    /// All history files, and the archived segments from the begin of the backup to the end of the next one.
    private static func addLaterWAL(
        of info: BackupInfo,
        in backups: BackupCatalog,
        to paths: inout [String]
    ) throws {
        let home = backups.home
        guard let begin = info.beginWAL else { return }
        let limit = backups.next(of: info.id)?.endWAL
        let timeline = info.beginSegment?.timeline ?? info.timeline
        try XlogDatabase(home).forEachLine { line in
            let name = line.name
            guard !line.isHistory else {
                paths.append(home.walsDirectory.appending(name).string)
                return true
            }
            // Most of a long list is older than the backup.
            if name < begin { return true }
            guard let file = WALFileName(name) else {
                throw Failure(
                    "invalid xlog segment name \(PythonText.quoted("BadXlogSegmentName:\(name)"))",
                    hint: "Please run \"barman rebuild-xlogdb \(home.name)\" to solve this issue"
                )
            }
            guard case .segment = file, timeline.map({ file.timeline <= $0 }) ?? true else {
                return true
            }
            if let limit, name > limit { return false }
            paths.append(path(of: name, file.hashDirectory ?? "", in: home))
            return true
        }
    }

    private static func path(of name: String, _ directory: String, in home: ServerHome) -> String {
        home.walsDirectory.appending(directory).appending(name).string
    }
}
