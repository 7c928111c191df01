/// Which files of a directory rsync may judge by size and time, and which it must read on both sides.
///
/// A file may have been changed after its copy within the same second and without growing. So a file that looks the same
/// is believed only when it was last changed before the horizon: the begin of the copy it is compared with.
struct CopyClassification: Sendable, Equatable {
    /// The directories of the source.
    private(set) var directories: [String] = []
    /// Files for which size and time are enough.
    private(set) var safe: [RsyncListingEntry] = []
    /// Files whose contents must be compared.
    private(set) var check: [RsyncListingEntry] = []
    /// True when the compared directory has nothing worth keeping.
    private(set) var referenceIsEmpty = true

    /// Sorts the files of the source.
    ///
    /// `reference` is what is there to compare with, `nil` when it cannot be listed. Files changed before `horizonSeconds` are
    /// safe; `nil` when nothing was copied before. `ignoring` are names that do not make a reference count as filled.
    init(
        source: [RsyncListingEntry],
        reference: [RsyncListingEntry]?,
        horizonSeconds: Int64?,
        ignoring ignored: Set<String> = []
    ) {
        var known: [String: RsyncListingEntry] = [:]
        for entry in reference ?? [] where entry.path != "." {
            if !ignored.contains(entry.path) { referenceIsEmpty = false }
            if !entry.isDirectory { known[entry.path] = entry }
        }
        for entry in source {
            if entry.isDirectory {
                directories.append(entry.path)
            } else if let horizonSeconds, entry.modifiedSeconds < horizonSeconds {
                safe.append(entry)
            } else if reference == nil {
                check.append(entry)
            } else if let old = known[entry.path], old.sizeBytes == entry.sizeBytes,
                old.modifiedSeconds == entry.modifiedSeconds
            {
                check.append(entry)
            } else {
                safe.append(entry)
            }
        }
    }

    /// The rules for rsync's purge of the destination: what the source has stays, what it has not goes.
    var purgeRules: [String] {
        if referenceIsEmpty { return ["+ */", "- *"] }
        return (safe + check).flatMap { ["P /\(Self.literal($0.path))", "- /\(Self.literal($0.path))"] }
    }

    /// A path that matches nothing but itself in an rsync pattern.
    static func literal(_ path: String) -> String {
        guard path.utf8.contains(where: { "*?[".utf8.contains($0) }) else { return path }
        var result = String.UnicodeScalarView()
        for scalar in path.unicodeScalars {
            if ["*", "?", "[", "\\"].contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    /// Deals files round-robin, smallest first, to `count` jobs that each take less than `limitBytes`; a full round of
    /// jobs is emitted when no job can take the next file.
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
        for file in files.sorted(by: { ($0.sizeBytes, $0.path) < ($1.sizeBytes, $1.path) }) {
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
        return emitted + current.filter { !$0.isEmpty }
    }
}
