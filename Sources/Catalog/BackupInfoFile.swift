import Notation
public import SystemPackage
import WAL

/// Reading and writing of `backup.info` (catalog-formats.md 3.2 to 3.4).
extension BackupInfo {
    /// Reads a record; `serverName` and `mode` are what counts when the file does not have them.
    ///
    /// Files of all older releases are accepted. `path` is for the error only.
    public init(
        parsing bytes: [UInt8],
        id: String,
        path: FilePath,
        serverName: String?,
        mode: String?
    ) throws(BackupInfoError) {
        self.init(id: id, serverName: serverName, mode: mode)
        var number = 0
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            number += 1
            do throws(LineError) {
                try takeLine(bytes[start..<end])
            } catch {
                throw BackupInfoError(path: path, line: number, reason: error.reason)
            }
            start = end + 1
        }
    }

    /// The content of the file: all keys in order, each on one line.
    ///
    /// A text other than the error that spans lines cannot be stored; it is cut to its first line as well.
    public var fileText: String {
        var text = ""
        for key in BackupInfoKey.allCases {
            let value = storedText(of: key)
            if value == nil, key.isHiddenWhenNull { continue }
            text += key.rawValue
            text += "="
            text += value ?? "None"
            text += "\n"
        }
        return text
    }
}

/// What is wrong with a line, before file and number are known.
private struct LineError: Error {
    let reason: BackupInfoError.Reason
}

extension BackupInfo {
    private mutating func takeLine(_ line: ArraySlice<UInt8>) throws(LineError) {
        guard line.first != UInt8(ascii: "#") else { return }
        let content = trimmed(line)
        guard !content.isEmpty else { return }
        guard let separator = content.firstIndex(of: UInt8(ascii: "=")) else {
            throw LineError(reason: .invalidLine(String(decoding: content, as: UTF8.self)))
        }
        guard let name = String(validating: trimmed(content[..<separator]), as: UTF8.self),
            let value = String(validating: trimmed(content[(separator + 1)...]), as: UTF8.self)
        else { throw LineError(reason: .notText) }
        guard let key = BackupInfoKey.byName[name] else {
            if BackupInfoKey.ignoredNames.contains(name) { return }
            throw LineError(reason: .unsupportedField(name))
        }
        do throws(ValueError) {
            try set(key, to: value == "None" ? nil : value)
        } catch {
            throw LineError(reason: .invalidValue(key: name, value: value, reason: error.reason))
        }
    }

