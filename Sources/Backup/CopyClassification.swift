/// Which files of a directory rsync may judge by size and time, and which it must read on both sides.
///
/// A file may have been changed after its copy within the same second and without growing. So a file that looks the same
/// is believed only when it was last changed before the horizon: the begin of the copy it is compared with.
struct CopyClassification: Sendable {
    /// An older copy that files are compared with.
    struct Reference: Sendable {
        /// Its files; `nil` when they cannot be listed, which makes every file be read that is newer than the horizon.
        let files: Set<RsyncListingEntry.Look>?
        /// Files changed before are believed; `nil` when none is.
        let horizonSeconds: Int64?
    }

    /// The directories of the source.
    private(set) var directories: [RsyncListingEntry] = []
    /// Files for which size and time are enough.
    private(set) var safe: [RsyncListingEntry] = []
    /// Files whose contents must be compared.
    private(set) var check: [RsyncListingEntry] = []
    /// The bytes of the files that must come from the source, as far as that is known before contents are compared.
    private(set) var bytesToCopy: Int64 = 0

    /// Sorts the files of the source; the first reference that has a file of the same look is the one rsync takes it from.
    init(source: [RsyncListingEntry], references: [Reference]) {
        for entry in source {
            if entry.isDirectory {
                directories.append(entry)
                continue
            }
            guard let reference = references.first(where: { $0.files?.contains(entry.look) ?? true }) else {
                safe.append(entry)
                bytesToCopy &+= entry.sizeBytes
                continue
            }
            if let horizon = reference.horizonSeconds, entry.look.modifiedSeconds < horizon {
                safe.append(entry)
            } else {
                check.append(entry)
            }
        }
    }

    /// Deals files round-robin, smallest first, to `count` jobs that each take less than `limitBytes`; a full round of
    /// jobs is emitted when no job can take the next file.
    ///
    /// Within a job files of one directory stand together, which spares rsync to name it again and again.
    static func buckets(
        _ files: [RsyncListingEntry],
        count: Int,
        limitBytes: Int64 = 10 << 30
    ) -> [[RsyncListingEntry]] {
        guard count > 1 else { return [files] }
        var emitted: [[RsyncListingEntry]] = []
        var current = [[RsyncListingEntry]](repeating: [], count: count)
        var sizes = [Int64](repeating: 0, count: count)
        var position = 0
        for file in files.sorted(by: { $0.sizeBytes < $1.sizeBytes }) {
            let free = (0..<count).map { (position + $0) % count }
                .first { sizes[$0].addingReportingOverflow(file.sizeBytes).partialValue < limitBytes }
            var target = 0
            if let free {
                target = free
            } else {
                emitted += current.filter { !$0.isEmpty }
                current = [[RsyncListingEntry]](repeating: [], count: count)
                sizes = [Int64](repeating: 0, count: count)
            }
            current[target].append(file)
            sizes[target] &+= file.sizeBytes
            position = (target + 1) % count
        }
        return (emitted + current.filter { !$0.isEmpty }).map { bucket in
            bucket.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        }
    }
}
