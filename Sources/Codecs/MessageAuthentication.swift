/// HMAC with SHA-256 (RFC 2104): tells those who have the key that a text is as somebody with the key wrote it.
public enum MessageAuthentication {
    /// The code of a message, in lower-case hexadecimal.
    public static func code(of message: [UInt8], key: [UInt8]) -> String {
        let blockSize = 64
        var block = key
        if block.count > blockSize {
            var checksum = Checksum()
            checksum.update(key)
            block = checksum.digest()
        }
        block += [UInt8](repeating: 0, count: blockSize - block.count)
        var inner = Checksum()
        inner.update(block.map { $0 ^ 0x36 })
        inner.update(message)
        var outer = Checksum()
        outer.update(block.map { $0 ^ 0x5C })
        outer.update(inner.digest())
        return outer.hexadecimal()
    }
}
