import Catalog
import Codecs
import Failure
import Files
import Pipeline
import Processes
import Settings
import SystemPackage

/// Restores a backup that pg_basebackup stored as tar files: one pass from the compressed file to the final place.
struct TarRestore {
    let home: ServerHome
    let plan: RestorePlan
    let reporter: any Reporter

    /// What the control file is called until the server may be started.
    private static let waitingName = "pg_control.restoring"

    private var suffix: String {
        switch plan.info.compression {
        case "gzip": "tar.gz"
        case "lz4": "tar.lz4"
        case "zstd": "tar.zst"
        default: "tar"
        }
    }

    /// Extracts the tablespaces and the data directory, several at a time.
    func run() throws {
        var archives = plan.tablespaces.map { tablespace in
            (plan.source.appending("\(tablespace.oid).\(suffix)"), FilePath(tablespace.destination))
        }
        archives.append((plan.source.appending("base.\(suffix)"), FilePath(plan.destination)))
        for (archive, _) in archives { _ = try FileSystem.status(of: archive) }
        let mainDestination = FilePath(plan.destination)
        let links = Set(plan.tablespaces.map { "pg_tblspc/\($0.oid)" })
        let counter = ByteCounter()
        let total = plan.info.clusterSizeBytes
        try Workers.map(
            archives,
            count: max(1, Workers.coreCount),
            check: {
                try SignalWatch.check()
                reporter.progress(
                    ProgressUpdate(
                        label: "Restoring",
                        doneBytes: counter.value,
                        totalBytes: total.map { max($0, counter.value) }
                    )
                )
            },
            body: { archive, destination in
                let isMain = destination == mainDestination
                do {
                    try TarExtraction(archive).extract(to: destination, count: { counter.add($0) }) { name in
                        guard isMain else { return .keep }
                        if name == "recovery.conf" || name == "tablespace_map" || links.contains(name) { return .skip }
                        return name == "global/pg_control" ? .rename("global/\(Self.waitingName)") : .keep
                    }
                } catch let error where !RestoreError.isInterruption(error) {
                    throw Failure("Error decompressing \(archive) into \(destination): \(error)")
                }
            },
            inOrder: { _, _ in }
        )
        reporter.progress(
            ProgressUpdate(label: "Restoring", doneBytes: counter.value, totalBytes: counter.value, isFinished: true)
        )
    }

    /// Gives the control file its name, durably.
    static func placeControlFile(_ path: FilePath) throws {
        let waiting = path.removingLastComponent().appending(waitingName)
        try FileSystem.syncFile(waiting)
        try FileSystem.rename(waiting, to: path)
        try FileSystem.syncParent(of: path)
    }
}
