import Failure
import SystemPackage
import TestWorld
import Testing

@testable import Console

struct LogFileTests {
    @Test func `parent directories are made, and levels below the threshold are dropped`() throws {
        try World.with { world in
            let log = LogFile(path: FilePath(world.path("a/b/barman.log")), threshold: 20)
            #expect(log.problem == nil)
            log.write(.debug, "barman", "a detail")
            log.write(.info, "barman.server", "one\ntwo")
            log.write(.error, "barman", "größe")
            let lines = try world.read("a/b/barman.log").split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines[0].hasSuffix("] barman.server INFO: one") && lines[1] == "two")
            #expect(lines[2].hasSuffix("] barman ERROR: größe"))
        }
    }

    @Test func `a file that was moved away is opened anew`() throws {
        try World.with { world in
            let log = LogFile(path: FilePath(world.path("barman.log")), threshold: 0)
            log.write(.info, "barman", "before")
            try world.run(["mv", world.path("barman.log"), world.path("barman.log.1")]).orThrow()
            log.write(.info, "barman", "after")
            #expect(try world.read("barman.log.1").hasSuffix("INFO: before\n"))
            #expect(try world.read("barman.log").hasSuffix("INFO: after\n"))
        }
    }

    @Test func `what is there already stays`() throws {
        try World.with { world in
            try world.write("old\n", to: "barman.log")
            LogFile(path: FilePath(world.path("barman.log")), threshold: 0).write(.info, "barman", "new")
            let text = try world.read("barman.log")
            #expect(text.hasPrefix("old\n2") && text.hasSuffix("INFO: new\n"))
        }
    }

    @Test func `a file that cannot be opened is told, not thrown`() throws {
        try World.with { world in
            let log = LogFile(path: FilePath(try world.makeDirectory("barman.log")), threshold: 50)
            #expect(log.problem?.contains("Is a directory") == true)
        }
    }

    @Test func `passwords do not reach the log`() throws {
        try World.with { world in
            let log = LogFile(path: FilePath(world.path("barman.log")), threshold: 0)
            let console = Console(format: .silent, log: log)
            console.info("conninfo: host=x password=abc")
            console.log(.debug, "barman", "postgresql://me:secret@host/")
            let text = try world.read("barman.log")
            #expect(!text.contains("abc") && !text.contains("secret"))
            #expect(text.contains("*REDACTED*"))
        }
    }

    @Test func `the cause of a failure is in the log unless the message has told it`() throws {
        try World.with { world in
            let log = LogFile(path: FilePath(world.path("barman.log")), threshold: 0)
            let console = Console(format: .silent, log: log)
            struct Trouble: Error, CustomStringConvertible { let description: String }
            let trouble = Trouble(description: "no room")
            _ = console.announce(Failure("could not store: no room", cause: trouble))
            _ = console.announce(Failure("could not store", cause: trouble))
            let lines = try world.read("barman.log").split(separator: "\n").map {
                $0.split(separator: ": ").dropFirst()
            }
            #expect(lines == [["could not store", "no room"], ["could not store"], ["Caused by", "no room"]])
        }
    }
}
