import Files
import Processes
import SystemPackage

/// The programs of one major version of PostgreSQL on this host.
struct ServerPrograms: Sendable {
    /// Where they are.
    let directory: FilePath
    /// The version that `postgres` tells: `15.4`.
    let version: String

    /// Looks in `path_prefix`, where packages put each version, and in the search path.
    static func find(major: String, pathPrefix: String?, environment: [String: String]) -> ServerPrograms? {
        let prefix = (pathPrefix ?? "").split(separator: ":").map(String.init)
        let packaged = ["/usr/lib/postgresql/\(major)/bin", "/usr/pgsql-\(major)/bin"]
        let search = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for directory in prefix + packaged + search {
            let program = FilePath(directory).appending("postgres")
            guard FileSystem.isAccessible(program, for: .execute), let version = version(of: program) else { continue }
            if version == major || version.hasPrefix(major + ".") || Self.isPreview(version, of: major) {
                return ServerPrograms(directory: FilePath(directory), version: version)
            }
        }
        return nil
    }

    private static func isPreview(_ version: String, of major: String) -> Bool {
        version.hasPrefix(major) && version.dropFirst(major.count).first?.isLetter == true
    }

    /// The last word but packaging of `postgres (PostgreSQL) 15.4 (Debian …)`.
    private static func version(of program: FilePath) -> String? {
        var request = ProcessRequest(program.string, ["--version"])
        request.timeoutSeconds = 10
        // A program that does not run is not the one we look for.
        guard let outcome = try? request.run(), outcome.isSuccess else { return nil }
        let words = outcome.outputText.split(whereSeparator: \.isWhitespace)
        guard let mark = words.firstIndex(of: "(PostgreSQL)"), mark + 1 < words.count else { return nil }
        return String(words[mark + 1])
    }

    func path(_ name: String) -> String { directory.appending(name).string }
}
