public import SystemPackage

/// A model: options that can be put over those of a server of the same cluster.
public struct ModelSettings: Sendable {
    /// The name of its section.
    public let name: String
    let values: [OptionValue?]
    private let section: MergedSections.Section
    private let fallback: MergedSections.Section

    init(
        name: String,
        values: [OptionValue?],
        section: MergedSections.Section,
        fallback: MergedSections.Section
    ) {
        self.name = name
        self.values = values
        self.section = section
        self.fallback = fallback
    }

    /// The cluster of the servers it fits.
    public var cluster: String? {
        guard case .string(let text) = self[.cluster] else { return nil }
        return text
    }

    /// The value it sets, or nil when it sets none.
    public subscript(_ option: ServerOption) -> OptionValue? { values[option.rawValue] }

    /// The file that sets an option, or nil.
    public func source(of option: ServerOption) -> FilePath? { section[option.name]?.path }

    /// The file that `diagnose` names for an option: that of `[barman]` too, although a model takes nothing from there.
    public func namedSource(of option: ServerOption) -> FilePath? {
        source(of: option) ?? fallback[option.name]?.path
    }

    /// The file that says that this is a model.
    public var sourceOfModel: FilePath? { section["model"]?.path }

    /// Why it can not be put over a server, or nil when it can.
    public func incompatibility(with server: ServerSettings) -> String? {
        let mine = cluster ?? "None"
        if mine == server.cluster { return nil }
        return "Model '\(name)' has 'cluster=\(mine)', which is not compatible with "
            + "'cluster=\(server.cluster)' from server '\(server.name)'"
    }
}
