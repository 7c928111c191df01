public import Notation
public import SystemPackage

extension BackupInfo {
    /// Reads a record as `sync-info` of any release tells it (catalog-formats.md 3.10); members that the file has no key for are ignored.
    ///
    /// `path` is for the error only.
    public init(syncInfo record: JSONValue, id: String, path: FilePath) throws(BackupInfoError) {
        var lines: [String] = []
        for key in BackupInfoKey.allCases {
            guard let value = record["\(key.rawValue)_iso"] ?? record[key.rawValue], value != .null else { continue }
            lines.append("\(key.rawValue)=\(BackupInfo.fileText(of: value))")
        }
        try self.init(
            parsing: Array(lines.joined(separator: "\n").utf8),
            id: id,
            path: path,
            serverName: nil,
            mode: nil
        )
    }

    /// The text that the file has for a value: structures as literals, texts as they are.
    private static func fileText(of value: JSONValue) -> String {
        switch value {
        case .string(let text):
            // A line end would begin another key.
            String(text.utf8.prefix { $0 != 0x0A && $0 != 0x0D }) ?? text
        case .double(let number) where number == number.rounded() && abs(number) < 1e15: String(Int64(number))
        default: PythonLiteral(value).text
        }
    }
}
