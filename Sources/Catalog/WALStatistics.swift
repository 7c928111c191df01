import Notation

/// What the archive holds for one backup (wal-archiving.md 14).
public struct WALStatistics: Equatable, Sendable {
    /// The segments from the begin of the backup to its end.
    public var segmentCount: Int64 = 0
    /// Their stored bytes.
    public var sizeBytes: Int64 = 0
    /// The segments after the end of the backup up to the end of the next one.
    public var untilNextCount: Int64 = 0
    /// Their stored bytes.
    public var untilNextSizeBytes: Int64 = 0
    /// The first segment of the backup, when it is archived.
    public var firstName: String?
    /// When that segment was last modified, in seconds since the epoch.
    public var firstTime: Double?
    /// The last segment counted.
    public var lastName: String?
    /// When that segment was last modified, in seconds since the epoch.
    public var lastTime: Double?
    /// The size of a segment before compression.
    public var segmentSizeBytes: Int64

    /// Statistics that count nothing yet.
    public init(segmentSizeBytes: Int64) {
        self.segmentSizeBytes = segmentSizeBytes
    }

    /// Seconds between the first and the last segment; nil unless both are archived.
    public var totalSeconds: Double? {
        guard let firstTime, let lastTime else { return nil }
        return lastTime - firstTime
    }

    /// Segments a second; nil unless the first and the last are archived.
    public var segmentsPerSecond: Double? {
        totalSeconds.map { $0 > 0 ? Double(segmentCount + untilNextCount) / $0 : 0 }
    }

    /// The share that compression saved of the backup's own segments; nil unless the first and the last are archived.
    public var compressionRatio: Double? { ratio(segmentCount, sizeBytes) }

    /// The share that compression saved of the segments after the backup; nil unless the first and the last are archived.
    public var untilNextCompressionRatio: Double? { ratio(untilNextCount, untilNextSizeBytes) }

    private func ratio(_ count: Int64, _ bytes: Int64) -> Double? {
        guard totalSeconds != nil else { return nil }
        let theoretical = Double(count) * Double(segmentSizeBytes)
        return theoretical > 0 ? 1 - Double(bytes) / theoretical : 0
    }
}

/// A name in `xlog.db` that no WAL file has.
public struct InvalidWALName: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: String
    /// The server, for the hint.
    public let server: String

    /// Makes an error.
    public init(name: String, server: String) {
        self.name = name
        self.server = server
    }

    /// The name in the way the reference quotes it.
    public var quoted: String { PythonText.quoted("BadXlogSegmentName:\(name)") }

    /// What to do about it.
    public var hint: String { "Please run \"barman rebuild-xlogdb \(server)\" to solve this issue" }

    /// The words of most commands.
    public var description: String { "invalid WAL segment name \(quoted)\nHINT: \(hint)" }
}
