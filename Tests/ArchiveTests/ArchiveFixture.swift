import Archive
import Catalog
import Codecs
import Failure
import Files
import Glibc
import Synchronization
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

/// A home of one server `pg` on disk, with its queues.
struct ArchiveFixture {
    let world: World
    let home: ServerHome

    /// Runs a test on a home of its own; `options` are lines of the server's section.
    static func with(_ options: String = "", _ body: (ArchiveFixture) throws -> Void) throws {
        try World.with { world in
            let fixture = try ArchiveFixture(world: world, options: options)
            try body(fixture)
        }
    }

    /// The home in that world, made if it is not there, with other options if it is.
    init(world: World, options: String) throws {
        self.world = world
        home = try world.configureHome(options).home
        try makeQueues()
    }

    /// Options for encryption by a stand-in of gpg: what it writes begins as gpg's output does, and goes on with the input.
    static func encryption(in world: World) throws -> String {
        let script = #"""
            #!/bin/sh
            for last in "$@"; do :; done
            case "$*" in
            *--decrypt*) cat >/dev/null; exec tail -c +5 "$last" ;;
            *) printf '\205\001\014\003'; exec cat "$last" ;;
            esac
            """#
        try world.makeDirectory("tools", mode: 0o755)
        try world.write(script, to: "tools/gpg", mode: 0o755)
        return """
            encryption = gpg
            encryption_key_id = wal@example.org
            encryption_passphrase_command = printf secret
            path_prefix = \(world.path("tools"))

            """
    }

    /// Takes everything away, as if the home were new.
    func reset() throws {
        try FileSystem.removeContents(of: home.backupDirectory)
        try makeQueues()
    }

    private func makeQueues() throws {
        for directory in [home.incomingWALsDirectory, home.streamingWALsDirectory, home.metaDirectory] {
            try FileSystem.createDirectories(directory)
        }
    }

    /// Archives, and returns what was said and how many files were stored.
    @discardableResult
    func archive(
        isExplicit: Bool = true,
        workerLimit: Int = .max,
        arrivals: ArrivalWatch = ArrivalWatch()
    ) throws -> (said: [String], count: Int) {
        let recorder = Recorder()
        let intake = WALIntake(home: home, reporter: recorder, workerLimit: workerLimit, arrivals: arrivals)
        let count = try intake.run(isExplicit: isExplicit)
        return (recorder.said, count)
    }

    /// Makes the server's cluster known, as its first backup does.
    func identify(_ systemIdentifier: UInt64 = 7_000_000_000_000_000_001) throws {
        try Identity(systemID: "\(systemIdentifier)", version: "17").writeOnce(home)
    }

    /// Puts a file into a queue.
    func put(_ bytes: [UInt8], _ name: String, in directory: FilePath? = nil) throws {
        try Shell.write(bytes, to: (directory ?? home.incomingWALsDirectory).appending(name).string)
    }

    /// The plain contents of an archived file.
    func stored(_ name: String) throws -> [UInt8] {
        guard let fileName = WALFileName(name) else { throw Failure("\(name) is no WAL file") }
        let path = WALArchive(home).path(of: fileName, text: name)
        return try WALReader(home: home).contents(of: path, limit: 64 << 20)
    }

    /// Whether an archived file holds these bytes; much faster than `stored` in a debug build.
    func holds(_ name: String, _ bytes: [UInt8]) throws -> Bool {
        guard let fileName = WALFileName(name) else { return false }
        let copy = FilePath(world.path("fetched"))
        try WALReader(home: home).fetch(WALArchive(home).path(of: fileName, text: name), to: copy)
        let found = try Shell.read(copy.string)
        return found.count == bytes.count && memcmp(found, bytes, bytes.count) == 0
    }

    /// The names of all archived files, sorted.
    var archived: [String] {
        let wals = home.walsDirectory.string
        return world.names(in: wals).flatMap { name -> [String] in
            if name.utf8.count == 16, !name.hasSuffix(".history") { return world.names(in: "\(wals)/\(name)") }
            return name.hasSuffix(".history") ? [name] : []
        }.sorted()
    }

    /// The records of the list, in its order.
    var records: [XlogRecord] {
        get throws { try XlogDatabase(home).records() }
    }

    /// What waits in the queue of `archive_command`.
    var incoming: [String] { world.names(in: home.incomingWALsDirectory.string) }

    /// What could not be archived.
    var errors: [String] { world.names(in: home.errorsDirectory.string) }
}

/// A segment name on a timeline.
func segment(_ number: UInt32, timeline: UInt32 = 1) -> String {
    WALSegmentName(timeline: Timeline(rawValue: timeline), log: 0, segment: number).description
}

/// The contents of a whole segment of 1 MiB; different for each seed.
func segmentBytes(_ seed: Int, mebibytes: Int = 1) -> [UInt8] {
    if mebibytes == 1, let known = segments.withLock({ $0[seed] }) { return known }
    var bytes = [UInt8](repeating: 0, count: mebibytes << 20)
    var state = UInt64(seed &+ 1)
    for index in stride(from: 0, to: 20_000, by: 3) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[index] = UInt8(truncatingIfNeeded: state >> 33)
    }
    if mebibytes == 1 { segments.withLock { $0[seed] = bytes } }
    return bytes
}

/// These bytes, compressed.
func compressed(_ bytes: [UInt8], _ format: CompressionFormat = .gzip) throws -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes[...]
    try Compressor(format: format).compress(
        read: { buffer in
            let piece = rest.prefix(buffer.count)
            buffer.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        },
        write: { result.append(contentsOf: $0) }
    )
    return result
}

/// The contents of a whole segment of 1 MiB that belongs to a place in the WAL of a cluster, as its header says.
func walBytes(_ number: UInt32, timeline: UInt32 = 1, systemIdentifier: UInt64 = 7_000_000_000_000_000_001) -> [UInt8] {
    var bytes = segmentBytes(Int(number))
    func put(_ value: UInt64, _ count: Int, at offset: Int) {
        for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
    put(0xD110, 2, at: 0)
    put(0x0002, 2, at: 2)
    put(UInt64(timeline), 4, at: 4)
    put(UInt64(number) << 20, 8, at: 8)
    put(systemIdentifier, 8, at: 24)
    put(1 << 20, 4, at: 32)
    put(8192, 4, at: 36)
    return bytes
}

/// Segments made before: making them takes longer than archiving them.
private let segments = Mutex<[Int: [UInt8]]>([:])
