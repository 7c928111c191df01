import Notation

/// The lines that tell a restored server where its WAL comes from and where to stop.
struct RecoverySettings {
    /// Where the server takes its WAL from.
    enum Source: Equatable {
        /// `get-wal` with the user's own command.
        case custom(command: String)
        /// `barman get-wal` on this host.
        case localGetWAL(user: String, server: String)
        /// `barman-wal-restore` on the restored host, which asks this one.
        case remoteGetWAL(user: String, host: String, server: String, port: String?, jobs: Int64)
        /// Files that were copied into a directory, which recovery removes at its end.
        case directory(String)
        /// WAL that lies in `pg_wal` already.
        case none
    }

    var source: Source
    var standbyMode: Bool
    var target: RecoveryTarget
    /// The version of the backup, such as `150004`.
    var version: Int

    /// The settings, in the order of the reference.
    var lines: [String] {
        var lines = sourceLines
        if version < 12_00_00, standbyMode { lines.append("standby_mode = 'on'") }
        return lines + targetLines
    }

    private var sourceLines: [String] {
        switch source {
        case .custom(let command):
            return ["restore_command = '\(Self.doublingQuotes(command))'"]
        case .localGetWAL(let user, let server):
            let partial = standbyMode ? "" : "-P"
            return [
                "# The 'barman get-wal' command must run as '\(user)' user",
                "restore_command = 'barman get-wal \(partial) \(server) %f > %p'",
            ]
        case .remoteGetWAL(let user, let host, let server, let port, let jobs):
            var words = ["barman-wal-restore"]
            if !standbyMode { words.append("-P") }
            words += ["-U", user]
            if let port { words += ["--port", port] }
            words += [host, server, "%f", "%p"]
            if jobs > 1 { words += ["-p", String(jobs)] }
            return [
                "# The 'barman-wal-restore' command is provided in the 'barman-cli' package",
                "restore_command = '\(words.joined(separator: " "))'",
            ]
        case .directory(let directory):
            let path = Self.shellWord(directory)
            return [
                "restore_command = 'cp \(Self.escaped(path))/%f %p'",
                "recovery_end_command = 'rm -fr \(Self.escaped(path))'",
            ]
        case .none:
            return []
        }
    }

    private var targetLines: [String] {
        var lines: [String] = []
        var allowsExclusive = false
        if let time = target.time {
            lines.append("recovery_target_time = '\(time.catalogText)'")
            allowsExclusive = true
        }
        if let xid = target.xid {
            lines.append("recovery_target_xid = '\(Self.escaped(xid))'")
            allowsExclusive = true
        }
        if let lsn = target.lsn {
            lines.append("recovery_target_lsn = '\(Self.escaped(lsn))'")
            allowsExclusive = true
        }
        if let name = target.name { lines.append("recovery_target_name = '\(Self.escaped(name))'") }
        if target.immediate { lines.append("recovery_target = 'immediate'") }
        if target.isExclusive, allowsExclusive { lines.append("recovery_target_inclusive = 'False'") }
        if let timeline = target.timeline { lines.append("recovery_target_timeline = \(timeline)") }
        if let action = target.action { lines.append("recovery_target_action = '\(action)'") }
        return lines
    }

    /// A value between single quotes in a configuration file: quotes and backslashes doubled, line ends escaped.
    static func escaped(_ value: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "'": result.append(contentsOf: "''".unicodeScalars)
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// A command the user wrote: only its quotes are doubled.
    static func doublingQuotes(_ command: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in command.unicodeScalars {
            if scalar == "'" { result.append("'") }
            result.append(scalar)
        }
        return String(result)
    }

    /// A path as one word of a shell command that PostgreSQL expands: `%` doubled, and quoted only when it must be.
    private static func shellWord(_ path: String) -> String {
        var result = String.UnicodeScalarView()
        var needsQuotes = path.isEmpty
        for scalar in path.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "_", "-", "+", ",", ":", "@", "=":
                result.append(scalar)
            case "'":
                needsQuotes = true
                result.append(contentsOf: "'\\''".unicodeScalars)
            case "%":
                result.append(contentsOf: "%%".unicodeScalars)
            default:
                needsQuotes = needsQuotes || scalar.isASCII
                result.append(scalar)
            }
        }
        return needsQuotes ? "'\(String(result))'" : String(result)
    }
}
