public import Files
public import SystemPackage

/// The directory of lock files.
public enum LockDirectory {
    /// Removes every lock file that nobody holds; returns their names.
    ///
    /// A file is removed only while we hold its lock, and takers look again whether the file they locked still has its name: so
    /// nobody ends up with a lock that others do not see.
    @discardableResult
    public static func clean(_ directory: FilePath) throws(FileError) -> [String] {
        var removed: [String] = []
        for name in try FileSystem.names(in: directory) where name.hasPrefix(".") && name.hasSuffix(".lock") {
            do throws(FileError) {
                if try FileLock.removeIfFree(directory.appending(name)) { removed.append(name) }
            } catch {
                // The lock of another account is none of our business.
                guard error.isPermissionDenied else { throw error }
            }
        }
        return removed
    }
}
