public import Notation

/// What a finished restore tells the user; `Commands` renders it.
public struct RestoreReport: Sendable {
    /// A line of a configuration file in the destination.
    public struct ConfigurationLine: Sendable, Equatable {
        /// The file, relative to the destination: `postgresql.conf`.
        public let file: String
        /// The number of the line in the file as it was backed up; the first is 0.
        public let line: Int
        /// The option.
        public let key: String
        /// The new value, or the rest of the line of a dangerous option; `nil` when the option was disabled.
        public let value: String?

        /// Makes a line.
        public init(file: String, line: Int, key: String, value: String?) {
            self.file = file
            self.line = line
            self.key = key
            self.value = value
        }

        /// As the console shows it: `postgresql.conf line 2: archive_command = false`.
        public var text: String { "\(file) line \(line): \(key) = \(value ?? "None")" }
    }

    /// Options that were changed to prevent data losses.
    public var changes: [ConfigurationLine]
    /// Options left alone that may be dangerous.
    public var warnings: [ConfigurationLine]
    /// Configuration files that are not in the backup.
    public var missingFiles: [String]
    /// True when the restored server fetches its WAL by `get-wal`.
    public var usesGetWAL: Bool
    /// The file that holds the recovery settings: `postgresql.auto.conf`, `recovery.conf` or the one the user named.
    public var recoverySettingsFile: String
    /// When the restore began.
    public var startTime: Timestamp
    /// How long it took.
    public var elapsedSeconds: Double
    /// How much of it was the last sync to disk.
    public var syncSeconds: Double
}
