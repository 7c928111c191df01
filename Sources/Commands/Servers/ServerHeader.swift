import Catalog
import Settings

extension ServerHome {
    /// What is wrong with the server, in brackets, for headers; nil for a normal one.
    var stateText: String? {
        if !settings.isActive { return "(inactive)" }
        return settings.isDisabled ? "(WARNING: disabled)" : nil
    }

    /// `Server pg:`, `Server pg (inactive):`.
    var header: String { stateText.map { "Server \(name) \($0):" } ?? "Server \(name):" }
}
