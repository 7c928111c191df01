public import Notation

/// One archived WAL file, as a line of `xlog.db` (catalog-formats.md 7).
public struct XlogRecord: Equatable, Sendable {
    /// The base name of the file.
    public let name: String
    /// The size as stored, after compression and encryption.
    public let sizeBytes: Int64
    /// When the file as it was received was last modified, in seconds since the epoch.
    public let time: Double
    /// What it was compressed with.
    public let compression: String?
    /// What it was encrypted with.
    public let encryption: String?

    /// Makes a record.
    public init(name: String, sizeBytes: Int64, time: Double, compression: String?, encryption: String? = nil) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.time = time
        self.compression = compression
        self.encryption = encryption
    }

    /// Makes a record with the time as a file system has it.
    public init(
        name: String,
        sizeBytes: Int64,
        modifiedSeconds: Int64,
        modifiedNanoseconds: Int,
        compression: String?,
        encryption: String? = nil
    ) {
        self.init(
            name: name,
            sizeBytes: sizeBytes,
            time: Double(modifiedSeconds) + 1e-9 * Double(modifiedNanoseconds),
            compression: compression,
            encryption: encryption
        )
    }

    /// The record as `diagnose` and `sync-info` tell it.
    public var jsonValue: JSONValue {
        [
            "compression": .optional(compression), "encryption": .optional(encryption), "name": .string(name),
            "size": .integer(sizeBytes), "time": .double(time),
        ]
    }

    /// The line, with its end.
    public var line: String {
        "\(name)\t\(sizeBytes)\t\(PythonText.double(time))\t\(compression ?? "None")\t\(encryption ?? "None")\n"
    }
}
