import TestWorld
import Testing

@testable import Manual

/// What the Debian packages hold, built twice from stand-ins for the programs; `make test-packages` installs the real ones.
@Suite struct PackageTests {
    @Test func `two builds give the same bytes, with everything in its place`() throws {
        try World.with { world in
            try world.shell(
                "mkdir -p programs pages && cp /bin/true programs/barman && cp /bin/true programs/barman-wal"
            )
            .orThrow()
            for page in Manual.installed {
                let folder = page.path.split(separator: "/").dropLast().joined(separator: "/")
                try world.shell("mkdir -p pages/\(folder)").orThrow()
                try world.write(page.text, to: "pages/\(page.path)")
            }
            var made: [[String]] = []
            for output in ["first", "second"] {
                let build = try world.run(
                    [
                        "\(World.repository)/scripts/package", "deb", world.path("programs"), world.path("pages"),
                        world.path(output),
                    ],
                    environment: ["DEB_COMPRESSION": "none"]
                ).orThrow()
                made.append(build.out.split(separator: "\n").map(String.init))
            }
            #expect(made[0].count == 2 && made[1].count == 2, "\(made)")
            for (first, second) in zip(made[0], made[1]) {
                #expect(try world.run(["cmp", first, second]).status == 0, "\(first)")
            }
            try checkContents(world, made[0])
        }
    }

    private func checkContents(_ world: World, _ packages: [String]) throws {
        let barman = try world.run(["dpkg-deb", "-c", packages[0]]).orThrow().out
        let paths = [
            "/usr/bin/barman", "/etc/barman.conf", "/etc/barman.d/ssh-server.conf-template",
            "/etc/barman.d/streaming-server.conf-template", "/etc/barman.d/passive-server.conf-template",
            "/etc/cron.d/barman", "/etc/logrotate.d/barman", "/lib/systemd/system/barman-cron.timer",
            "/usr/share/bash-completion/completions/barman", "/usr/share/fish/vendor_completions.d/barman.fish",
            "/usr/share/zsh/vendor-completions/_barman", "/usr/share/man/man1/barman-backup.1.gz",
            "/usr/share/man/man5/barman.5.gz", "/usr/share/doc/barman/quick-start.md",
        ]
        for path in paths { #expect(barman.contains(" .\(path)\n"), "\(path)") }
        #expect(!barman.contains("barman-wal-archive"))
        for line in barman.split(separator: "\n") { #expect(line.contains(" root/root "), "\(line)") }
        let client = try world.run(["dpkg-deb", "-c", packages[1]]).orThrow().out
        for name in ["archive", "restore"] {
            #expect(client.contains("./usr/bin/barman-wal-\(name) -> ../lib/barman-cli/barman-wal"), "\(client)")
            #expect(client.contains("/usr/share/man/man1/barman-wal-\(name).1.gz"))
        }
        try world.run(["dpkg-deb", "-e", packages[0], "control"]).orThrow()
        let listed = try world.read("control/conffiles").split(separator: "\n").map(String.init)
        let shipped = barman.split(separator: "\n").compactMap { line -> String? in
            guard let start = line.firstRange(of: " ./etc/"), !line.hasSuffix("/") else { return nil }
            return "/etc/" + line[start.upperBound...]
        }
        #expect(listed.sorted() == shipped.sorted(), "what is below /etc is a configuration file")
        for script in ["postinst", "postrm"] {
            #expect(try world.run(["sh", "-n", world.path("control/\(script)")]).status == 0, "\(script)")
        }
        #expect(try world.read("control/control").contains("\nDepends: adduser, libc6"))
    }
}
