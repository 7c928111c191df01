import SystemPackage

/// All files read so far as one picture: a later file overrides earlier ones option by option.
struct MergedSections: Sendable {
    /// One option with the file that set it last.
    struct Entry: Sendable {
        let name: String
        var text: String
        var path: FilePath
        var line: Int
    }

    /// One section of the picture; values have been interpolated once.
    struct Section: Sendable {
        let name: String
        private(set) var entries: [Entry] = []
        private var positions: [String: Int] = [:]

        init(name: String) {
            self.name = name
        }

        subscript(_ option: String) -> Entry? {
            positions[option].map { entries[$0] }
        }

        mutating func set(_ entry: Entry) {
            if let position = positions[entry.name] {
                entries[position] = entry
            } else {
                positions[entry.name] = entries.count
                entries.append(entry)
            }
        }

        /// The final text of an option: interpolated again, `None` emptied, quotes removed.
        func text(of entry: Entry) throws(SettingsError) -> String {
            let resolved = try resolve(entry)
            return resolved == "None" ? "" : Self.unquoted(resolved)
        }

        /// The text of an option after the second interpolation.
        func resolve(_ entry: Entry) throws(SettingsError) -> String {
            let interpolation = Interpolation(lookUp: { self[$0]?.text }, section: name)
            do {
                return try interpolation.resolve(entry.text, of: entry.name)
            } catch {
                throw SettingsError(path: entry.path, line: entry.line, text: error.text)
            }
        }

        /// The text without one pair of identical quotes around the whole of it, when it is one line.
        private static func unquoted(_ text: String) -> String {
            let bytes = text.utf8
            guard bytes.count >= 2, let first = bytes.first, first == bytes.last,
                first == UInt8(ascii: "\"") || first == UInt8(ascii: "'"), !bytes.contains(UInt8(ascii: "\n"))
            else { return text }
            return String(Substring(bytes.dropFirst().dropLast()))
        }
    }

    private(set) var sections: [Section] = []
    private var positions: [String: Int] = [:]

    subscript(_ name: String) -> Section? {
        positions[name].map { sections[$0] }
    }

    /// Adds a file; its values are interpolated within their section and `[DEFAULT]` of that file.
    mutating func merge(_ file: IniFile) throws(SettingsError) {
        for section in file.sections {
            let position: Int
            if let known = positions[section.name] {
                position = known
            } else {
                position = sections.count
                positions[section.name] = position
                sections.append(Section(name: section.name))
            }
            let inherited = file.defaults.entries.filter { section[$0.name] == nil }
            let interpolation = Interpolation(
                lookUp: { section[$0] ?? file.defaults[$0] },
                section: section.name
            )
            for entry in section.entries + inherited {
                do {
                    let text = try interpolation.resolve(entry.text, of: entry.name)
                    try Interpolation.check(text)
                    sections[position].set(Entry(name: entry.name, text: text, path: file.path, line: entry.line))
                } catch {
                    throw SettingsError(path: file.path, line: entry.line, text: error.text)
                }
            }
        }
    }
}
