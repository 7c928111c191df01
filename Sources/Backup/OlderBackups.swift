import Catalog
package import Files
import Notation
import Processes
import Settings
package import SystemPackage

/// The older backups whose unchanged files a new one uses again.
///
/// Those are the ones that were not finished since the last complete backup, whose copy this one goes on with, and with
/// `reuse_backup` the last complete one. None of them is changed: files come from them as hard links, or as copies with
/// `reuse_backup = copy`.
struct OlderBackups {
    private struct Source {
        let info: BackupInfo
        let data: FilePath
        let horizonSeconds: Int64?
    }

    private let home: ServerHome
    private let sources: [Source]
    /// Whether files become hard links.
    let links: Bool
    /// The unfinished backups among them, newest first.
    let unfinishedIDs: [String]

    /// More unfinished backups than this are not looked at: the newest have what the ones before them had.
    private static let mostUnfinished = 4

    /// Finds them for a backup that is about to begin.
    init(for info: BackupInfo, in catalog: BackupCatalog) throws {
        home = catalog.home
        let mode = home.settings.reuseBackup ?? .off
        let previous = catalog.previous(of: info.id)
        let candidates = catalog.all.filter { candidate in
            candidate.id < info.id && candidate.id > previous?.id ?? "" && candidate.type == .rsync
                && (candidate.status == .failed || candidate.status == .started)
                && candidate.systemID == info.systemID && candidate.beginTime != nil
        }
        var sources: [Source] = []
        for candidate in candidates.reversed() where sources.count < Self.mostUnfinished {
            let data = catalog.home.backupDirectory(of: candidate.id).appending("data")
            guard try FileSystem.isDirectory(data) else { continue }
            let horizon = CopyMark.read(in: catalog.home.backupDirectory(of: candidate.id))?.horizon(of: candidate)
            sources.append(Source(info: candidate, data: data, horizonSeconds: horizon))
        }
        unfinishedIDs = sources.map(\.info.id)
        if mode != .off, let previous {
            let data = try catalog.home.dataDirectory(of: previous.id)
            sources.append(Source(info: previous, data: data, horizonSeconds: previous.beginTime?.secondsSinceEpoch))
        }
        links = mode != .copy
        self.sources = sources
    }

    /// For the data directory.
    var data: [OlderCopy] {
        sources.map { OlderCopy(directory: $0.data, horizonSeconds: $0.horizonSeconds) }
    }

    /// For a tablespace; only backups that know it count.
    func tablespace(_ oid: Int64) throws(FileError) -> [OlderCopy] {
        var copies: [OlderCopy] = []
        for source in sources where source.info.tablespaces?.contains(where: { $0.oid == oid }) ?? false {
            let directory = try home.tablespaceDirectory(of: source.info.id, oid: oid)
            copies.append(OlderCopy(directory: directory, horizonSeconds: source.horizonSeconds))
        }
        return copies
    }
}

/// A small file in the directory of a backup while it is copied; it tells the next backup what of an unfinished copy to believe.
///
/// A file that rsync was writing when it ended bears a time after the begin of the copy, by the clock of this host. And what was
/// copied before the machine went down need not be on disk, whatever it looks like: then everything is read. The same without
/// this file, as in backups that the reference began.
package struct CopyMark: Equatable {
    /// Its name.
    package static let name = ".copying"

    private let bootID: String
    private let beganSeconds: Int64

    /// Files of the unfinished backup last changed before are as they were in the source; `nil` when none is believed.
    func horizon(of info: BackupInfo) -> Int64? {
        guard bootID == Self.currentBootID, let begin = info.beginTime?.secondsSinceEpoch else { return nil }
        return min(begin, beganSeconds)
    }

    /// Whether the copy it stands for has been going on since this start of the machine: what was written then is there.
    package var isOfThisStart: Bool { bootID == Self.currentBootID }

    /// Writes the mark of a copy that begins now.
    package static func write(in directory: FilePath) throws(FileError) {
        guard let bootID = currentBootID else { return }
        let mark = JSONValue.object([
            ("boot_id", .string(bootID)), ("began", .integer(Timestamp.now().secondsSinceEpoch)),
        ])
        let file = try OwnedDescriptor(
            opening: directory.appending(name),
            .writeOnly,
            options: [.create, .truncate, .noFollow]
        )
        try file.writeAll(Array((mark.text() + "\n").utf8))
        try file.close()
    }

    /// Removes it: the copy is complete.
    package static func remove(in directory: FilePath) throws(FileError) {
        try FileSystem.unlinkIfPresent(directory.appending(name))
    }

    /// `nil` when there is none that makes sense; then nothing is believed.
    package static func read(in directory: FilePath) -> CopyMark? {
        guard let bytes = try? FileSystem.readIfPresent(directory.appending(name), limit: 1 << 12),
            let mark = try? JSONValue(parsing: bytes), let bootID = mark["boot_id"]?.stringValue,
            let began = mark["began"]?.integerValue
        else { return nil }
        return CopyMark(bootID: bootID, beganSeconds: began)
    }

    /// What tells one start of this machine from the next.
    private static let currentBootID: String? = {
        guard let bytes = try? FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 100) else { return nil }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }()
}
