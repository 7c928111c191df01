import Codecs
import Failure
import Replication
import Settings

/// What the settings say about the form of a streamed backup (backup.md 8.4).
struct StreamFormat {
    /// How the backup lies on disk.
    enum Layout {
        /// The files themselves.
        case tree
        /// One tar file for the data directory and one for each tablespace.
        case archives
    }

    let layout: Layout
    /// The format that the archives have on disk; `nil` for plain tar, and for a tree.
    let storedFormat: CompressionFormat?
    /// What we compress with ourselves; `nil` when the server does it, or nobody.
    let clientLevel: CodecLevel?
    /// Threads for it; `nil` for all cores.
    let clientWorkers: Int?
    /// What the server compresses with.
    let serverCompression: BaseBackupRequest.Compression?
    /// `compression` of `backup.info`.
    let recordedCompression: String?

    /// Understands the settings of one server.
    init(_ settings: ServerSettings) throws(Failure) {
        guard let method = settings.backupCompression else {
            self.init(layout: .tree)
            return
        }
        let layout: Layout = settings.backupCompressionFormat == "plain" ? .tree : .archives
        let isOnServer = settings.backupCompressionLocation == "server"
        guard method != "none" else {
            self.init(layout: layout, recordedCompression: layout == .archives ? method : nil)
            return
        }
        guard let format = CompressionFormat(rawValue: method), [.gzip, .lz4, .zstd].contains(format) else {
            throw Failure("backup_compression = \(method) is not supported")
        }
        let level = settings.backupCompressionLevel
        self.init(
            layout: layout,
            storedFormat: layout == .archives ? format : nil,
            clientLevel: isOnServer ? nil : Self.level(format, level),
            clientWorkers: settings.backupCompressionWorkers.flatMap { $0 > 0 ? Int(clamping: $0) : nil },
            serverCompression: isOnServer
                ? BaseBackupRequest.Compression(
                    method: method,
                    level: level,
                    workers: settings.backupCompressionWorkers
                ) : nil,
            recordedCompression: layout == .archives ? method : nil
        )
    }

    init(
        layout: Layout,
        storedFormat: CompressionFormat? = nil,
        clientLevel: CodecLevel? = nil,
        clientWorkers: Int? = nil,
        serverCompression: BaseBackupRequest.Compression? = nil,
        recordedCompression: String? = nil
    ) {
        self.layout = layout
        self.storedFormat = storedFormat
        self.clientLevel = clientLevel
        self.clientWorkers = clientWorkers
        self.serverCompression = serverCompression
        self.recordedCompression = recordedCompression
    }

    /// The defaults are those of pg_basebackup: 6, 0 and 3.
    private static func level(_ format: CompressionFormat, _ level: Int64?) -> CodecLevel {
        guard let level, !(format == .gzip && level == -1) else {
            return format == .lz4 ? .number(0) : .medium
        }
        if format == .zstd, level == 0 { return .medium }
        return .number(Int(clamping: level))
    }

    /// `.tar.zst` for example.
    var suffix: String {
        switch storedFormat {
        case .gzip: ".tar.gz"
        case .lz4: ".tar.lz4"
        case .zstd: ".tar.zst"
        default: ".tar"
        }
    }

    /// The format that comes over the wire.
    var wireFormat: CompressionFormat? {
        serverCompression.flatMap { CompressionFormat(rawValue: $0.method) }
    }

    /// Whom the archives are encrypted to; `nil` for nobody.
    ///
    /// Throws when the settings do not go together (backup.md 10).
    static func encryptionKey(_ settings: ServerSettings) throws(Failure) -> String? {
        guard let method = settings.encryption, method != "none" else { return nil }
        let subject = "Encryption is set as gpg, but "
        guard let key = settings.encryptionKeyID else { throw Failure(subject + "encryption_key_id is unset") }
        guard settings.backupCompression != nil else { throw Failure(subject + "backup_compression is unset") }
        guard settings.backupCompressionFormat == "tar" else {
            throw Failure(subject + "backup_compression_format != tar")
        }
        return key
    }
}
