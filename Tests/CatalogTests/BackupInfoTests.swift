import Catalog
import Failure
import Notation
import SystemPackage
import Testing
import WAL

@Suite struct BackupInfoTests {
    private func parse(_ text: String) throws(BackupInfoError) -> BackupInfo {
        try BackupInfo(
            parsing: Array(text.utf8),
            id: "20260301T030000",
            path: "/h/backup.info",
            serverName: "pg17",
            mode: "rsync-concurrent"
        )
    }

    /// The examples of catalog-formats.md 3.9.
    static let rsync = #"""
        backup_label='START WAL LOCATION: 0/4000028 (file 000000010000000000000004)\nCHECKPOINT LOCATION: 0/4000080\nBACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-03-01 02:00:01 UTC\nLABEL: Barman backup pg17 20260301T030000\nSTART TIMELINE: 1\n'
        backup_name=weekly
        begin_offset=40
        begin_time=2026-03-01 02:00:01.123456+00:00
        begin_wal=000000010000000000000004
        begin_xlog=0/4000028
        children_backup_ids=None
        cluster_size=41500123
        compression=None
        config_file=/var/lib/pgsql/17/data/postgresql.conf
        copy_stats={'total_time': 3.412907, 'number_of_workers': 2, 'analysis_time_per_item': {'fast': 0.201144, 'pgdata': 0.310221}, 'copy_time_per_item': {'fast': 0.110993, 'pgdata': 1.901201, 'pg_control': 0.130442}, 'serialized_copy_time_per_item': {'fast': 0.110993, 'pgdata': 2.511009, 'pg_control': 0.130442}, 'analysis_time': 0.511365, 'copy_time': 2.142636, 'serialized_copy_time': 2.752444}
        data_checksums=on
        deduplicated_size=1203344
        encryption=None
        end_offset=344
        end_time=2026-03-01 02:04:17.005021+00:00
        end_wal=000000010000000000000004
        end_xlog=0/4000158
        error=None
        hba_file=/var/lib/pgsql/17/data/pg_hba.conf
        ident_file=/var/lib/pgsql/17/data/pg_ident.conf
        included_files=['/var/lib/pgsql/17/data/postgresql.auto.conf']
        mode=rsync-concurrent
        parent_backup_id=None
        pgdata=/var/lib/pgsql/17/data
        server_name=pg17
        size=41222333
        status=DONE
        summarize_wal=off
        systemid=7456012345678901234
        tablespaces=[('fast', 16387, '/ssd/fast')]
        timeline=1
        version=170004
        xlog_segment_size=16777216

        """#

    static let failed = """
        backup_label=None
        begin_offset=None
        begin_time=None
        begin_wal=None
        begin_xlog=None
        children_backup_ids=None
        cluster_size=None
        compression=None
        config_file=None
        copy_stats=None
        data_checksums=None
        deduplicated_size=None
        encryption=None
        end_offset=None
        end_time=None
        end_wal=None
        end_xlog=None
        error=failure starting backup (connection to server at "pg17" (10.0.0.7), port 5432 failed: Connection refused)
        hba_file=None
        ident_file=None
        included_files=None
        mode=postgres
        parent_backup_id=None
        pgdata=None
        server_name=pg17
        size=None
        status=FAILED
        summarize_wal=None
        systemid=7456012345678901234
        tablespaces=None
        timeline=None
        version=None
        xlog_segment_size=16777216

        """

    private static let old = """
        backup_label=None
        begin_offset=40
        begin_time=2015-05-04 03:00:02.118404
        begin_wal=000000010000000000000021
        begin_xlog=0/21000028
        config_file=/srv/pg93/postgresql.conf
        end_offset=184
        end_time=2015-05-04 03:07:45.900120
        end_wal=000000010000000000000021
        end_xlog=0/210000B8
        error=None
        hba_file=/srv/pg93/pg_hba.conf
        ident_file=/srv/pg93/pg_ident.conf
        mode=default
        pgdata=/srv/pg93
        server_name=main
        size=20935690
        status=DONE
        tablespaces=[('hist', 16384, '/srv/hist')]
        timeline=1
        version=90306

