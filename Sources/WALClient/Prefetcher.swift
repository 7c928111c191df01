import Files
import Glibc
import Pipeline
import Processes
import SystemPackage
import WAL

/// The process behind `barman-wal-restore -p N`: keeps N-1 files ahead of replay, while PostgreSQL replays.
///
/// It ends by itself when nobody has asked for a file for a minute, and takes what nobody wanted with it.
struct Prefetcher {
    static let word = "--prefetch-worker"

    private let arguments: RestoreArguments
    private let fetch: Fetch
    private let prefetch: Prefetch
    private static let idleSeconds = 60.0
    /// As long as ssh itself waits for a backup host that has fallen silent.
    private static let silenceSeconds = 30.0
    /// More at once would only make the file that is wanted first come later.
    private static let mostTransfers = 4

    /// Runs the process; `words` are the directory that the paths in the others are relative to, and these.
    ///
    /// Returns 0 in any case: PostgreSQL, where it inherits the process, would take anything else for a crash of its own.
    static func run(_ words: [String]) -> Int32 {
        do {
            SignalWatch.install()
            let arguments = try RestoreArguments(Array(words.dropFirst()), in: FilePath(words.first ?? ""))
            guard let prefetch = try Prefetch(arguments), try prefetch.isOurs() else { return 0 }
            let prefetcher = Prefetcher(arguments, prefetch)
            // What is left when this fails is removed by the next one.
            defer { try? prefetch.clear() }
            try prefetcher.run()
        } catch {
            // There is nobody to tell; the next call of the restore command starts another one.
        }
        return 0
    }

    private init(_ arguments: RestoreArguments, _ prefetch: Prefetch) {
        self.arguments = arguments
        self.prefetch = prefetch
        fetch = Fetch(arguments, silenceSeconds: Self.silenceSeconds)
    }

    private var directory: FilePath { prefetch.directory }

    private func run() throws {
        prefetch.removeStale()
        var position = ""
        var ahead: [String] = []
        // What is here no more has been taken: the note about it comes a moment later.
        var fetched: Set<String> = []
        var nextLook = 0.0
        var pause = 0.25
        while !SignalWatch.interrupted, let delivered = try lastDelivered() {
            let now = Interruption.monotonicSeconds
            if delivered != position {
                position = delivered
                if let index = ahead.firstIndex(of: delivered) {
                    ahead.removeFirst(index + 1)
                } else {
                    ahead = []
                }
                try prefetch.clear(keeping: ahead)
                fetched.formIntersection(ahead)
                nextLook = min(nextLook, now)
            }
            let window = arguments.parallel - 1
            if ahead.count < window, now >= nextLook {
                let found = try look(from: ahead.last ?? position, count: window * 4 + 1)
                ahead += found
                // Caught up: the next segment appears when PostgreSQL has filled it elsewhere.
                pause = found.isEmpty ? min(pause * 2, 5) : 0.25
                nextLook = found.isEmpty ? now + pause : now
            }
            let wanted = Array(ahead.prefix(window).filter { !fetched.contains($0) }.prefix(Self.mostTransfers))
            if wanted.isEmpty {
                usleep(5000)
                continue
            }
            let received = try receive(wanted)
            fetched.formUnion(received)
            if received.count < wanted.count {
                // The file was there a moment ago, or the host is not: look again later.
                ahead = ahead.filter(fetched.contains)
                nextLook = now + 1
            }
        }
    }

    /// The name of the file that PostgreSQL got last; `nil` when it has not asked for a while.
    private func lastDelivered() throws -> String? {
        let path = directory.appending(Prefetch.deliveredName)
        guard let status = try FileSystem.statusIfPresent(of: path) else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let age = Double(now.tv_sec) - Double(status.modifiedSeconds)
        guard abs(age) < Self.idleSeconds else { return nil }
        return String(decoding: try FileSystem.read(path, limit: 4096), as: UTF8.self)
    }

    /// Names that come after this one, without a gap.
    private func look(from name: String, count: Int) throws -> [String] {
        let names: [String]
        do {
            names = try fetch.names(from: name, arguments.getOptions(peek: min(count, 256), isPrefetch: true)).names
        } catch ProcessError.timedOut {
            return []
        }
        guard names.first == name else { return [] }
        return names.dropFirst().filter { WALSegmentName($0) != nil }
    }

    /// Fetches files at once; returns those that came.
    private func receive(_ names: [String]) throws -> [String] {
        var received: [String] = []
        let options = arguments.getOptions(isPrefetch: true)
        try Workers.map(names, count: names.count) { [fetch, directory] (name: String) throws -> Bool in
            try Self.receive(name, options, fetch, directory)
        } inOrder: { index, isReceived in
            if isReceived { received.append(names[index]) }
        }
        return received
    }

    private static func receive(
        _ name: String,
        _ options: [String],
        _ fetch: Fetch,
        _ directory: FilePath
    ) throws -> Bool {
        let part = directory.appending(".\(name).part")
        do {
            let output = try OwnedDescriptor(
                opening: part,
                .writeOnly,
                options: [.create, .truncate],
                permissions: FilePermissions(rawValue: 0o600)
            )
            let status = try fetch.receive(name, options, into: output)
            try output.close()
            if status == .exited(0) {
                try ReceivedWAL.unpack(part)
                if try ReceivedWAL.isWhole(part, name: name) {
                    try FileSystem.rename(part, to: directory.appending(name))
                    return true
                }
            }
        } catch let error where !(error is Silence.End) {
            try FileSystem.unlinkIfPresent(part)
            throw error
        }
        try FileSystem.unlinkIfPresent(part)
        return false
    }
}
