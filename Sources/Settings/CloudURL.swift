/// URLs of object stores that may stand where a directory is expected.
enum CloudURL {
    /// Whether a text is a URL rather than a path.
    static func looksLikeURL(_ text: String) -> Bool {
        scheme(of: text) != nil
    }

    /// Whether a URL belongs to one of the known object stores.
    static func isSupported(_ text: String) -> Bool {
        guard let (scheme, rest) = scheme(of: text) else { return false }
        let hostEnd = rest.utf8.firstIndex { Array("/?#".utf8).contains($0) } ?? rest.endIndex
        let host = String(rest[..<hostEnd])
        switch scheme.lowercased() {
        case "s3", "gs": return !host.isEmpty
        default: break
        }
        let console = "https://console.cloud.google.com/storage/browser/"
        if text.utf8.starts(with: console.utf8) { return text.utf8.count > console.utf8.count }
        return host.hasSuffix("blob.core.windows.net") && rest[hostEnd...].utf8.first == UInt8(ascii: "/")
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
