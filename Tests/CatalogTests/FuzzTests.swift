import Catalog
import Failure
import Files
import Glibc
import Notation
import Settings
import SystemPackage
import TestWorld
import Testing
import WAL

/// Damaged input of every kind ends in a value or an error: never in a trap, and never late.
///
/// `make fuzz SECONDS=600` goes on for longer; the seed is printed, and `FUZZ_SEED` repeats a run.
@Suite struct FuzzTests {
    /// A small generator that gives the same numbers for the same seed.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private static func variable(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    private static let record = """
        backup_label='START WAL LOCATION: 0/4000028 (file 000000010000000000000004)\\nLABEL: it\\'s "x" \\x41\\u00e4\\n'
        backup_name=weekly
        begin_offset=40
        begin_time=2026-03-01 02:00:01.123456+00:00
        begin_wal=000000010000000000000004
        begin_xlog=0/4000028
        children_backup_ids=20260301T030000,20260302T030000
        copy_stats={'total_time': 3.412907, 'number_of_workers': 2, 'copy_time_per_item': {'fast': 1e-05}, 'x': [1, (2,), None, True]}
        end_time=Sun Mar  1 02:04:17 2026
        included_files=['/a b', "/o'x"]
        status=DONE
        tablespaces=[('fast', 16387, '/ssd/fast')]
        timeline=1
        version=170004
        xlog_segment_size=16777216

        """

    private static let list = """
        000000010000000000000001\t168\t1767225600.25\tgzip\tNone
        000000010000000000000002.00000028.backup\t76\t1767225601.8288636\tgzip
        00000002.history\t41\t1767225700.0
        000000010000000000000003\t4201\t1.7672256555e9\tzstd\tgpg

        """

    private static let settings = """
        [barman]
        barman_home = /nonexistent/home
        barman_user = nobody
        compression = gzip
        [pg]
        conninfo = host=/x password='a b'
        description = %(conninfo)s 100%%%% größe
            continued
        retention_policy : RECOVERY WINDOW OF 4 WEEKS
        last_backup_maximum_age = 3 DAYS
        tablespace_bandwidth_limit = a:4 b:6
        archiver = on
        ; a comment
        [m]
        model = on
        cluster = pg
        parallel_jobs = 4

