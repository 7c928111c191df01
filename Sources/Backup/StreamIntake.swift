import Failure
import Files
import Processes
import Replication
import SystemPackage

/// Takes a base backup as it comes from the server and shares it out: archives to a sink, the manifest to its file.
final class StreamIntake: BaseBackupConsumer {
    private let target: StreamTarget
    private let serverVersion: Int
    private let reporter: any Reporter
    private let expectedBytes: Int64?
    private let ledger = FileLedger()
    private var sink: (any StreamSink)?
    private var manifest: ManifestIntake?
    private var receivedBytes: Int64 = 0

    /// What the server said would come.
    private(set) var archives: [BaseBackupArchive] = []
    /// The text of `backup_label`.
    private(set) var backupLabel: [UInt8]?

    /// `expectedBytes` is what may come in all, for the progress.
    init(_ target: StreamTarget, serverVersion: Int, reporter: any Reporter, expectedBytes: Int64?) {
        self.target = target
        self.serverVersion = serverVersion
        self.reporter = reporter
        self.expectedBytes = expectedBytes
    }

    func start(at position: BaseBackupPosition, archives: [BaseBackupArchive]) throws {
        self.archives = archives
        let sink: any StreamSink =
            switch target.format.layout {
            case .tree: try TreeSink(target, ledger: ledger)
            case .archives: ArchiveSink(target, ledger: ledger, serverVersion: serverVersion)
            }
        self.sink = sink
        try sink.prepare(archives)
    }

    func begin(_ archive: BaseBackupArchive) throws { try sink?.begin(archive) }

    func beginManifest() throws {
        try finishArchives()
        manifest = try ManifestIntake(target.dataDirectory.appending(BackupManifest.fileName), ledger: ledger)
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        if let manifest { return try manifest.take(bytes) }
        try sink?.take(bytes)
        receivedBytes += Int64(bytes.count)
    }

    func complete() throws {
        if let manifest { try manifest.finish() } else { try sink?.complete() }
    }

    func check() throws {
        try SignalWatch.check()
        // Before the first archive is announced the server makes its checkpoint.
        guard !archives.isEmpty else { return }
        reporter.progress(
            ProgressUpdate(
                label: "Copying",
                doneBytes: receivedBytes,
                totalBytes: expectedBytes.map { max($0, receivedBytes) }
            )
        )
    }

    /// Everything has come: returns when it is written.
    func finish() throws {
        try finishArchives()
        reporter.progress(
            ProgressUpdate(label: "Copying", doneBytes: receivedBytes, totalBytes: receivedBytes, isFinished: true)
        )
    }

    /// Ends all threads; what has been written stays.
    func abandon() {
        sink?.abandon()
        sink = nil
    }

    private func finishArchives() throws {
        guard let sink else { return }
        try sink.finish()
        backupLabel = sink.backupLabel
        self.sink = nil
    }
}