        """

    @Test(arguments: [
        rsync, failed,
        rsync.replacing("children_backup_ids=None", with: "children_backup_ids=20260302T030000,20260303T030000")
            .replacing("compression=None", with: "compression=gzip").replacing(
                "encryption=None",
                with: "encryption=gpg"
            ),
        rsync.replacing(
            "status=DONE",
            with: "snapshots_info={'provider': 'aws', 'provider_info': {'account_id': '1234', 'region': 'eu-west-1'}, "
                + "'snapshots': [{'mount': {'mount_options': 'rw,noatime', 'mount_point': '/pg'}, 'provider': "
                + "{'device_name': '/dev/sdf', 'snapshot_lock_mode': None}}]}\nstatus=WAITING_FOR_WALS"
        ).replacing("mode=rsync-concurrent", with: "mode=snapshot-concurrent"),
        rsync.replacing(
            "tablespaces=[('fast', 16387, '/ssd/fast')]",
            with: "tablespaces=[('fast', 16387, '/ssd/fast'), (\"o'x\", 16388, '/ssd/ö')]"
        ),
        rsync.replacing("2026-03-01 02:00:01.123456+00:00", with: "2026-03-01 02:00:01-03:30"),
    ])
    func `a record that is read and written again is equal byte for byte`(text: String) throws {
        #expect(try parse(text).fileText == text)
    }

    @Test func `each key has its value`() throws {
        let info = try parse(Self.rsync)
        #expect(info.backupLabel?.hasSuffix("START TIMELINE: 1\n") == true)
        #expect(info.backupName == "weekly")
        #expect(info.beginTime?.isoText == "2026-03-01T02:00:01.123456+00:00")
        #expect(info.beginLSN == LSN("0/4000028"))
        #expect(info.endLSN == LSN("0/4000158"))
        #expect(info.beginSegment == WALSegmentName("000000010000000000000004"))
        #expect(info.copyStatistic("copy_time") == 2.142636)
        #expect(info.copyStatistic("number_of_workers") == 2)
        #expect(info.includedFiles == ["/var/lib/pgsql/17/data/postgresql.auto.conf"])
        #expect(info.tablespaces == [Tablespace(name: "fast", oid: 16387, location: "/ssd/fast")])
        #expect(info.timeline == Timeline(rawValue: 1))
        #expect(info.status == .done)
        #expect(info.type == .rsync)
        #expect(info.segmentSize == .standard)
    }

    @Test func `a new record has all keys, and null but for a few`() {
        let info = BackupInfo(id: "20260301T030000", serverName: "pg17", mode: "postgres")
        let lines = info.fileText.split(separator: "\n").map { String($0) }
        #expect(lines.count == 33)
        #expect(lines == lines.sorted())
        let set = lines.filter { !$0.hasSuffix("=None") }
        #expect(set == ["mode=postgres", "server_name=pg17", "status=EMPTY", "xlog_segment_size=16777216"])
    }

    @Test func `a file of an old release is read, with what it lacks by default`() throws {
        let info = try parse(Self.old)
        #expect(info.type == .full)
        #expect(info.serverName == "main")
        #expect(info.deduplicatedSizeBytes == nil)
        #expect(info.xlogSegmentSizeBytes == 16_777_216)
        #expect(info.beginTime?.naiveText == "2015-05-04 03:00:02.118404")
        let bare = try parse("")
        #expect(bare.mode == "rsync-concurrent")
        #expect(bare.serverName == "pg17")
        #expect(bare.status == .empty)
    }

    @Test func `blank lines, comments, blanks around and repeated keys are taken as the reference takes them`() throws {
        let info = try parse(
            "\n# size=1\n  size =  2 \r\nsize=3\n\t\nbackup_id=x\nfilename=y\nerror=a = b\nmode=None\nbackup_name="
        )
        #expect(info.sizeBytes == 3)
        #expect(info.error == "a = b")
        #expect(info.mode == nil)
        #expect(info.type == .full)
        #expect(info.backupName == "")
        #expect(info.id == "20260301T030000")
        #expect(try parse("children_backup_ids=").childrenBackupIDs == nil)
    }

    @Test func `an unknown key is refused in the words of the reference`() {
        let error = #expect(throws: BackupInfoError.self) { try parse("size=1\nnewkey=1\n") }
        #expect(
            error?.failure.message
                == "Unsupported field 'newkey' found in backup metadata. This indicates the backup was created with a newer "
                + "version of Barman. Please upgrade to a compatible or newer version."
        )
        #expect(error?.failure.kind == .error)
        #expect(error?.failure.exitStatus == 1)
    }

    @Test(arguments: [
        ("size=1\ngarbage\n", 2, "invalid line garbage in file /h/backup.info"),
        ("  # indented\n", 1, "invalid line # indented in file /h/backup.info"),
        ("size=abc", 1, "invalid value for 'size' in line 1 of file /h/backup.info: abc (a whole number expected)"),
        ("size=", 1, "invalid value for 'size' in line 1 of file /h/backup.info:  (a whole number expected)"),
        ("size=99999999999999999999", 1, nil), ("timeline=-1", 1, nil), ("timeline=5000000000", 1, nil),
        (
            "\n\nbegin_time=soon", 3,
            "invalid value for 'begin_time' in line 3 of file /h/backup.info: soon (a date and time expected)"
        ),
        ("copy_stats={'a'", 1, nil), ("copy_stats=[]", 1, nil), ("backup_label=text", 1, nil),
        ("backup_label=", 1, nil),
        ("tablespaces=[('a', 'b', 'c')]", 1, nil), ("tablespaces=[('a', 1)]", 1, nil), ("tablespaces=1", 1, nil),
        ("included_files=[1]", 1, nil), ("included_files='x'", 1, nil), ("status=BROKEN", 1, nil),
    ])
    func `a line that cannot be is refused with file and line`(text: String, line: Int, message: String?) {
        let error = #expect(throws: BackupInfoError.self) { try parse(text) }
        #expect(error?.line == line)
        if let message { #expect(error?.description == message) }
        #expect(error?.description.contains("/h/backup.info") == true)
    }

    @Test func `bytes that are no text are refused`() {
        let error = #expect(throws: BackupInfoError.self) {
            try BackupInfo(
                parsing: Array("pgdata=/\u{1}".utf8) + [0xFF],
                id: "x",
                path: "/h",
                serverName: nil,
                mode: nil
            )
        }
        #expect(error?.reason == .notText)
    }

    @Test func `no truncated and no flipped byte is fatal`() {
        let bytes = Array(Self.rsync.utf8)
        var outcomes: [Bool] = []
        // A step that shares no factor with the number of bits meets every bit and every part of the text.
        for index in stride(from: 0, to: bytes.count, by: 11) {
            var flipped = bytes
            flipped[index] ^= UInt8(1 << (index % 8))
            for content in [Array(bytes[..<index]), flipped] {
                // Either outcome is good; a trap is not.
                let info = try? BackupInfo(parsing: content, id: "x", path: "/h", serverName: nil, mode: nil)
                outcomes.append(info != nil)
            }
        }
        #expect(outcomes.contains(true) && outcomes.contains(false))
    }

    @Test func `an error keeps its first line only, and empty containers are null`() {
        var info = BackupInfo(id: "x", serverName: "pg", mode: "postgres")
        info.error = "failure copying files (one\ntwo)"
        info.pgdata = "/odd\npath"
        info.backupLabel = ""
        info.tablespaces = []
        info.includedFiles = []
        info.childrenBackupIDs = []
        info.copyStats = .dictionary([])
        let lines = info.fileText.split(separator: "\n")
        #expect(lines.contains("error=failure copying files (one"))
        #expect(lines.contains("pgdata=/odd"))
        #expect(lines.count == 33)
        for key in ["backup_label", "tablespaces", "included_files", "children_backup_ids", "copy_stats"] {
            #expect(lines.contains("\(key)=None"))
        }
    }

    @Test(arguments: [
        ("snapshot-concurrent", nil, BackupType.snapshot, "S"), ("rsync-exclusive", nil, .rsync, "R"),
        ("rsync-concurrent", "p", .rsync, "R"), ("postgres", nil, .full, "F"), ("postgres", "p", .incremental, "I"),
        ("default", nil, .full, "F"), ("passive", nil, .full, "F"),
    ])
    func `the type follows from the mode and the parent`(
        mode: String,
        parent: String?,
        type: BackupType,
        letter: String
    ) {
        var info = BackupInfo(id: "x", serverName: nil, mode: mode)
        info.parentBackupID = parent
        #expect(info.type == type)
        #expect(info.type.letter == letter)
    }

    @Test func `values can be set through their types`() {
        var info = BackupInfo(id: "x", serverName: nil, mode: nil)
        info.beginLSN = LSN(rawValue: 0x1_0400_0028)
        info.beginSegment = WALSegmentName("0000000a000000010000000b")
        #expect(info.beginXlog == "1/4000028")
        #expect(info.beginWAL == "0000000A000000010000000B")
        info.xlogSegmentSizeBytes = 3
        #expect(info.segmentSize == .standard)
    }

    @Test func `the segments between two timelines are an error, not none`() throws {
        var info = BackupInfo(id: "x", serverName: nil, mode: nil)
        info.beginWAL = "000000010000000000000003"
        info.endWAL = "000000010000000000000004"
        #expect(try info.requiredSegments().map(\.description) == [info.beginWAL, info.endWAL])
        info.endWAL = "000000020000000000000004"
        let failure = #expect(throws: Failure.self) { try info.requiredSegments() }
        #expect(
            failure?.message
                == "Begin segment (000000010000000000000003) and end segment (000000020000000000000004) must have the same "
                + "timeline part"
        )
        info.endWAL = nil
        #expect(try info.requiredSegments().isEmpty)
    }
}

extension String {
    /// The text with one part replaced, which must be there.
    func replacing(_ part: String, with replacement: String) -> String {
        guard let range = self.ranges(of: part).first else { return "\(part) is not in the text" }
        return String(self[..<range.lowerBound]) + replacement + String(self[range.upperBound...])
    }
}
