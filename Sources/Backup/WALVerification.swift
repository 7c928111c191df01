import Archive
import Catalog
import Failure
import Files
import Pipeline
import Processes
import Settings
import SystemPackage
import WAL

/// The check that the archive holds all WAL from the begin of a backup to its end, each segment whole.
struct WALVerification: Sendable {
    let home: ServerHome

    /// More missing segments than this are not named one by one.
    private static let mostNamed = 1000

    /// What came of a segment.
    private enum Finding: Sendable {
        case whole
        case defect(String)
        /// It is there, and only who has the key can tell more.
        case encrypted(FilePath)
        /// It is there, and only a program of the user can tell more.
        case custom
    }

    func check(_ info: BackupInfo, into report: inout BackupVerification.Report) throws {
        guard !home.walsAreInCloud, info.endSegment != nil else { return }
        let segments: [WALSegmentName]
        switch try WALCompleteness(of: info, in: home) {
        case .unknown: return
        case .incomplete where info.status == .waitingForWALs:
            report.remarks.append("the WAL of backup '\(info.id)' has not been archived up to its end yet")
            return
        case .complete, .incomplete, .missing:
            segments = WALCompleteness.segments(of: info, in: home)
        }
        let size = Int64(info.segmentSize.bytes)
        let reader = WALReader(home: home)
        var defects: [String] = []
        var encrypted: [(WALSegmentName, FilePath)] = []
        var customCount = 0
        try look(
            at: segments,
            body: { try finding($0, wantedBytes: size, info, reader) },
            consume: { segment, finding in
                switch finding {
                case .whole: break
                case .defect(let text): defects.append(text)
                case .encrypted(let path): encrypted.append((segment, path))
                case .custom: customCount += 1
                }
            }
        )
        if customCount > 0 {
            report.remarks.append(
                "\(customCount) WAL files are compressed by a custom filter, and are there but were not read"
            )
        }
        if !encrypted.isEmpty { defects += try checkEncrypted(encrypted, wantedBytes: size, info, into: &report) }
        report.defects += defects.prefix(Self.mostNamed)
        if defects.count > Self.mostNamed {
            report.defects.append("and \(defects.count - Self.mostNamed) more WAL files are missing or damaged")
        }
    }

    /// Does something with every input on all cores; `consume` gets what came of each on this thread, in order.
    private func look<Input: Sendable, Output: Sendable>(
        at inputs: [Input],
        body: @Sendable (Input) throws -> Output,
        consume: (Input, Output) -> Void
    ) throws {
        try Workers.map(
            inputs,
            count: Workers.coreCount,
            check: { try SignalWatch.check() },
            body: body,
            inOrder: { index, output in consume(inputs[index], output) }
        )
    }

    private func finding(
        _ segment: WALSegmentName,
        wantedBytes: Int64,
        _ info: BackupInfo,
        _ reader: WALReader
    ) throws -> Finding {
        guard let path = try WALCompleteness.place(of: segment, for: info, in: home) else {
            return .defect("WAL file \"\(segment)\" is missing in the archive")
        }
        do {
            switch try reader.plainSize(of: path) {
            case .bytes(let size): return Self.finding(segment, size, wantedBytes)
            case .encrypted: return .encrypted(path)
            case .custom: return .custom
            }
        } catch let failure as Failure {
            return .defect("could not read WAL file \"\(segment)\": \(failure)")
        }
    }

    private static func finding(_ segment: WALSegmentName, _ sizeBytes: Int64, _ wantedBytes: Int64) -> Finding {
        guard sizeBytes != wantedBytes else { return .whole }
        return .defect(
            "WAL file \"\(segment)\" has size \(sizeBytes) in the archive, but a segment has size \(wantedBytes)"
        )
    }

    // MARK: Encrypted

    /// Reads encrypted segments as they come out of gpg, and returns what is wrong with them.
    private func checkEncrypted(
        _ files: [(WALSegmentName, FilePath)],
        wantedBytes: Int64,
        _ info: BackupInfo,
        into report: inout BackupVerification.Report
    ) throws -> [String] {
        let notRead = "\(files.count) WAL files are encrypted, and are there but were not read"
        // What a custom filter makes of it, only that filter knows.
        guard home.settings.encryptionPassphraseCommand != nil, home.settings.compression != "custom" else {
            report.remarks.append(notRead)
            return []
        }
        let passphrase = try DecryptedFile.passphrase(for: info.id, home.settings, purpose: "a verification")
        let source = ArchiveSource(passphrase: passphrase, pathPrefix: home.settings.pathPrefix)
        var defects: [String] = []
        do {
            try look(
                at: files,
                body: { try finding($0.0, encrypted: $0.1, wantedBytes: wantedBytes, source) },
                consume: { if case .defect(let text) = $1 { defects.append(text) } }
            )
        } catch let error as DecryptedFile.Locked {
            report.remarks.append("\(notRead): \(error)")
        }
        return defects
    }

    private func finding(
        _ segment: WALSegmentName,
        encrypted path: FilePath,
        wantedBytes: Int64,
        _ source: ArchiveSource
    ) throws -> Finding {
        do {
            let plain = try source.open(path)
            let buffer = ReadBuffer(1 << 18)
            var size: Int64 = 0
            while case let count = try plain.read(into: buffer.bytes), count > 0 {
                try SignalWatch.check()
                size += Int64(count)
            }
            return Self.finding(segment, size, wantedBytes)
        } catch let error where !(error is SignalWatch.Interrupted || error is DecryptedFile.Locked) {
            return .defect("could not read WAL file \"\(segment)\": \(error)")
        }
    }
}
