import Failure
import Processes
import TestWorld
import Testing

struct HookScriptTests {
    private func hook(
        _ script: String,
        phase: HookScript.Phase = .pre,
        family: HookScript.Family = .backup,
        isRetry: Bool = false
    ) -> HookScript {
        HookScript(phase: phase, family: family, isRetry: isRetry, script: script)
    }

    @Test func `a script finds its variables and ours, and nothing on standard input`() throws {
        let reporter = RecordingReporter()
        let script = "cat; echo \"$BARMAN_PHASE $BARMAN_HOOK $BARMAN_RETRY $BARMAN_SERVER\"; env | grep -c ^PATH="
        try hook(script, phase: .post, family: .walDelete, isRetry: true).run(
            variables: ["BARMAN_SERVER": "it's \"main\""],
            reporter: reporter
        )
        #expect(reporter.logged.contains("DEBUG Command post wal_delete_retry_script 1 it's \"main\""))
        #expect(reporter.logged.contains("DEBUG Command 1"))
        #expect(reporter.logged.last?.hasSuffix(" returned 0") == true)
    }

    @Test func `names are those of the options`() {
        #expect(hook("x").option == "pre_backup_script")
        #expect(hook("x", phase: .post, family: .archive, isRetry: true).option == "post_archive_retry_script")
        #expect(hook("x", family: .walDelete).name == "wal_delete_script")
    }

    @Test func `a failing script is logged and is no error`() throws {
        let reporter = RecordingReporter()
        let script = "echo out; echo err >&2; exit 7"
        try hook(script).run(variables: [:], reporter: reporter)
        #expect(
            reporter.logged.filter { $0.contains("hooks") } == [
                "DEBUG barman.hooks Attempt to run backup_script: \(script)",
                "WARNING barman.hooks \(script) returned 7\nOutput details:\nout\nerr\n",
            ]
        )
        #expect(reporter.logged.contains("DEBUG Command out"))
        #expect(reporter.logged.contains("WARNING Command err"))
    }

    @Test(arguments: [62, 63])
    func `an abort means nothing for a script that is not retried`(status: Int) throws {
        try hook("exit \(status)").run(variables: [:], reporter: SilentReporter())
    }

    @Test func `62 ends the attempts and the operation goes on`() throws {
        let reporter = RecordingReporter()
        try hook("exit 62", isRetry: true).run(variables: [:], reporter: reporter)
        #expect(
            reporter.logged.last
                == "WARNING barman.hooks exit 62 was aborted (got exit status 62, Barman resumes)"
        )
    }

    @Test func `63 before the operation stops it`() throws {
        let reporter = RecordingReporter()
        let abort = #expect(throws: HookScript.Abort.self) {
            try hook("exit 63", isRetry: true).run(variables: [:], reporter: reporter)
        }
        #expect(abort?.description == "Abort 'pre_backup_retry_script' retry hook script (exit 63, exit code: 63)")
        #expect(
            reporter.logged.last
                == "ERROR barman.hooks exit 63 was aborted (got exit status 63, Barman requested to stop)"
        )
    }

    @Test func `63 after the operation is ignored, and logged`() throws {
        let reporter = RecordingReporter()
        try hook("exit 63", phase: .post, isRetry: true).run(variables: [:], reporter: reporter)
        #expect(
            reporter.logged.last
                == "WARNING barman.backup Ignoring stop request after receiving abort (exit code 63) "
                + "from post-backup retry hook script: exit 63"
        )
    }

    @Test func `failures pause three seconds five times, then sixty, and so on for ever`() throws {
        let pauses = RecordedPauses(limit: 12)
        var script = hook("exit 1", isRetry: true)
        script.pause = pauses.pause
        #expect(throws: RecordedPauses.Enough.self) { try script.run(variables: [:], reporter: SilentReporter()) }
        #expect(pauses.seconds == [3, 3, 3, 3, 3, 60, 3, 3, 3, 3, 3, 60, 3])
    }

    @Test func `a retried script may succeed in the end`() throws {
        try World.with { world in
            let pauses = RecordedPauses()
            let mark = world.path("mark")
            var script = hook("test -e '\(mark)' || { touch '\(mark)'; exit 4; }", isRetry: true)
            script.pause = pauses.pause
            try script.run(variables: [:], reporter: SilentReporter())
            #expect(pauses.seconds == [3])
        }
    }

    @Test func `the path prefix is searched first`() throws {
        try World.with { world in
            try makeScript("bin/mytool", "echo from the prefix", in: world)
            var script = hook("mytool")
            script.pathPrefix = world.path("bin")
            let reporter = RecordingReporter()
            try script.run(variables: [:], reporter: reporter)
            #expect(reporter.logged.contains("DEBUG Command from the prefix"))
        }
    }
}
