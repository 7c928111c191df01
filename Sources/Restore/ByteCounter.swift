import Synchronization

/// Bytes counted by several threads.
final class ByteCounter: Sendable {
    private let count = Atomic<Int64>(0)

    /// The bytes so far.
    var value: Int64 { count.load(ordering: .relaxed) }

    /// Adds some.
    func add(_ bytes: Int64) {
        count.wrappingAdd(bytes, ordering: .relaxed)
    }
}
