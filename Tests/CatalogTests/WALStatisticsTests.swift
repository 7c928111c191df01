import Catalog
import Failure
import TestWorld
import Testing
import WAL

/// A backup and a list as plain data, and the reference's definition of what counts, walked line by line for each backup.
private struct PlainCatalog {
    struct Backup {
        let id: String
        let begin: String
        let end: String
        let status: BackupStatus
    }

    struct Line {
        let name: String
        let sizeBytes: Int64
        let time: Double
    }

    var backups: [Backup] = []
    var lines: [Line] = []

    /// wal-archiving.md 14, word by word; the text is an invalid name.
    func statistics(of index: Int) -> Result<WALStatistics, InvalidWALName> {
        let backup = backups[index]
        let next = backups[(index + 1)...].first { $0.status.isCompleted }
        let timeline = WALSegmentName(backup.begin)?.timeline
        var statistics = WALStatistics(segmentSizeBytes: 16_777_216)
        for line in lines {
            let fileName = WALFileName(line.name)
            if case .history = fileName { continue }
            if line.name < backup.begin { continue }
            guard let fileName else { return .failure(InvalidWALName(name: line.name, server: "pg")) }
            if let timeline, fileName.timeline > timeline { continue }
            guard case .segment = fileName else { continue }
            if let next, line.name > next.end { break }
            if line.name <= backup.end {
                statistics.segmentCount += 1
                statistics.sizeBytes += line.sizeBytes
            } else {
                statistics.untilNextCount += 1
                statistics.untilNextSizeBytes += line.sizeBytes
            }
            if line.name == backup.begin {
                statistics.firstName = line.name
                statistics.firstTime = line.time
            }
            statistics.lastName = line.name
            statistics.lastTime = line.time
        }
        return .success(statistics)
    }
}

@Suite struct WALStatisticsTests {
    private func computed(_ plain: PlainCatalog) throws -> [String: Result<WALStatistics, InvalidWALName>] {
        var result: [String: Result<WALStatistics, InvalidWALName>] = [:]
        try CatalogFixture.with { fixture throws in
            for backup in plain.backups {
                try fixture.addBackup(backup.id) {
                    $0.beginWAL = backup.begin
                    $0.endWAL = backup.end
                    $0.status = backup.status
                }
            }
            try fixture.writeList(plain.lines.map { "\($0.name)\t\($0.sizeBytes)\t\($0.time)\tgzip\tNone" })
            let catalog = try BackupCatalog.load(fixture.home)
            result = try XlogDatabase(fixture.home).statistics(of: catalog.all, in: catalog)
        }
        return result
    }

    private func check(_ plain: PlainCatalog, _ comment: Comment) throws {
        let computed = try computed(plain)
        for (index, backup) in plain.backups.enumerated() where backup.status.isCompleted {
            #expect(computed[backup.id] == plain.statistics(of: index), comment)
        }
        #expect(computed.count == plain.backups.filter(\.status.isCompleted).count)
    }

    private func name(_ timeline: Int, _ log: Int, _ segment: Int) -> String {
        WALSegmentName(timeline: Timeline(rawValue: UInt32(timeline)), log: UInt32(log), segment: UInt32(segment))
            .description
    }

    private func backup(
        _ id: Int,
        _ begin: String,
        _ end: String,
        _ status: BackupStatus = .done
    ) -> PlainCatalog.Backup {
        PlainCatalog.Backup(id: "2024010\(id)T000000", begin: begin, end: end, status: status)
    }

    private func line(_ name: String, _ size: Int64 = 1000) -> PlainCatalog.Line {
        PlainCatalog.Line(name: name, sizeBytes: size, time: 1_767_225_600.25)
    }

    @Test func `segments of a backup and those after it are counted apart`() throws {
        var plain = PlainCatalog()
        plain.backups = [backup(1, name(1, 0, 2), name(1, 0, 3)), backup(2, name(1, 0, 6), name(1, 0, 7))]
        plain.lines = (1...9).map { line(name(1, 0, $0), Int64($0)) }
        let statistics = try computed(plain).compactMapValues { try? $0.get() }  // A missing one fails below.
        let first = try #require(statistics["20240101T000000"])
        #expect(first.segmentCount == 2)
        #expect(first.sizeBytes == 5)
        #expect(first.untilNextCount == 4)
        #expect(first.untilNextSizeBytes == 22)
        #expect(first.firstName == name(1, 0, 2))
        #expect(first.lastName == name(1, 0, 7))
        let second = try #require(statistics["20240102T000000"])
        #expect(second.untilNextCount == 2)
        #expect(second.lastName == name(1, 0, 9))
        try check(plain, "plain")
    }

