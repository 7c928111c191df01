import Glibc
import SystemPackage

extension OwnedDescriptor {
    /// Sets the time of the last change (and of the last access, to the same).
    public borrowing func setModified(seconds: Int64, nanoseconds: Int) throws(FileError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: nanoseconds)
        let times = [time, time]
        let number = raw.rawValue
        _ = try systemCall("futimens", path, .changes) { futimens(number, times) }
    }

    /// Takes the lock that lives as long as this open file; returns false when another open file has it.
    public borrowing func tryLock() throws(FileError) -> Bool {
        let number = raw.rawValue
        do throws(FileError) {
            _ = try systemCall("flock", path, .reads) { flock(number, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.errno == .wouldBlock { return false }
            throw error
        }
    }
}
