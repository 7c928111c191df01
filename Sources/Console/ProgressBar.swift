import Failure
import Notation
import SystemPackage

/// The line on the terminal that says how far a long work has come.
///
/// It makes texts; `Console` writes them. Redrawn at most five times a second.
struct ProgressBar {
    private static let erase = "\r\u{1b}[K"
    private static let interval = Duration.milliseconds(200)

    private var label = ""
    private var started: ContinuousClock.Instant?
    private var drawn: ContinuousClock.Instant?
    private var isVisible = false

    /// The text that redraws the line, or nil when it is too early.
    mutating func text(
        for update: ProgressUpdate,
        now: ContinuousClock.Instant = .now,
        columns: Int? = nil
    ) -> String? {
        if update.isFinished {
            started = nil
            drawn = nil
            return clearing()
        }
        if started == nil || update.label != label {
            label = update.label
            started = now
            drawn = nil
        }
        if let drawn, now - drawn < Self.interval { return nil }
        drawn = now
        isVisible = true
        let line = Self.line(update, elapsed: now - (started ?? now))
        let width = max((columns ?? Terminal.columns(of: .standardError) ?? 80) - 1, 20)
        return Self.erase + String(line.prefix(width))
    }

    /// The text that takes the line away, or nil when none is shown.
    mutating func clearing() -> String? {
        guard isVisible else { return nil }
        isVisible = false
        drawn = nil
        return Self.erase
    }

    /// `Copying pgdata  1.2 GiB of 2.5 GiB  48%  310.0 MiB/s  4 seconds left`, as far as it is known.
    static func line(_ update: ProgressUpdate, elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        var parts = [update.label]
        let done = HumanText.size(update.doneBytes)
        if let total = update.totalBytes, total > 0 {
            let percent = min(100, Double(update.doneBytes) * 100 / Double(total))
            parts.append("\(done) of \(HumanText.size(total))")
            parts.append("\(Int(percent))%")
        } else {
            parts.append(done)
        }
        guard seconds >= 0.5, update.doneBytes > 0 else { return parts.joined(separator: "  ") }
        let rate = Double(update.doneBytes) / seconds
        parts.append("\(HumanText.size(rate))/s")
        if let total = update.totalBytes, total > update.doneBytes, rate > 0 {
            parts.append("\(HumanText.duration(seconds: Double(total - update.doneBytes) / rate)) left")
        }
        return parts.joined(separator: "  ")
    }
}
