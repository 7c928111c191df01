import Files
import Glibc
import SystemPackage
import TestWorld
import Testing

@testable import Processes

struct ServerProcessTests {
    @Test(arguments: [
        (".main-backup.lock", "backup"), (".main-cron.lock", "cron"), (".main-archive-wal.lock", "archive-wal"),
        (".main-receive-wal.lock", "receive-wal"), (".main-sync-wal.lock", "sync-wal"),
        (".main-20240102T100005-sync-backup.lock", "sync-backup"), (".main-20240102T100005.lock", nil),
        (".main-xlogdb.lock", nil), (".main2-backup.lock", nil), (".main-x-backup.lock", nil),
        ("main-backup.lock", nil),
    ])
    func `a lock's name tells the task`(name: String, task: String?) {
        #expect(ServerProcess.task(ofLock: name, server: "main") == task)
    }

    @Test func `only held locks are processes, and one can be ended`() throws {
        try World.with { world in
            try world.makeDirectory("locks")
            let directory = FilePath(world.path("locks"))
            try world.write("1\n", to: "locks/.main-cron.lock")
            let lock = directory.appending(".main-receive-wal.lock")
            let script = "exec 9>\"$1\"; flock 9; echo $$ >&9; exec sleep 100"
            let program = try world.start(["sh", "-c", script, "sh", lock.string])
            #expect(try Shell.wait(seconds: 20) { try FileLock.holder(of: lock) != nil })

            let processes = try ServerProcess.list(server: "main", lockDirectory: directory)
            #expect(processes == [ServerProcess(process: program.pid, task: "receive-wal", lock: lock)])
            let pauses = RecordedPauses()
            let ended = try processes.first?.terminate { seconds in
                try pauses.pause(seconds)
                _ = try program.wait(seconds: 20)
            }
            #expect(ended == true)
            #expect(pauses.seconds.count <= 1)
            #expect(try ServerProcess.list(server: "main", lockDirectory: directory).isEmpty)
        }
    }

    @Test func `a process that does not listen is given up after ten looks`() throws {
        try World.with { world in
            let program = try world.start(["sh", "-c", "trap '' INT; touch ready; while :; do sleep 0.01; done"])
            #expect(Shell.wait(seconds: 20) { world.exists("ready") })
            let process = ServerProcess(process: program.pid, task: "cron", lock: "/x")
            let pauses = RecordedPauses()
            #expect(try !process.terminate(pause: pauses.pause))
            #expect(pauses.seconds == Array(repeating: 1, count: 10))
        }
    }
}
