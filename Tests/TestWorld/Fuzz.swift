import Glibc

/// Numbers that are the same for the same seed.
public struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Begins the row of numbers of a seed.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A parser, and sound input that is damaged before the parser gets it.
public struct FuzzTarget {
    let name: String
    let samples: [[UInt8]]
    let depth: Int
    let parse: ([UInt8], inout SeededNumbers) throws -> Void

    /// `parse` throws only what must not be; the parser's own errors are fine, and its own business.
    ///
    /// `depth` is how many parentheses are put in at once.
    public init(
        _ name: String,
        _ samples: [[UInt8]],
        depth: Int = 5_000,
        parse: @escaping ([UInt8], inout SeededNumbers) throws -> Void
    ) {
        self.name = name
        self.samples = samples
        self.depth = depth
        self.parse = parse
    }

    /// The same for parsers of text.
    public init(text name: String, _ samples: [String], depth: Int = 5_000, parse: @escaping (String) throws -> Void) {
        self.init(name, samples.map { Array($0.utf8) }, depth: depth) { bytes, _ in
            try parse(String(decoding: bytes, as: UTF8.self))
        }
    }
}

/// Feeds damaged input to parsers, each in its turn: it has to end in a value or an error, never in a trap, and never late.
///
/// `FUZZ_SECONDS` of processor time (1); `FUZZ_SEED` repeats a run, `FUZZ_FIRST` from that input on.
public enum Fuzz {
    /// More of a processor than this is late, in a debug build.
    private static let longestSeconds = 5.0

    /// Throws when a parser was late or did what it must not do.
    public static func run(_ targets: [FuzzTarget]) throws {
        let seed = variable("FUZZ_SEED") ?? UInt64.random(in: 1...UInt64.max)
        let seconds = Double(variable("FUZZ_SECONDS") ?? 1)
        let start = processorSeconds
        var number = variable("FUZZ_FIRST") ?? 0
        let end = number + UInt64(targets.count)
        var told = start
        var finds: [String] = []
        // Told at once: a run of hours may be ended before its time.
        func note(_ find: String) {
            print("fuzz: \(find)")
            finds.append(find)
        }
        print("fuzz: \(targets.map(\.name).joined(separator: ", ")): seed \(seed), \(seconds) s")
        while number < end || processorSeconds - start < seconds, finds.count < 20 {
            let target = targets[Int(number % UInt64(targets.count))]
            var numbers = SeededNumbers(seed: seed &+ number &* 0xD134_2543_DE82_EF95)
            let input = damaged(target, &numbers)
            let before = processorSeconds
            do {
                try target.parse(input, &numbers)
            } catch {
                note("\(target.name), input \(number) of seed \(seed): \(error)")
            }
            let taken = processorSeconds - before
            if taken > longestSeconds {
                note("\(target.name), input \(number) of seed \(seed): took \(taken) s")
            }
            number += 1
            // Where to look when the process is gone.
            if before - told > 30 {
                print("fuzz: \(target.name) at input \(number), \(Int(before - start)) s of processor time")
                told = before
            }
        }
        print("fuzz: \(number) inputs of seed \(seed), \(Int(processorSeconds - start)) s of processor time")
        guard finds.isEmpty else { throw WorldError(finds.joined(separator: "\n")) }
    }

    private static func variable(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    /// What this thread has used of a processor: a busy machine makes no parser slow.
    private static var processorSeconds: Double {
        var clock = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &clock)
        return Double(clock.tv_sec) + Double(clock.tv_nsec) / 1_000_000_000
    }

    /// What parsers stumble over.
    private static let spikes: [[UInt8]] =
        [
            "99999999999999999999999", "9223372036854775807", "-1", "-", "\u{202E}\u{0663}", "[[[[[[[[[[", "{", "\\",
            "\\ud800",
            "'", "\"", "=", ":", ",", "\n", "\r", "\t", "%(", "1e999", "nan", "%%", "FFFFFFFF", "../", "/", "\0",
        ].map { Array($0.utf8) }
        + [
            [0xFF, 0xFE], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80], [0xFF, 0xFF, 0xFF, 0x7F],
            [0, 0, 0, 0, 0, 0, 0, 0x80],
        ]

    /// One sample with up to four changes: flips, cuts, doublings, pieces of other samples, spikes.
    private static func damaged(_ target: FuzzTarget, _ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = target.samples.randomElement(using: &numbers) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            guard !bytes.isEmpty else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            let length = Int.random(in: 0...min(30, bytes.count - place), using: &numbers)
            switch Int.random(in: 0..<9, using: &numbers) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case 2: bytes.removeSubrange(place..<(place + length))
            case 3:
                bytes.insert(
                    contentsOf: bytes[place..<(place + length)],
                    at: Int.random(in: 0...bytes.count, using: &numbers)
                )
            case 4: bytes.removeLast(bytes.count - place)
            case 5:
                let other = target.samples.randomElement(using: &numbers) ?? []
                bytes.replaceSubrange(place..., with: other.dropFirst(place))
            case 6:
                // In the place of as many bytes: numbers of fixed width.
                let spike = spikes.randomElement(using: &numbers) ?? []
                bytes.replaceSubrange(place..<min(bytes.count, place + spike.count), with: spike)
            case 7: bytes.insert(contentsOf: repeatElement(UInt8(ascii: "("), count: target.depth), at: place)
            default: bytes.insert(contentsOf: spikes.randomElement(using: &numbers) ?? [], at: place)
            }
        }
        return bytes
    }
}
