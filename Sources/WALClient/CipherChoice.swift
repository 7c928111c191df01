import Files
import Processes
import SystemPackage

/// The cipher of a connection that is about to be made: WAL is much, and AES costs a processor that has it built in a fraction of
/// what OpenSSH proposes first.
///
/// Only the order of what is proposed changes, and only where nobody has asked for an order.
struct CipherChoice {
    /// What ssh is to be told.
    let options: [String]

    private static let fastest = "aes128-gcm@openssh.com"
    /// What OpenSSH proposes when it is not configured (ssh_config(5), Ciphers): up to release 9, and since.
    private static let usualOrders = [
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
    ]

    /// The choice for a host, as this machine's ssh is configured for it.
    init(for host: BackupHost) {
        guard Self.processorHasAES, let order = Self.configuredOrder(for: host) else {
            options = []
            return
        }
        options = Self.options(instead: order)
    }

    /// What is told instead of this order; nothing when somebody has chosen it.
    static func options(instead order: String) -> [String] {
        guard usualOrders.contains(order) else { return [] }
        let others = order.split(separator: ",").map(String.init).filter { $0 != fastest }
        return ["Ciphers=" + ([fastest] + others).joined(separator: ",")]
    }

    /// The order that ssh would propose; `nil` when it does not say.
    private static func configuredOrder(for host: BackupHost) -> String? {
        var request = host.configurationRequest
        // Without an answer the connection is made as ever.
        guard var pipe = try? ChildPipe(), let reader = pipe.reader.take(), let writer = pipe.writer.take() else {
            return nil
        }
        request.output = .descriptor(writer.raw)
        guard let child = try? request.start() else { return nil }
        Emergency.watch(child)
        // As above.
        try? writer.close()
        let text = (try? reader.readToEnd(limit: 1 << 20)) ?? []
        let status = child.wait()
        Emergency.watch(nil)
        guard status == .exited(0) else { return nil }
        let key = "ciphers "
        let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
        return line.map { String($0.dropFirst(key.count)) }
    }

    /// Whether this machine computes AES in its processor; the other one is taken to be alike.
    private static var processorHasAES: Bool {
        // The first processor speaks for all; where nothing can be read nothing is known.
        let text = (try? FileSystem.readPrefix("/proc/cpuinfo", count: 1 << 13)) ?? []
        return String(decoding: text, as: UTF8.self).split(separator: "\n").contains { line in
            (line.hasPrefix("flags") || line.hasPrefix("Features")) && line.split(separator: " ").contains("aes")
        }
    }
}
