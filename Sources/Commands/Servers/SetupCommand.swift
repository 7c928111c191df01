import Catalog
import Console
import Failure
import Files
import Postgres
import Restore
import Settings
import SystemPackage
import Upkeep

/// `setup`: looks at a PostgreSQL server, proposes how to back it up, and writes its configuration file.
enum SetupCommand {
    static let specification = CommandSpecification(
        name: "setup",
        summary: "Look at a PostgreSQL server and write its configuration file, with questions or without.",
        options: [
            .value(
                "--conninfo",
                help: "the connection string for PostgreSQL, such as 'host=pg user=barman dbname=postgres'"
            ),
            .value("--streaming-conninfo", help: "the connection string for replication, if it is another one"),
            .value("--method", choices: SetupPlan.Method.allCases.map(\.rawValue), help: "how base backups are taken"),
            .value("--wal", choices: SetupPlan.WALWay.allCases.map(\.rawValue), help: "how WAL comes"),
            .value("--ssh-command", help: "the command that reaches the PostgreSQL host, such as 'ssh postgres@pg'"),
            .value("--slot", help: "the name of the replication slot; default barman"),
            .value(
                "--retention-policy",
                help: "which backups are kept, such as 'RECOVERY WINDOW OF 4 WEEKS'; default all"
            ),
            .value("--backup-host", help: "what the PostgreSQL host calls this host"),
            .value(
                "--admin-conninfo",
                help: "a connection string of a superuser, for looking and for --apply; it is not written anywhere"
            ),
            .flag("--apply", help: "change PostgreSQL as needed: role, grants, settings, slot"),
            .flag("--replace", help: "replace the server's file if there is one; the old one stays beside it"),
            .flag("--print", help: "print everything and change nothing"),
            .flag("--yes", "-y", help: "take every proposal instead of asking"),
        ],
        positionals: [PositionalArgument("server_name", help: "what the server will be called here")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard !context.console.isJSON else { throw Failure("setup speaks to people: it has no JSON answer") }
        let file = try ServerFile(arguments.required("server_name"), context)
        let questions = SetupQuestions(console: context.console, takesProposals: arguments.flag("yes"))
        if !arguments.flag("print") { try file.mayBeWritten(replacing: arguments.flag("replace"), questions) }
        var guide = SetupGuide(context: context, arguments: arguments, questions: questions, file: file)
        try guide.connect()
        try guide.choose()
        guide.tell()
        if arguments.flag("print") { return }
        if arguments.flag("apply") { try guide.apply() }
        try file.write(guide.plan.configuration, questions)
        try guide.finish()
    }
}

/// The file of one server below the directory of configuration files.
struct ServerFile {
    let name: String
    let path: FilePath
    private let console: Console

    init(_ name: String, _ context: Context) throws {
        self.name = name
        console = context.console
        let isSound =
            !name.isEmpty && !["all", "barman", ".", ".."].contains(name) && !name.hasPrefix("-")
            && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                Self.letters.contains(byte) || "0123456789._-".utf8.contains(byte)
            }
        guard isSound else {
            throw Failure("'\(name)' can not be the name of a server: letters, digits, '.', '-' and '_' can be in it")
        }
        let global = context.configuration.global
        guard let directory = global.configurationFilesDirectory else {
            throw Failure(
                "there is no directory for the files of servers",
                hint: "in \(global.configurationFile): configuration_files_directory = /etc/barman.d"
            )
        }
        path = FilePath(directory).appending("\(name).conf")
        // Another file may hold the section.
        if try context.serverList()[name] != nil, try !FileSystem.exists(path) {
            throw Failure(
                "server '\(name)' is configured already, in another file than \(path)",
                hint: "barman show-servers \(name)"
            )
        }
    }

    private static let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

    /// Makes sure that the file may be written, before anything else is asked.
    func mayBeWritten(replacing: Bool, _ questions: SetupQuestions) throws {
        let directory = path.removingLastComponent()
        guard FileSystem.isAccessible(directory, for: [.write, .execute]) else {
            throw Failure(
                "\(directory) can not be written by this account",
                hint:
                    "let it: chgrp barman \(directory) && chmod g+w \(directory); or use --print and write the file yourself"
            )
        }
        guard try FileSystem.exists(path), !replacing else { return }
        guard try questions.confirm("\(path) exists. Replace it?", proposal: false, option: "--replace") else {
            throw Failure("\(path) stays as it is")
        }
    }

    /// Writes the file, durably; one that is replaced stays as `SERVER.conf.old`.
    func write(_ text: String, _ questions: SetupQuestions) throws {
        do {
            if try FileSystem.exists(path) {
                let old = FilePath(path.string + ".old")
                try FileSystem.replaceDurably(
                    old,
                    contents: FileSystem.read(path),
                    permissions: [.ownerReadWrite, .groupRead]
                )
                console.info("The file that was there is \(old) now.")
            }
            // It may hold a password, although it should not.
            try FileSystem.replaceDurably(path, contents: Array(text.utf8), permissions: [.ownerReadWrite, .groupRead])
        } catch {
            throw Failure("\(path) could not be written: \(error)", cause: error)
        }
        console.info("Wrote \(path).")
    }
}

/// Questions to whoever sits at the terminal; without one the proposals count.
struct SetupQuestions {
    let console: Console
    private let isInteractive: Bool

    init(console: Console, takesProposals: Bool) {
        self.console = console
        isInteractive = !takesProposals && Console.canAsk
    }

    /// The value of an option, or the answer to a question with a proposal; asks again until `complaint` has none.
    func text(
        _ question: String,
        given: String?,
        proposal: String?,
        option: String,
        complaint: (String) -> String? = { _ in nil }
    ) throws -> String {
        if let given {
            if let words = complaint(given) { throw Failure("\(option): \(words)") }
            return given
        }
        guard isInteractive else {
            guard let proposal else { throw Failure("\(question) Nobody can be asked: use \(option)") }
            return proposal
        }
        while true {
            guard let line = console.ask(question + (proposal.map { " [\($0)]" } ?? "")) else {
                throw Failure("No answer: nothing was changed")
            }
            let answer = line.isEmpty ? proposal ?? "" : line
            guard let words = answer.isEmpty ? "an answer is needed" : complaint(answer) else { return answer }
            console.info("  \(words)")
        }
    }

    /// A question to be answered with yes or no.
    func confirm(_ question: String, proposal: Bool, option: String) throws -> Bool {
        guard isInteractive else {
            if proposal { return true }
            throw Failure("\(question) Nobody can be asked: use \(option)")
        }
        let answer = try text(
            question + (proposal ? " (yes or no)" : " (yes or no)"),
            given: nil,
            proposal: proposal ? "yes" : "no",
            option: option
        ) { ["yes", "y", "no", "n"].contains($0.lowercased()) ? nil : "yes or no, please" }
        return answer.lowercased().hasPrefix("y")
    }
}
