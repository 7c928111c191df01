/// Why a row of `check` failed, as far as it can be seen from here, and what to do about it.
public struct CheckAdvice: Sendable, Equatable {
    /// What was found.
    public let cause: String
    /// What to do, one step a line; commands and settings as they are typed.
    public let fixes: [String]
    /// The page of the manual that says more.
    public let page: String

    /// Makes advice.
    public init(_ cause: String, _ fixes: [String], page: String) {
        self.cause = cause
        self.fixes = fixes
        self.page = page
    }
}