    private func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = line
        while let byte = slice.first, byte == 0x20 || (0x09...0x0D).contains(byte) { slice.removeFirst() }
        while let byte = slice.last, byte == 0x20 || (0x09...0x0D).contains(byte) { slice.removeLast() }
        return slice
    }

    private mutating func set(_ key: BackupInfoKey, to text: String?) throws(ValueError) {
        switch key {
        case .backupLabel: backupLabel = try text.map(string)
        case .backupName: backupName = text
        case .beginOffset: beginOffset = try text.map(integer)
        case .beginTime: beginTime = try text.map(time)
        case .beginWAL: beginWAL = text
        case .beginXlog: beginXlog = text
        case .childrenBackupIDs: childrenBackupIDs = text.flatMap(identifiers)
        case .clusterSize: clusterSizeBytes = try text.map(integer)
        case .compression: compression = text
        case .configFile: configFile = text
        case .copyStats: copyStats = try text.map(dictionary)
        case .dataChecksums: dataChecksums = text
        case .deduplicatedSize: deduplicatedSizeBytes = try text.map(integer)
        case .encryption: encryption = text
        case .endOffset: endOffset = try text.map(integer)
        case .endTime: endTime = try text.map(time)
        case .endWAL: endWAL = text
        case .endXlog: endXlog = text
        case .error: error = text
        case .hbaFile: hbaFile = text
        case .identFile: identFile = text
        case .includedFiles: includedFiles = try text.map(strings)
        case .mode: mode = text
        case .parentBackupID: parentBackupID = text
        case .pgdata: pgdata = text
        case .serverName: serverName = text
        case .size: sizeBytes = try text.map(integer)
        case .snapshotsInfo: snapshotsInfo = try text.map(dictionary)
        case .status: status = try text.map(statusValue) ?? .empty
        case .summarizeWAL: summarizeWAL = text
        case .systemID: systemID = text
        case .tablespaces: tablespaces = try text.map(tablespaceList)
        case .timeline: timeline = try text.map(timelineValue)
        case .version: version = try text.map(integer)
        case .xlogSegmentSize: xlogSegmentSizeBytes = try text.map(integer)
        }
    }

    /// The text of a value in the file; nil for null.
    func storedText(of key: BackupInfoKey) -> String? {
        switch key {
        case .backupLabel: backupLabel.flatMap { $0.isEmpty ? nil : PythonText.quoted($0) }
        case .backupName: backupName.map(oneLine)
        case .beginOffset: beginOffset.map { String($0) }
        case .beginTime: beginTime?.catalogText
        case .beginWAL: beginWAL
        case .beginXlog: beginXlog
        case .childrenBackupIDs: children.isEmpty ? nil : children.joined(separator: ",")
        case .clusterSize: clusterSizeBytes.map { String($0) }
        case .compression: compression
        case .configFile: configFile.map(oneLine)
        case .copyStats: copyStatsText
        case .dataChecksums: dataChecksums
        case .deduplicatedSize: deduplicatedSizeBytes.map { String($0) }
        case .encryption: encryption
        case .endOffset: endOffset.map { String($0) }
        case .endTime: endTime?.catalogText
        case .endWAL: endWAL
        case .endXlog: endXlog
        case .error: error.map(oneLine)
        case .hbaFile: hbaFile.map(oneLine)
        case .identFile: identFile.map(oneLine)
        case .includedFiles: nonEmpty(includedFiles.map { .list($0.map(PythonLiteral.string)) })
        case .mode: mode
        case .parentBackupID: parentBackupID
        case .pgdata: pgdata.map(oneLine)
        case .serverName: serverName.map(oneLine)
        case .size: sizeBytes.map { String($0) }
        case .snapshotsInfo: nonEmpty(snapshotsInfo)
        case .status: status.rawValue
        case .summarizeWAL: summarizeWAL
        case .systemID: systemID
        case .tablespaces: nonEmpty(tablespaces.map { .list($0.map(literal)) })
        case .timeline: timeline?.description
        case .version: version.map { String($0) }
        case .xlogSegmentSize: xlogSegmentSizeBytes.map { String($0) }
        }
    }

    private func oneLine(_ text: String) -> String {
        let line = text.utf8.prefix { $0 != 0x0A && $0 != 0x0D }
        return String(line) ?? text
    }

    private func nonEmpty(_ literal: PythonLiteral?) -> String? {
        literal.flatMap { $0.isEmpty ? nil : $0.text }
    }

    private func literal(_ tablespace: Tablespace) -> PythonLiteral {
        .tuple([.string(tablespace.name), .integer(tablespace.oid), .string(tablespace.location)])
    }
}

/// Why a text is no value of its key.
private struct ValueError: Error {
    let reason: String
}

private func integer(_ text: String) throws(ValueError) -> Int64 {
    guard let value = Int64(text) else { throw ValueError(reason: "a whole number expected") }
    return value
}

private func time(_ text: String) throws(ValueError) -> Timestamp {
    guard let value = Timestamp(catalogText: text) else { throw ValueError(reason: "a date and time expected") }
    return value
}

private func statusValue(_ text: String) throws(ValueError) -> BackupStatus {
    guard let value = BackupStatus(rawValue: text) else { throw ValueError(reason: "unknown status") }
    return value
}

private func timelineValue(_ text: String) throws(ValueError) -> Timeline {
    guard let value = UInt32(text) else { throw ValueError(reason: "a timeline expected") }
    return Timeline(rawValue: value)
}

private func identifiers(_ text: String) -> [String]? {
    text.isEmpty ? nil : text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
}

private func literal(_ text: String) throws(ValueError) -> PythonLiteral {
    do {
        return try PythonLiteral(parsing: text)
    } catch {
        throw ValueError(reason: error.description)
    }
}

private func string(_ text: String) throws(ValueError) -> String {
    guard let value = try literal(text).stringValue else { throw ValueError(reason: "a quoted text expected") }
    return value
}

private func strings(_ text: String) throws(ValueError) -> [String] {
    let values = try literal(text).elements ?? []
    let texts = values.compactMap(\.stringValue)
    guard !values.isEmpty || text == "[]" || text == "()", texts.count == values.count else {
        throw ValueError(reason: "a list of texts expected")
    }
    return texts
}

private func dictionary(_ text: String) throws(ValueError) -> PythonLiteral {
    let value = try literal(text)
    guard case .dictionary = value else { throw ValueError(reason: "a dictionary expected") }
    return value
}

private func tablespaceList(_ text: String) throws(ValueError) -> [Tablespace] {
    guard let entries = try literal(text).elements else { throw ValueError(reason: "a list expected") }
    var tablespaces: [Tablespace] = []
    for entry in entries {
        guard let fields = entry.elements, fields.count == 3, let name = fields[0].stringValue,
            let oid = fields[1].integerValue, let location = fields[2].stringValue
        else { throw ValueError(reason: "a name, an oid and a location expected") }
        tablespaces.append(Tablespace(name: name, oid: oid, location: location))
    }
    return tablespaces
}
