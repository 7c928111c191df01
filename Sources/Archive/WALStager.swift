import Catalog
import Codecs
import Files
import Processes
import Replication
import Settings
import SystemPackage
import WAL

/// What is to be done with one received file.
enum IntakeVerdict: Sendable {
    /// It is new: store it.
    case store(StagedWAL, compression: String?)
    /// The same contents are stored already.
    case stored
    /// Other contents are stored under its name.
    case different
    /// It is no segment of this server: why.
    case broken(String)
    /// It is not there any more.
    case vanished
    /// It is still being written: a later run takes it.
    case unfinished
}

/// One received file and what is to be done with it.
struct IntakeDecision: Sendable {
    let entry: IntakeQueue.Entry
    let verdict: IntakeVerdict
    /// What the file system said of the received file.
    let status: FileStatus?
    /// Whether a file is there under its name, which a rebuild may list at any time.
    var isReplacing = false
    /// Keeps receivers from an unfinished segment until it is out of the queue.
    var hold: SegmentHold?
}

/// What one thread does with received files: looks at them and writes their stored form beside its place.
final class WALStager {
    private let home: ServerHome
    private let archive: WALArchive
    private let compression: WALCompression
    private let encryption: WALEncryption?
    private let compressor: Compressor?
    private let judge: SegmentJudge
    private let arrivals: ArrivalWatch
    private let listed: ListedNames

    init(
        home: ServerHome,
        judge: SegmentJudge,
        form: StoredForm,
        arrivals: ArrivalWatch,
        listed: ListedNames
    ) throws {
        self.home = home
        self.judge = judge
        self.arrivals = arrivals
        self.listed = listed
        compression = form.compression
        encryption = form.encryption
        archive = WALArchive(home)
        if case .codec(let format, let level) = compression.method {
            compressor = try Compressor(format: format, level: level)
        } else {
            compressor = nil
        }
    }

    /// Decides about one file and prepares what is to be stored: durable on return, so that threads wait for the disk side by side.
    func stage(_ entry: IntakeQueue.Entry) throws -> IntakeDecision {
        try SignalWatch.check()
        guard case .partial = entry.name, entry.directory == home.streamingWALsDirectory,
            try FileSystem.exists(entry.path)
        else { return try decide(entry) }
        guard let hold = try SegmentHold.take(entry.path) else {
            return IntakeDecision(entry: entry, verdict: .unfinished, status: nil)
        }
        var decision = try decide(entry)
        decision.hold = hold
        return decision
    }

    private func decide(_ entry: IntakeQueue.Entry) throws -> IntakeDecision {
        guard let arrival = try arrivals.wait(for: entry, judge: judge, settings: home.settings) else {
            return IntakeDecision(entry: entry, verdict: .vanished, status: nil)
        }
        let (received, status) = (arrival.received, arrival.status)
        switch arrival.state {
        case .unfinished: return IntakeDecision(entry: entry, verdict: .unfinished, status: status)
        case .broken(let defect): return IntakeDecision(entry: entry, verdict: .broken(defect), status: status)
        case .whole: break
        }
        if case .segment(let name) = entry.name, let defect = try judge.headerDefect(of: entry.path, received, as: name)
        {
            return IntakeDecision(entry: entry, verdict: .broken(defect), status: status)
        }
        let destination = archive.path(of: entry.name, text: entry.text)
        let found = try FileSystem.kindIfPresent(destination, followingLinks: false)
        let verdict =
            found == nil
            ? try prepare(entry, received, status, destination)
            : try compare(entry, received, status, destination)
        if case .store(let staged, _) = verdict { try staged.synchronize() }
        return IntakeDecision(entry: entry, verdict: verdict, status: status, isReplacing: found != nil)
    }

