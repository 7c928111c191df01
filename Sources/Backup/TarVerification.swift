import Catalog
import Codecs
import Files
import Pipeline
import Processes
import SystemPackage

/// Holds the tar files of a backup against its manifest, compressed or not, in one pass over each and without unpacking.
struct TarVerification: Sendable {
    /// A tar file, and what of the manifest must be in it.
    private struct Archive: Sendable {
        let path: FilePath
        let prefix: [UInt8]

        var name: String { path.lastComponent?.string ?? "" }
    }

    let data: FilePath
    let tablespaces: [Tablespace]
    let source: ArchiveSource
    let progress: ReadProgress

    private static let bufferBytes = 1 << 20

    /// Reads every archive and returns what is wrong, in the words of `pg_verifybackup`.
    func defects(of manifest: ManifestFile) throws -> [String] {
        var (archives, defects) = try find()
        let entries = manifest.entries
        let tablespaces = archives.dropFirst().map(\.prefix)
        let total = try archives.reduce(0) { $0 &+ (try FileSystem.status(of: $1.path).sizeBytes) }
        try Workers.map(
            archives,
            count: Workers.coreCount,
            check: {
                try SignalWatch.check()
                progress.show(of: total)
            },
            body: { archive in try self.defects(in: archive, entries, tablespaces) },
            inOrder: { _, found in defects += found }
        )
        return defects
    }

    /// The archives that are there, that of the data directory first; and what is missing or too much.
    private func find() throws -> ([Archive], [String]) {
        var names = try FileSystem.names(in: data)
        var archives: [Archive] = []
        var defects: [String] = []
        let wanted = [("base", [])] + tablespaces.map { ("\($0.oid)", Array("pg_tblspc/\($0.oid)/".utf8)) }
        for (stem, prefix) in wanted {
            let matches = names.filter { $0 == "\(stem).tar" || $0.hasPrefix("\(stem).tar.") }
            names.removeAll { matches.contains($0) }
            guard let name = matches.first, matches.count == 1 else {
                defects.append(
                    matches.isEmpty
                        ? "\"\(stem).tar\" is not there, neither plain nor compressed"
                        : "there are several archives of one name: \(matches.joined(separator: ", "))"
                )
                // Without the first there is nothing that the others could follow.
                guard stem != "base" else { return ([], defects) }
                continue
            }
            archives.append(Archive(path: data.appending(name), prefix: prefix))
        }
        for name in names where name != BackupManifest.fileName {
            defects.append("file \"\(name)\" is not expected in a tar format backup")
        }
        return (archives, defects)
    }

    // MARK: One archive

    /// What is below one of the prefixes of `tablespaces` belongs into an archive of its own, all else into the first.
    private func defects(
        in archive: Archive,
        _ entries: PackedEntries,
        _ tablespaces: [[UInt8]]
    ) throws -> [String] {
        func belongs(_ path: [UInt8]) -> Bool {
            (tablespaces.first { path.starts(with: $0) } ?? []) == archive.prefix
        }
        var isSeen = [Bool](repeating: false, count: entries.count)
        var defects: [String] = []
        var place = "its begin"
        do {
            let plain = try source.open(archive.path) { [progress] count in progress.add(count) }
            let tar = TarReader { buffer in try plain.read(into: buffer) }
            let buffer = ReadBuffer(Self.bufferBytes)
            while let member = try tar.next() {
                try SignalWatch.check()
                guard case .regular = member.kind else { continue }
                let path = archive.prefix + Self.normalized(member.name)
                place = "\"\(String(decoding: path, as: UTF8.self))\""
                guard let position = entries.position(of: path), belongs(path), !isSeen[position] else {
                    if !ManifestEntry.mayDiffer(String(decoding: path, as: UTF8.self)) {
                        defects.append(
                            "file \(place) is present in archive \"\(archive.name)\" but not in the manifest"
                        )
                    }
                    continue
                }
                isSeen[position] = true
                if let defect = try defect(of: entries[position], member, tar, buffer, archive) {
                    defects.append(defect)
                }
            }
            // What follows: the second block of the end mark, padding, and the checksum of the compressed stream.
            var tailBytes = 0
            while case let count = try plain.read(into: buffer.bytes), count > 0 {
                try SignalWatch.check()
                tailBytes += count
            }
            guard tailBytes > 0, tailBytes.isMultiple(of: 512) else { throw TarError.unexpectedEnd }
        } catch let error where !(error is SignalWatch.Interrupted || error is DecryptedFile.Locked) {
            defects.append("could not read archive \"\(archive.name)\" from \(place) on: \(error)")
        }
        let missing = entries.indices.lazy.filter { !isSeen[$0] }.map { entries[$0].pathBytes }.filter(belongs)
        for path in missing.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let text = String(decoding: path, as: UTF8.self)
            if !ManifestEntry.mayDiffer(text) {
                defects.append("\"\(text)\" is present in the manifest but not on disk")
            }
        }
        return defects
    }

    private func defect(
        of entry: ManifestEntry,
        _ member: TarMember,
        _ tar: TarReader,
        _ buffer: ReadBuffer,
        _ archive: Archive
    ) throws -> String? {
        guard member.sizeBytes == entry.sizeBytes else {
            return "file \"\(entry.path)\" has size \(member.sizeBytes) in archive \"\(archive.name)\" but size "
                + "\(entry.sizeBytes) in the manifest"
        }
        guard var digest = ManifestChecksum(algorithm: entry.algorithm) else {
            return "\"\(entry.path)\" has a checksum of an unknown algorithm: \(entry.algorithm)"
        }
        while case let count = try tar.read(into: buffer.bytes), count > 0 {
            try SignalWatch.check()
            digest.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        }
        guard let checksum = digest.hexadecimal(), checksum != entry.checksum else { return nil }
        return "checksum mismatch for file \"\(entry.path)\" in archive \"\(archive.name)\""
    }

    /// The name without `./` in front.
    private static func normalized(_ name: [UInt8]) -> [UInt8] {
        var rest = name[...]
        while rest.starts(with: "./".utf8) { rest = rest.dropFirst(2) }
        return Array(rest)
    }
}
