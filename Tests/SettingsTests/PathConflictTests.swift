import Files
import SystemPackage
import TestWorld
import Testing

@testable import Settings

@Suite struct PathConflictTests {
    @Test func `a server that uses a path twice is disabled`() throws {
        let server = try Fixture.server(
            "active = off\nbackup_directory = /a\nbasebackups_directory = /a\nwals_directory = /a/\n"
        )
        #expect(
            server.messages == [
                "Conflicting path: basebackups_directory=/a conflicts with 'backup_directory' for server 's'",
                "Conflicting path: wals_directory=/a/ (symlink to: /a) conflicts with 'backup_directory' for server 's'",
            ]
        )
    }

    @Test func `two servers that share a path make the configuration unusable`() throws {
        let list = try Fixture.servers("[b]\nactive=off\nwals_directory=/w\n[a]\nactive=off\nerrors_directory=/w\n")
        #expect(
            list.globalErrors == [
                "Conflicting path: wals_directory=/w for server 'b' conflicts with 'errors_directory' for server 'a'"
            ]
        )
        #expect(list.servers.allSatisfy { !$0.isDisabled })
    }

    @Test func `URLs and nested directories do not clash`() throws {
        let server = try Fixture.server(
            "active = off\nbasebackups_directory = s3://b/c\nwals_directory = s3://b/c\nbackup_directory = /x/y\n"
                + "errors_directory = /x\n"
        )
        #expect(server.messages == [])
    }

    @Test func `paths are compared where their links lead`() throws {
        try World.with { world in
            let real = try world.makeDirectory("real")
            try FileSystem.symlink(at: FilePath(world.path("link")), to: FilePath("\(real)/wals"))
            let list = try Fixture.servers(
                "[a]\nactive=off\nbackup_directory=\(real)\n[b]\nactive=off\nwals_directory=\(world.path("link"))\n"
            )
            #expect(
                list.globalErrors == [
                    "Conflicting path: wals_directory=\(world.path("link")) (symlink to: \(real)/wals) for server 'b' "
                        + "conflicts with 'wals_directory' for server 'a'"
                ]
            )
        }
    }
}
