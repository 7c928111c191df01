import Files
import Pipeline
import Synchronization
import SystemPackage

/// A megabyte of files on its way to the disk, and what is to be done with it.
///
/// `@unchecked Sendable`: one thread fills it and gives it away; those it is given to only read it, and the last of them gives it
/// back.
final class Parcel: @unchecked Sendable {
    /// One thing to do, in order.
    enum Step {
        /// A file begins: its number in the ledger, where it goes, and how.
        case open(number: Int, path: FilePath, permissions: FilePermissions)
        /// These bytes of the parcel are its next ones.
        case bytes(Range<Int>)
        /// It is complete.
        case close
    }

    static let byteCount = 1 << 20
    /// Beyond so many steps a parcel is full, however few bytes it has.
    static let mostSteps = 1024

    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Parcel.byteCount, alignment: 4096)
    private(set) var filledBytes = 0
    private(set) var steps: [Step] = []
    private let users = Atomic<Int>(0)

    deinit {
        buffer.deallocate()
    }

    /// How many bytes still fit.
    var room: Int { buffer.count - filledBytes }

    /// True when it is worth sending off between two files.
    var isWorthSending: Bool { filledBytes >= buffer.count / 4 || steps.count >= Self.mostSteps }

    /// Adds a step without bytes.
    func add(_ step: Step) { steps.append(step) }

    /// Adds as many bytes as fit; returns how many.
    func add(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(room, bytes.count)
        guard count > 0 else { return 0 }
        let end = filledBytes + count
        UnsafeMutableRawBufferPointer(rebasing: buffer[filledBytes..<end])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if case .bytes(let range)? = steps.last {
            steps[steps.count - 1] = .bytes(range.lowerBound..<end)
        } else {
            steps.append(.bytes(filledBytes..<end))
        }
        filledBytes = end
        return count
    }

    /// Lends some of its bytes.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer[range])
    }

    /// Empties it for the next use.
    func clear() {
        filledBytes = 0
        steps.removeAll(keepingCapacity: true)
    }

    /// Says how many will use it.
    func give(to count: Int) { users.store(count, ordering: .releasing) }

    /// One of its users is done; true for the last.
    func isLastUse() -> Bool { users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}
