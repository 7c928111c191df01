import Console
import Notation
import Testing

struct SecretsTests {
    @Test(arguments: [
        ("host=x password=abc dbname=y", "host=x password=*REDACTED* dbname=y"),
        ("host=x password='a b' dbname=y", "host=x password=*REDACTED* dbname=y"),
        (#"password='it\'s' user=u"#, "password=*REDACTED* user=u"),
        ("sslpassword=abc", "sslpassword=*REDACTED*"),
        ("password=abc", "password=*REDACTED*"),
        ("password= user=u", "password= user=u"),
        ("password=", "password="),
        ("'host=x password=abc'", "'host=x password=*REDACTED*'"),
        ("postgresql://me:secret@host/db", "postgresql://me:*REDACTED*@host/db"),
        ("postgres://me:se@cret@host/db", "postgres://me:*REDACTED*@host/db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgresql://host:5432/db?password=abc&user=u", "postgresql://host:5432/db?password=*REDACTED*&user=u"),
        ("https://me:secret@host/", "https://me:secret@host/"),
        ("two\npassword=abc\nthree", "two\npassword=*REDACTED*\nthree"),
        ("password='open end", "password=*REDACTED*"),
        (#"password=\"#, "password=*REDACTED*"),
        (#""password=*REDACTED*\"""#, #""password=*REDACTED*\"""#),
        ("password=*REDACTED*x y", "password=*REDACTED* y"),
    ])
    func `passwords are taken out and nothing else is`(text: String, masked: String) {
        #expect(Secrets.masked(text) == masked)
    }

    @Test func `passwords are taken out of every text of a JSON value`() {
        let masked = Secrets.masked(.object([("a", .array(["password=x", 1])), ("password=", "b")]))
        #expect(masked == .object([("a", .array(["password=*REDACTED*", 1])), ("password=", "b")]))
    }
}
