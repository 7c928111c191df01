import Failure
import WAL

/// What `backup_label` says about the beginning of a backup (PostgreSQL manual, "Making a Base Backup Using the Low Level API").
struct LabelText {
    let lsn: LSN
    let segment: WALSegmentName

    /// Reads `START WAL LOCATION: 0/3000028 (file 000000010000000000000003)`; `nil` for anything else.
    init?(_ text: String) {
        let prefix = "START WAL LOCATION: "
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) else { return nil }
        let words = line.dropFirst(prefix.count).split(separator: " ")
        guard words.count == 3, words[1] == "(file", words[2].hasSuffix(")"), let lsn = LSN(words[0]),
            let segment = WALSegmentName(String(words[2].dropLast()))
        else { return nil }
        self.lsn = lsn
        self.segment = segment
    }
}
