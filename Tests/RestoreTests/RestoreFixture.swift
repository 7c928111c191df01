import Catalog
import Failure
import Files
import Notation
import Processes
import Settings
import Synchronization
import SystemPackage
import TestWorld
import WAL

@testable import Restore

/// A home with one small backup and its WAL, made of plain files: no server has to run for a restore.
struct RestoreFixture {
    static let id = "20260301T030000"

    let world: World
    let home: ServerHome
    let catalog: FilePath
    let recorder = Recorder()

    static func with(_ options: String = "", _ body: (RestoreFixture) throws -> Void) throws {
        try World.with { world in try body(RestoreFixture(world, options)) }
    }

    private init(_ world: World, _ options: String) throws {
        try world.makeDirectory("home")
        try world.write(
            """
            [barman]
            barman_home = \(world.path("home"))
            barman_user = nobody
            [pg]
            backup_method = rsync
            ssh_command = ssh nowhere
            conninfo = host=nowhere
            archiver = on
            backup_options = concurrent_backup
            \(options)
            """,
            to: "barman.conf"
        )
        let loaded = try Configuration.load(
            explicitPath: world.path("barman.conf"),
            environment: [:],
            reporter: SilentReporter()
        )
        guard let settings = try loaded.servers(reporter: SilentReporter())["pg"] else { throw Failure("no server") }
        self.world = world
        home = ServerHome(settings: settings, global: loaded.global)
        catalog = home.backupDirectory(of: Self.id)
        try makeBackup()
        try makeWAL()
    }

    private func makeBackup() throws {
        let data = catalog.appending("data")
        for name in ["base/1", "global", "pg_wal", "pg_tblspc", "log"] {
            try FileSystem.createDirectories(data.appending(name))
        }
        try FileSystem.createDirectories(catalog.appending("16384/PG_15_1/5"))
        try put("15\n", "data/PG_VERSION")
        // The first eight bytes are the system identifier.
        try put("control!", "data/global/pg_control")
        try put("START WAL LOCATION: 0/3000028\n", "data/backup_label")
        try put(String(repeating: "table", count: 2000), "data/base/1/1259")
        try put("space", "16384/PG_15_1/5/16385")
        try put("noise", "data/log/postgresql.log")
        try put("noise", "data/postmaster.pid")
        try put("port = 5432\narchive_command = 'cp %p /x'\n", "data/postgresql.conf")
        try put("# Do not edit\n", "data/postgresql.auto.conf")
        try put("local all all trust\n", "data/pg_hba.conf")
        try FileSystem.setPermissions(data, [.ownerReadWriteExecute])
        try FileSystem.setPermissions(data.appending("PG_VERSION"), [.ownerReadWrite])
        try FileSystem.createDirectories(home.metaDirectory)
        try BackupCatalog.save(info, in: home)
    }

    /// The record of the backup.
    var info: BackupInfo { record(Self.id, mode: "rsync-concurrent") }

    /// A record of a backup at the same place in the WAL.
    func record(_ id: String, mode: String) -> BackupInfo {
        var info = BackupInfo(id: id, serverName: "pg", mode: mode)
        info.status = .done
        info.systemID = "2408422438106722147"
        info.version = 150_000
        info.timeline = Timeline(rawValue: 1)
        info.beginTime = Timestamp(catalogText: "2026-03-01 02:00:00+00:00")
        info.endTime = Timestamp(catalogText: "2026-03-01 02:10:00+00:00")
        info.beginWAL = "000000010000000000000003"
        info.endWAL = "000000010000000000000004"
        info.beginXlog = "0/3000028"
        info.endXlog = "0/4000100"
        info.tablespaces = [Tablespace(name: "fast", oid: 16384, location: world.path("original/fast"))]
        return info
    }

    private func makeWAL() throws {
        let names = (2...6).map { WALSegmentName(timeline: Timeline(rawValue: 1), log: 0, segment: $0).description }
        let directory = home.walsDirectory.appending("0000000100000000")
        try FileSystem.createDirectories(directory)
        try FileSystem.createDirectories(home.incomingWALsDirectory)
        for name in names { try FileSystem.replaceDurably(directory.appending(name), contents: Array(name.utf8)) }
        try XlogDatabase(home).append(
            names.map { XlogRecord(name: $0, sizeBytes: 24, time: 1_770_000_000.5, compression: nil) }
        )
    }

    /// Stores a backup, the only one without `info`, as pg_basebackup does in tar format; `option` makes `tar` compress.
    func turnIntoTar(_ info: BackupInfo? = nil, compression: String, option: [String], suffix: String) throws {
        var info = info ?? self.info
        let catalog = home.backupDirectory(of: info.id)
        let data = catalog.appending("data")
        let tree = FilePath(world.path("tree of \(info.id)"))
        try FileSystem.rename(data, to: tree)
        try FileSystem.createDirectory(data)
        let spaces = (info.tablespaces ?? []).map { String($0.oid) }
        for (name, source) in [("base", tree)] + spaces.map({ ($0, catalog.appending($0)) }) {
            let archive = data.appending("\(name).\(suffix)").string
            try ProcessRequest("tar", option + ["--format=ustar", "-cf", archive, "-C", source.string, "."])
                .runChecked()
            // Nothing else holds it then.
            try FileSystem.removeTree(source)
        }
        info.mode = "postgres"
        info.compression = compression
        try BackupCatalog.save(info, in: home)
    }

    /// Writes a file of the backup.
    func put(_ text: String, _ name: String) throws {
        try FileSystem.replaceDurably(catalog.appending(name), contents: Array(text.utf8))
    }

    /// The destination of `run`.
    var destination: FilePath { FilePath(world.path("restored")) }

    /// Where `run` puts the tablespace.
    var tablespace: FilePath { FilePath(world.path("fast")) }

    /// A request for the backup that goes to `destination` and `tablespace`.
    var request: RestoreRequest {
        var request = RestoreRequest(backup: "latest", destination: destination.string)
        request.tablespaceRules = ["fast:\(tablespace)"]
        return request
    }

    /// Restores as the request says.
    @discardableResult
    func run(_ change: (inout RestoreRequest) -> Void = { _ in }) throws -> RestoreReport {
        var request = request
        change(&request)
        return try RestoreRun(home: home, request: request, reporter: recorder).run()
    }

    /// The text of a restored file.
    func restored(_ name: String) throws -> String {
        String(decoding: try FileSystem.read(destination.appending(name)), as: UTF8.self)
    }

    /// Whether the restored server could be started.
    var isStartable: Bool {
        get throws { try FileSystem.exists(destination.appending("global/pg_control")) }
    }

    /// Everything below the destination, sorted.
    var tree: [String] {
        get throws {
            var names: [String] = []
            guard try FileSystem.exists(destination) else { return [] }
            try FileSystem.walk(destination) { names.append($0.relativePath.string) }
            return names.filter { $0 != UnfinishedMark.name }.sorted()
        }
    }
}

/// Keeps what was said.
final class Recorder: Reporter {
    private let lines = Mutex<[String]>([])

    var said: [String] { lines.withLock { $0 } }

    func debug(_ text: String) {}
    func info(_ text: String) { note(text) }
    func show(_ text: String) { note(text) }
    func warning(_ text: String) { note("WARNING: \(text)") }
    func error(_ text: String) { note("ERROR: \(text)") }
    func exception(_ text: String) { note("EXCEPTION: \(text)") }
    func log(_ level: LogLevel, _ logger: String, _ text: String) {}
    func progress(_ update: ProgressUpdate) {}

    private func note(_ text: String) { lines.withLock { $0.append(text) } }
}
