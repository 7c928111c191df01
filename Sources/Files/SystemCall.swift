import Glibc
import SystemPackage

/// Whether a system call changes what is stored; those that do pass the fault injection.
enum Effect {
    case reads
    case changes
}

/// Makes one system call: again when a signal interrupts it, and with its errno made into an error.
@inline(__always)
func systemCall<Value: FixedWidthInteger & SignedInteger>(
    _ call: StaticString,
    _ path: @autoclosure () -> FilePath,
    to destination: @autoclosure () -> FilePath? = nil,
    _ effect: Effect,
    body: () -> Value
) throws(FileError) -> Value {
    if effect == .changes, let fault = FaultInjection.nextFault() {
        throw FileError(call: "\(call)", path: path(), destination: destination(), errno: fault)
    }
    while true {
        let value = body()
        if value != -1 { return value }
        let number = errno
        if number == EINTR { continue }
        throw FileError(call: "\(call)", path: path(), destination: destination(), errno: Errno(rawValue: number))
    }
}
