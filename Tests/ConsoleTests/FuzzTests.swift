import Console
import TestWorld
import Testing

/// Texts in which a password may be, and formats of the log (`make fuzz`).
@Suite struct FuzzTests {
    @Test func `parsers survive damaged input`() throws {
        try Fuzz.run([
            FuzzTarget(
                text: "texts with passwords",
                [
                    "host=/x password='secret b' user=x\tpassword=secret\\'s",
                    "{\"conninfo\": \"password=\\\"secret y\\\" a=1\"}",
                    "postgresql://user:secret@host/db?password=secret&a=b, postgres://user:p@ss@host",
                ]
            ) { text in
                let masked = Secrets.masked(text)
                // What is left of a password is what damage has put before the text that tells that it is one.
                guard !masked.contains("password=secret") else {
                    throw WorldError("not masked: \(masked)")
                }
            },
            FuzzTarget(text: "formats", ["%(asctime)s [%(process)5d] %(name)-10.3s %%: %(message)s"]) { text in
                _ = try? LogFormat(parsing: text)
            },
        ])
    }
}
