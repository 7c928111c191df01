import Catalog
import Files
import Notation
import Settings
import SystemPackage

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
    /// Unfinished backups that are left alone, because what looks sound in them may not be on disk.
    let doubtedIDs: [String]

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
        var doubtedIDs: [String] = []
        for candidate in candidates.reversed() where sources.count < Self.mostUnfinished {
            let directory = home.backupDirectory(of: candidate.id)
            let data = directory.appending("data")
            guard try FileSystem.isDirectory(data) else { continue }
            guard !CopyMark.isDoubted(in: directory), !Self.failedInSync(candidate) else {
                doubtedIDs.append(candidate.id)
                continue
            }
            let horizon = CopyMark.read(in: directory)?.horizon(of: candidate)
            sources.append(Source(info: candidate, data: data, horizonSeconds: horizon))
        }
        unfinishedIDs = sources.map(\.info.id)
        self.doubtedIDs = doubtedIDs
        if mode != .off, let previous {
            let data = try catalog.home.dataDirectory(of: previous.id)
            sources.append(Source(info: previous, data: data, horizonSeconds: previous.beginTime?.secondsSinceEpoch))
        }
        links = mode != .copy
        self.sources = sources
    }

    /// Whether a backup of the reference, which leaves no mark, failed where the reference syncs its copy.
    private static func failedInSync(_ info: BackupInfo) -> Bool {
        info.error?.hasPrefix("failure calculating backup size") ?? false
    }

    /// The directories of the unfinished backups among them.
    var unfinishedDirectories: [FilePath] { unfinishedIDs.map { home.backupDirectory(of: $0) } }

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
