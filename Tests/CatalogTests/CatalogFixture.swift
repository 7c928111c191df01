import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld

/// A home of one server `pg` on disk, and what tests put into it without the code under test.
struct CatalogFixture {
    let world: World
    let home: ServerHome

    /// Runs a test on a home of its own; `options` are lines of the server's section.
    static func with(_ options: String = "", _ body: (CatalogFixture) throws -> Void) throws {
        try World.with { world in
            let home = try world.configureHome(options).home
            for directory in [home.basebackupsDirectory, home.metaDirectory, home.walsDirectory] {
                try Shell.makeDirectories(directory)
            }
            try body(CatalogFixture(world: world, home: home))
        }
    }

    /// Writes a file below the server's directory, with the directories above it.
    func write(_ text: String, to name: String) throws {
        let path = home.backupDirectory.appending(name)
        try Shell.makeDirectories(path.removingLastComponent())
        try world.write(text, to: path.string)
    }

    /// The contents of a file below the server's directory.
    func read(_ name: String) throws -> String { try world.read(home.backupDirectory.appending(name).string) }

    /// Whether a file is below the server's directory.
    func exists(_ name: String) -> Bool { world.exists(home.backupDirectory.appending(name).string) }

    /// The names in a directory below the server's.
    func names(in name: String) -> [String] { world.names(in: home.backupDirectory.appending(name).string) }

    /// Stores a record of a complete backup with a directory of its own.
    @discardableResult
    func addBackup(_ id: String, _ change: (inout BackupInfo) -> Void = { _ in }) throws -> BackupInfo {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = .done
        change(&info)
        try write(info.fileText, to: "meta/\(id)-backup.info")
        try write("", to: "base/\(id)/data/PG_VERSION")
        return info
    }

    /// Writes the list of archived WAL.
    func writeList(_ lines: [String]) throws {
        try write(lines.map { $0 + "\n" }.joined(), to: "wals/pg-xlog.db")
    }

    /// The list of archived WAL.
    var list: String {
        get throws { try read("wals/pg-xlog.db") }
    }
}

/// Directories made without the code under test.
enum Shell {
    static func makeDirectories(_ path: FilePath) throws {
        try FileSystem.createDirectories(path)
    }
}

#if DEBUG
/// Makes each changing call of `work` fail in turn, alone and as a crash, on a fresh home each time, and checks what is left.
///
/// `check` gets whether `work` said that it succeeded.
func withEveryFault(
    prepare: (CatalogFixture) throws -> Void,
    work: (CatalogFixture) throws -> Void,
    check: (CatalogFixture, _ succeeded: Bool) throws -> Void
) throws {
    for kind in [FaultPlan.Kind.once(.ioError), .once(.noSpace), .crash] {
        var position = 0
        var succeeded = false
        while !succeeded, position < 200 {
            position += 1
            try CatalogFixture.with { fixture throws in
                try prepare(fixture)
                let plan = FaultPlan(kind, at: position)
                FaultPlan.$current.withValue(plan) {
                    do {
                        try work(fixture)
                        succeeded = true
                    } catch {
                        succeeded = false
                    }
                }
                try check(fixture, succeeded)
                // A fault that befalls only what may be given up leaves the work done, and the plan not at its end.
                if succeeded, plan.callCount >= position { succeeded = false }
            }
        }
    }
}
#endif
