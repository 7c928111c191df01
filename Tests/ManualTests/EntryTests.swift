import Commands
import Settings
import TestWorld
import Testing
import WALClient

@testable import Manual

/// Every command, option and configuration key has its entry, and what is written down is what the tables say.
@Suite struct EntryTests {
    @Test func `every command and each of its arguments is explained`() {
        for command in CommandEntry.all {
            let place = "Sources/Commands, the specification of '\(command.name)'"
            #expect(command.summary.hasSuffix("."), "\(place): a summary, one or two sentences")
            for option in command.options {
                #expect(Self.isText(option.help), "\(place): the help of \(option.flags)")
            }
            for positional in command.positionals {
                #expect(Self.isText(positional.help), "\(place): the help of \(positional.name)")
            }
        }
        for option in CommandEntry.globalOptions {
            #expect(Self.isText(option.help), "CommandTable.globalOptions: the help of \(option.flags)")
        }
        for program in ProgramEntry.all {
            for argument in program.options + program.positionals {
                #expect(
                    Self.isText(argument.help) || argument.help.hasPrefix("%"),
                    "\(program.name): \(argument.forms)"
                )
            }
        }
    }

    @Test func `every option of the configuration is explained and has its place in the manual`() {
        for option in OptionTable.server + OptionTable.global {
            #expect(option.summary.hasSuffix("."), "OptionTable: the summary of \(option.name)")
            #expect(Self.isText(option.summary), "OptionTable: the summary of \(option.name)")
        }
        let listed = ConfigurationTopic.all.flatMap(\.options).map(\.name).sorted()
        #expect(listed == (OptionTable.server + OptionTable.global).map(\.name).sorted())
    }

    @Test func `the references in docs are what the tables say`() throws {
        for page in Manual.committed {
            let stored = String(decoding: try Shell.read("\(World.repository)/\(page.path)"), as: UTF8.self)
            let isCurrent = stored == page.text
            #expect(isCurrent, "\(page.path) is not what the tables say: run 'make pages' and commit it")
        }
    }

    @Test func `every option that may stand in the main file is in its example`() {
        let lines = ConfigurationPages.example.split(separator: "\n")
        for option in OptionTable.server + OptionTable.global
        where option.scope.contains(.global) && option.deprecation == nil && option.name != "log_format" {
            let isThere = lines.contains { $0.hasPrefix("\(option.name) =") || $0.hasPrefix(";\(option.name) =") }
            #expect(isThere, "\(option.name)")
        }
    }

    private static func isText(_ help: String) -> Bool { help.split(separator: " ").count > 1 }
}
