import Files
import Glibc
import Processes
import SystemPackage
import TestWorld
import Testing

struct ProcessRequestTests {
    private func shell(_ script: String, _ arguments: String...) -> ProcessRequest {
        ProcessRequest("/bin/sh", ["-c", script, "sh"] + arguments)
    }

    private struct Refusal: Error {}

    // MARK: Status and output

    @Test func `output, errors and status come back apart`() throws {
        let outcome = try shell("echo out; echo err >&2; exit 3").run()
        #expect(outcome.status == .exited(3))
        #expect(outcome.outputText == "out\n")
        #expect(outcome.errorText == "err\n")
        #expect(!outcome.isSuccess)
        #expect(outcome.failureDescription.hasSuffix("ended with exit status 3: err"))
    }

    @Test func `a signal is told as one`() throws {
        let outcome = try shell("kill -9 $$").run()
        #expect(outcome.status == .signaled(SIGKILL))
        #expect(outcome.status.code == -9)
    }

    @Test func `a checked run fails with command line and errors, password masked`() throws {
        var request = shell("echo broken >&2; exit 1", "host=x password=sesame")
        request.input = .none
        let error = #expect(throws: ProcessError.self) { try request.runChecked() }
        let text = error?.description ?? ""
        #expect(text.contains("broken"))
        #expect(text.contains("password=*REDACTED*"))
        #expect(!text.contains("sesame"))
    }

    @Test func `much output on both sides does not block`() throws {
        let script = "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"
        let outcome = try shell("(\(script)) & wait; echo end >&2").run()
        #expect(outcome.output.count == 5_000_000)
        #expect(outcome.errorOutput.count == 64 << 10)
        #expect(outcome.errorText.hasSuffix("end\n"))
    }

    @Test func `output beyond the limit ends the child with an error`() throws {
        var request = shell("exec cat /dev/zero")
        request.output = .collect(limitBytes: 1000)
        let error = #expect(throws: ProcessError.self) { try request.run() }
        guard case .outputTooLarge(_, 1000) = error else {
            Issue.record("expected outputTooLarge, got \(String(describing: error))")
            return
        }
    }

    @Test func `lines come one by one, the last without its end too`() throws {
        var lines: [String] = []
        var request = shell("printf 'a\\r\\n\\nlong '; sleep 0.05; printf 'line\\nrest'")
        request.output = .lines { lines.append($0) }
        #expect(try request.run().isSuccess)
        #expect(lines == ["a", "", "long line", "rest"])
    }

    @Test func `a handler that throws ends the child and its error comes out`() throws {
        var request = shell("echo x; exec sleep 100")
        request.output = .lines { _ in throw Refusal() }
        let start = Interruption.monotonicSeconds
        #expect(throws: Refusal.self) { try request.run() }
        #expect(Interruption.monotonicSeconds - start < 20)
    }

    @Test func `output goes into a lent file, or nowhere`() throws {
        try World.with { world in
            let path = FilePath(world.path("log"))
            let file = try OwnedDescriptor(opening: path, .writeOnly, options: .create)
            var request = shell("echo out; echo err >&2")
            request.output = .descriptor(file.raw)
            request.errorOutput = .discard
            let outcome = try request.run()
            #expect(outcome.output.isEmpty)
            #expect(outcome.errorOutput.isEmpty)
            #expect(try FileSystem.read(path) == Array("out\n".utf8))
        }
    }

    // MARK: Input

