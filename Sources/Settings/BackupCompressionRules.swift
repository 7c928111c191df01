/// Which `backup_compression*` options go together (backup.md 8.4).
struct BackupCompressionRules {
    let method: String
    let format: String?
    let location: String?
    let level: Int64?
    let workers: Int64?

    /// What is wrong, in the words of the reference; nothing when all is well.
    var problems: [String] {
        var problems: [String] = []
        if format == "plain", location != "server" {
            problems.append(
                "backup_compression_format plain is not compatible with backup_compression_location \(location ?? "None")"
            )
        }
        switch method {
        case "gzip": problems += gzipProblems
        case "lz4": problems += lz4Problems
        case "zstd": problems += zstdProblems
        case "none": problems += noneProblems
        default: break
        }
        return problems
    }

    private func levelProblem(_ name: String, _ range: String, default standard: Int) -> String {
        "backup_compression_level \(level ?? 0) unsupported by compression algorithm. \(name) expects a compression level "
            + "between \(range) (\(standard) will use default compression level)."
    }

    private var gzipProblems: [String] {
        var problems: [String] = []
        if let level, level != -1, !(1...9).contains(level) {
            let hint =
                level == 0
                ? "\nIf you need to create an archive not compressed, you should set `backup_compression = none`." : ""
            problems.append(levelProblem("gzip", "1 and 9", default: -1) + hint)
        }
        if workers != nil { problems.append("backup_compression_workers is not compatible with compression gzip") }
        return problems
    }

    private var lz4Problems: [String] {
        var problems: [String] = []
        if let level, !(0...12).contains(level) { problems.append(levelProblem("lz4", "1 and 12", default: 0)) }
        if workers != nil { problems.append("backup_compression_workers is not compatible with compression lz4.") }
        return problems
    }

    private var zstdProblems: [String] {
        var problems: [String] = []
        if let level, !(-131_072...22).contains(level) {
            problems.append(levelProblem("'zstd'", "-131072 and 22", default: 3))
        }
        if let workers, workers < 0 {
            problems.append("backup_compression_workers should be a positive integer: '\(workers)' is invalid.")
        }
        return problems
    }

    private var noneProblems: [String] {
        var problems: [String] = []
        if let level, level != 0 {
            problems.append("backup_compression none only supports backup_compression_level 0.")
        }
        if workers != nil { problems.append("backup_compression_workers is not compatible with compression 'none'.") }
        return problems
    }
}
