import Glibc

/// The name by which others reach this host.
public enum HostName {
    /// The name with its domain, when the resolver knows one; otherwise the name the kernel has.
    public static func fullyQualified() -> String {
        var buffer = [CChar](repeating: 0, count: 257)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var hints = addrinfo()
        hints.ai_flags = AI_CANONNAME
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var result: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &result) == 0, let found = result else { return name }
        defer { freeaddrinfo(found) }
        guard let canonical = found.pointee.ai_canonname else { return name }
        let text = String(cString: canonical)
        return text.utf8.contains(UInt8(ascii: ".")) ? text : name
    }
}
