import Catalog
package import Files
import Notation
package import SystemPackage

/// A small file in the directory of a backup while it is copied; it tells the next backup what of an unfinished copy to believe.
///
/// A file that rsync was writing when it ended bears a time after the begin of the copy, by the clock of this host. And what was
/// copied before the machine went down need not be on disk, whatever it looks like: then everything is read. The same without
/// this file, as in backups that the reference began.
///
/// It is empty from before the sync of the copy until that has succeeded, and when one beside the copy has failed. Linux tells
/// once that a block could not be written, and may keep it in its cache as if it were on disk: whoever compares the file finds it
/// sound, and another sync has nothing to complain about. So nothing of such a copy is used again.
package struct CopyMark: Equatable {
    /// Its name.
    package static let name = ".copying"

    private let bootID: String
    private let beganSeconds: Int64

    /// Files of the unfinished backup last changed before are as they were in the source; `nil` when none is believed.
    func horizon(of info: BackupInfo) -> Int64? {
        guard bootID == Self.currentBootID, let begin = info.beginTime?.secondsSinceEpoch else { return nil }
        return min(begin, beganSeconds)
    }

    /// Whether the copy it stands for has been going on since this start of the machine: what was written then is there.
    package var isOfThisStart: Bool { bootID == Self.currentBootID }

    /// Writes the mark of a copy that begins now; durable on return.
    package static func write(in directory: FilePath) throws(FileError) {
        guard let bootID = currentBootID else { return }
        let mark = JSONValue.object([
            ("boot_id", .string(bootID)), ("began", .integer(Timestamp.now().secondsSinceEpoch)),
        ])
        try FileSystem.replaceDurably(directory.appending(name), contents: Array((mark.text() + "\n").utf8))
    }

    /// Notes that the copy may be in the cache of this machine only; durable on return.
    ///
    /// Fine if the copy is gone.
    package static func doubt(in directory: FilePath) throws(FileError) {
        do throws(FileError) {
            try FileSystem.replaceDurably(directory.appending(name), contents: [])
        } catch  where error.errno == .noSuchFileOrDirectory {
            return
        }
    }

    /// Whether nothing of the copy may be used again; so too when that cannot be told.
    package static func isDoubted(in directory: FilePath) -> Bool {
        do {
            let status = try FileSystem.statusIfPresent(of: directory.appending(name), followingLinks: false)
            return status?.sizeBytes == 0
        } catch {
            return true
        }
    }

    /// Removes it, for the copy is complete and on disk; durable on return.
    package static func remove(in directory: FilePath) throws(FileError) {
        try FileSystem.unlinkIfPresent(directory.appending(name))
        try FileSystem.syncDirectory(directory)
    }

    /// Removes a copy that must not be used again, and leaves the mark: who is interrupted here begins here again.
    package static func removeDoubtedCopy(in directory: FilePath) throws(FileError) {
        for entry in try FileSystem.names(in: directory) where entry != name {
            try FileSystem.removeTree(directory.appending(entry))
        }
    }

    /// `nil` when there is none that makes sense; then nothing is believed.
    package static func read(in directory: FilePath) -> CopyMark? {
        // A mark that cannot be read is as good as none: then every file is compared.
        guard let bytes = try? FileSystem.readIfPresent(directory.appending(name), limit: 1 << 12),
            let mark = try? JSONValue(parsing: bytes), let bootID = mark["boot_id"]?.stringValue,
            let began = mark["began"]?.integerValue
        else { return nil }
        return CopyMark(bootID: bootID, beganSeconds: began)
    }

    /// What tells one start of this machine from the next.
    private static let currentBootID: String? = {
        // Where it cannot be told no mark is written, and none is believed.
        guard let bytes = try? FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 100) else { return nil }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }()
}
