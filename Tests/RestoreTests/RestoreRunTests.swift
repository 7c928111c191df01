import Catalog
import Codecs
import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import TestWorld
import Testing

@testable import Restore

@Suite struct RestoreRunTests {
    @Test func `a plain restore brings everything but what belongs to the old run`() throws {
        try RestoreFixture.with { fixture in
            let report = try fixture.run()
            #expect(
                fixture.recorder.said == [
                    "Starting local restore for server pg using backup 20260301T030000",
                    "Destination directory: \(fixture.destination)",
                    "Copying the base backup.",
                    "\t16384, fast, \(fixture.tablespace)",
                    "Copying required WAL segments.",
                    "Generating archive status files",
                    "Identify dangerous settings in destination directory.",
                ]
            )
            #expect(try fixture.restored("global/pg_control") == "control!")
            #expect(try fixture.restored("base/1/1259").utf8.count == 10_000)
            #expect(
                try FileSystem.names(in: fixture.destination.appending("pg_wal")) == [
                    "000000010000000000000003", "000000010000000000000004", "000000010000000000000005",
                    "000000010000000000000006", "archive_status",
                ]
            )
            #expect(try fixture.restored("pg_wal/archive_status/000000010000000000000006.done") == "")
            #expect(try FileSystem.names(in: fixture.destination.appending("log")).isEmpty)
            #expect(try !fixture.tree.contains("postmaster.pid"))
            #expect(try !fixture.tree.contains("recovery.signal"))
            let link = try FileSystem.linkTarget(fixture.destination.appending("pg_tblspc/16384"))
            #expect(link == fixture.tablespace)
            #expect(try FileSystem.exists(fixture.tablespace.appending("PG_15_1/5/16385")))
            #expect(report.changes.map(\.text) == ["postgresql.conf line 1: archive_command = false"])
            #expect(report.missingFiles == ["pg_ident.conf"])
            let source = try FileSystem.status(of: fixture.catalog.appending("data/PG_VERSION"))
            let copy = try FileSystem.status(of: fixture.destination.appending("PG_VERSION"))
            #expect(copy.permissions == source.permissions && copy.modifiedNanoseconds == source.modifiedNanoseconds)
            #expect(try FileSystem.status(of: fixture.destination).permissions == [.ownerReadWriteExecute])
            #expect(try fixture.restored(".barman-recover.info") == fixture.info.fileText)
        }
    }

    @Test func `a point in time gets its WAL apart and its settings at the end of the file`() throws {
        try RestoreFixture.with { fixture in
            let report = try fixture.run {
                $0.targetTime = "2026-03-01 02:30:00+00:00"
                $0.targetTimeline = "current"
                $0.targetAction = "promote"
            }
            let wal = fixture.destination.appending("barman_wal")
            #expect(
                fixture.recorder.said.contains(
                    "Doing PITR. Recovery target time: '2026-03-01 02:30:00+00:00', timeline: '1'"
                )
            )
            #expect(
                try fixture.restored("postgresql.auto.conf") == """
                    # Do not edit

                    restore_command = 'cp \(wal)/%f %p'
                    recovery_end_command = 'rm -fr \(wal)'
                    recovery_target_time = '2026-03-01 02:30:00+00:00'
                    recovery_target_timeline = current
                    recovery_target_action = 'promote'

                    """
            )
            #expect(try fixture.restored("postgresql.auto.conf.origin") == "# Do not edit\n")
            #expect(try fixture.restored("recovery.signal") == "")
            #expect(try FileSystem.names(in: wal).count == 5)
            #expect(try FileSystem.names(in: fixture.destination.appending("pg_wal")).isEmpty)
            #expect(report.recoverySettingsFile == "postgresql.auto.conf" && !report.usesGetWAL)
        }
    }

    @Test func `what is refused writes nothing`() throws {
        let cases: [(String, (inout RestoreRequest) -> Void)] = [
            (
                "You cannot specify multiple targets",
                {
                    $0.targetXID = "1"
                    $0.targetImmediate = true
                }
            ),
            ("Unknown backup 'nix' for server 'pg'", { $0.backup = "nix" }),
            ("Cannot parse staging path: Invalid value : 'x'", { $0.stagingPath = "x" }),
            ("--staging-location as remote requires", { $0.stagingLocation = "remote" }),
            ("Invalid tablespace relocation rule 'fast'\nHINT: ", { $0.tablespaceRules = ["fast"] }),
            (
                "Invalid tablespace name 'x'\nHINT: Please use any of the following tablespaces: fast",
                { $0.tablespaceRules = ["x:/y"] }
            ),
            ("The destination directory parameter cannot contain the ':'", { $0.destination = "h:/x" }),
            ("The destination directory has no name", { $0.destination = "" }),
            ("Network compression can only be used", { $0.networkCompression = true }),
            ("Backup 20260301T030000 is not a snapshot backup", { $0.snapshotRecoveryInstance = "i" }),
            (
                "The requested target time 2026-03-01 02:00:00+00:00 is before the backup end time",
                { $0.targetTime = "2026-03-01 02:00:00+00:00" }
            ),
            ("Can't enable recovery target action", { $0.targetAction = "pause" }),
            (
                "For PITR without a backup_id",
                {
                    $0.backup = "auto"
                    $0.targetXID = "1"
                }
            ),
            (
                "Cannot find any candidate backup for recovery.",
                {
                    $0.backup = "auto"
                    $0.targetTime = "2026-03-01 02:09:59+00:00"
                }
            ),
            ("Unable to connect to the target host using the command 'false'", { $0.remoteSSHCommand = "false" }),
        ]
        try RestoreFixture.with { fixture in
            for (message, change) in cases {
                let failure = #expect(throws: Failure.self, "\(message)") { try fixture.run(change) }
                #expect(failure?.description.hasPrefix(message) == true, "\(String(describing: failure))")
                let tree = try fixture.tree
                #expect(tree.isEmpty)
                #expect(try !FileSystem.exists(fixture.tablespace))
            }
        }
    }

    @Test func `a destination that holds something is refused, dot files do not count`() throws {
        try RestoreFixture.with { fixture in
            try FileSystem.createDirectories(fixture.destination)
            try FileSystem.replaceDurably(fixture.destination.appending(".profile"), contents: [])
            try FileSystem.createDirectories(fixture.tablespace)
            try FileSystem.replaceDurably(fixture.tablespace.appending("x"), contents: [])
            let failure = #expect(throws: Failure.self) { try fixture.run() }
            #expect(failure?.message.hasPrefix("The restore operation cannot proceed. The destination path") == true)
            try FileSystem.unlink(fixture.tablespace.appending("x"))
            try fixture.run()
            #expect(try fixture.tree.contains(".profile"))
        }
    }

    @Test func `a backup that has not all its WAL is restored with warnings`() throws {
        try RestoreFixture.with { fixture in
            var info = fixture.info
            info.status = .waitingForWALs
            try BackupCatalog.save(info, in: fixture.home)
            for name in ["4", "5", "6"] {
                try FileSystem.unlink(
                    fixture.home.walsDirectory.appending("0000000100000000/00000001000000000000000\(name)")
                )
            }
            try FileSystem.unlink(XlogDatabase(fixture.home).path)
            try fixture.run()
            #expect(fixture.recorder.said.filter { $0.hasPrefix("WARNING: IMPORTANT: ") }.count == 2)
        }
    }

    @Test func `a backup whose WAL is there is not warned about, although nobody has noted that`() throws {
        try RestoreFixture.with { fixture in
            var info = fixture.info
            info.status = .waitingForWALs
            try BackupCatalog.save(info, in: fixture.home)
            try fixture.run()
            #expect(!fixture.recorder.said.contains { $0.hasPrefix("WARNING: ") })
        }
    }

    @Test(arguments: [3, 5, 6]) func `a missing WAL file is told before anything is written`(number: Int) throws {
        try RestoreFixture.with { fixture in
            let name = "00000001000000000000000\(number)"
            try FileSystem.unlink(fixture.home.walsDirectory.appending("0000000100000000/\(name)"))
            let failure = #expect(throws: Failure.self) { try fixture.run() }
            #expect(failure?.message.contains("WAL file \(name) is missing") == true, "\(String(describing: failure))")
            #expect(try fixture.tree.isEmpty)
            // What is needed for consistency is there, unless it is the first.
            guard number > 4 else { return }
            try fixture.run { $0.targetImmediate = true }
            #expect(try fixture.isStartable)
        }
    }

    @Test func `a backup without pg_control is refused before anything is written`() throws {
        try RestoreFixture.with { fixture in
            try FileSystem.unlink(fixture.home.dataDirectory(of: fixture.info.id).appending("global/pg_control"))
            let failure = #expect(throws: Failure.self) { try fixture.run() }
            #expect(
                failure?.message.contains("file 'global/pg_control' of backup \(fixture.info.id) is missing") == true
            )
            #expect(try fixture.tree.isEmpty)
        }
    }

    @Test func `WAL that cannot be archived keeps no restore from running`() throws {
        try RestoreFixture.with { fixture in
            let incoming = fixture.home.incomingWALsDirectory
            try FileSystem.createDirectories(incoming)
            try FileSystem.replaceDurably(incoming.appending("00000002.history"), contents: Array("x".utf8))
            // No file can be made where the lock should be.
            let lock = fixture.home.lockPath(.archiveWAL)
            try FileSystem.createDirectories(lock)
            try fixture.run()
            #expect(
                fixture.recorder.said.contains {
                    $0.hasPrefix("WARNING: WAL files that have arrived could not be archived: ")
                }
            )
            #expect(try fixture.isStartable)
        }
    }

    @Test func `a segment that the list does not know is delivered all the same`() throws {
        try RestoreFixture.with { fixture in
            try XlogDatabase(fixture.home).rewrite { $0.name != "000000010000000000000005" }
            try fixture.run()
            #expect(try FileSystem.names(in: fixture.destination.appending("pg_wal")).count == 5)
            #expect(try fixture.tree.contains("pg_wal/archive_status/000000010000000000000005.done"))
        }
    }

    @Test func `the unfinished segment comes along without asking`() throws {
        try RestoreFixture.with { fixture in
            let name = "000000010000000000000007"
            try FileSystem.createDirectories(fixture.home.streamingWALsDirectory)
            try FileSystem.replaceDurably(
                fixture.home.streamingWALsDirectory.appending("\(name).partial"),
                contents: Array("last".utf8)
            )
            try fixture.run()
            #expect(fixture.recorder.said.contains("Copying .partial WAL files."))
            #expect(try fixture.restored("pg_wal/\(name)") == "last")
            #expect(try fixture.tree.contains("pg_wal/archive_status/\(name).partial.done"))
            for directory in [fixture.destination, fixture.tablespace] { try FileSystem.removeTree(directory) }
            try fixture.run { $0.targetImmediate = true }
            #expect(try !fixture.tree.contains("barman_wal/\(name)"))
        }
    }

    @Test func `get-wal copies no WAL and says where it comes from`() throws {
        try RestoreFixture.with { fixture in
            let report = try fixture.run { $0.getWAL = true }
            #expect(report.usesGetWAL)
            #expect(
                try fixture.restored("postgresql.auto.conf").hasSuffix(
                    """
                    # The 'barman get-wal' command must run as 'nobody' user
                    restore_command = 'barman get-wal -P pg %f > %p'

                    """
                )
            )
            #expect(try FileSystem.names(in: fixture.destination.appending("pg_wal")) == ["archive_status"])
        }
    }

    @Test func `before 12 the settings are a file of their own`() throws {
        try RestoreFixture.with { fixture in
            var info = fixture.info
            info.version = 110_005
            try BackupCatalog.save(info, in: fixture.home)
            try fixture.run {
                $0.targetXID = "7"
                $0.isExclusive = true
            }
            let wal = fixture.destination.appending("barman_wal")
            #expect(
                try fixture.restored("recovery.conf") == """
                    restore_command = 'cp \(wal)/%f %p'
                    recovery_end_command = 'rm -fr \(wal)'
                    recovery_target_xid = '7'
                    recovery_target_inclusive = 'False'

                    """
            )
            #expect(try !fixture.tree.contains("recovery.signal"))
            #expect(try fixture.restored("postgresql.auto.conf") == "# Do not edit\n")
        }
    }

    /// An ssh that stays here: it drops the blank that stands for the host and gives the rest to a shell.
    private func fakeSSH(_ world: World) throws -> String {
        try world.write(
            "#!/bin/sh\n[ \"$1\" = ' ' ] && shift\nexec sh -c \"$*\"\n",
            to: "bin/fake-ssh",
            mode: 0o755
        )
    }

    @Test func `a restore to another host is the same restore`() throws {
        try RestoreFixture.with { fixture in
            let ssh = try fakeSSH(fixture.world)
            for (number, jobs) in [1, 2].enumerated() {
                let place = FilePath(fixture.world.path("far\(number) it's"))
                let space = FilePath(fixture.world.path("far-space\(number)"))
                let home = ServerHome(
                    settings: fixture.home.settings.overriding([.parallelJobs: .integer(Int64(jobs))]),
                    global: fixture.home.global
                )
                var request = fixture.request
                request.destination = place.string
                request.tablespaceRules = ["fast:\(space)"]
                request.remoteSSHCommand = ssh
                request.targetImmediate = true
                let recorder = Recorder()
                let report = try RestoreRun(home: home, request: request, reporter: recorder).run()
                #expect(recorder.said.contains("Remote command: \(ssh)"))
                #expect(try FileSystem.read(place.appending("global/pg_control")) == Array("control!".utf8))
                #expect(
                    try FileSystem.names(in: place.appending("barman_wal")) == [
                        "000000010000000000000003", "000000010000000000000004", "archive_status",
                    ]
                )
                #expect(try FileSystem.linkTarget(place.appending("pg_tblspc/16384")) == space)
                #expect(try FileSystem.exists(space.appending("PG_15_1/5/16385")))
                #expect(report.changes.map(\.text) == ["postgresql.conf line 1: archive_command = false"])
                #expect(try FileSystem.exists(place.appending("recovery.signal")))
                #expect(try !FileSystem.exists(place.appending("postmaster.pid")))
            }
        }
    }

    @Test func `a delta restore to another host fails when files of the backup go away meanwhile`() throws {
        try RestoreFixture.with { fixture in
            let ssh = try fakeSSH(fixture.world)
            let lost = fixture.catalog.appending("data/base/1/1259")
            try fixture.world.write(
                """
                #!/bin/sh
                case "$*" in *--server*) ;; *--files-from*) rm -f '\(lost)' ;; esac
                exec /usr/bin/rsync "$@"

                """,
                to: "bin/rsync",
                mode: 0o755
            )
            let prefix = OptionValue.string(fixture.world.path("bin"))
            let home = ServerHome(
                settings: fixture.home.settings.overriding([.pathPrefix: prefix]),
                global: fixture.home.global
            )
            var request = fixture.request
            request.remoteSSHCommand = ssh
            _ = try RestoreRun(home: home, request: request, reporter: Recorder()).run()
            try FileSystem.unlink(fixture.destination.appending("base/1/1259"))
            request.deltaRestore = true
            #expect(throws: (any Error).self) {
                try RestoreRun(home: home, request: request, reporter: Recorder()).run()
            }
            #expect(try !FileSystem.exists(lost))
            #expect(try !fixture.isStartable)
        }
    }

    @Test func `a delta restore takes away what the backup does not have`() throws {
        try RestoreFixture.with { fixture in
            try fixture.run { $0.targetImmediate = true }
            try FileSystem.replaceDurably(fixture.destination.appending("base/1/9999"), contents: [1])
            try FileSystem.replaceDurably(fixture.destination.appending("base/1/1259"), contents: [2])
            try fixture.run { $0.deltaRestore = true }
            #expect(try fixture.restored("base/1/1259").utf8.count == 10_000)
            #expect(try !fixture.tree.contains("base/1/9999"))
            #expect(try !fixture.tree.contains("recovery.signal"))
            #expect(try !fixture.tree.contains("barman_wal"))
            #expect(try fixture.isStartable)
            #expect(try FileSystem.exists(fixture.tablespace.appending("PG_15_1/5/16385")))
        }
    }
}

