/// One thing that was looked at before a restore, and what came of it.
public struct PlanFinding: Sendable, Equatable {
    /// Whether the restore can go on.
    public enum Verdict: String, Sendable {
        /// As it must be.
        case good
        /// Possible, but somebody should know.
        case note
        /// It cannot work.
        case refused
    }

    /// What was looked at: `WAL`, `space`.
    public let subject: String
    /// What came of it.
    public let verdict: Verdict
    /// In words.
    public let text: String
    /// The nearest thing that can be done instead.
    public let hint: String?
    /// True when the text is a whole message of the reference, which stands alone when the restore is refused.
    let isWholeMessage: Bool

    /// What the user is warned of before a restore that is possible: a note that somebody can do something about.
    public var warning: String? {
        guard verdict == .note, let hint else { return nil }
        return "\(text)\nHINT: \(hint)"
    }

    init(_ subject: String, _ verdict: Verdict, _ text: String, hint: String? = nil, isWholeMessage: Bool = false) {
        self.isWholeMessage = isWholeMessage
        self.subject = subject
        self.verdict = verdict
        self.text = text
        self.hint = hint
    }
}
