import Glibc

extension Program {
    /// The variables of this process; of a name that stands there twice the first counts.
    public static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")) {
                let name = String(pair[..<equals])
                if result[name] == nil { result[name] = String(pair[pair.utf8.index(after: equals)...]) }
            }
            entry += 1
        }
        return result
    }
}
