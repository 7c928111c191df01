public import Failure
import Files
public import Notation
import SystemPackage

/// Changes of the configuration as a user asks for them, checked one object after the other.
public struct ConfigurationUpdate: Sendable {
    /// The changes to queue, in the order asked for.
    let sections: [SectionChanges]

    /// Checks every object of the list: scope, name, options, values, and that the edited file can still be read.
    ///
    /// The first one that is wrong is reported with its reason, and nothing is changed. What is no list of objects is an
    /// exception.
    public init(
        _ changes: JSONValue,
        for configuration: Configuration,
        _ servers: ServerList,
        reporter: any Reporter
    ) throws(Failure) {
        let shape = "The changes are not a list of objects"
        guard let items = changes.arrayValue else { throw Failure(shape, kind: .exception) }
        var check = UpdateCheck(configuration: configuration, servers: servers)
        var sections: [SectionChanges] = []
        for item in items {
            guard let members = item.objectValue else { throw Failure(shape, kind: .exception) }
            do throws(UpdateCheck.Refusal) {
                sections.append(try check.accept(members))
            } catch {
                reporter.error(error.reason)
                // The hyphen is the one of the reference, U+2010.
                throw Failure("Aborting config\u{2010}update: invalid section \(UpdateCheck.text(of: members))")
            }
        }
        self.sections = sections
    }
}

/// The check of one object after the other; each sees the files as those before it will leave them.
private struct UpdateCheck {
    struct Refusal: Error {
        let reason: String
    }

    typealias Members = [(key: String, value: JSONValue)]

    let configuration: Configuration
    let servers: ServerList
    /// The files as they will be.
    var files: [FilePath: [UInt8]] = [:]
    /// The models that the list itself makes.
    var newModels: Set<String> = []

    init(configuration: Configuration, servers: ServerList) {
        self.configuration = configuration
        self.servers = servers
    }

    /// The object in the notation of the reference.
    static func text(of members: Members) -> String { literal(.object(members)).text }

    private static func literal(_ json: JSONValue) -> PythonLiteral {
        switch json {
        case .null: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .array(let items): .list(items.map(literal))
        case .object(let members):
            .dictionary(members.map { (key: .string($0.key), value: literal($0.value)) })
        }
    }

    mutating func accept(_ members: Members) throws(Refusal) -> SectionChanges {
        let whole = "Invalid section \(Self.text(of: members)): "
        let object = JSONValue.object(members)
        let scope = object["scope"] ?? .null
        guard let word = scope.stringValue, word == "server" || word == "model" else {
            let text = scope.stringValue ?? Self.literal(scope).text
            throw Refusal(
                reason: "\(whole)'scope' is invalid: '\(text)'. It should be either 'server' or 'model'."
            )
        }
        let nameKey = "\(word)_name"
        guard let name = object[nameKey]?.stringValue, !name.isEmpty else {
            throw Refusal(reason: "\(whole)'\(nameKey)' is missing.")
        }
        var options = members.filter { $0.key != "scope" && $0.key != nameKey }
        try checkName(name, word, whole)
        if word == "model" { try completeModel(name, &options, whole) }
        var changes: [ConfigurationChange] = []
        for (key, value) in options { changes.append(try change(key, value, word, name)) }
        if word == "model" { newModels.insert(name) }
        return SectionChanges(section: name, changes: changes)
    }

    private func checkName(_ name: String, _ scope: String, _ whole: String) throws(Refusal) {
        let isModel = servers.models[name] != nil || newModels.contains(name)
        if scope == "server", isModel { throw Refusal(reason: "\(whole)'\(name)' is a model, not a server.") }
        if scope == "model", servers[name] != nil {
            throw Refusal(reason: "\(whole)'\(name)' is a server, not a model.")
        }
        // A section of such a name would make the whole configuration unusable.
        let isReserved = ["barman", "all", "DEFAULT"].contains(name)
        if isReserved || name.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "]") }) {
            throw Refusal(reason: "\(whole)'\(name)' cannot be the name of a \(scope).")
        }
    }

    private func completeModel(_ name: String, _ options: inout Members, _ whole: String) throws(Refusal) {
        if servers.models[name] != nil || newModels.contains(name) { return }
        guard options.contains(where: { $0.key == "cluster" }) else {
            throw Refusal(reason: "\(whole)new model but 'cluster' is missing.")
        }
        if !options.contains(where: { $0.key == "model" }) { options.append((key: "model", value: "on")) }
    }

    private mutating func change(
        _ key: String,
        _ value: JSONValue,
        _ scope: String,
        _ name: String
    ) throws(Refusal) -> ConfigurationChange {
        let subject = "\(scope) '\(name)'"
        guard let type = Self.type(of: key, scope) else {
            throw Refusal(reason: "Invalid option '\(key)' for \(subject)")
        }
        let refusal = "Validation failed for \(subject): key '\(key)' -> "
        guard let text = value.stringValue else {
            throw Refusal(reason: "\(refusal)expected string or bytes-like object, got \(Self.kind(of: value))")
        }
        if text.utf8.contains(where: { $0 < 0x20 && $0 != UInt8(ascii: "\t") }) {
            throw Refusal(reason: "\(refusal)line breaks and control characters cannot be written to a file")
        }
        if case .invalid(let reason) = OptionParser.parse(text, as: type, key: key, section: name) {
            throw Refusal(reason: refusal + reason.replacing("in [\(name)] section: ", with: "in \(subject): "))
        }
        let path = configuration.file(of: key, in: name)
        try tryOut(key, text, name, path, refusal)
        return ConfigurationChange(key: key, value: text, file: path.string)
    }

    private static func type(of key: String, _ scope: String) -> OptionType? {
        if scope == "model", key == "model" { return .boolean }
        guard let specification = ServerOption(name: key)?.specification,
            specification.scope.contains(scope == "model" ? .model : .server)
        else { return nil }
        return specification.type
    }

    private static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "'NoneType'"
        case .bool: "'bool'"
        case .integer: "'int'"
        case .double: "'float'"
        case .string: "'str'"
        case .array: "'list'"
        case .object: "'dict'"
        }
    }

    /// Makes the change in memory and reads the result the way the next start of the program will.
    private mutating func tryOut(
        _ key: String,
        _ value: String,
        _ section: String,
        _ path: FilePath,
        _ refusal: String
    ) throws(Refusal) {
        do {
            let before = try files[path] ?? FileSystem.readIfPresent(path) ?? []
            let after = ConfigurationEdit.setting(key, to: value, in: section, of: before)
            var picture = configuration.picture
            try picture.merge(try IniFile(parsing: after, path: path))
            if let merged = picture[section], let entry = merged[key] { _ = try merged.text(of: entry) }
            files[path] = after
        } catch {
            throw Refusal(reason: "\(refusal)\(error)")
        }
    }
}

extension Configuration {
    /// The file to change for an option of a section: the one that sets it, else the one that the program keeps for itself.
    func file(of option: String, in section: String) -> FilePath {
        guard let path = picture[section]?[option]?.path else { return global.automaticFile }
        guard path.isRelative else { return path }
        // Whoever applies the change may stand elsewhere; a working directory that is gone leaves the path as it is.
        guard let directory = try? FileSystem.currentDirectory() else { return path }
        return directory.pushing(path)
    }

    /// The text of an option as it stands in its section; nil when the section does not set it.
    func text(of option: String, in section: String) -> String? { picture[section]?[option]?.text }
}
