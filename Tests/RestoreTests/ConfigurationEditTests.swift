import Testing

@testable import Restore

@Suite struct ConfigurationEditTests {
    private func edit(_ text: String, appending lines: [String] = []) -> (String, ConfigurationEdit) {
        let edit = ConfigurationEdit(editing: Array(text.utf8), appending: lines)
        return (String(decoding: edit.content, as: UTF8.self), edit)
    }

    @Test func `the reference's example comes out as the reference writes it`() {
        let (text, edit) = edit(
            """
            data_directory = '/x'
            # a comment
            archive_command = 'cp %p /x'
            #archive_command = x
            recovery_target_time = '2020-01-01'
            include_dir = 'conf.d'
            ssl_cert_file='server.crt'

            """
        )
        #expect(
            text == """
                data_directory = '/x'
                # a comment
                #BARMAN#archive_command = 'cp %p /x'
                archive_command = false
                #archive_command = x
                #BARMAN#recovery_target_time = '2020-01-01'
                include_dir = 'conf.d'
                ssl_cert_file='server.crt'

                """
        )
        #expect(
            edit.changes == [
                .init(line: 2, key: "archive_command", value: "false"),
                .init(line: 4, key: "recovery_target_time", value: nil),
            ]
        )
        #expect(
            edit.warnings == [
                .init(line: 0, key: "data_directory", value: "'/x'"),
                .init(line: 5, key: "include_dir", value: "'conf.d'"),
                .init(line: 6, key: "ssl_cert_file", value: "'server.crt'"),
            ]
        )
    }

    @Test func `an option in other letter case is found, as PostgreSQL finds it`() {
        let (text, edit) = edit("  Archive_Command 'cp %p /x'\n")
        #expect(text == "#BARMAN#  Archive_Command 'cp %p /x'\narchive_command = false\n")
        #expect(edit.changes.map(\.key) == ["archive_command"])
    }

    @Test func `a last line without its end is disabled all the same`() {
        let (text, _) = edit("port = 1\narchive_command 'foo'")
        #expect(text == "port = 1\n#BARMAN#archive_command 'foo'\narchive_command = false")
        let (appended, _) = self.edit("archive_command 'foo'", appending: ["a = 1", "b = 2"])
        #expect(appended == "#BARMAN#archive_command 'foo'\narchive_command = false\na = 1\nb = 2\n")
    }

    @Test func `a value that follows its name without blank is seen`() {
        let (text, _) = edit("archive_command'cp'\n")
        #expect(text == "#BARMAN#archive_command'cp'\narchive_command = false\n")
    }

    @Test func `carriage returns and bytes that are no text survive`() {
        let bytes: [UInt8] = Array("hba_file = 'x'\r\n".utf8) + [0xFF, 0x0A] + Array("x = 1\r\n".utf8)
        let edit = ConfigurationEdit(editing: bytes)
        #expect(edit.content == bytes)
        #expect(edit.warnings == [.init(line: 0, key: "hba_file", value: "'x'")])
    }

    @Test func `settings are appended on lines of their own, also to an empty file`() {
        #expect(edit("", appending: ["a = 1"]).0 == "a = 1\n")
        #expect(edit("x = 1", appending: ["a = 1"]).0 == "x = 1\na = 1\n")
        #expect(edit("x = 1\n", appending: ["a = 1"]).0 == "x = 1\n\na = 1\n")
        #expect(edit("x = 1\n", appending: []).0 == "x = 1\n")
    }

    @Test func `names that only begin like a dangerous one are left alone`() {
        let text = "archive_commands = 'x'\nmy.archive_command = 'y'\n2archive_command = 'z'\n= 3\n\n"
        let (result, edit) = edit(text)
        #expect(result == text)
        #expect(edit.changes.isEmpty && edit.warnings.isEmpty)
    }
}
