import Catalog
import Failure
import Files
import Settings
import Synchronization
import SystemPackage
import TestHomes
import TestWorld
import WAL

/// A home of one server `pg` on disk, with backups and WAL made without the code under test.
struct UpkeepFixture {
    let world: World
    let configuration: Configuration
    let home: ServerHome

    /// Runs a test on a home of its own; `options` are lines of the server's section.
    static func with(_ options: String = "", _ body: (UpkeepFixture) throws -> Void) throws {
        try World.with { world in
            let (configuration, home) = try world.configureHome(options)
            for name in ["", "/base", "/meta", "/wals"] {
                try Shell.makeDirectory(home.backupDirectory.string + name)
            }
            try body(UpkeepFixture(world: world, configuration: configuration, home: home))
        }
    }

    /// Writes a file below the server's directory, with the directories above it.
    func write(_ text: String, to name: String) throws {
        // Texts, not paths: in a debug build those are slow enough to matter in tests that start over and over.
        var directory = home.backupDirectory.string
        for component in name.split(separator: "/").dropLast() {
            directory += "/\(component)"
            try Shell.makeDirectory(directory)
        }
        try Shell.write(Array(text.utf8), to: "\(home.backupDirectory.string)/\(name)")
    }

    /// Whether a file is below the server's directory.
    func exists(_ name: String) -> Bool { world.exists(home.backupDirectory.appending(name).string) }

    /// The catalog as it is on disk now.
    var catalog: BackupCatalog {
        get throws { try BackupCatalog.load(home) }
    }

    /// Stores the record of a complete backup that needs these segments of timeline 1, and its files.
    @discardableResult
    func addBackup(
        _ id: String,
        segments: ClosedRange<UInt32>,
        _ change: (inout BackupInfo) -> Void = { _ in }
    ) throws -> BackupInfo {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = .done
        info.timeline = Timeline(rawValue: 1)
        info.beginWAL = Self.segment(segments.lowerBound)
        info.endWAL = Self.segment(segments.upperBound)
        info.sizeBytes = 5
        info.deduplicatedSizeBytes = 5
        change(&info)
        try write(info.fileText, to: "meta/\(id)-backup.info")
        try write("15\n", to: "base/\(id)/data/PG_VERSION")
        try write("xx", to: "base/\(id)/data/base/1/1259")
        return info
    }

    /// Archives these segments of timeline 1.
    func addWAL(_ segments: ClosedRange<UInt32>) throws {
        var list = ""
        for number in segments {
            let name = Self.segment(number)
            try write("wal\(number)", to: "wals/\(name.prefix(16))/\(name)")
            list += "\(name)\t4\t1767225600.0\tNone\n"
        }
        try write(list, to: "wals/pg-xlog.db")
    }

    /// The name of a segment of timeline 1.
    static func segment(_ number: UInt32) -> String {
        WALSegmentName(timeline: Timeline(rawValue: 1), log: 0, segment: number).description
    }

    /// The names in the list of archived WAL.
    var listedWAL: [String] {
        get throws { try XlogDatabase(home).records().map(\.name) }
    }

    /// The names of the files in the archive.
    var storedWAL: [String] {
        world.names(in: home.walsDirectory.appending("0000000100000000").string).sorted()
    }
}
