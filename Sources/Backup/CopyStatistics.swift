import Files
package import Notation

/// How long the parts of an rsync copy took: `copy_stats` of `backup.info`.
package struct CopyStatistics: Sendable {
    private struct Item {
        let label: String
        let isDirectory: Bool
        var analysisSeconds = 0.0
        var serializedSeconds = 0.0
        var began: Double?
        var ended: Double?

        var copySeconds: Double {
            guard let began, let ended else { return 0 }
            return ended - began
        }
    }

    private let began = Interruption.monotonicSeconds
    private let workerCount: Int
    private var items: [Item]
    /// The whole copy.
    package private(set) var totalSeconds = 0.0

    init(workerCount: Int, labels: [(String, Bool)]) {
        self.workerCount = workerCount
        items = labels.map { Item(label: $0.0, isDirectory: $0.1) }
    }

    mutating func addAnalysis(_ label: String, seconds: Double) {
        guard let index = items.firstIndex(where: { $0.label == label }) else { return }
        items[index].analysisSeconds += seconds
    }

    mutating func addCopy(_ label: String, from start: Double, to end: Double) {
        guard let index = items.firstIndex(where: { $0.label == label }) else { return }
        items[index].serializedSeconds += end - start
        items[index].began = min(items[index].began ?? start, start)
        items[index].ended = max(items[index].ended ?? end, end)
    }

    mutating func finish() {
        totalSeconds = Interruption.monotonicSeconds - began
    }

    /// The value of `copy_stats`, in the order of the reference.
    package var literal: PythonLiteral {
        let directories = items.filter(\.isDirectory)
        let copied = items.filter { $0.began != nil }.sorted { ($0.ended ?? 0) < ($1.ended ?? 0) }
        let first = copied.compactMap(\.began).min() ?? 0
        let last = copied.compactMap(\.ended).max() ?? 0
        return dictionary([
            ("total_time", .double(totalSeconds)),
            ("number_of_workers", .integer(Int64(workerCount))),
            ("analysis_time_per_item", dictionary(directories.map { ($0.label, .double($0.analysisSeconds)) })),
            ("copy_time_per_item", dictionary(copied.map { ($0.label, .double($0.copySeconds)) })),
            (
                "serialized_copy_time_per_item",
                dictionary(copied.map { ($0.label, .double($0.serializedSeconds)) })
            ),
            ("analysis_time", .double(directories.reduce(0) { $0 + $1.analysisSeconds })),
            ("copy_time", .double(last - first)),
            ("serialized_copy_time", .double(copied.reduce(0) { $0 + $1.serializedSeconds })),
        ])
    }

    private func dictionary(_ pairs: [(String, PythonLiteral)]) -> PythonLiteral {
        .dictionary(pairs.map { (.string($0.0), $0.1) })
    }
}
