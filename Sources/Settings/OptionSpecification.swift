/// Where an option is honoured.
public struct OptionScope: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Takes the bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The `[barman]` section: of the program as a whole, or the fallback for every server.
    public static let global = OptionScope(rawValue: 1)
    /// The section of a server.
    public static let server = OptionScope(rawValue: 2)
    /// The section of a model.
    public static let model = OptionScope(rawValue: 4)

    /// The letters of the reference: `G S M`.
    public var letters: String {
        [(OptionScope.global, "G"), (.server, "S"), (.model, "M")].filter { contains($0.0) }
            .map(\.1)
            .joined(separator: " ")
    }
}

/// How the text of an option is understood.
public enum OptionType: Sendable, Hashable {
    /// Any text.
    case string
    /// `on`, `off` and their synonyms.
    case boolean
    /// A decimal integer.
    case integer
    /// Bytes, with an optional suffix such as `k` or `Gi`.
    case size
    /// A span such as `4 weeks`.
    case interval
    /// One of some words, any case unless exact; in the reason `{value}` stands for the refused text, `{word}` for it in
    /// lower case.
    case choice([String], isExact: Bool, reason: String)
    /// A level for WAL compression: an integer, `low`, `medium` or `high`.
    case compressionLevel
    /// `none` or `gpg`.
    case encryption
    /// Words between commas, any case, some of which exclude each other; the name is that of the rendered set.
    case words([String], conflicts: [[String]], name: String)
    /// The name of a replication slot.
    case slotName
    /// An absolute path.
    case absolutePath
    /// A path, or the URL of an object store.
    case directoryOrURL
    /// Names of disks between commas.
    case disks
    /// Text that becomes an integer when the server is loaded; a bad one is only logged.
    case lateInteger
    /// Rules `tablespace:kB/s` between blanks; a bad one is only logged.
    case tablespaceRates
    /// A retention policy; a bad one is only logged.
    case retentionPolicy

    /// What a user may write, in words.
    public var description: String {
        switch self {
        case .string: "text"
        case .boolean: "on or off"
        case .integer, .lateInteger: "integer"
        case .size: "size, such as 500Mi"
        case .interval: "interval, such as 4 weeks"
        case .choice(let words, _, _): words.joined(separator: ", ")
        case .compressionLevel: "integer, low, medium or high"
        case .encryption: "none, gpg"
        case .words(let words, _, _): "list of " + words.joined(separator: ", ")
        case .slotName: "replication slot name"
        case .absolutePath: "absolute path"
        case .directoryOrURL: "directory or URL"
        case .disks: "list of disk names"
        case .tablespaceRates: "list of tablespace:kB/s"
        case .retentionPolicy: "REDUNDANCY n, RECOVERY WINDOW OF n DAYS|WEEKS|MONTHS"
        }
    }
}

/// Everything there is to know about one option; parsing, validation, help and manual follow from it.
public struct OptionSpecification: Sendable, Hashable {
    /// The name as written in a configuration file.
    public let name: String
    /// Where it is honoured.
    public let scope: OptionScope
    /// How its text is understood.
    public let type: OptionType
    /// The text that applies when none is given; `{home}`, `{name}`, `{backup}` and `{wals}` stand for computed values.
    public let defaultText: String?
    /// What it does, in one sentence.
    public let summary: String
    /// Since when and in favour of what it is deprecated.
    public let deprecation: String?

    init(
        _ name: String,
        _ scope: OptionScope,
        _ type: OptionType,
        default defaultText: String? = nil,
        _ summary: String,
        deprecation: String? = nil
    ) {
        self.name = name
        self.scope = scope
        self.type = type
        self.defaultText = defaultText
        self.summary = summary
        self.deprecation = deprecation
    }
}
