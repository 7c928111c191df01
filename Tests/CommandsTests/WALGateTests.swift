import Testing

@testable import Commands

/// What a key with `serve-wal` may ask for, and what not.
@Suite struct WALGateTests {
    private let gate = WALGate(
        servers: ["pg"],
        commands: ["put-wal", "get-wal"],
        configurationFile: "/etc/barman.conf"
    )

    @Test(arguments: [
        "barman put-wal pg", "barman put-wal pg --test", "barman --config='/etc/barman.conf' put-wal pg",
        "barman get-wal --peek '5' 'pg' '000000010000000000000001'",
        "barman --config /etc/barman.conf get-wal --test 'pg' 'x'",
        "barman get-wal --keep-compression --partial 'pg' '00000002.history'",
    ])
    func `what the clients ask for is served`(request: String) throws {
        _ = try gate.request(in: request)
    }

    @Test(arguments: [
        "id", "bash -i", "", " ", "barman", "barman list-servers", "barman delete pg latest", "barman put-wal other",
        "barman put-wal pg other", "barman put-wal pg; id", "barman put-wal pg && id", "barman put-wal pg | id",
        "barman put-wal pg > /tmp/x", "barman put-wal $SERVER", "barman put-wal \"pg\"x", "barman put-wal all",
        "barman get-wal -o /tmp pg 000000010000000000000001", "barman get-wal --output-directory=/tmp pg x",
        "barman get-wal --out=/tmp pg x", "barman get-wal pg x y", "barman get-wal other x",
        "barman -c /tmp/evil.conf put-wal pg", "barman --config=/tmp/evil.conf get-wal pg x",
        "barman --config /etc/../tmp/evil put-wal pg", "barman -d put-wal pg", "barman -q put-wal pg",
        "barman -f json get-wal pg x", "barman --color always put-wal pg", "barman --log-level DEBUG put-wal pg",
        "barman serve-wal other", "barman backup pg", "barman restore pg latest /", "barman config-update []",
        "/bin/barman put-wal pg", "BARMAN_CONFIG_FILE=x barman put-wal pg", "sudo barman put-wal pg",
        "barman put-wal 'pg",
        "barman put-wal pg\\", "barman help", "barman --version", "barman put-wal --help", "rsync --server . /",
        "scp -t /", "/usr/lib/openssh/sftp-server", "barman put-wal pg\nid", "barman put-wal pg\u{1b}[2J",
        "barman put-wal pg\0", "barman put-wal " + String(repeating: "x", count: 5000),
    ])
    func `anything else is refused`(request: String) {
        #expect(throws: WALGate.Refusal.self) { _ = try gate.request(in: request) }
    }

    @Test func `text from outside is one harmless line`() {
        #expect(PrintableText.of("a\nb\u{1b}[2J", limit: 10) == "'a?b?[2J'")
        #expect(PrintableText.of("abcdef", limit: 3) == "'abc'…")
    }
}
