import TestWorld
import Testing

/// `verify-backup` finds what is wrong, in every format that 3.19.1 and PostgreSQL write.
@Suite struct VerifyTests {
    struct Format: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let version: Int
        let options: [String: String]
        var archive: String?
    }

    static let formats = [
        Format(testDescription: "plain", version: 18, options: [:]),
        Format(
            testDescription: "tar",
            version: 15,
            options: ["backup_compression": "none", "backup_compression_format": "tar"],
            archive: "base.tar"
        ),
        Format(testDescription: "tar.gz", version: 15, options: ["backup_compression": "gzip"], archive: "base.tar.gz"),
        Format(
            testDescription: "tar.lz4",
            version: 17,
            options: ["backup_compression": "lz4"],
            archive: "base.tar.lz4"
        ),
        Format(
            testDescription: "tar.zst",
            version: 15,
            options: ["backup_compression": "zstd"],
            archive: "base.tar.zst"
        ),
    ]

    /// The backups are those of the oracle, with a tablespace.
    @Test(arguments: formats)
    func `a flipped bit, a cut file and a missing file are named`(format: Format) throws {
        try World.with { world in
            let site = try Site.local(in: world, version: format.version)
            let space = try world.makeDirectory("space", as: .postgres)
            try site.cluster.sql("CREATE TABLESPACE space LOCATION '\(space)'")
            try site.createLedger(rows: 500, tablespace: "space")
            try site.configure(format.options)
            try site.host.oracle("backup", "pg").orThrow()
            try site.archiveEverything()
            let id = try #require(site.host.backupIDs("pg").last)
            try site.host.barman("check-backup", "pg", id).orThrow()
            let data = "\(site.host.home)/pg/base/\(id)/data"
            try expectSound(site, id)
            try world.run(["cp", "-a", data, world.path("before")]).orThrow()
            func damage(_ command: String, _ expected: String...) throws {
                try world.run(["rm", "-rf", data]).orThrow()
                try world.run(["cp", "-a", world.path("before"), data]).orThrow()
                try world.shell("cd '\(data)' && \(command)").orThrow()
                let outcome = try site.host.barman("verify-backup", "pg", id)
                #expect(outcome.status == 1, "\(command): \(outcome)")
                #expect(outcome.err.contains("ERROR: verify backup failure on directory '\(data)'\n"))
                for text in expected { #expect(outcome.err.contains(text), "\(command): \(outcome)") }
            }
            if let archive = format.archive {
                let oid = try site.cluster.sql("SELECT oid FROM pg_tablespace WHERE spcname = 'space'")
                let other = archive.replacing("base", with: oid)
                for cut in [1, 20_000] {
                    try damage("truncate -s -\(cut) \(archive)", "could not read archive \"\(archive)\" from \"")
                }
                try damage("rm \(other)", "\"\(oid).tar\" is not there, neither plain nor compressed")
                try damage("touch stranger", "file \"stranger\" is not expected in a tar format backup")
                // In the middle of the contents of something.
                let place = "$(( $(stat -c %s \(archive)) / 2 / 512 * 512 + 100 ))"
                let flip = "printf '\\\\125' | dd of=\(archive) bs=1 seek=\(place) conv=notrunc"
                try damage(flip, "archive \"\(archive)\"")
            } else {
                let file = try site.cluster.sql("SELECT pg_relation_filepath('pg_class')")
                let moved = try site.cluster.sql("SELECT pg_relation_filepath('ledger')")
                try damage(
                    "printf '\\\\125' | dd of=\(file) bs=1 seek=5000 conv=notrunc",
                    "checksum mismatch for file \"\(file)\""
                )
                try damage("truncate -s 100 \(file)", "\"\(file)\" has size 100 on disk but size ")
                try damage("rm PG_VERSION", "\"PG_VERSION\" is present in the manifest but not on disk")
                try damage("touch base/stranger", "\"base/stranger\" is present on disk but not in the manifest")
                try world.shell("cp -a '\(data)/\(moved)' '\(world.path("moved"))'").orThrow()
                try damage(
                    "printf '\\\\125' | dd of=\(moved) bs=1 seek=5000 conv=notrunc",
                    "checksum mismatch for file \"\(moved)\""
                )
                try damage("rm \(moved)", "\"\(moved)\" is present in the manifest but not on disk")
                try world.shell("cp -a '\(world.path("moved"))' '\(data)/\(moved)'").orThrow()
            }
            try world.shell("sed -i 's/PG_VERSION/PG_VERSIOM/' '\(data)/backup_manifest'").orThrow()
            let distrusted = try site.host.barman("verify-backup", "pg", id)
            #expect(distrusted.status == 1 && distrusted.err.contains("manifest checksum mismatch"), "\(distrusted)")
        }
    }

    @Test func `of an rsync backup the manifest, the tablespaces and the WAL are checked`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            let space = try world.makeDirectory("space", as: .postgres)
            try site.cluster.sql("CREATE TABLESPACE space LOCATION '\(space)'")
            try site.createLedger(rows: 500, tablespace: "space")
            let id = try site.backup()
            let home = "\(site.host.home)/pg"
            let missing = try site.host.barman("verify-backup", "pg", id)
            #expect(missing.status == 1 && missing.err.contains("could not read the manifest"), "\(missing)")
            try site.host.oracle("generate-manifest", "pg", id).orThrow()
            let uncovered = try site.host.barman("verify-backup", "pg", id)
            #expect(uncovered.status == 0)
            #expect(uncovered.err.contains("the tablespaces of backup '\(id)' are not covered by its manifest"))
            try world.run(["rm", "\(home)/base/\(id)/data/backup_manifest"]).orThrow()
            try site.host.barman("generate-manifest", "pg", id).orThrow()
            try expectSound(site, id)
            try site.expectAcceptedByPostgres(id)

            let file = try site.cluster.sql("SELECT pg_relation_filepath('ledger')")
            let path = file.replacing("pg_tblspc/", with: "")
            try world.shell("printf x | dd of='\(home)/base/\(id)/\(path)' bs=1 seek=4000 conv=notrunc").orThrow()
            let segment = try #require(try site.host.info("pg", id, "begin_wal"))
            try world.shell("truncate -s -100 '\(home)/wals/\(segment.prefix(16))/\(segment)'").orThrow()
            let damaged = try site.host.barman("verify-backup", "pg", id)
            #expect(damaged.status == 1)
            #expect(damaged.err.contains("checksum mismatch for file \"\(file)\""), "\(damaged)")
            #expect(damaged.err.contains("could not read WAL file \"\(segment)\""), "\(damaged)")
            try world.run(["rm", "\(home)/wals/\(segment.prefix(16))/\(segment)"]).orThrow()
            let gone = try site.host.barman("verify-backup", "pg", id)
            #expect(gone.err.contains("WAL file \"\(segment)\" is missing in the archive"), "\(gone)")
        }
    }

    @Test func `a manifest that rsync copied is not that of the backup`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            let made = try world.makeDirectory("made", as: .postgres)
            try world.run(
                [
                    site.cluster.program("pg_basebackup"), "-h", "127.0.0.1", "-p", "\(site.cluster.port)", "-U",
                    "barman",
                    "-X", "none", "-c", "fast", "-D", made,
                ],
                as: .postgres
            ).orThrow()
            // The server could have been started from that copy.
            let foreign = "\(site.cluster.dataDirectory)/backup_manifest"
            try world.run(["cp", "-p", "\(made)/backup_manifest", foreign], as: .postgres).orThrow()
            try site.cluster.sql("DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (id integer)")

            let ours = try site.backup("--manifest")
            try expectSound(site, ours)
            try site.waitForFreshIdentifier()
            try site.host.oracle("backup", "pg").orThrow()
            try site.archiveEverything()
            let theirs = try #require(site.host.backupIDs("pg").last)
            try site.host.barman("check-backup", "pg", theirs).orThrow()
            let path = "\(site.host.home)/pg/base/\(theirs)/data/backup_manifest"
            #expect(try world.read(path) == world.read(foreign))
            let distrusted = try site.host.barman("verify-backup", "pg", theirs)
            #expect(distrusted.status == 1)
            #expect(distrusted.err.contains("is not that of this backup: rsync copied it"), "\(distrusted)")
            let restored = try world.makeDirectory("restored", as: .postgres)
            try site.host.barman("restore", "--plan", "pg", theirs, restored).orThrow()
            try site.host.barman("generate-manifest", "pg", theirs).orThrow()
            try expectSound(site, theirs)
            try site.expectAcceptedByPostgres(theirs)
        }
    }

    @Test func `an incremental backup is checked, and that its parents are there`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 17)
            try site.cluster.configure(["summarize_wal": "on"])
            try site.cluster.restart()
            try site.createLedger(rows: 500)
            try site.configure([:])
            try site.host.oracle("backup", "pg").orThrow()
            try site.archiveEverything()
            try site.waitForFreshIdentifier()
            try site.host.oracle("backup", "pg", "--incremental", "latest").orThrow()
            try site.archiveEverything()
            let ids = site.host.backupIDs("pg")
            #expect(ids.count == 2)
            for id in ids {
                try site.host.barman("check-backup", "pg", id).orThrow()
                try expectSound(site, id)
            }
            try world.run(["rm", "\(site.host.home)/pg/meta/\(ids[0])-backup.info"]).orThrow()
            let orphan = try site.host.barman("verify-backup", "pg", ids[1])
            #expect(orphan.status == 1)
            #expect(orphan.err.contains("backup \"\(ids[0])\", which this one builds on, is not in the catalog"))
        }
    }

    @Test func `an encrypted backup is verified as it comes out of gpg, and not without its key`() throws {
        try World.with { world in
            try GPGKey.make(in: world, as: .postgres, passphrase: "Sesam-17")
            let encrypted: KeyValuePairs<String, String> = [
                "backup_compression": "gzip", "backup_compression_format": "tar", "encryption": "gpg",
                "encryption_key_id": GPGKey.name,
            ]
            let site = try Site.streaming(in: world, version: 15, options: encrypted)
            let id = try site.backup()
            let mute = try site.host.barman("verify-backup", "pg", id)
            #expect(mute.status == 1)
            #expect(
                mute.err.contains("not configured correctly. Please fix it before attempting a verification."),
                "\(mute)"
            )
            try expectRefusals(site, id)
            try setPassphraseCommand("echo Sesam-17", site)
            try expectSound(site, id)
            try expectDamagedWALIsNamed(site, id)

            let elsewhere = ["GNUPGHOME": try world.makeDirectory("no keys", as: .postgres, mode: 0o700)]
            world.atEnd { _ = try? world.run(["gpgconf", "--kill", "all"], as: .postgres, environment: elsewhere) }
            let locked = try site.host.barman("verify-backup", "pg", id, environment: elsewhere)
            #expect(locked.status == 1)
            let words =
                "ERROR: backup '\(id)' is encrypted, and can be verified only where the private key of its recipient is"
            #expect(locked.err.contains(words), "\(locked)")
            let lost = try site.host.barman("restore", "pg", id, world.path("nowhere"), environment: elsewhere)
            #expect(lost.err.contains("there is no secret key in the key ring of this account"), "\(lost)")
            #expect(lost.status == 1 && !world.exists(world.path("nowhere")), "\(lost)")

            // Sound for gpg, but not what the server sent.
            let archive = "\(site.host.home)/pg/base/\(id)/data/base.tar.gz.gpg"
            let whole = world.path("whole.gpg")
            try world.shell("mv '\(archive)' '\(whole)'").orThrow()
            try world.shell(
                """
                gpg -q --batch --pinentry-mode loopback --passphrase Sesam-17 --decrypt '\(whole)' | gunzip | tar --delete -f - PG_VERSION \
                    | gzip -1 | gpg -q --batch --yes --trust-model always -r \(GPGKey.name) --encrypt -o '\(archive)'
                """,
                as: .postgres
            ).orThrow()
            let changed = try site.host.barman("verify-backup", "pg", id)
            #expect(changed.status == 1)
            #expect(changed.err.contains("\"PG_VERSION\" is present in the manifest but not on disk"), "\(changed)")
            try world.shell(
                "printf '\\125' | dd of='\(archive)' bs=1 seek=$(($(stat -c %s '\(archive)') / 2)) conv=notrunc"
            ).orThrow()
            let torn = try site.host.barman("verify-backup", "pg", id)
            #expect(
                torn.status == 1 && torn.err.contains("could not read archive \"base.tar.gz.gpg\" from "),
                "\(torn)"
            )
        }
    }

    private func setPassphraseCommand(_ command: String, _ site: Site) throws {
        let configuration = "\(site.host.serversDirectory)/pg.conf"
        let line = "encryption_passphrase_command = \(command)"
        try site.world.shell(
            "sed -i '/^encryption_passphrase_command/d' '\(configuration)'; echo \"\(line)\" >> '\(configuration)'"
        ).orThrow()
    }

    /// Without the passphrase nothing is verified, and nothing written by a restore; what the command prints is told to nobody.
    private func expectRefusals(_ site: Site, _ id: String) throws {
        let (world, host) = (site.world, site.host)
        let target = world.path("nowhere")
        let wrong =
            "Encrypted backup '\(id)' was found for server 'pg', but 'encryption_passphrase_command' is not configured "
        let unset = try host.barman("restore", "pg", id, target)
        #expect(unset.err == "ERROR: \(wrong)correctly. Please fix it before attempting a restore.\n", "\(unset)")
        let commands = [
            ("sh -c 'echo Sesam-17; exit 3'", wrong, "HINT: The command failed: exit status 3."),
            ("true", wrong, "HINT: The command returned an empty passphrase."),
            (
                "echo Simsim-17", "Error: Bad passphrase provided for decryption.",
                "'encryption_passphrase_command' does not open the private key"
            ),
        ]
        for (command, refusal, words) in commands {
            try setPassphraseCommand(command, site)
            // The agent remembers the key from when it was made.
            try world.run(["gpgconf", "--kill", "all"], as: .postgres).orThrow()
            let verified = try host.barman("verify-backup", "pg", id)
            #expect(verified.status == 1 && verified.err.contains(words), "\(verified)")
            let restored = try host.barman("restore", "pg", id, target)
            #expect(restored.status == 1 && restored.err.contains(refusal), "\(restored)")
            #expect(!"\(verified) \(restored)".contains("m-17"))
            #expect(!world.exists(target), "\(restored)")
        }
        #expect(!(try world.read(host.logFile)).contains("m-17"))
    }

    /// The encrypted WAL of a backup is read as well: what is cut, and what is a whole message about something else.
    private func expectDamagedWALIsNamed(_ site: Site, _ id: String) throws {
        let segment = try #require(try site.host.info("pg", id, "end_wal"))
        let stored = "\(site.host.home)/pg/wals/\(segment.prefix(16))/\(segment)"
        let whole = site.world.path("whole.wal")
        try site.world.shell("cp -p '\(stored)' '\(whole)'; truncate -s -500 '\(stored)'").orThrow()
        let cut = try site.host.barman("verify-backup", "pg", id)
        #expect(cut.status == 1 && cut.err.contains("could not read WAL file \"\(segment)\": "), "\(cut)")
        try site.world.shell(
            "head -c 1000 /dev/zero | gpg -q --batch --yes --trust-model always -r \(GPGKey.name) --encrypt -o '\(stored)'",
            as: .postgres
        ).orThrow()
        let short = try site.host.barman("verify-backup", "pg", id)
        #expect(short.status == 1)
        #expect(
            short.err.contains("WAL file \"\(segment)\" has size 1000 in the archive, but a segment has size 16777216"),
            "\(short)"
        )
        try site.world.shell("cp -p '\(whole)' '\(stored)'").orThrow()
        try expectSound(site, id)
    }

    private func expectSound(_ site: Site, _ id: String) throws {
        let good = try site.host.barman("verify-backup", "pg", id)
        #expect(good.status == 0 && good.err == "", "\(good)")
        #expect(good.out.hasSuffix("backup successfully verified\n"))
    }
}

extension Site {
    /// PostgreSQL's own program finds nothing wrong with the files of a backup.
    func expectAcceptedByPostgres(_ id: String) throws {
        let data = "\(host.home)/pg/base/\(id)/data"
        let check = try world.run([cluster.program("pg_verifybackup"), "-n", data], as: host.account)
        #expect(check.status == 0, "\(check)")
    }

    /// The same server with `backup_method = postgres`.
    func configure(_ options: [String: String]) throws {
        let connection = "host=127.0.0.1 port=\(cluster.port) user=barman"
        let program = cluster.program("pg_basebackup")
        let directory = String(program[..<(program.lastIndex(of: "/") ?? program.endIndex)])
        let text = options.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        try world.write(
            """
            [pg]
            backup_method = postgres
            archiver = on
            immediate_checkpoint = true
            path_prefix = \(directory)
            conninfo = \(connection) dbname=postgres
            streaming_conninfo = \(connection)
            \(text)
            """,
            to: "\(host.serversDirectory)/pg.conf",
            as: host.account
        )
    }
}
