import Notation
public import SystemPackage

/// One configuration file, parsed alone: sections in order of appearance, values not yet interpolated.
///
/// The dialect is that of the reference (configuration.md §3): whole-line comments only, continuation by indentation,
/// duplicates merge and the last value wins, `[DEFAULT]` feeds every section of the same file.
public struct IniFile: Sendable, Equatable {
    /// One option of a section.
    public struct Entry: Sendable, Equatable {
        /// The option's name in lower case.
        public let name: String
        /// The text after the separator; pieces of a continued value are joined with newlines.
        public var text: String
        /// The line that gave the option its name, counted from 1.
        public var line: Int
    }

    /// One section with its entries in order of first appearance.
    public struct Section: Sendable, Equatable {
        /// The name between the brackets, blanks included.
        public let name: String
        /// The options of the section.
        public var entries: [Entry] = []
        private var positions: [String: Int] = [:]

        init(name: String) {
            self.name = name
        }

        /// The text of an option, or nil when the section does not have it.
        public subscript(_ option: String) -> String? {
            guard let position = positions[option] else { return nil }
            return entries[position].text
        }

        mutating func set(_ entry: Entry) {
            if let position = positions[entry.name] {
                entries[position] = entry
            } else {
                positions[entry.name] = entries.count
                entries.append(entry)
            }
        }
    }

    /// Where the text came from; kept as given, for messages and `source(of:)`.
    public let path: FilePath
    /// The sections other than `[DEFAULT]`.
    public private(set) var sections: [Section] = []
    /// The entries of `[DEFAULT]`.
    public private(set) var defaults = Section(name: "DEFAULT")

    /// Parses the bytes of a file; the path serves only for messages.
    public init(parsing bytes: [UInt8], path: FilePath) throws(SettingsError) {
        if let flaw = UTF8Flaw.first(in: bytes) {
            throw SettingsError(path: path, line: nil, text: flaw.description)
        }
        self.path = path
        var reader = LineReader(bytes: bytes, path: path)
        try reader.readAll()
        sections = reader.sections
        defaults = reader.defaults
    }
}

/// The state of the parser between two lines.
private struct LineReader {
    let bytes: [UInt8]
    let path: FilePath
    var sections: [IniFile.Section] = []
    var defaults = IniFile.Section(name: "DEFAULT")

    private var positions: [String: Int] = [:]
    private var current: Target?
    /// The option that a more indented line would continue.
    private var open: OpenOption?
    private var indentation = 0
    private var lineNumber = 0
    private var badLines: [(number: Int, text: String)] = []

    private enum Target {
        case defaults
        case section(Int)
    }

    private struct OpenOption {
        let name: String
        let line: Int
        var pieces: [String]
    }

    init(bytes: [UInt8], path: FilePath) {
        self.bytes = bytes
        self.path = path
    }

    mutating func readAll() throws(SettingsError) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n"), bytes[end] != UInt8(ascii: "\r") { end += 1 }
            var next = end
            if next < bytes.count {
                next += 1
                if bytes[end] == UInt8(ascii: "\r"), next < bytes.count, bytes[next] == UInt8(ascii: "\n") { next += 1 }
            }
            lineNumber += 1
            try read(line: bytes[start..<end], isTerminated: next > end)
            start = next
        }
        closeOption()
        if !badLines.isEmpty {
            var text = "Source contains parsing errors: \(PythonText.quoted(path.string))"
            for line in badLines {
                let number = String(line.number)
                let padding = number.utf8.count < 2 ? " " : ""
                text += "\n\t[line \(padding)\(number)]: \(PythonText.quoted(line.text))"
            }
            throw SettingsError(path: path, line: badLines.first?.number, text: text)
        }
    }

    private mutating func read(line: ArraySlice<UInt8>, isTerminated: Bool) throws(SettingsError) {
        let value = Blanks.trim(line)
        guard let first = value.first else {
            open?.pieces.append("")
            return
        }
        if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { return }

        let depth = Blanks.leadingCount(line)
        if open != nil, depth > indentation {
            open?.pieces.append(String(decoding: value, as: UTF8.self))
            return
        }
        indentation = depth
        let whole = { String(decoding: line, as: UTF8.self) + (isTerminated ? "\n" : "") }

        if first == UInt8(ascii: "["), let close = value.lastIndex(of: UInt8(ascii: "]")), close > value.startIndex + 1
        {
            closeOption()
            enter(section: String(decoding: value[(value.startIndex + 1)..<close], as: UTF8.self))
            return
        }
        guard current != nil else {
            let text = """
                File contains no section headers.
                file: \(PythonText.quoted(path.string)), line: \(lineNumber)
                \(PythonText.quoted(whole()))
                """
            throw SettingsError(path: path, line: lineNumber, text: text)
        }
        let separator = value.firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }
        guard let separator, separator > value.startIndex else {
            badLines.append((lineNumber, whole()))
            return
        }
        closeOption()
        let name = String(decoding: Blanks.trim(value[..<separator]), as: UTF8.self).lowercased()
        let text = String(decoding: Blanks.trim(value[(separator + 1)...]), as: UTF8.self)
        open = OpenOption(name: name, line: lineNumber, pieces: [text])
    }

    private mutating func enter(section name: String) {
        if name == "DEFAULT" {
            current = .defaults
        } else if let position = positions[name] {
            current = .section(position)
        } else {
            positions[name] = sections.count
            current = .section(sections.count)
            sections.append(IniFile.Section(name: name))
        }
    }

    private mutating func closeOption() {
        guard let option = open else { return }
        open = nil
        let text: String
        if option.pieces.count == 1 {
            text = option.pieces[0]
        } else {
            let joined = Array(option.pieces.joined(separator: "\n").utf8)
            text = String(decoding: Blanks.trimEnd(joined[...]), as: UTF8.self)
        }
        let entry = IniFile.Entry(name: option.name, text: text, line: option.line)
        switch current {
        case .defaults: defaults.set(entry)
        case .section(let position): sections[position].set(entry)
        case nil: break
        }
    }
}
