import Codecs
import Files
import Pipeline
import SystemPackage

/// Writes files that come one after another: each one is hashed on one thread and written on another, several at a time.
///
/// Used by one thread. Whoever starts it ends it with `finish` or `abandon`.
final class TreeWriter {
    /// A pair of threads; all parcels of a file go to the same pair, so that its bytes stay in order.
    private struct Lane {
        let hashing = BoundedQueue<Parcel>(limit: .max)
        let writing = BoundedQueue<Parcel>(limit: .max)
    }

    private let lanes: [Lane]
    private let free: BoundedQueue<Parcel>
    private let crew: Crew
    private var lane = 0
    private var parcel: Parcel?
    private let check: () throws -> Void

    /// More than this brings nothing: one stream feeds them all.
    private static let mostLanes = 4

    /// Starts the threads.
    ///
    /// `check` is called several times a second while it waits for them.
    init(ledger: FileLedger, check: @escaping () throws -> Void) throws {
        let laneCount = min(Self.mostLanes, max(2, Workers.coreCount))
        let lanes = (0..<laneCount).map { _ in Lane() }
        let free = BoundedQueue<Parcel>(limit: .max)
        let crew = Crew(onFailure: { Self.cancel(lanes, free) })
        self.lanes = lanes
        self.free = free
        self.crew = crew
        self.check = check
        for _ in 0..<laneCount * 4 + 2 { free.put(Parcel()) }
        do {
            for lane in lanes {
                try crew.start { try Self.run(lane.hashing, FileHasher(ledger), free) }
                try crew.start { try Self.run(lane.writing, FileWriter(), free) }
            }
        } catch {
            abandon()
            throw error
        }
    }

    /// Begins a file that is not there yet.
    func begin(number: Int, path: FilePath, permissions: FilePermissions) throws {
        try current().add(.open(number: number, path: path, permissions: permissions))
    }

    /// Adds contents to the file.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let parcel = try current()
            rest = UnsafeRawBufferPointer(rebasing: rest[parcel.add(rest)...])
            if parcel.room == 0 { send() }
        }
    }

    /// Ends the file.
    func end() throws {
        let parcel = try current()
        parcel.add(.close)
        guard parcel.isWorthSending else { return }
        send()
        lane = (lane + 1) % lanes.count
    }

    /// Waits until everything is written, though not synced; throws the first error of any thread.
    func finish() throws {
        send()
        for lane in lanes {
            lane.hashing.close()
            lane.writing.close()
        }
        crew.join()
        try crew.check()
    }

    /// Drops what is not written and ends the threads.
    func abandon() {
        Self.cancel(lanes, free)
        crew.join()
    }

    private static func cancel(_ lanes: [Lane], _ free: BoundedQueue<Parcel>) {
        for lane in lanes {
            lane.hashing.cancel()
            lane.writing.cancel()
        }
        free.cancel()
    }

    /// The parcel being filled; waits until there is one.
    private func current() throws -> Parcel {
        if let parcel { return parcel }
        guard let next = try free.take(check: check) else {
            // Only a failure of a thread ends the supply.
            try crew.check()
            throw WriterStopped()
        }
        parcel = next
        return next
    }

    private func send() {
        guard let parcel else { return }
        self.parcel = nil
        parcel.give(to: 2)
        lanes[lane].hashing.put(parcel)
        lanes[lane].writing.put(parcel)
    }

    /// What one thread does with every parcel of its queue.
    private static func run(
        _ queue: BoundedQueue<Parcel>,
        _ worker: any ParcelWorker,
        _ free: BoundedQueue<Parcel>
    ) throws {
        while let parcel = queue.take() {
            for step in parcel.steps {
                switch step {
                case .open(let number, let path, let permissions):
                    try worker.open(number: number, path: path, permissions: permissions)
                case .bytes(let range): try worker.take(parcel[range])
                case .close: try worker.close()
                }
            }
            if parcel.isLastUse() {
                parcel.clear()
                free.put(parcel)
            }
        }
    }
}

/// The threads were stopped and left no reason.
struct WriterStopped: Error, CustomStringConvertible {
    var description: String { "the writing of the backup was stopped" }
}

/// What a thread of a lane does with the files in its parcels; belongs to that thread.
private protocol ParcelWorker: AnyObject {
    func open(number: Int, path: FilePath, permissions: FilePermissions) throws
    func take(_ bytes: UnsafeRawBufferPointer) throws
    func close() throws
}

/// Computes the SHA-256 of each file.
private final class FileHasher: ParcelWorker {
    private let ledger: FileLedger
    private var number = 0
    private var checksum = Checksum()

    init(_ ledger: FileLedger) { self.ledger = ledger }

    func open(number: Int, path: FilePath, permissions: FilePermissions) {
        self.number = number
        checksum = Checksum()
    }

    func take(_ bytes: UnsafeRawBufferPointer) { checksum.update(bytes) }

    func close() { ledger.note(checksum.digest(), of: number) }
}

/// Writes each file.
private final class FileWriter: ParcelWorker {
    private var file: OwnedDescriptor?
    private var permissions = FilePermissions.ownerReadWrite
    private var unsentBytes = 0

    /// Written bytes after which the disk is told to begin with them.
    private static let writebackBytes = 16 << 20

    func open(number: Int, path: FilePath, permissions: FilePermissions) throws {
        self.permissions = permissions
        unsentBytes = 0
        file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow],
            permissions: .ownerReadWrite
        )
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        try file?.writeAll(bytes)
        unsentBytes += bytes.count
        guard unsentBytes >= Self.writebackBytes else { return }
        unsentBytes = 0
        file?.startWriteback()
    }

    func close() throws {
        if permissions != .ownerReadWrite { try file?.setPermissions(permissions) }
        // Small files are better left to the kernel, which gathers them.
        if unsentBytes > Parcel.byteCount { file?.startWriteback() }
        try file.take()?.close()
    }
}
