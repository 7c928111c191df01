/// URLs of object stores that may stand where a directory is expected.
enum CloudURL {
    /// Whether a text is a URL rather than a path.
    static func looksLikeURL(_ text: String) -> Bool {
        scheme(of: text) != nil
    }

    /// Whether a URL belongs to one of the known object stores.
    static func isSupported(_ text: String) -> Bool {
        guard let (scheme, rest) = scheme(of: text) else { return false }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts.first.map(String.init) ?? ""
        let path = parts.count > 1 ? String(parts[1]) : ""
        if scheme == "s3" || scheme == "gs" { return !host.isEmpty }
        if text.utf8.starts(with: "https://console.cloud.google.com/storage/browser/".utf8) {
            return !path.dropFirst("storage/browser/".count).isEmpty
        }
        return host.hasSuffix("blob.core.windows.net") && !path.isEmpty
    }

    private static func scheme(of text: String) -> (scheme: String, rest: Substring)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 3 else { return nil }
        for index in 0...(bytes.count - 3) where bytes[index] == UInt8(ascii: ":") {
            guard bytes[index + 1] == UInt8(ascii: "/"), bytes[index + 2] == UInt8(ascii: "/") else { continue }
            let scheme = String(decoding: bytes[..<index], as: UTF8.self)
            return (scheme, Substring(decoding: bytes[(index + 3)...], as: UTF8.self))
        }
        return nil
    }
}
