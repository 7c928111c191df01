import Files
import Processes
import SystemPackage

/// A program of PostgreSQL on this host, and how it gets on with a server.
struct ClientProgram: Sendable, Equatable {
    /// Where it is.
    let path: String
    /// Its version: `17.2`, `18beta1`; `nil` when it does not say it in a form we know.
    let version: String?

    /// Looks for the first of `names` in the search path that runs, directories of `pathPrefix` first.
    static func find(_ names: [String], pathPrefix: String?, environment: [String: String]) -> ClientProgram? {
        let search = [pathPrefix, environment["PATH"]].compactMap { $0 }.joined(separator: ":")
        for name in names {
            for directory in search.split(separator: ":") {
                let path = FilePath(String(directory)).appending(name)
                guard FileSystem.isAccessible(path, for: .execute) else { continue }
                if let program = ClientProgram(path: path.string) { return program }
            }
        }
        return nil
    }

    /// Asks the program at `path` for its version; `nil` when it does not run.
    private init?(path: String) {
        var request = ProcessRequest(path, ["--version"])
        request.timeoutSeconds = 10
        do {
            let outcome = try request.run()
            guard outcome.isSuccess else { return nil }
            self.init(path: path, version: Self.version(in: outcome.outputText))
        } catch {
            return nil
        }
    }

    init(path: String, version: String?) {
        self.path = path
        self.version = version
    }

    /// The second word of what a program says about itself, when it looks like a version; parentheses are skipped.
    static func version(in text: String) -> String? {
        var plain = ""
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if depth == 0 { plain.append(character) }
            if character == ")", depth > 0 { depth -= 1 }
        }
        let words = plain.split(whereSeparator: \.isWhitespace)
        guard words.count > 1 else { return nil }
        let version = String(words[1])
        let parts = ProgramVersion(version).parts
        guard case .number = parts.first, parts.count > 1 else { return nil }
        return version
    }

    /// Whether the program is at least as new as `version`, part by part.
    func isAtLeast(_ other: String) -> Bool? {
        version.map { ProgramVersion($0) >= ProgramVersion(other) }
    }
}

/// A version as its parts, for comparisons: `18beta1` is 18, `beta`, 1.
struct ProgramVersion: Comparable {
    enum Part: Comparable {
        case word(String)
        case number(Int)
    }

    let parts: [Part]

    init(_ text: String) {
        var parts: [Part] = []
        var run: [UInt8] = []
        func finish() {
            guard let first = run.first else { return }
            let text = String(decoding: run, as: UTF8.self)
            parts.append(Self.isDigit(first) ? .number(Int(text) ?? .max) : .word(text))
            run = []
        }
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                finish()
                continue
            }
            if let last = run.last, Self.isDigit(last) != Self.isDigit(byte) { finish() }
            run.append(byte)
        }
        finish()
        self.parts = parts
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    static func < (left: ProgramVersion, right: ProgramVersion) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
