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

    private struct Found {
        let sizeBytes: Int64
        let root: Int
    }

    let roots: [Root]
    let progress: ReadProgress

    /// Reads every file and returns what is wrong, in the words of `pg_verifybackup`.
    func defects(of manifest: ManifestFile) throws -> [String] {
        var (found, defects) = try files()
        var readable: [(index: Int, root: Int)] = []
        for (index, entry) in manifest.entries.enumerated() {
            guard let file = found.removeValue(forKey: entry.pathBytes) else {
                // Where it may not be on disk, it need not be.
                if !ManifestEntry.mayDiffer(entry.path) {
                    defects.append("\"\(entry.path)\" is present in the manifest but not on disk")
                }
                continue
            }
            if file.sizeBytes == entry.sizeBytes {
                readable.append((index, file.root))
            } else {
                defects.append(
                    "\"\(entry.path)\" has size \(file.sizeBytes) on disk but size \(entry.sizeBytes) in the manifest"
                )
            }
        }
        for path in found.keys.map({ String(decoding: $0, as: UTF8.self) }).sorted()
        where !ManifestEntry.mayDiffer(path) {
            defects.append("\"\(path)\" is present on disk but not in the manifest")
        }
        return defects + (try mismatches(readable, manifest))
    }

    // MARK: What is there

    /// Every file by its path in the manifest; and what is neither file nor directory.
    private func files() throws -> ([[UInt8]: Found], [String]) {
        var files: [[UInt8]: Found] = [:]
        var defects: [String] = []
        for (number, root) in roots.enumerated() where try FileSystem.isDirectory(root.directory) {
            let prefix = root.prefix.isEmpty ? [] : Array((root.prefix + "/").utf8)
            try FileSystem.walk(root.directory) { entry in
                let path = prefix + entry.relativePath.bytes
                switch entry.status.kind {
                case .regular: files[path] = Found(sizeBytes: entry.status.sizeBytes, root: number)
                case .directory: break
                case .symbolicLink where path.starts(with: "pg_tblspc/".utf8): break
                case .symbolicLink, .other:
                    let text = String(decoding: path, as: UTF8.self)
                    defects.append("\"\(text)\" is not a regular file or directory")
                }
            }
            try SignalWatch.check()
        }
        return (files, defects)
    }

    // MARK: Contents

    private func mismatches(_ readable: [(index: Int, root: Int)], _ manifest: ManifestFile) throws -> [String] {
        let entries = manifest.entries
        let files = readable.map { index, root in
            let (root, entry) = (roots[root], entries[index])
            let name =
                root.prefix.isEmpty ? entry.pathBytes[...] : entry.pathBytes.dropFirst(root.prefix.utf8.count + 1)
            return FileChecksums.File(
                index: index,
                path: root.directory.pushing(FilePath(bytes: name)),
                sizeBytes: entry.sizeBytes,
                algorithm: entry.algorithm
            )
        }
        var defects: [(index: Int, text: String)] = []
        try FileChecksums(progress: progress).run(files) { file, outcome in
            if let defect = Self.defect(of: entries[file.index], outcome) { defects.append((file.index, defect)) }
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
