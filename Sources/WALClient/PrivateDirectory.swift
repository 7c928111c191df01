import Files
import Glibc
import SystemPackage

/// A directory that is ours, and that nobody else can write to.
///
/// What is in it is readable for us alone.
enum PrivateDirectory {
    /// Where the programs keep what is theirs unless they are told otherwise.
    static var standard: FilePath { FilePath("/var/tmp/barman-wal-\(geteuid())") }

    /// Makes the directory if it is missing, then for us alone; returns whether it is there and no other than us writes to it.
    static func prepare(_ path: FilePath) -> Bool {
        do throws(FileError) {
            if let isOurs = try isOurs(path) { return isOurs }
            do throws(FileError) {
                try FileSystem.createDirectory(path, permissions: FilePermissions(rawValue: 0o700))
            } catch {
                guard error.errno == .fileExists else { throw error }
            }
            return try isOurs(path) == true
        } catch {
            return false
        }
    }

    private static func isOurs(_ path: FilePath) throws(FileError) -> Bool? {
        guard let status = try FileSystem.statusIfPresent(of: path, followingLinks: false) else { return nil }
        return status.kind == .directory && status.owner == geteuid() && status.permissions.rawValue & 0o022 == 0
    }

    /// Whether nobody but us and root can have put anything into a directory, or a link in its place.
    static func isTrusted(_ path: FilePath) -> Bool {
        // A directory that cannot be looked at is not trusted.
        guard let named = try? FileSystem.status(of: path, followingLinks: false),
            let status = try? FileSystem.status(of: path)
        else { return false }
        let isOurs = [named, status].allSatisfy { $0.owner == geteuid() || $0.owner == 0 }
        return status.kind == .directory && isOurs && status.permissions.rawValue & 0o022 == 0
    }
}
