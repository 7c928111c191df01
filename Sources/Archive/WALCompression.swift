import Codecs
import Failure
import Settings

/// How a server compresses the WAL it archives.
struct WALCompression: Sendable {
    /// What does the work.
    enum Method: Sendable {
        /// Nothing: WAL is stored as it comes.
        case none
        /// A library.
        case codec(CompressionFormat, CodecLevel)
        /// A command of the user, run by the shell.
        case filter(String)
    }

    /// The name that `xlog.db` gets; `nil` for plain files.
    let name: String?
    /// What does the work.
    let method: Method

    /// Reads the settings; a compression that cannot be done is an error now, not at the first file.
    init(_ settings: ServerSettings) throws(Failure) {
        name = settings.compression
        guard let name else {
            method = .none
            return
        }
        if name == "custom" {
            guard let filter = settings.customCompressionFilter else {
                throw Failure(
                    "custom_compression_filter is not configured for server \(settings.name)",
                    kind: .exception
                )
            }
            method = .filter(filter)
            return
        }
        guard let format = Self.format(named: name), format != .snappy else {
            throw Failure("\(name) compression is not supported by this build")
        }
        method = .codec(format, Self.level(settings.compressionLevel))
    }

    /// The format behind a name of the configuration or of `xlog.db`; `nil` for `custom` and what nobody knows.
    static func format(named name: String) -> CompressionFormat? {
        switch name {
        case "pigz", "pygzip": .gzip
        case "pybzip2": .bzip2
        default: CompressionFormat(rawValue: name)
        }
    }

    static func level(_ level: Settings.CompressionLevel?) -> CodecLevel {
        switch level {
        case .low: .low
        case .medium, nil: .medium
        case .high: .high
        case .exact(let number): .number(Int(clamping: number))
        }
    }

    /// How many threads compress and write at once: more than cores, since each waits for the disk at the end of every file; fewer
    /// when each needs much memory.
    func workerCount(coreCount: Int) -> Int {
        let budget = 64
        let wanted = min(coreCount * 2 + 2, 16)
        switch method {
        case .none: return wanted
        case .filter: return min(coreCount, 8)
        case .codec(let format, let level):
            return max(1, min(wanted, budget / Self.memoryMebibytes(format, level.number(for: format))))
        }
    }

    /// What one encoder takes, roughly, in MiB.
    private static func memoryMebibytes(_ format: CompressionFormat, _ level: Int) -> Int {
        switch format {
        case .xz: [4, 10, 18, 33, 50, 96, 96, 188, 370, 676][min(max(level, 0), 9)]
        case .bzip2: 8
        case .zstd: level < 6 ? 6 : level < 10 ? 30 : level < 16 ? 64 : 256
        case .gzip, .lz4, .snappy: 4
        }
    }
}
