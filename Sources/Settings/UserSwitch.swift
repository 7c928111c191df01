public import Failure
import Glibc

/// An account of this host.
public struct UserAccount: Sendable, Equatable {
    /// The login name.
    public let name: String
    /// The number of the user.
    public let uid: UInt32
    /// The number of the user's main group.
    public let gid: UInt32
    /// The user's home directory.
    public let home: String

    /// The account of that name, or nil.
    public static func named(_ name: String) -> UserAccount? {
        unsafe look { unsafe getpwnam_r(name, $0, $1, $2, $3) }
    }

    /// The account this program runs as, or nil when its number has none.
    public static func current() -> UserAccount? {
        let uid = getuid()
        return unsafe look { unsafe getpwuid_r(uid, $0, $1, $2, $3) }
    }

    private typealias LookUp = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32

    private static func look(_ lookUp: LookUp) -> UserAccount? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65536) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            var entry = unsafe passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard unsafe lookUp(&entry, base, buffer.count, &found) == 0, let found = unsafe found else { return nil }
            let record = unsafe found.pointee
            return unsafe UserAccount(
                name: String(cString: record.pw_name),
                uid: record.pw_uid,
                gid: record.pw_gid,
                home: String(cString: record.pw_dir)
            )
        }
    }
}

/// Running as the configured user whoever started the program.
public enum UserSwitch {
    /// Becomes the user: groups, group, user and `HOME`; nothing happens when the program is that user already.
    public static func become(_ name: String, environment: inout [String: String]) throws(Failure) {
        guard let account = UserAccount.named(name) else {
            throw Failure("ERROR: the configured user '\(name)' does not exists", kind: .plain)
        }
        if getuid() == account.uid { return }
        guard unsafe initgroups(name, account.gid) == 0, setgid(account.gid) == 0, setuid(account.uid) == 0 else {
            throw Failure("ERROR: please run barman as '\(name)' user", kind: .plain)
        }
        environment["HOME"] = account.home
        _ = unsafe setenv("HOME", account.home, 1)
    }
}
