import TestWorld
import Testing

/// What `barman-wal-restore` tells PostgreSQL, which takes a status from 1 to 125 for the end of the WAL and stops at any higher one.
@Suite struct RestoreStatusTests {
    private let segment = WALSite.segment
    private let history = "00000002.history"

    @Test func `an ssh that was killed is no end of the WAL`() throws {
        try World.with { world in
            let host = try ScriptedHost(world)
            let failure = "ERROR: Remote 'barman get-wal' command has failed!\n"
            for (script, status) in [
                ("printf half; kill -9 $$", 247), ("kill -15 $$", 241), ("exit 137", 137), ("exit 255", 2),
            ] {
                try host.answer(script)
                for name in [segment, history] {
                    let theirs = try host.restore(name, oracle: true)
                    let ours = try host.restore(name)
                    #expect(ours.status == status && theirs.status == status, "\(ours)\(theirs)")
                    #expect(ours.err == theirs.err, "\(script)")
                    #expect(try world.read(host.destination) == "")
                }
                // The call that only asks may be killed as well.
                let ahead = try host.restore(segment, ["-p", "2", "--spool-dir", world.path("state/spool")])
                #expect(ahead.status == status && (status == 2 || ahead.err == failure), "\(ahead)")
            }
        }
    }

    @Test func `what ssh says of a full disk is not believed`() throws {
        try World.with { world in
            let host = try ScriptedHost(world)
            let full = try world.makeDirectory("full")
            try world.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none", full]).orThrow()
            world.atEnd { _ = try? world.run(["umount", "-l", full]) }
            let destination = "\(full)/RECOVERYXLOG"
            let reason = "Cannot write '\(destination)' (WAL_DEST): [Errno 28] No space left on device: '"
            let spool = ["--spool-dir", world.path("state/spool")]
            // What fits into pipes and windows is gone, and all is well.
            for (compressor, options) in [
                ("gzip", ["-z"]), ("bzip2", ["-j"]), ("bzip2", ["--keep-compression"]), ("xz", ["--keep-compression"]),
            ] {
                let packed = try host.store(WALSite.contents(1), as: compressor, by: compressor)
                try host.answer("cat '\(packed)' 2>/dev/null; exit 0")
                let outcome = try host.restore(segment, options, to: destination)
                #expect(outcome.status == 0 && outcome.err.contains("WARNING: \(reason)"), "\(outcome)")
                #expect(try Shell.read(destination) == [])
            }
            // Nothing at all has room.
            try world.shell("cat /dev/zero > '\(full)/other'")
            let small = try host.store(Array("1\t0/300000\tno recovery target specified\n".utf8), as: "history")
            try host.answer("cat '\(small)' 2>/dev/null; exit 0")
            for options in [[], ["-P"]] {
                let outcome = try host.restore(segment, options, to: destination)
                #expect(outcome.status == 0 && outcome.err.hasPrefix("WARNING: \(reason)"), "\(outcome)")
                let line = try host.restore(history, options, to: destination)
                #expect(line.status == 255 && line.err.hasPrefix("ERROR: \(reason)"), "\(line)")
            }
            // The unfinished segment, which a look ahead does not see.
            try host.answer("case \"$*\" in *peek*) exit 0;; esac; exit 1")
            let partial = try host.restore(segment, ["-P", "-p", "2"] + spool, to: destination)
            #expect(partial.status == 0 && partial.err.contains("WARNING: \(reason)"), "\(partial)")
            // A timeline that there may not be: a standby asks for it all the time.
            let missing = try host.restore(history, to: destination)
            #expect(missing.status == 1, "\(missing)")
            #expect(try Shell.read(destination) == [])
        }
    }

    @Test func `an empty history file is never handed over`() throws {
        try World.with { world in
            let host = try ScriptedHost(world)
            try host.answer("exit 0")
            for options in [[], ["-P"], ["--keep-compression"]] {
                let outcome = try host.restore(history, options)
                #expect(outcome.status == 255 && outcome.err == "ERROR: Received an empty \(history)\n", "\(outcome)")
            }
            // The file that the probe for room leaves is as empty as before.
            #expect(try Shell.read(host.destination) == [])
        }
    }
}