@Suite struct TarRestoreTests {
    private func makeTar(_ fixture: RestoreFixture, _ arguments: [String]) throws {
        try ProcessRequest("tar", arguments).runChecked()
    }

    private func tarred(_ compression: String, _ option: [String], _ suffix: String) throws {
        try RestoreFixture.with { fixture in
            try fixture.turnIntoTar(compression: compression, option: option, suffix: suffix)
            try fixture.run()
            #expect(try fixture.restored("global/pg_control") == "control!")
            #expect(try fixture.restored("base/1/1259").utf8.count == 10_000)
            #expect(try !fixture.tree.contains("global/pg_control.restoring"))
            #expect(try FileSystem.exists(fixture.tablespace.appending("PG_15_1/5/16385")))
            #expect(
                try FileSystem.status(of: fixture.destination.appending("PG_VERSION")).permissions == [.ownerReadWrite]
            )
        }
    }

    @Test func `an uncompressed tar backup is restored`() throws {
        try tarred("none", [], "tar")
    }

    @Test func `a gzip tar backup is restored`() throws {
        try tarred("gzip", ["-z"], "tar.gz")
    }

    @Test func `only what is known for sure not to fit is refused`() throws {
        try RestoreFixture.with { fixture in
            // The server counts what no backup has: unlogged tables and temporary files.
            var info = fixture.info
            info.clusterSizeBytes = 1 << 60
            try fixture.turnIntoTar(info, compression: "none", option: [], suffix: "tar")
            let manifest = fixture.home.backupDirectory(of: info.id).appending("data/backup_manifest")
            func attempt(listing sizeBytes: Int64?) throws -> [String] {
                for place in [fixture.destination, fixture.tablespace] { try FileSystem.removeTree(place) }
                if let sizeBytes {
                    let text =
                        "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": ["
                        + "{\"Path\": \"base/1/1259\", \"Size\": \(sizeBytes)}],\n"
                    let sum = Checksum.hexadecimal(of: Array(text.utf8))
                    let end = "\"Manifest-Checksum\": \"\(sum)\"}\n"
                    try FileSystem.replaceDurably(manifest, contents: Array((text + end).utf8))
                }
                let before = fixture.recorder.said.count
                try fixture.run()
                return fixture.recorder.said.dropFirst(before).filter { $0.hasPrefix("WARNING: ") }
            }
            let warnings = try attempt(listing: nil)
            #expect(warnings.count == 1 && warnings[0].hasPrefix("WARNING: perhaps not enough space for '"))
            #expect(try attempt(listing: 10_000).isEmpty)
            let failure = #expect(throws: Failure.self) { _ = try attempt(listing: 1 << 60) }
            #expect(failure?.message.contains("not enough space for '") == true)
        }
    }

    @Test func `a truncated tar file stops the restore before the server can start`() throws {
        try RestoreFixture.with { fixture in
            let data = fixture.catalog.appending("data")
            let base = fixture.world.path("base.tar")
            try makeTar(fixture, ["--format=ustar", "-cf", base, "-C", data.string, "."])
            let bytes = try FileSystem.read(FilePath(base))
            try FileSystem.removeTree(data)
            try FileSystem.createDirectory(data)
            try FileSystem.replaceDurably(data.appending("base.tar"), contents: Array(bytes.prefix(bytes.count / 2)))
            try FileSystem.replaceDurably(data.appending("16384.tar"), contents: [UInt8](repeating: 0, count: 1024))
            var info = fixture.info
            info.compression = "none"
            try BackupCatalog.save(info, in: fixture.home)
            let failure = #expect(throws: Failure.self) { try fixture.run() }
            #expect(
                failure?.message.hasPrefix(
                    "Failure copying base backup: Error decompressing \(data)/base.tar into"
                ) == true
            )
            #expect(try !fixture.isStartable)
        }
    }

    @Test func `names that lead out of the destination are refused`() throws {
        try RestoreFixture.with { fixture in
            let archive = fixture.world.path("evil.tar")
            try fixture.world.write("x", to: "victim")
            func walk() throws {
                let stream = try TarSource(passphrase: nil, pathPrefix: nil).open(FilePath(archive))
                while try stream.next() != nil {}
            }
            try makeTar(fixture, ["-P", "-cf", archive, "-C", fixture.world.path("home"), "../victim"])
            let error = #expect(throws: TarContentError.self) { try walk() }
            #expect(error?.description == "unsafe path '../victim' in the tar file")
            try FileSystem.symlink(at: FilePath(fixture.world.path("link")), to: "/etc")
            try makeTar(fixture, ["-cf", archive, "-C", fixture.world.root, "link"])
            let link = #expect(throws: TarContentError.self) { try walk() }
            #expect(link?.description.hasPrefix("unexpected member type '2'") == true)
        }
    }
}
