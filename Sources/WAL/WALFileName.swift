/// The name of any file that belongs in a WAL archive.
public enum WALFileName: Hashable, Sendable {
    /// A complete segment.
    case segment(WALSegmentName)
    /// A backup label file: where in which segment a backup started.
    case backupLabel(WALSegmentName, offset: UInt32)
    /// A segment that was still being written.
    case partial(WALSegmentName)
    /// The history of a timeline.
    case history(Timeline)

    /// Reads a base name; hexadecimal digits may have either case, suffixes may not; `nil` for a foreign file.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 1, let segment = WALSegmentName(parts[0]) {
            self = .segment(segment)
        } else if parts.count == 2, parts[1] == "partial", let segment = WALSegmentName(parts[0]) {
            self = .partial(segment)
        } else if parts.count == 2, parts[1] == "history", parts[0].utf8.count == 8, let id = hexadecimal(parts[0]) {
            self = .history(Timeline(rawValue: id))
        } else if parts.count == 3, parts[2] == "backup", parts[1].utf8.count == 8,
            let segment = WALSegmentName(parts[0]), let offset = hexadecimal(parts[1])
        {
            self = .backupLabel(segment, offset: offset)
        } else {
            return nil
        }
    }

    /// The directory below the archive that holds the file; `nil` for history files, which live at the top.
    public var hashDirectory: String? {
        switch self {
        case .segment(let name), .partial(let name), .backupLabel(let name, _): name.hashDirectory
        case .history: nil
        }
    }

    /// The timeline in the name.
    public var timeline: Timeline {
        switch self {
        case .segment(let name), .partial(let name), .backupLabel(let name, _): name.timeline
        case .history(let timeline): timeline
        }
    }
}
