import Commands
import WALClient

/// Everything that is made from the tables: one list of files, by their place below a directory.
public enum Manual {
    /// A file that is made.
    public struct Page: Sendable {
        /// Its place, such as `man/man1/barman-backup.1`.
        public let path: String
        /// Its contents.
        public let text: String
    }

    /// What packages install: manual pages, completions, `/etc/barman.conf`.
    public static var installed: [Page] {
        var pages = [
            Page(path: "man/man1/barman.1", text: CommandPages.program),
            Page(path: "man/man5/barman.5", text: ConfigurationPages.manual),
            Page(path: "etc/barman.conf", text: ConfigurationPages.example),
            Page(path: "completions/bash/barman", text: BashCompletion.script),
            Page(path: "completions/fish/barman.fish", text: FishCompletion.script),
            Page(path: "completions/zsh/_barman", text: ZshCompletion.script),
        ]
        for command in CommandEntry.all {
            pages.append(Page(path: "man/man1/barman-\(command.name).1", text: CommandPages.page(of: command)))
            for alias in command.aliases {
                pages.append(Page(path: "man/man1/barman-\(alias).1", text: CommandPages.alias(of: command)))
            }
        }
        for program in ProgramEntry.all {
            pages.append(Page(path: "man/man1/\(program.name).1", text: CommandPages.page(of: program)))
        }
        return pages
    }

    /// What is kept in the repository: the references in docs/.
    public static var committed: [Page] {
        [
            Page(path: "docs/commands.md", text: Markdown.commands),
            Page(path: "docs/configuration.md", text: ConfigurationPages.reference),
        ]
    }
}
