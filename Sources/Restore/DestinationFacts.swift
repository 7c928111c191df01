import Files
import Processes
import SystemPackage

/// What is known of one place that a restore writes to; nothing is changed to find it out.
struct PlaceFacts: Sendable, Equatable {
    /// The place itself, or what is nearest above it.
    let existing: String
    /// True when the place itself is there.
    let isThere: Bool
    /// True when that is a directory.
    let isDirectory: Bool
    /// True when files can be made there.
    let isWritable: Bool
    /// What may still be written to its file system; `nil` when that cannot be told.
    let freeBytes: Int64?
    /// Which file system it is on.
    let fileSystem: String
}

/// Looks at the places of a restore, here or over one call of ssh.
struct DestinationProbe {
    let remote: SSHCommand?

    /// The facts of each place, in order.
    func facts(of places: [String]) throws -> [PlaceFacts] {
        guard let remote else { return try places.map { try Self.local($0) } }
        return try Self.remote(places, remote)
    }

    // MARK: Here

    private static func local(_ place: String) throws -> PlaceFacts {
        var path = FilePath(place)
        var isPlaceThere = true
        while try !isThere(path), path.lastComponent != nil {
            isPlaceThere = false
            path.removeLastComponent()
        }
        if path.isEmpty { path = "." }
        guard let status = try FileSystem.statusIfPresent(of: path) else {
            // A link that leads nowhere.
            return PlaceFacts(
                existing: path.string,
                isThere: isPlaceThere,
                isDirectory: false,
                isWritable: false,
                freeBytes: nil,
                fileSystem: ""
            )
        }
        return PlaceFacts(
            existing: path.string,
            isThere: isPlaceThere,
            isDirectory: status.kind == .directory,
            isWritable: FileSystem.isAccessible(path, for: [.write, .execute]),
            freeBytes: try FileSystem.freeBytes(at: path),
            fileSystem: String(status.device)
        )
    }

    /// Whether something has this path; what we may not look at is as good as not there.
    private static func isThere(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            return try FileSystem.statusIfPresent(of: path, followingLinks: false) != nil
        } catch  where error.isPermissionDenied {
            return false
        }
    }

    // MARK: On another host

    /// One line for each place: there, directory, writable, free KiB, mount point; then one with what is nearest above it.
    private static let script = """
        for p in "$@"; do
            a=$p; t=y
            while [ ! -e "$a" ] && [ ! -L "$a" ] && [ "$a" != / ] && [ "$a" != . ]; do a=$(dirname -- "$a"); t=n; done
            d=n; [ -d "$a" ] && d=y
            w=n; [ -w "$a" ] && [ -x "$a" ] && w=y
            f=$(df -Pk -- "$a" 2>/dev/null | tail -n 1 | awk '{print $4, $6}')
            printf '%s %s %s %s\\n%s\\n' "$t" "$d" "$w" "${f:-? ?}" "$a"
        done
        """

    private static func remote(_ places: [String], _ ssh: SSHCommand) throws -> [PlaceFacts] {
        let outcome = try ssh.request(remote: ["sh", "-c", script, "barman"] + places).runChecked()
        let lines = outcome.outputText.split(separator: "\n", omittingEmptySubsequences: false)
        return try places.indices.map { index in
            guard lines.count > 2 * index + 1 else { throw ProcessError.failed(outcome) }
            let words = lines[2 * index].split(separator: " ", maxSplits: 4)
            guard words.count == 5 else { throw ProcessError.failed(outcome) }
            return PlaceFacts(
                existing: String(lines[2 * index + 1]),
                isThere: words[0] == "y",
                isDirectory: words[1] == "y",
                isWritable: words[2] == "y",
                freeBytes: Int64(words[3]).map { $0.multipliedReportingOverflow(by: 1024).partialValue },
                fileSystem: String(words[4])
            )
        }
    }
}
