import Catalog
import Codecs
import Files
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@testable import Archive

/// Records of real servers, against what PostgreSQL's own `pg_waldump` reads.
@Suite struct WALRecordsTests {
    /// Ends of transactions of every kind, between changes that cut records at every place of a page.
    private static let history = """
        CREATE TABLE t (i int, x text);
        INSERT INTO t SELECT i, repeat('x', i % 700) FROM generate_series(1, 9000) i;
        BEGIN; INSERT INTO t VALUES (1, 'a'); ROLLBACK;
        BEGIN; INSERT INTO t VALUES (2, 'b'); SAVEPOINT s; INSERT INTO t VALUES (3, 'c'); SAVEPOINT r; DROP TABLE t; COMMIT;
        CREATE TABLE t (i int, x text);
        BEGIN; INSERT INTO t VALUES (4, 'd'); SAVEPOINT s; INSERT INTO t VALUES (5, 'e'); PREPARE TRANSACTION 'kept';
        BEGIN; CREATE TABLE lost (i int); INSERT INTO lost VALUES (6); SAVEPOINT s; DROP TABLE lost; PREPARE TRANSACTION 'lost';
        SELECT pg_create_restore_point('before the accident');
        COMMIT PREPARED 'kept';
        ROLLBACK PREPARED 'lost';
        DO $$ BEGIN FOR i IN 1..1500 LOOP INSERT INTO t VALUES (i, repeat('y', i % 90)); COMMIT; END LOOP; END $$;
        SELECT pg_switch_wal();
        DO $$ BEGIN FOR i IN 1..20 LOOP EXECUTE 'CREATE TABLE c' || i || ' (a int, b text, c text)'; END LOOP; END $$;
        SELECT pg_logical_emit_message(true, 'long', repeat('z', 1500000));
        SELECT pg_create_restore_point('größe');
        """

    /// What `pg_waldump` says of the records that interest us, in our words.
    private func expected(_ cluster: Cluster, from first: String, to last: String) throws -> [String] {
        let directory = "\(cluster.dataDirectory)/pg_wal"
        let dump = try cluster.world.run(
            [cluster.program("pg_waldump"), "-p", directory, first, last],
            as: .postgres,
            environment: ["TZ": "UTC"]
        )
        return dump.out.split(separator: "\n").compactMap { line in
            func field(_ name: String) -> String {
                guard let start = line.firstRange(of: name)?.upperBound else { return "" }
                return String(line[start...].drop { $0 == " " }.prefix { $0 != "," })
            }
            guard let text = line.firstRange(of: "desc: ")?.upperBound else { return nil }
            let words = line[text...].split(separator: " ").map(String.init)
            let position = field("lsn: ").split(separator: "/").map { String(Int($0, radix: 16) ?? -1) }
            let place = position.joined(separator: "/")
            guard line.contains("Transaction") else {
                return words[0] == "RESTORE_POINT" ? "\(place) point \(words.dropFirst().joined(separator: " "))" : nil
            }
            switch words[0] {
            case "COMMIT", "ABORT":
                return "\(place) \(words[0]) \(field("tx: ")) \(words[1]) \(words[2])"
            case "COMMIT_PREPARED", "ABORT_PREPARED":
                let kind = words[0].split(separator: "_")[0]
                return "\(place) \(kind) \(words[1].dropLast()) \(words[2]) \(words[3])"
            default:
                return nil
            }
        }
    }

    private func text(_ stop: WALStop) -> String {
        let place = "\(stop.position.rawValue >> 32)/\(stop.position.rawValue & 0xFFFF_FFFF)"
        if case .restorePoint(let name) = stop.kind { return "\(place) point \(String(decoding: name, as: UTF8.self))" }
        let (seconds, rest) = stop.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        let time = Timestamp(secondsSinceEpoch: seconds + WALStop.epochOffsetSeconds).naiveText
        let fraction = String(String(rest + 1_000_000).dropFirst())
        return "\(place) \(stop.kind == .commit ? "COMMIT" : "ABORT") \(stop.transactionID) \(time).\(fraction)"
    }

    @Test(arguments: [15, 17, 18])
    func `every end of a transaction and every restore point is read as by pg_waldump`(version: Int) throws {
        try World.with { world in
            let cluster = try world.cluster(version, segmentMegabytes: 1)
            try cluster.configure(["max_prepared_transactions": "5", "autovacuum": "off", "wal_keep_size": "512MB"])
            try cluster.start()
            let first = try cluster.sql("SELECT pg_walfile_name(pg_switch_wal() + 1)")
            let script = try world.write(Self.history, to: "history.sql", as: .postgres)
            try world.run(
                [
                    cluster.program("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", "\(cluster.port)",
                    "-U", "postgres", "-d", "postgres", "-f", script,
                ],
                as: .postgres
            ).orThrow()
            let last = try cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
            let expected = try expected(cluster, from: first, to: last)
            #expect(expected.count > 1510)
            let home = try world.configureHome().home
            let found = try read(cluster, home, from: first, to: last)
            #expect(found == expected)

            try damage(cluster, first, last, expected: Set(expected))
        }
    }

    /// Segment by segment, some of them compressed.
    private func read(_ cluster: Cluster, _ home: ServerHome, from first: String, to last: String) throws -> [String] {
        let size = try #require(WALSegmentSize(bytes: 1 << 20))
        let names = Array(
            try #require(WALSegmentName(first)).through(try #require(WALSegmentName(last)), size: size)
        )
        #expect(names.count > 5)
        var found: [String] = []
        let directory = FilePath("\(cluster.dataDirectory)/pg_wal")
        for (index, name) in names.enumerated() {
            let next = index + 1 < names.count ? directory.appending(names[index + 1].description) : nil
            _ = try WALReader(home: home).records(
                of: directory.appending(name.description),
                at: name.startLSN(size: size),
                size: size,
                followedBy: next
            ) { found.append(text($0)) }
        }
        return found
    }

    /// Flipped bits, cuts and exchanged pages: no trap, and nothing that was not there.
    private func damage(_ cluster: Cluster, _ first: String, _ last: String, expected: Set<String>) throws {
        var random = SystemRandomNumberGenerator()
        let size = try #require(WALSegmentSize(bytes: 1 << 20))
        let names = Array(
            try #require(WALSegmentName(first)).through(try #require(WALSegmentName(last)), size: size)
        )
        for _ in 1...120 {
            let name = names[Int.random(in: 0..<names.count, using: &random)]
            let path = FilePath("\(cluster.dataDirectory)/pg_wal/\(name)")
            var bytes = Array(try FileSystem.readPrefix(path, count: 64 << 10))
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 1...60_000, using: &random))
            case 1: bytes.replaceSubrange(8192..<16384, with: bytes[24576..<32768])
            case 2: for index in 0..<40 { bytes[index] = UInt8.random(in: 0...255, using: &random) }
            default: break
            }
            for _ in 0...Int.random(in: 0...30, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            var scanner = WALRecordScanner(segmentAt: name.startLSN(size: size), size: size) { bytes in
                var checksum = CRC32C()
                bytes.withUnsafeBytes { checksum.update($0) }
                return checksum.value
            }
            var found: [String] = []
            scanner.take(bytes.span) { found.append(text($0)) }
            #expect(Set(found).isSubset(of: expected))
        }
    }
}