    /// Decides about a file under whose name something is stored already.
    private func compare(
        _ entry: IntakeQueue.Entry,
        _ received: StoredWAL,
        _ status: FileStatus,
        _ destination: FilePath
    ) throws -> IntakeVerdict {
        guard let found = try FileSystem.statusIfPresent(of: destination), found.kind == .regular else {
            return .different
        }
        if found.isSameFile(as: status) { return .stored }
        let stored = try StoredWAL(destination, settings: home.settings, assumingCustom: true)
        guard stored.isEncrypted else {
            let isEqual = try CustomFilter.withPlainFile(destination, stored, home: home) { stored in
                try CustomFilter.withPlainFile(entry.path, received, home: home) { received in
                    try WALComparison.areEqual(stored, received)
                }
            }
            return isEqual ? .stored : .different
        }
        if received.isEncrypted, try WALComparison.areEqual(destination, entry.path) { return .stored }
        // Encrypted contents cannot be compared without a key. What we store has the time of what was received: with another
        // time it counts as different, as in the reference.
        guard found.hasSameTime(as: status) else { return .different }
        if try !listed.contains(entry.text), encryption != nil {
            // A run died between the name and the line, and all that it had stored is still here: store it again.
            return try prepare(entry, received, status, destination)
        }
        return try isEqualDecrypted(entry.path, destination) ? .stored : .different
    }

    /// Whether an encrypted file holds what was received; what cannot be decrypted here counts as different.
    private func isEqualDecrypted(_ path: FilePath, _ encrypted: FilePath) throws -> Bool {
        guard home.settings.encryptionPassphraseCommand != nil else { return false }
        let reader = WALReader(home: home)
        do {
            return try reader.checksum(of: encrypted) == reader.checksum(of: path)
        } catch let error where !(error is SignalWatch.Interrupted) {
            return false
        }
    }

    private func prepare(
        _ entry: IntakeQueue.Entry,
        _ received: StoredWAL,
        _ status: FileStatus,
        _ destination: FilePath
    ) throws -> IntakeVerdict {
        let isCompressing: Bool
        if case .none = compression.method {
            isCompressing = false
        } else {
            isCompressing = received.compression == nil
        }
        let name = isCompressing ? compression.name : received.compression
        if let encryption {
            return .store(
                try encrypted(entry.path, status, destination, isCompressing: isCompressing, encryption),
                compression: name
            )
        }
        if isCompressing { return .store(try compressed(entry.path, status, destination), compression: name) }
        let staged = try plain(entry.path, status, destination)
        return .store(staged, compression: name)
    }

    private func compressed(_ path: FilePath, _ status: FileStatus, _ destination: FilePath) throws -> StagedWAL {
        try StagedWAL.make(suffix: ".compressed", like: status, destination: destination) { output in
            guard let compressor else {
                guard case .filter(let filter) = compression.method else { return }
                try CustomFilter.run(filter, from: path, to: output.path, home: home)
                return
            }
            let input = try OwnedDescriptor(opening: path)
            input.expectSequentialReading()
            try compressor.compress(
                expectedBytes: status.sizeBytes,
                read: { try input.read(into: $0) },
                write: { bytes in
                    try SignalWatch.check()
                    try output.writeAll(bytes)
                }
            )
        }
    }

    private func encrypted(
        _ path: FilePath,
        _ status: FileStatus,
        _ destination: FilePath,
        isCompressing: Bool,
        _ encryption: WALEncryption
    ) throws -> StagedWAL {
        let source = isCompressing ? try compressed(path, status, destination) : nil
        let suffix = isCompressing ? ".compressed.gpg" : ".gpg"
        return try withExtendedLifetime(source) {
            try StagedWAL.make(suffix: suffix, like: status, destination: destination) { output in
                let input =
                    source == nil
                    ? path
                    : destination.removingLastComponent().appending(
                        (destination.lastComponent?.string ?? "") + ".compressed"
                    )
                try encryption.encrypt(input, to: output, settings: home.settings)
            }
        }
    }

    /// The file as it is: by a second name where the file system allows it, otherwise by a copy.
    private func plain(_ path: FilePath, _ status: FileStatus, _ destination: FilePath) throws -> StagedWAL {
        let unfollowed = try FileSystem.status(of: path, followingLinks: false)
        let directory = try FileSystem.status(of: destination.removingLastComponent())
        // A shared inode that somebody else still names could be changed behind our back.
        if unfollowed.kind == .regular, unfollowed.device == directory.device, unfollowed.linkCount <= 1 {
            return try StagedWAL.link(path, status, to: destination)
        }
        return try StagedWAL.make(suffix: ".tmp", like: status, destination: destination) { output in
            let input = try OwnedDescriptor(opening: path)
            try FileSystem.copyContents(from: input, to: output)
        }
    }
}