    @Test func `input of any size is read back`() throws {
        var request = ProcessRequest("cat")
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0) }
        request.input = .bytes(bytes)
        #expect(try request.run().output == bytes)
    }

    @Test func `a child that does not read its input is no failure and no death of ours`() throws {
        var request = ProcessRequest("true")
        request.input = .bytes([UInt8](repeating: 1, count: 2_000_000))
        #expect(try request.run().isSuccess)
    }

    @Test func `without input a child finds the end at once`() throws {
        #expect(try ProcessRequest("cat").run().output.isEmpty)
    }

    @Test func `input comes from a lent file`() throws {
        try World.with { world in
            let path = FilePath(try world.write("from the file", to: "in"))
            let file = try OwnedDescriptor(opening: path)
            var request = ProcessRequest("cat")
            request.input = .descriptor(file.raw)
            #expect(try request.run().outputText == "from the file")
        }
    }

    // MARK: What a child gets

    @Test func `arguments arrive byte for byte`() throws {
        for name in hostileNames {
            #expect(try shell("printf %s \"$1\"", name).run().outputText == name)
        }
    }

    @Test func `a zero byte in an argument is refused`() throws {
        #expect(throws: ProcessError.self) { try ProcessRequest("echo", ["a\0b"]).run() }
    }

    @Test func `nothing of ours is open in a child`() throws {
        let leak = open("/dev/null", O_RDONLY)
        defer { close(leak) }
        let outcome = try shell("ls /proc/$$/fd").run()
        #expect(outcome.outputText == "0\n1\n2\n")
    }

    @Test func `no signal is blocked or ignored in a child`() throws {
        let outcome = try ProcessRequest("cat", ["/proc/self/status"]).run()
        var masks: [String: UInt64] = [:]
        for line in outcome.outputText.split(separator: "\n") where line.hasPrefix("Sig") {
            let words = line.split(separator: ":")
            if words.count == 2 {
                masks[String(words[0])] = UInt64(words[1].trimmingPrefix { $0.isWhitespace }, radix: 16)
            }
        }
        #expect(masks["SigBlk"] == 0)
        #expect(masks["SigCgt"] == 0)
        // The C library keeps 32 and 33 for itself.
        #expect(masks["SigIgn"].map { $0 & ~0x1_8000_0000 } == 0)
    }

    @Test func `the environment is ours, or the one asked for, with additions`() throws {
        var request = shell("echo \"$A-$B-$HOME\"")
        request.environment = ["A": "1", "B": "2", "PATH": "/usr/bin:/bin"]
        request.extraEnvironment = ["B": "it's\n3"]
        #expect(try request.run().outputText == "1-it's\n3-\n")
        request.environment = nil
        let ours = try shell("echo \"$PATH\"").run().outputText
        request = shell("echo \"$PATH\"")
        request.pathPrefix = "/opt/x:/opt/y"
        #expect(try request.run().outputText == "/opt/x:/opt/y:" + ours)
    }

    @Test func `the path prefix comes first in the lookup of the program`() throws {
        try World.with { world in
            try world.makeDirectory("first")
            try world.makeDirectory("second")
            try makeScript("second/tool", "echo second", in: world)
            var request = ProcessRequest("tool")
            request.pathPrefix = "\(world.path("first")):\(world.path("second"))"
            #expect(try request.run().outputText == "second\n")
            try makeScript("first/tool", "echo first", in: world)
            #expect(try request.run().outputText == "first\n")
        }
    }

    @Test func `a program that is not there, or not executable, is told as such`() throws {
        let missing = #expect(throws: ProcessError.self) { try ProcessRequest("no-such-tool").run() }
        #expect(missing?.isNotFound == true)
        #expect(missing?.description == "[Errno 2] No such file or directory: 'no-such-tool'")
        try World.with { world in
            try world.write("x", to: "tool", mode: 0o644)
            var request = ProcessRequest("tool")
            request.pathPrefix = world.root
            let denied = #expect(throws: ProcessError.self) { try request.run() }
            #expect(denied?.description == "[Errno 13] Permission denied: 'tool'")
        }
        #expect(throws: ProcessError.self) { try ProcessRequest("/no/such/tool").run() }
        #expect(throws: ProcessError.self) { try ProcessRequest("").run() }
    }

    @Test func `a child starts where it is told to`() throws {
        try World.with { world in
            var request = ProcessRequest("/bin/pwd")
            request.workingDirectory = FilePath(world.root)
            let real = try FileSystem.realPath(FilePath(world.root))
            #expect(try request.run().outputText == "\(real)\n")
        }
    }

    // MARK: Ends

    @Test func `a child beyond its time is ended`() throws {
        var request = ProcessRequest("sleep", ["100"])
        request.timeoutSeconds = 0.1
        let error = #expect(throws: ProcessError.self) { try request.run() }
        guard case .timedOut = error else {
            Issue.record("expected timedOut, got \(String(describing: error))")
            return
        }
    }

    @Test func `a child that ignores SIGTERM is killed after the grace`() throws {
        var request = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")
        request.timeoutSeconds = 0.2
        request.graceSeconds = 0.2
        let start = Interruption.monotonicSeconds
        #expect(throws: ProcessError.self) { try request.run() }
        let seconds = Interruption.monotonicSeconds - start
        #expect(seconds >= 0.4)
        #expect(seconds < 30)
    }

    @Test func `a child that ends in time has its last words heard`() throws {
        var heard: [String] = []
        var request = shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done")
        request.timeoutSeconds = 0.2
        request.output = .lines { heard.append($0) }
        #expect(throws: ProcessError.self) { try request.run() }
        #expect(heard == ["ready"])
    }

    @Test func `a wish to end ends the child`() throws {
        let flag = InterruptionFlag()
        var request = shell("echo ready; exec sleep 100")
        request.interruption = flag
        request.output = .lines { _ in flag.request(signal: SIGINT) }
        let error = #expect(throws: ProcessError.self) { try request.run() }
        guard case .interrupted = error else {
            Issue.record("expected interrupted, got \(String(describing: error))")
            return
        }
        #expect(throws: ProcessError.self) { try request.run() }
        request.ignoresInterruption = true
        request.output = .collect(limitBytes: 100)
        request.arguments = ["-c", "echo clean-up"]
        #expect(try request.run().outputText == "clean-up\n")
    }

    @Test func `something is done now and then while a child runs`() throws {
        var ticks = 0
        var request = ProcessRequest("sleep", ["0.3"])
        request.tick = .init(everySeconds: 0.02) { ticks += 1 }
        #expect(try request.run().isSuccess)
        #expect(ticks >= 3)
        #expect(ticks <= 16)
    }

    @Test func `a tick that throws ends the child`() throws {
        var request = ProcessRequest("sleep", ["100"])
        request.tick = .init(everySeconds: 0.05) { throw Refusal() }
        #expect(throws: Refusal.self) { try request.run() }
    }

    @Test func `a pipe to a child takes a mebibyte before anybody reads`() throws {
        var pipe = try ChildPipe()
        guard let writer = pipe.writer.take(), let reader = pipe.reader.take() else {
            Issue.record("a pipe without ends")
            return
        }
        try writer.writeAll([UInt8](repeating: 7, count: 1 << 20))
        try writer.close()
        #expect(try reader.readToEnd(limit: 2 << 20).count == 1 << 20)
    }

    @Test func `a grandchild that keeps the pipes open does not hold us up`() throws {
        let start = Interruption.monotonicSeconds
        let outcome = try shell("echo mine; sleep 100 & echo $!").run()
        #expect(Interruption.monotonicSeconds - start < 30)
        let lines = outcome.outputText.split(separator: "\n")
        #expect(lines.first == "mine")
        if lines.count > 1, let process = Int32(String(lines[1])), process > 1 { kill(process, SIGKILL) }
    }

    @Test func `a detached child leads its own session and is not waited for`() throws {
        try World.with { world in
            let result = world.path("result")
            let script =
                "out=$(readlink /proc/$$/fd/1); echo $(ps -o sid= -p $$) $out > \"$1.part\"; mv \"$1.part\" \"$1\""
            let process = try shell(script, result).spawnDetached()
            #expect(Shell.wait(seconds: 20) { world.exists("result") })
            let words = try world.read("result").split { $0.isWhitespace }.map(String.init)
            #expect(words == ["\(process)", "/dev/null"])
            var status: Int32 = 0
            #expect(waitpid(process, &status, 0) == process)
        }
    }
}
