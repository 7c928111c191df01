import Files
import SystemPackage

/// Finds directories that two options share (configuration.md §9.3).
enum PathConflicts {
    private static let options: [ServerOption] = [
        .backupDirectory, .basebackupsDirectory, .errorsDirectory, .incomingWalsDirectory, .streamingWalsDirectory,
        .walsDirectory,
    ]

    /// Disables servers that clash with themselves, and notes clashes between servers as global errors.
    static func mark(_ list: inout ServerList) {
        var owners: [String: (option: ServerOption, server: String)] = [:]
        var resolver = PathResolver()
        for index in list.servers.indices {
            let server = list.servers[index]
            for option in options {
                guard case .string(let path) = server[option], !CloudURL.looksLikeURL(path) else { continue }
                let real = resolver.resolve(path)
                guard let owner = owners[real] else {
                    owners[real] = (option, server.name)
                    continue
                }
                let place = "\(option.name)=\(path)" + (real == path ? "" : " (symlink to: \(real))")
                if owner.server == server.name {
                    list.servers[index].disable(
                        "Conflicting path: \(place) conflicts with '\(owner.option.name)' for server '\(server.name)'"
                    )
                } else {
                    list.globalErrors.append(
                        "Conflicting path: \(place) for server '\(server.name)' conflicts with "
                            + "'\(owner.option.name)' for server '\(owner.server)'"
                    )
                }
            }
        }
    }
}

/// Resolves symbolic links; directories that many paths share are looked at once.
struct PathResolver {
    private static let linkLimit = 40
    private var directories: [FilePath: FilePath] = [:]

    /// The path without symbolic links, as far as it exists; what a dangling link names is followed as well.
    mutating func resolve(_ text: String) -> String {
        resolve(FilePath(text), links: 0).string
    }

    private mutating func resolve(_ path: FilePath, links: Int) -> FilePath {
        guard path.isAbsolute, let last = path.lastComponent, last.kind == .regular, links < Self.linkLimit else {
            // A path that can not be followed is compared as it is written.
            return (try? FileSystem.canonicalPath(path)) ?? path.lexicallyNormalized()
        }
        let parent = path.removingLastComponent()
        let directory: FilePath
        if let known = directories[parent] {
            directory = known
        } else {
            directory = resolve(parent, links: links + 1)
            directories[parent] = directory
        }
        let whole = directory.appending(last)
        // Anything but a link, or nothing at all, ends where its directory does.
        guard let target = try? FileSystem.linkTarget(whole) else { return whole }
        return resolve(directory.pushing(target), links: links + 1)
    }
}
