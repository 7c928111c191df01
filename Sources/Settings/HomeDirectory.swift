/// The meaning of `~` in paths.
enum HomeDirectory {
    /// The path with a leading `~` or `~user` replaced; as it is when that is not possible.
    static func expanding(_ path: String, environment: [String: String]) -> String {
        guard path.utf8.first == UInt8(ascii: "~") else { return path }
        let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let user = parts.first.map(String.init) ?? ""
        let rest = parts.count > 1 ? "/" + parts[1] : ""
        let home: String?
        if user.isEmpty {
            home = environment["HOME"] ?? UserAccount.current()?.home
        } else {
            home = UserAccount.named(user)?.home
        }
        guard var home else { return path }
        while home.utf8.last == UInt8(ascii: "/") { home.removeLast() }
        let result = home + rest
        return result.isEmpty ? "/" : result
    }
}
