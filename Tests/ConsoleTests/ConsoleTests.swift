import Console
import Failure
import Notation
import SystemPackage
import Testing

/// Runs `body` with a console whose two streams are pipes, and returns what went into them.
private func outputs(
    format: Console.Format = .console,
    quiet: Bool = false,
    debug: Bool = false,
    coloured: Bool = false,
    _ body: (Console) -> Void
) throws -> (output: String, errors: String, failed: Bool) {
    let output = try FileDescriptor.pipe()
    let errors = try FileDescriptor.pipe()
    let console = Console(
        format: format,
        quiet: quiet,
        debug: debug,
        coloured: coloured,
        output: output.writeEnd,
        errors: errors.writeEnd
    )
    body(console)
    console.finish()
    try output.writeEnd.close()
    try errors.writeEnd.close()
    return (try everything(in: output.readEnd), try everything(in: errors.readEnd), console.hasFailed)
}

private func everything(in descriptor: FileDescriptor) throws -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    try descriptor.close()
    return String(decoding: bytes, as: UTF8.self)
}

struct ConsoleTests {
    @Test func `messages go to their streams with their prefixes`() throws {
        let result = try outputs(debug: true) { console in
            console.info("plain")
            console.show("a line")
            console.debug("detail")
            console.warning("careful\nsecond line")
            console.error("wrong")
            console.exception("unforeseen")
        }
        #expect(result.output == "plain\na line\n")
        #expect(
            result.errors
                == "DEBUG: detail\nWARNING: careful\nsecond line\nERROR: wrong\nEXCEPTION: unforeseen\n"
        )
        #expect(result.failed)
    }

    @Test func `debug messages need -d, and a warning is no failure`() throws {
        let result = try outputs { console in
            console.debug("detail")
            console.warning("careful")
        }
        #expect(result.errors == "WARNING: careful\n")
        #expect(!result.failed)
    }

    @Test func `quiet hides what goes to standard output only`() throws {
        let result = try outputs(quiet: true) { console in
            console.info("plain")
            console.show(lines: ["a", "b"])
            console.error("wrong")
            console.printDirectly("direct")
        }
        #expect(result.output == "direct")
        #expect(result.errors == "ERROR: wrong\n")
    }

    @Test func `warnings are yellow and errors red as a whole`() throws {
        let result = try outputs(coloured: true) { console in
            console.warning("careful")
            console.error("wrong")
            console.show("check: " + console.painted("OK", .green))
        }
        #expect(result.errors == "\u{1b}[33mWARNING: careful\u{1b}[0m\n\u{1b}[31mERROR: wrong\u{1b}[0m\n")
        #expect(result.output == "check: \u{1b}[32mOK\u{1b}[0m\n")
    }

    @Test func `JSON is one sorted object without a newline, and standard error stays empty`() throws {
        let result = try outputs(format: .json, coloured: true) { console in
            console.set("pg", .object([("b", 1), ("a", "é")]))
            console.set("angus", .array([]))
            console.info("one")
            console.info("two")
            console.debug("not asked for")
            console.error(console.painted("wrong", .red))
        }
        #expect(
            result.output
                == #"{"_ERROR": ["wrong"], "_INFO": ["one", "two"], "angus": [], "pg": {"a": "\u00e9", "b": 1}}"#
        )
        #expect(result.errors.isEmpty)
        #expect(result.failed)
    }

    @Test func `JSON of a quiet run is nothing at all`() throws {
        let result = try outputs(format: .json, quiet: true) { $0.info("one") }
        #expect(result.output.isEmpty)
    }

    @Test func `nothing collected is an empty object`() throws {
        #expect(try outputs(format: .json) { _ in }.output == "{}")
    }

    @Test func `a silenced console prints only what is printed directly`() throws {
        let result = try outputs { console in
            console.silence()
            console.error("wrong")
            console.info("plain")
            console.printDirectly("BARMAN CRITICAL\n")
        }
        #expect(result.output == "BARMAN CRITICAL\n")
        #expect(result.errors.isEmpty)
        #expect(result.failed)
    }

    @Test func `each kind of failure has its words and status`() throws {
        struct Surprise: Error, CustomStringConvertible {
            let description = "surprise"
        }
        var statuses: [Int32] = []
        let result = try outputs { console in
            statuses = [
                console.announce(Failure("foreseen", hint: "do this")),
                console.announce(Failure("below", kind: .exception, exitStatus: 3)),
                console.announce(Failure("said", kind: .reported)),
                console.announce(Surprise()),
            ]
        }
        #expect(statuses == [1, 3, 1, 1])
        #expect(
            result.errors == """
                ERROR: foreseen
                HINT: do this
                EXCEPTION: below
                See log file for more details.
                EXCEPTION: surprise
                See log file for more details.

                """
        )
    }

    @Test func `progress is silent when standard error is no terminal`() throws {
        let result = try outputs { console in
            console.progress(ProgressUpdate(label: "Copying", doneBytes: 1, totalBytes: 2))
        }
        #expect(result.errors.isEmpty)
    }

    @Test func `text that is no plain ASCII goes out as UTF-8`() throws {
        #expect(try outputs { $0.info("größe 🐘") }.output == "größe 🐘\n")
    }
}