        """

    private static let document = #"{"a": [1, -2.5e3, "x\u00e4\ud83d\udc18\n", null, true, {"b": {}}], "": []}"#
    private static let history = "1\t0/4000080\tno recovery target specified\n\n# x\n2\tA/FF000000\tbefore 2026-01-01\n"
    private static let times = [
        "2026-03-01 02:00:01.123456+00:00", "Sun Mar  1 02:04:17 2026", "20260301T020001Z", "2026-03-01T02:00:01-03:30",
        "1 Mar 2026 2:00 pm CET",
    ]
    private static let names = [
        "000000010000000000000001", "00000002.history", "0000000100000000000000FF.partial", "FFFFFFFF/FFFFFFFF",
    ]

    /// Changes a few bytes: flips, cuts, doublings, and what parsers stumble over.
    ///
    /// Configurations get fewer parentheses (`depth`): `FilePath` checks itself at every byte it takes in a debug build, so that a path of
    /// 5,000 bytes costs seconds there (in a release build 30 ms).
    private static func damaged(_ text: String, _ numbers: inout Numbers, depth: Int = 5_000) -> [UInt8] {
        let spikes: [[UInt8]] = [
            Array("99999999999999999999999".utf8), Array("-1".utf8), [0], [0xFF, 0xFE], Array("\u{202E}\u{0663}".utf8),
            Array("[[[[[[[[[[".utf8),
            Array("{".utf8), Array("\\".utf8), Array("\\ud800".utf8), Array("'".utf8), Array("=".utf8),
            Array("\n".utf8), Array("%(".utf8),
            Array("1e999".utf8), Array("%%".utf8), Array("FFFFFFFF".utf8),
            Array(repeating: UInt8(ascii: "("), count: depth),
        ]
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            guard !bytes.isEmpty else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            let length = Int.random(in: 0...min(30, bytes.count - place), using: &numbers)
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case 2: bytes.removeSubrange(place..<(place + length))
            case 3:
                bytes.insert(
                    contentsOf: bytes[place..<(place + length)],
                    at: Int.random(in: 0...bytes.count, using: &numbers)
                )
            case 4: bytes.removeLast(bytes.count - place)
            default: bytes.insert(contentsOf: spikes[Int.random(in: 0..<spikes.count, using: &numbers)], at: place)
            }
        }
        return bytes
    }

    /// What this thread has used of a processor: a busy machine makes no parser slow.
    private static var processorSeconds: Double {
        var clock = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &clock)
        return Double(clock.tv_sec) + Double(clock.tv_nsec) / 1_000_000_000
    }

    @Test func `parsers survive damaged input`() throws {
        let seed = Self.variable("FUZZ_SEED") ?? UInt64.random(in: 1...UInt64.max)
        let seconds = Double(Self.variable("FUZZ_SECONDS") ?? 2)
        print("fuzz: seed \(seed), \(seconds) s")
        var numbers = Numbers(state: seed)
        try World.with { world in
            let file = world.path("damaged")
            let end = Interruption.monotonicSeconds + seconds
            var count = 0
            while Interruption.monotonicSeconds < end {
                let start = Self.processorSeconds
                let kind = count % 8
                try parse(kind, &numbers, file)
                let taken = Self.processorSeconds - start
                #expect(taken < 5, "kind \(kind), number \(count) of seed \(seed) took \(taken) s")
                count += 1
            }
            print("fuzz: \(count) inputs")
            #expect(count > 100)
        }
    }

    /// Every outcome but a trap is fine: a value, or the typed error of the parser.
    private func parse(_ kind: Int, _ numbers: inout Numbers, _ file: String) throws {
        func bytes(_ text: String) -> [UInt8] { Self.damaged(text, &numbers) }
        func text(_ text: String) -> String { String(decoding: bytes(text), as: UTF8.self) }
        switch kind {
        case 0:
            let info = try? BackupInfo(parsing: bytes(Self.record), id: "x", path: "x", serverName: "pg", mode: nil)
            // What was understood can be written and understood again.
            if let info {
                let again = try BackupInfo(
                    parsing: Array(info.fileText.utf8),
                    id: "x",
                    path: "x",
                    serverName: "pg",
                    mode: nil
                )
                #expect(again.fileText == info.fileText)
            }
        case 1:
            try TestWorld.Shell.write(bytes(Self.list), to: file)
            _ = try? XlogDatabase.records(inFile: FilePath(file))
        case 2:
            try TestWorld.Shell.write(Self.damaged(Self.settings, &numbers, depth: 300), to: file)
            let configuration = try? Configuration.load(
                explicitPath: file,
                environment: [:],
                reporter: SilentReporter()
            )
            _ = try? configuration?.servers(reporter: SilentReporter())
        case 3: _ = try? JSONValue(parsing: bytes(Self.document)).text(indent: 4)
        case 4: _ = try? PythonLiteral(parsing: text("{'a': [1, (2, -3.5e-7), 'x\\u00e4', None], 'b': \"o'x\"}")).text
        case 5: _ = try? TimelineHistory(parsing: text(Self.history))
        case 6:
            let time = Timestamp(catalogText: text(Self.times[Int.random(in: 0..<Self.times.count, using: &numbers)]))
            _ = [time?.catalogText, time?.ctimeText, time?.isoText, time?.inLocalZone().isoText]
        default:
            let name = text(Self.names[Int.random(in: 0..<Self.names.count, using: &numbers)])
            _ = WALFileName(name)?.hashDirectory
            _ = LSN(name)
            _ = WALSegmentName(name)?.next(size: .standard)
        }
    }
}
