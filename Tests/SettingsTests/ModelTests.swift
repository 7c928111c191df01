import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Settings

@Suite struct ModelTests {
    private let text = """
        [s]
        active = off
        cluster = c
        conninfo = host=a
        compression = gzip
        [s:m]
        model = true
        cluster = c
        conninfo = host=b
        backup_options =
        retention_policy = redundancy 3

        """

    @Test func `a model gives its own options alone`() throws {
        let list = try Fixture.servers(text, global: "compression = zstd\n")
        #expect(list.names == ["s"])
        let model = try #require(list.models["s:m"])
        #expect(model.cluster == "c")
        #expect(model[.compression] == nil)
        #expect(model[.conninfo] == .string("host=b"))
        #expect(model.source(of: .conninfo) == "/etc/barman.conf")
    }

    @Test func `a model put over a server wins, and says what it changes`() throws {
        let list = try Fixture.servers(text)
        let server = try #require(list["s"])
        let model = try #require(list.models["s:m"])
        #expect(model.incompatibility(with: server) == nil)
        #expect(
            server.changes(through: model).map(\.description) == [
                "Changing value of option 'conninfo' for server 's' from 'host=a' to 'host=b' through the model 's:m'",
                "Changing value of option 'retention_policy' for server 's' from 'None' to 'redundancy 3' "
                    + "through the model 's:m'",
            ]
        )
        let changed = server.applying(model)
        #expect(changed.conninfo?.exposed == "host=b")
        #expect(changed.compression == "gzip")
        #expect(changed.retentionPolicy == .redundancy(3))
        #expect(changed.activeModel == "s:m")
        #expect(changed.changes(through: model).isEmpty)
    }

    @Test func `a model of another cluster does not fit`() throws {
        let list = try Fixture.servers(text.replacing("model = true\ncluster = c", with: "model = true\ncluster = d"))
        let server = try #require(list["s"])
        #expect(
            list.models["s:m"]?.incompatibility(with: server)
                == "Model 's:m' has 'cluster=d', which is not compatible with 'cluster=c' from server 's'"
        )
    }

    @Test func `a model without cluster ends the run`() {
        let failure = failure { _ = try Fixture.servers("[m]\nmodel = on\n") }
        #expect(
            failure?.message == "ERROR: Parameter \"cluster\" is required in [m] section.\n"
                + "Your configuration is missing required parameters. Exiting."
        )
    }

    @Test(arguments: ["", "x", "\"on\"", "None"]) func `whether it is a model must be clear`(value: String) {
        let failure = failure { _ = try Fixture.servers("[m]\nmodel = \(value)\n") }
        #expect(failure?.kind == .exception)
        #expect(failure?.message == OptionParser.booleanReason)
    }

    @Test func `the active model is put over its server when the configuration is read`() throws {
        try World.with { world in
            let home = try world.makeDirectory("s")
            let options = text.replacing("active = off", with: "active = off\nbackup_directory = \(home)")
            let file = "\(home)/.active-model.auto"
            #expect(try Fixture.servers(options)["s"]?.activeModel == nil)

            try world.write(" s:m\n", to: file)
            let server = try #require(try Fixture.servers(options)["s"])
            #expect(server.activeModel == "s:m")
            #expect(server.conninfo?.exposed == "host=b")

            try world.write("", to: file)
            #expect(try Fixture.servers(options)["s"]?.activeModel == nil)

            try world.write("gone", to: file)
            let disabled = try #require(try Fixture.servers(options)["s"])
            #expect(
                disabled.messages == [
                    "Model 'gone' is set as the active model for the server 's' but the model does not exist."
                ]
            )
            #expect(disabled.isDisabled)

            try world.write("s:m", to: file)
            let recorder = Recorder()
            let other = options.replacing("model = true\ncluster = c", with: "model = true\ncluster = d")
            #expect(try Fixture.servers(other, reporter: recorder)["s"]?.activeModel == nil)
            #expect(
                recorder.told == [
                    "error: Model 's:m' has 'cluster=d', which is not compatible with 'cluster=c' from server 's'"
                ]
            )
        }
    }
}
