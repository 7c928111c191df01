import Settings
import Testing

@Suite struct SecretTests {
    @Test func `a secret shows itself to nobody who does not ask`() {
        let secret = Secret("password=x")
        #expect("\(secret)" == "*REDACTED*")
        #expect(String(reflecting: secret) == "*REDACTED*")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("password"))
        #expect(secret.exposed == "password=x")
    }
}
