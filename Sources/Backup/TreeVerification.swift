import Files
import Processes
import SystemPackage

/// Holds directories against a manifest: all files by all cores, large ones first, so that no core waits for the last.
struct TreeVerification: Sendable {
    /// A directory, and under which path of the manifest its files are.
    struct Root: Sendable {
        let directory: FilePath
        var prefix = ""
    }

    /// What has been seen of the files of a manifest.
    private struct Sightings {
        /// For each file of the manifest: 0, or the number of the root below which it was seen, from 1 on.
        var roots: [UInt16]
        /// Seen, but with another size.
        var sizes: [Int: Int64] = [:]
        /// Seen, but not in the manifest.
        var strangers: [String] = []
        var defects: [String] = []

        /// The root of a file that has its size.
        func root(_ position: Int) -> Int? {
            roots[position] > 0 && sizes[position] == nil ? Int(roots[position]) - 1 : nil
        }
    }

    let roots: [Root]
    let progress: ReadProgress

    /// Reads every file and returns what is wrong, in the words of `pg_verifybackup`.
    func defects(of manifest: ManifestFile) throws -> [String] {
        let entries = manifest.entries
        let seen = try sightings(entries)
        var defects = seen.defects
        for position in entries.indices where seen.root(position) == nil {
            let entry = entries[position]
            if let size = seen.sizes[position] {
                defects.append(
                    "\"\(entry.path)\" has size \(size) on disk but size \(entry.sizeBytes) in the manifest"
                )
            } else if !ManifestEntry.mayDiffer(entry.path) {
                // Where it may not be on disk, it need not be.
                defects.append("\"\(entry.path)\" is present in the manifest but not on disk")
            }
        }
        for path in seen.strangers.sorted() where !ManifestEntry.mayDiffer(path) {
            defects.append("\"\(path)\" is present on disk but not in the manifest")
        }
        return defects + (try mismatches(seen, entries))
    }

    // MARK: What is there

    /// Looks for every file below the roots among those of the manifest.
    private func sightings(_ entries: PackedEntries) throws -> Sightings {
        var seen = Sightings(roots: [UInt16](repeating: 0, count: entries.count))
        for (number, root) in roots.enumerated() where try FileSystem.isDirectory(root.directory) {
            let prefix = root.prefix.isEmpty ? [] : Array((root.prefix + "/").utf8)
            try FileSystem.walk(root.directory) { entry in
                let path = prefix + entry.relativePath.bytes
                switch entry.status.kind {
                case .regular:
                    guard let position = entries.position(of: path) else {
                        seen.strangers.append(String(decoding: path, as: UTF8.self))
                        return
                    }
                    seen.roots[position] = UInt16(clamping: number + 1)
                    let size = entry.status.sizeBytes
                    if size != entries.sizeBytes(position) { seen.sizes[position] = size }
                case .directory: break
                case .symbolicLink where path.starts(with: "pg_tblspc/".utf8): break
                case .symbolicLink, .other:
                    let text = String(decoding: path, as: UTF8.self)
                    seen.defects.append("\"\(text)\" is not a regular file or directory")
                }
            }
            try SignalWatch.check()
        }
        return seen
    }

    // MARK: Contents

    private func mismatches(_ seen: Sightings, _ entries: PackedEntries) throws -> [String] {
        let sizes = entries.indices.lazy.filter { seen.root($0) != nil }.map { ($0, entries.sizeBytes($0)) }
        var defects: [(index: Int, text: String)] = []
        try FileChecksums(progress: progress).run(sizes) { position in
            let entry = entries[position]
            let root = roots[seen.root(position) ?? 0]
            let name =
                root.prefix.isEmpty ? entry.pathBytes[...] : entry.pathBytes.dropFirst(root.prefix.utf8.count + 1)
            return FileChecksums.File(
                path: root.directory.pushing(FilePath(bytes: name)),
                algorithm: entry.algorithm
            )
        } body: { position, outcome in
            if let defect = Self.defect(of: entries[position], outcome) { defects.append((position, defect)) }
        }
        return defects.sorted { $0.index < $1.index }.map(\.text)
    }

    private static func defect(of entry: ManifestEntry, _ outcome: FileChecksums.Outcome) -> String? {
        switch outcome {
        case .failed(let error): "could not read file \"\(entry.path)\": \(error.reason)"
        case .unknownAlgorithm: "\"\(entry.path)\" has a checksum of an unknown algorithm: \(entry.algorithm)"
        case .checksum(_, let bytes) where bytes != entry.sizeBytes:
            "file \"\(entry.path)\" should contain \(entry.sizeBytes) bytes, but read \(bytes)"
        case .checksum(let checksum?, _) where checksum != entry.checksum:
            "checksum mismatch for file \"\(entry.path)\""
        case .checksum: nil
        }
    }
}
