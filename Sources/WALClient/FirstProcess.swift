import Files
import SystemPackage

/// Process 1, of the machine or of a container: it inherits every process that we would leave behind.
enum FirstProcess {
    /// Whether it is PostgreSQL itself, as in a container that has no init.
    ///
    /// PostgreSQL takes a child that it does not know for one of its own: when that ends with another status than 0 or 1, it ends
    /// every session and recovers as after a crash. So nothing may be left behind there.
    static var isPostmaster: Bool { isPostmaster(commandFile: "/proc/1/comm") }

    /// The same of the process whose name is in that file.
    static func isPostmaster(commandFile: FilePath) -> Bool {
        // Where processes of others are hidden (hidepid of proc(5)), the first one is not PostgreSQL, or we are no account of its.
        guard let bytes = try? FileSystem.read(commandFile, limit: 64) else { return false }
        let name = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        // Some call it `postmaster`, and some put a word of theirs before it.
        return name.hasSuffix("postgres") || name.hasSuffix("postmaster")
    }
}
