import Failure
import Files
import Processes
import SystemPackage
import TestWorld
import Testing

@testable import Backup

/// Copies by the real rsync on this host.
@Suite struct RsyncCopyTests {
    private func copy(
        _ world: World,
        to name: String,
        jobs: Int = 1,
        isFresh: Bool = true,
        olderCopies: [OlderCopy] = [],
        retries: Int = 0
    ) throws {
        var item = CopyItem(
            label: "pgdata",
            source: world.path("source") + "/",
            destination: world.path(name),
            kind: .directory
        )
        item.olderCopies = olderCopies
        if isFresh { try world.makeDirectory(name) }
        var command = RsyncCommand(ssh: nil, reporter: SilentReporter())
        command.pathPrefix = world.path("bin")
        command.retries = RsyncCommand.Retries(count: retries, pauseSeconds: 0)
        var options = RsyncCopy.Options()
        options.jobs = jobs
        options.isFresh = isFresh
        _ = try RsyncCopy(command, options: options, reporter: SilentReporter()).run([item]) {}
    }

    private func expectEqual(_ world: World, _ name: String) throws {
        let difference = try world.run(["diff", "-r", world.path("source"), world.path(name)])
        #expect(difference.status == 0, "\(difference)")
    }

    private func inode(_ world: World, _ name: String) throws -> UInt64 {
        try FileSystem.status(of: FilePath(world.path(name))).inode
    }

    @Test(arguments: [1, 3]) func `names of any bytes and empty directories arrive`(jobs: Int) throws {
        try World.with { world in
            try world.shell(
                ##"""
                mkdir -p '\##(world.path("source"))/empty/inner' && cd '\##(world.path("source"))' && chmod 0750 empty
                for name in plain '# comment' '; comment' 'two  blanks ' ' first' 'größe' '*[x]?' '\#101' 'quote"'\'; do
                    echo "$name" > "$name"
                done
                printf x > "$(printf 'line\nbreak')"; printf x > "$(printf 'latin\374')"
                """##
            ).orThrow()
            try copy(world, to: "older", jobs: jobs)
            try expectEqual(world, "older")
            // The lists are in use when there is something to compare with.
            let older = OlderCopy(directory: FilePath(world.path("older")), horizonSeconds: nil)
            try copy(world, to: "newer", jobs: jobs, olderCopies: [older])
            try expectEqual(world, "newer")
            #expect(try inode(world, "older/plain") == inode(world, "newer/plain"))
            #expect(try FileSystem.status(of: FilePath(world.path("newer/empty"))).permissions.rawValue == 0o750)
        }
    }

    @Test func `a copy that is tried again never writes into the older copy it links to`() throws {
        try World.with { world in
            try world.makeDirectory("source")
            for number in 1...3 { try world.write(String(repeating: "a", count: 100_000), to: "source/\(number)") }
            try world.shell("touch -d '1 hour ago' \(world.path("source"))/*").orThrow()
            try copy(world, to: "older")
            // The first run that copies does its work, then the source changes, and the run counts as failed.
            try world.write(
                """
                #!/bin/sh
                /usr/bin/rsync "$@" || exit
                case "$*" in *files-from*) test -e '\(world.path("done"))' || {
                    touch '\(world.path("done"))'
                    printf changed | dd of='\(world.path("source/2"))' conv=notrunc 2>/dev/null
                    exit 12
                } ;; esac

                """,
                to: "bin/rsync",
                mode: 0o755
            )
            let older = OlderCopy(directory: FilePath(world.path("older")), horizonSeconds: .max)
            try copy(world, to: "newer", olderCopies: [older], retries: 1)
            #expect(world.exists("done"))
            try expectEqual(world, "newer")
            #expect(try world.read("older/2") == String(repeating: "a", count: 100_000))
            #expect(try inode(world, "older/1") == inode(world, "newer/1"))
        }
    }

    @Test(arguments: [["pgdata", "pgdata"], ["a/b", "a_b"]])
    func `tablespaces get all their files, whatever they are called`(labels: [String]) throws {
        try World.with { world in
            for number in labels.indices {
                for directory in ["source/\(number)/PG_15", "target/\(number)"] {
                    try FileSystem.createDirectories(FilePath(world.path(directory)))
                }
                try world.write("\(number)", to: "source/\(number)/PG_15/file of \(number)")
            }
            let items = labels.enumerated().map { number, label in
                CopyItem(
                    label: label,
                    source: world.path("source/\(number)") + "/",
                    destination: world.path("target/\(number)"),
                    kind: .directory
                )
            }
            var options = RsyncCopy.Options()
            options.jobs = 2
            options.isFresh = true
            let command = RsyncCommand(ssh: nil, reporter: SilentReporter())
            _ = try RsyncCopy(command, options: options, reporter: SilentReporter()).run(items) {}
            try expectEqual(world, "target")
        }
    }

    @Test func `a destination that is not new loses what the source has not, and nothing else`() throws {
        try World.with { world in
            try world.shell(
                """
                cd '\(world.root)' && mkdir -p source/base/1 target/base/1 target/gone/deep target/base/2
                echo 1 > source/base/1/1; echo 22 > source/base/1/2; : > source/base/empty; mkdir source/base/3
                cp -a source/base/1/1 target/base/1/1; echo old > target/base/1/2; echo x > target/base/1/3
                echo x > target/gone/deep/file; echo x > target/base/2/file; ln -s /nonexistent target/link
                """
            ).orThrow()
            let kept = try inode(world, "target/base/1/1")
            try copy(world, to: "target", isFresh: false)
            try expectEqual(world, "target")
            #expect(world.names(in: "target") == ["base"])
            #expect(try inode(world, "target/base/1/1") == kept)
        }
    }

    /// The reference needs the square of the time; eight times the files took it more than fifty times as long.
    @Test func `lists of files grow in proportion, with older copies and on top of what is there`() throws {
        try World.with { world in
            func seconds(_ files: Int) throws -> Double {
                try world.run(["rm", "-rf", world.path("source"), world.path("older"), world.path("newer")]).orThrow()
                try world.shell(
                    """
                    for d in 1 2 3 4 5 6 7 8; do
                        mkdir -p '\(world.path("source"))'/$d && cd '\(world.path("source"))'/$d && seq \(files / 8) | xargs touch
                    done
                    """
                ).orThrow()
                try copy(world, to: "older")
                let older = OlderCopy(directory: FilePath(world.path("older")), horizonSeconds: nil)
                let began = Interruption.monotonicSeconds
                try copy(world, to: "newer", jobs: 2, olderCopies: [older])
                try copy(world, to: "newer", isFresh: false)
                return Interruption.monotonicSeconds - began
            }
            let few = try seconds(2000)
            let many = try seconds(16000)
            #expect(many < few * 24, "2,000 files took \(few) s, 16,000 files \(many) s")
        }
    }
}
