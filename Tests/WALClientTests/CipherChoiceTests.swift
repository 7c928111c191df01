import Testing

@testable import WALClient

/// Which cipher a shared connection proposes.
@Suite struct CipherChoiceTests {
    @Test(arguments: [
        "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
    ])
    func `what nobody has chosen is proposed in another order, and nothing is left out`(order: String) throws {
        let option = try #require(CipherChoice.options(instead: order).first)
        let proposed = option.dropFirst("Ciphers=".count).split(separator: ",").map(String.init)
        #expect(proposed.first == "aes128-gcm@openssh.com")
        #expect(proposed.sorted() == order.split(separator: ",").map(String.init).sorted())
    }

    @Test(arguments: ["aes256-ctr", "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com", ""])
    func `an order that somebody has chosen stays`(order: String) {
        #expect(CipherChoice.options(instead: order) == [])
    }
}
