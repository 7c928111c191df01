#if DEBUG
import Glibc
import Synchronization
public import SystemPackage
#else
import SystemPackage
#endif

/// The one place that every call which changes the file system passes.
///
/// In release builds it is empty. In debug builds a test makes the n-th such call fail: in its own process with `FaultPlan`, in a
/// whole program with the environment variables `BARMAN_FAULT` (`kill:N`, `EIO:N`, `ENOSPC:N`) and `BARMAN_FAULT_COUNT` (a file
/// that gets the number of such calls when the program ends).
enum FaultInjection {
    #if DEBUG
    /// Counts this call and says what must befall it instead of being made.
    static func nextFault() -> Errno? {
        if let plan = FaultPlan.current { return plan.next() }
        return program.next()
    }

    private static let program = ProgramFaults()
    #else
    /// Nothing ever befalls a call in a release build.
    @inline(__always)
    static func nextFault() -> Errno? { nil }
    #endif
}

#if DEBUG
/// What a test wants to befall its own calls: the n-th one fails, or it and all after it as if the program had died there.
public final class FaultPlan: Sendable {
    /// What happens at the chosen call.
    public enum Kind: Sendable {
        /// That call alone fails.
        case once(Errno)
        /// That call and each later one fail: what is on disk afterwards is what a killed program leaves.
        case crash
    }

    /// The plan in force for the running test.
    @TaskLocal public static var current: FaultPlan?

    private let kind: Kind
    private let position: Int
    private let calls = Atomic<Int>(0)

    /// Plans a fault at the call with this number, counted from 1; 0 only counts.
    public init(_ kind: Kind, at position: Int) {
        self.kind = kind
        self.position = position
    }

    /// How many changing calls were asked for under this plan.
    public var callCount: Int { calls.load(ordering: .relaxed) }

    fileprivate func next() -> Errno? {
        let number = calls.add(1, ordering: .relaxed).newValue
        guard position > 0 else { return nil }
        switch kind {
        case .once(let errno): return number == position ? errno : nil
        case .crash: return number >= position ? .ioError : nil
        }
    }
}

/// The faults that the environment asks for.
private struct ProgramFaults: ~Copyable {
    private enum Kind {
        case none
        case kill
        case fail(Errno)
    }

    private let kind: Kind
    private let position: Int
    private static let calls = Atomic<Int>(0)
    private static let countPath: FilePath? = getenv("BARMAN_FAULT_COUNT").map { FilePath(platformString: $0) }

    init() {
        var kind = Kind.none
        var position = 0
        if let text = getenv("BARMAN_FAULT").map({ String(cString: $0) }) {
            let parts = text.split(separator: ":", maxSplits: 1)
            position = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
            switch parts.first {
            case "kill": kind = .kill
            case "EIO": kind = .fail(.ioError)
            case "ENOSPC": kind = .fail(.noSpace)
            default: break
            }
        }
        self.kind = kind
        self.position = position
        if Self.countPath != nil { atexit { ProgramFaults.writeCount() } }
    }

    func next() -> Errno? {
        let number = Self.calls.add(1, ordering: .relaxed).newValue
        guard number == position else { return nil }
        switch kind {
        case .none:
            return nil
        case .kill:
            _ = Glibc.kill(getpid(), SIGKILL)
            return .ioError
        case .fail(let errno):
            return errno
        }
    }

    private static func writeCount() {
        guard let countPath else { return }
        let text = "\(calls.load(ordering: .relaxed))\n"
        let descriptor = countPath.withPlatformString { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { return }
        _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}
#endif
