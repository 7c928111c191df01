/// Makes a restored `postgresql.conf` or `postgresql.auto.conf` safe: what would archive into the old place or stop
/// the recovery early is disabled, what may be dangerous is reported.
///
/// Works on bytes: a configuration file may have any encoding.
struct ConfigurationEdit {
    /// One option that was met.
    struct Finding: Equatable {
        /// The number of the line, from 0.
        let line: Int
        /// The option, in lower case.
        let key: String
        /// The new value or the rest of the line; `nil` for a disabled option.
        let value: String?
    }

    /// The new content.
    private(set) var content: [UInt8] = []
    /// What was changed, in the order of the file.
    private(set) var changes: [Finding] = []
    /// What the user must look at, in the order of the file.
    private(set) var warnings: [Finding] = []

    /// Options that get a harmless value (`archive_command = false`) or none.
    private static let disabled: [String: String?] = [
        "archive_command": "false",
        "recovery_target": nil,
        "recovery_target_action": nil,
        "recovery_target_inclusive": nil,
        "recovery_target_lsn": nil,
        "recovery_target_name": nil,
        "recovery_target_time": nil,
        "recovery_target_timeline": nil,
        "recovery_target_xid": nil,
    ]

    /// Options that are only reported.
    private static let dangerous: Set<String> = [
        "config_file", "data_directory", "external_pid_file", "hba_file", "ident_file", "include", "include_dir",
        "include_if_exists", "ssl_ca_file", "ssl_cert_file", "ssl_crl_file", "ssl_key_file", "unix_socket_directories",
        "unix_socket_directory",
    ]

    /// Edits the content of one file and appends `recoverySettings`, a line each.
    init(editing original: [UInt8], appending recoverySettings: [String] = []) {
        content.reserveCapacity(original.count + 256)
        var start = 0
        var number = 0
        while start < original.count {
            let end = original[start...].firstIndex(of: UInt8(ascii: "\n")) ?? original.count
            edit(original[start..<end], number: number)
            if end < original.count { content.append(UInt8(ascii: "\n")) }
            start = end + 1
            number += 1
        }
        append(recoverySettings)
    }

    /// Takes one line over, without its end.
    private mutating func edit(_ line: ArraySlice<UInt8>, number: Int) {
        guard let (key, rest) = Self.parse(line) else {
            content += line
            return
        }
        if let replacement = Self.disabled[key] {
            content += Array("#BARMAN#".utf8) + line
            if let replacement { content += Array("\n\(key) = \(replacement)".utf8) }
            changes.append(Finding(line: number, key: key, value: replacement))
            return
        }
        content += line
        if Self.dangerous.contains(key) {
            warnings.append(Finding(line: number, key: key, value: String(decoding: rest, as: UTF8.self)))
        }
    }

    /// Adds lines at the end of the file; apart from what was there, as the reference does it.
    private mutating func append(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        if !content.isEmpty { content.append(UInt8(ascii: "\n")) }
        for line in lines { content += Array((line + "\n").utf8) }
    }

    /// The option a line sets, in lower case as PostgreSQL compares it, and what follows; `nil` for other lines.
    ///
    /// A name is a letter, then letters, digits, `_`, `$` and `.`; the equals sign is optional (PostgreSQL manual,
    /// "Parameter Interaction via the Configuration File").
    private static func parse(_ line: ArraySlice<UInt8>) -> (key: String, rest: ArraySlice<UInt8>)? {
        var rest = line.drop(while: isBlank)
        let name = rest.prefix { isNameByte($0) }
        guard let first = name.first, !isDigit(first), first != UInt8(ascii: "$"), first != UInt8(ascii: ".") else {
            return nil
        }
        rest = rest.dropFirst(name.count).drop(while: isBlank)
        if rest.first == UInt8(ascii: "=") { rest = rest.dropFirst().drop(while: isBlank) }
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return (String(decoding: name.map(lowercased), as: UTF8.self), rest)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (9...13).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "$"), UInt8(ascii: "."), 0x80...:
            true
        default: isDigit(byte)
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