    @Test func `rates and ratios follow from the counts`() {
        var statistics = WALStatistics(segmentSizeBytes: 1000)
        #expect(statistics.totalSeconds == nil)
        #expect(statistics.compressionRatio == nil)
        statistics.segmentCount = 2
        statistics.sizeBytes = 500
        statistics.untilNextCount = 4
        statistics.untilNextSizeBytes = 4000
        statistics.firstTime = 100
        statistics.lastTime = 103
        #expect(statistics.totalSeconds == 3)
        #expect(statistics.segmentsPerSecond == 2)
        #expect(statistics.compressionRatio == 0.75)
        #expect(statistics.untilNextCompressionRatio == 0)
        statistics.lastTime = 100
        statistics.untilNextCount = 0
        #expect(statistics.segmentsPerSecond == 0)
        #expect(statistics.untilNextCompressionRatio == 0)
    }

    @Test func `an invalid name fails the backups that would have met it, and no other`() throws {
        var plain = PlainCatalog()
        plain.backups = [
            backup(1, name(1, 0, 1), name(1, 0, 1)), backup(2, name(1, 0, 3), name(1, 0, 3)),
            backup(3, name(1, 0, 5), name(1, 0, 5)),
        ]
        plain.lines = (1...4).map { line(name(1, 0, $0)) } + [line("zzz")] + (5...9).map { line(name(1, 0, $0)) }
        let outcomes = try computed(plain)
        #expect((try? outcomes["20240101T000000"]?.get()) != nil)  // Its counting had ended before.
        #expect(outcomes["20240102T000000"] == .failure(InvalidWALName(name: "zzz", server: "pg")))
        #expect(outcomes["20240103T000000"] == .failure(InvalidWALName(name: "zzz", server: "pg")))
        let error = InvalidWALName(name: "zzz", server: "pg")
        #expect(
            error.description
                == "invalid WAL segment name 'BadXlogSegmentName:zzz'\nHINT: Please run \"barman rebuild-xlogdb pg\" to solve "
                + "this issue"
        )
        plain.lines[4] = line("0000")
        try check(plain, "a short name comes before all")
    }

    @Test func `a list in any order gives what a walk for each backup gives`() throws {
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = SeededNumbers(seed: seed)
        for round in 0..<25 {
            try check(randomCatalog(&generator), "seed \(seed), round \(round)")
        }
    }

    private func randomCatalog(_ generator: inout SeededNumbers) -> PlainCatalog {
        var plain = PlainCatalog()
        let timelines = Int.random(in: 1...3, using: &generator)
        var names: [String] = []
        for timeline in 1...timelines {
            for segment in 1..<30 {
                let log = Int.random(in: 0..<30, using: &generator) == 0 ? 1 : 0
                let segmentName = name(timeline, log, segment)
                switch Int.random(in: 0..<20, using: &generator) {
                case 0: names.append(segmentName + ".00000028.backup")
                case 1: names.append(segmentName + ".partial")
                case 2: names.append("0000000\(timeline + 1).history")
                case 3: break
                default: names.append(segmentName)
                }
            }
        }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: names.sort()
        case 1: names.shuffle(using: &generator)
        case 2:
            names.swapAt(
                Int.random(in: names.indices, using: &generator),
                Int.random(in: names.indices, using: &generator)
            )
        default: names.append(names[Int.random(in: names.indices, using: &generator)])
        }
        if Int.random(in: 0..<6, using: &generator) == 0 {
            let strange = [
                "zzz", "000000010000000000000003x", "00000001000000000000000", "0", "00000001000000000000000a",
            ]
            names.insert(
                strange[Int.random(in: strange.indices, using: &generator)],
                at: Int.random(in: names.indices, using: &generator)
            )
        }
        plain.lines = names.map { name in
            let time = 1_767_225_600 + Double.random(in: 0..<100_000, using: &generator)
            return PlainCatalog.Line(name: name, sizeBytes: .random(in: 1..<10_000_000, using: &generator), time: time)
        }
        for index in 1...Int.random(in: 1...6, using: &generator) {
            let timeline = Int.random(in: 1...timelines, using: &generator)
            let begin = Int.random(in: 1..<28, using: &generator)
            let end = begin + Int.random(in: 0..<3, using: &generator)
            let statuses: [BackupStatus] = [.done, .done, .done, .waitingForWALs, .failed, .started]
            let status = statuses[Int.random(in: statuses.indices, using: &generator)]
            plain.backups.append(backup(index, name(timeline, 0, begin), name(timeline, 0, end), status))
        }
        return plain
    }
}
