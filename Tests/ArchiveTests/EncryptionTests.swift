import Archive
import Catalog
import Failure
import Files
import SystemPackage
import TestWorld
import Testing
import WAL

struct EncryptionTests {
    /// Runs a test with a key of its own, in a key ring of its own.
    private func withKey(_ options: String, _ body: (ArchiveFixture) throws -> Void) throws {
        try World.with { world in
            let ring = try world.makeDirectory("g")
            let script = """
                #!/bin/sh
                exec env GNUPGHOME=\(ring) /usr/bin/gpg "$@"
                """
            try world.makeDirectory("tools", mode: 0o755)
            try world.write(script, to: "tools/gpg", mode: 0o755)
            let gpg = world.path("tools/gpg")
            world.atEnd { _ = try? world.run(["gpgconf", "--homedir", ring, "--kill", "all"]) }
            try world.run([
                gpg, "--batch", "--pinentry-mode", "loopback", "--passphrase", "secret", "--quick-generate-key",
                "wal@example.org", "rsa2048", "encrypt", "never",
            ]).orThrow()
            try body(try ArchiveFixture(world: world, options: encryption(in: world, options)))
        }
    }

    private func encryption(in world: World, _ options: String = "", passphrase: String = "secret") -> String {
        """
        encryption = gpg
        encryption_key_id = wal@example.org
        encryption_passphrase_command = printf \(passphrase)
        path_prefix = \(world.path("tools"))
        \(options)
        """
    }

    @Test(arguments: ["", "compression = gzip"])
    func `archived WAL is encrypted and can be read with the passphrase`(options: String) throws {
        try withKey(options) { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            let record = try #require(try fixture.records.first)
            #expect(record.encryption == "gpg")
            #expect(record.compression == (options.isEmpty ? nil : "gzip"))
            #expect(fixture.archived == [segment(1)])
            #expect(fixture.incoming.isEmpty)
            let source = WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(1))))
            #expect(try Shell.read(source.string).starts(with: [0x85]))
            #expect(try fixture.holds(segment(1), segmentBytes(1)))
            #expect(fixture.world.names(in: fixture.home.walsDirectory.string).allSatisfy { !$0.hasPrefix(".") })
        }
    }

    @Test func `a second copy of an encrypted file counts as different and is kept`() throws {
        try withKey("") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            #expect(fixture.errors.count == 1)
        }
    }

    @Test func `a wrong passphrase is told in the words of the reference`() throws {
        try withKey("") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            // The agent would go on with the right one, which it knows from the making of the key.
            let ring = fixture.world.path("g")
            try fixture.world.run(["gpgconf", "--homedir", ring, "--kill", "all"]).orThrow()
            let locked = try ArchiveFixture(
                world: fixture.world,
                options: encryption(in: fixture.world, passphrase: "wrong")
            )
            let failure = #expect(throws: Failure.self) { try locked.stored(segment(1)) }
            #expect(failure?.description == "Error: Bad passphrase provided for decryption.")
            #expect(failure?.kind == .exception)
        }
    }
}
