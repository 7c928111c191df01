import Catalog
import Failure
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Settings

/// Damaged records, lists, identities and configurations (`make fuzz`).
@Suite struct FuzzTests {
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

    private static let syncRecord = """
        {"backup_id": "20260301T000000", "begin_time_iso": "2026-03-01T02:00:01+00:00", "begin_time": "Sun Mar  1 02:00:01 2026",
        "begin_wal": "000000010000000000000004", "size": 1e3, "tablespaces": [["fast", 16387, "/ssd"]], "timeline": 1,
        "copy_stats": {"total_time": 3.4, "x": null}, "children_backup_ids": ["20260301T030000"], "status": "DONE"}
        """

    private static let queue = """
        [{"section": "pg", "changes_set": [{"key": "a", "value": "1", "config_file": "/x"}]}, {"section": "m", "changes_set": []}]
        """

    @Test func `parsers survive damaged input`() throws {
        try World.with { world in
            let file = world.path("damaged")
            let configuration = try world.configureHome().configuration
            try Fuzz.run([
                FuzzTarget("records", [Array(Self.record.utf8)]) { bytes, _ in try Self.readTwice(bytes) },
                FuzzTarget("records of sync-info", [Array(Self.syncRecord.utf8)]) { bytes, _ in
                    guard let value = try? JSONValue(parsing: bytes) else { return }
                    let info = try? BackupInfo(syncInfo: value, id: "x", path: "x")
                    if let info { try Self.readTwice(Array(info.fileText.utf8)) }
                },
                FuzzTarget("lists", [Array(Self.list.utf8)]) { bytes, _ in
                    try TestWorld.Shell.write(bytes, to: file)
                    _ = try? XlogDatabase.records(inFile: FilePath(file))
                },
                FuzzTarget("identities", [Array(#"{"systemid": "7301234567890123456", "version": "17"}"#.utf8)]) {
                    bytes,
                    _ in
                    _ = try? Identity(parsing: bytes, path: "x").fileText
                },
                // Fewer parentheses: `FilePath` checks itself at every byte it takes in a debug build, so that a path of 5,000 bytes
                // costs seconds there (in a release build 30 ms).
                FuzzTarget("configurations", [Array(Self.settings.utf8)], depth: 300) { bytes, _ in
                    try TestWorld.Shell.write(bytes, to: file)
                    let configuration = try? Configuration.load(
                        explicitPath: file,
                        environment: [:],
                        reporter: SilentReporter()
                    )
                    _ = try? configuration?.servers(reporter: SilentReporter())
                },
                FuzzTarget("edits of configurations", [Array(Self.settings.utf8)]) { bytes, _ in
                    let edited = ConfigurationEdit.setting("archiver", to: "off", in: "pg", of: bytes)
                    guard edited.count >= "archiver = off".utf8.count else { throw WorldError("nothing was set") }
                },
                FuzzTarget("queues of changes", [Array(Self.queue.utf8)]) { bytes, _ in
                    _ = (try? JSONValue(parsing: bytes))?.arrayValue?.map { SectionChanges($0)?.json }
                },
                FuzzTarget(
                    "changes",
                    [Array(#"[{"scope": "server", "server_name": "pg", "parallel_jobs": "4"}]"#.utf8)]
                ) { bytes, _ in
                    guard let value = try? JSONValue(parsing: bytes) else { return }
                    let servers = try configuration.servers(reporter: SilentReporter())
                    _ = try? ConfigurationUpdate(value, for: configuration, servers, reporter: SilentReporter())
                },
                FuzzTarget(text: "policies", ["RECOVERY WINDOW OF 4 WEEKS", "REDUNDANCY 2", "retention policy"]) {
                    text in
                    _ = RetentionPolicy(parsing: text)
                },
            ])
        }
    }

    /// What was understood can be written and understood again.
    private static func readTwice(_ bytes: [UInt8]) throws {
        func read(_ bytes: [UInt8]) throws -> BackupInfo {
            try BackupInfo(parsing: bytes, id: "x", path: "x", serverName: "pg", mode: nil)
        }
        guard let info = try? read(bytes) else { return }
        guard try read(Array(info.fileText.utf8)).fileText == info.fileText else {
            throw WorldError("another record: \(info.fileText)")
        }
    }
}
