/// What rsync wrote on standard error, as far as its verdict depends on it.
struct RsyncComplaints {
    /// Whether every line was about a file that went away, as files of a running server do.
    private(set) var areAllAboutVanishedFiles = true

    mutating func take(_ line: String) {
        guard areAllAboutVanishedFiles, !line.isEmpty else { return }
        areAllAboutVanishedFiles = Self.isAboutVanishedFile(line)
    }

    static func isAboutVanishedFile(_ line: String) -> Bool {
        if line.hasPrefix("file has vanished: \"") { return true }
        if line.hasPrefix("rsync error: ") {
            return line.contains(" (code 23) at main.c(")
                && ["[generator", "[receiver", "[sender"].contains { line.contains($0) }
        }
        // Since 3.2 rsync says who complains: `rsync: [sender] link_stat …`.
        guard line.hasPrefix("rsync: ") else { return false }
        let isMissing = line.contains("link_stat \"") && line.hasSuffix("\" failed: No such file or directory (2)")
        let isCutOff = line.contains("read errors mapping \"") && line.hasSuffix("\": No data available (61)")
        return isMissing || isCutOff
    }
}

/// What an rsync's exit means.
enum RsyncVerdict: Equatable {
    case good
    case worthRetrying
    case final

    init(
        _ status: ProcessStatus,
        _ complaints: RsyncComplaints,
        _ leniency: RsyncCommand.Leniency,
        sourceIsStatic: Bool = false
    ) {
        switch status {
        case .exited(0): self = .good
        case .exited(23) where sourceIsStatic, .exited(24) where sourceIsStatic: self = .final
        case .exited(24): self = .good
        case .exited(23):
            self = leniency == .vanishedFiles && complaints.areAllAboutVanishedFiles ? .good : .final
        default: self = .worthRetrying
        }
    }
}
