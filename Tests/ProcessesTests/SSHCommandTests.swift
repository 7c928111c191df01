import Processes
import TestWorld
import Testing

struct SSHCommandTests {
    /// An ssh that does what the real one does with its words, on this host: joins them for a shell.
    static func makeSSH(in world: World) throws {
        let body = """
            while [ $# -gt 0 ]; do
              case "$1" in -o|-p) shift 2;; *) break;; esac
            done
            host=$1; shift
            while [ $# -gt 0 ]; do
              case "$1" in -o|-p) shift 2;; *) break;; esac
            done
            exec /bin/sh -c "$*"
            """
        try makeScript("bin/ssh", body, in: world)
    }

    @Test func `the option's text becomes program and arguments`() throws {
        let ssh = try #require(SSHCommand("ssh  -p 2222 postgres@angus"))
        #expect(ssh.program == "ssh")
        let batch = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
        #expect(ssh.arguments == ["-p", "2222", "postgres@angus"] + batch)
        #expect(
            ssh.rsyncShell
                == "ssh '-p' '2222' 'postgres@angus' '-o' 'BatchMode=yes' '-o' 'StrictHostKeyChecking=no'"
        )
        #expect(SSHCommand("   ") == nil)
        #expect(SSHCommand("ssh h", extraOptions: [])?.arguments == ["h"])
    }

    @Test(arguments: hostileNames)
    func `a word reaches a program on the other host unchanged`(word: String) throws {
        try World.with { world in
            try Self.makeSSH(in: world)
            let ssh = try #require(SSHCommand("ssh postgres@angus", pathPrefix: world.path("bin")))
            let outcome = try ssh.run(remote: ["printf", "%s|", word, "b c"])
            #expect(outcome.outputText == "\(word)|b c|")
        }
    }

    @Test func `the status is that of the command on the other host`() throws {
        try World.with { world in
            try Self.makeSSH(in: world)
            let ssh = try #require(SSHCommand("ssh postgres@angus", pathPrefix: world.path("bin")))
            #expect(try ssh.request(remoteShellText: "exit 7").run().status == .exited(7))
            #expect(try ssh.run(remote: ["cat"], input: .bytes([65])).outputText == "A")
        }
    }
}
