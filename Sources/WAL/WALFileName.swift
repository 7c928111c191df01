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
        guard let parsed = withBytes(of: text, { Self($0) }) else { return nil }
        self = parsed
    }

    /// Reads a base name as bytes in a buffer: for lists of a million names.
    public init?(_ bytes: Span<UInt8>) {
        switch bytes.count {
        case 24:
            guard let segment = WALSegmentName(bytes) else { return nil }
            self = .segment(segment)
        case 16 where Self.ends(bytes, with: ".history"):
            guard let timeline = hexadecimal(bytes, at: 0) else { return nil }
            self = .history(Timeline(rawValue: timeline))
        case 32 where Self.ends(bytes, with: ".partial"):
            guard let segment = WALSegmentName(bytes.extracting(..<24)) else { return nil }
            self = .partial(segment)
        case 40 where Self.ends(bytes, with: ".backup"):
            guard bytes[24] == UInt8(ascii: "."), let segment = WALSegmentName(bytes.extracting(..<24)),
                let offset = hexadecimal(bytes, at: 25)
            else { return nil }
            self = .backupLabel(segment, offset: offset)
        default: return nil
        }
    }

    private static func ends(_ bytes: Span<UInt8>, with suffix: StaticString) -> Bool {
        let start = bytes.count - suffix.utf8CodeUnitCount
        return suffix.withUTF8Buffer { expected in
            expected.indices.allSatisfy { unsafe expected[$0] == bytes[start + $0] }
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
