import Commands
import Notation
import Settings

/// What is made from the table of options: barman(5), the reference in docs/, and the example of /etc/barman.conf.
enum ConfigurationPages {
    /// How configuration files are read, in paragraphs; shared by the page and the reference.
    static let rules = [
        "The main file is ~/.barman.conf, /etc/barman.conf or /etc/barman/barman.conf, the first that can be read, unless "
            + "-c or BARMAN_CONFIG_FILE names another. Its section [barman] is for the program as a whole and for what all "
            + "servers have in common. Every other section is a server, named by the section, or a model.",
        "If configuration_files_directory is set, the files in it whose names end in .conf are read after the main file, in "
            + "the order of their names. Usually each holds one server. Last comes .barman.auto.conf in barman_home, which "
            + "config-update writes.",
        "A line is name = value or name : value. Lines that begin with # or ; are comments; a line that begins with a blank "
            + "goes on with the value of the line before. A value may hold %(name)s, which is replaced by the value of that "
            + "option in the same section or in [barman]; a percent sign is written %%. Quotes around a value are removed.",
        "An option of a server's section wins over the same option in [barman]. A section with model = true is a model: "
            + "config-switch lays its options over a server of the same cluster.",
        "A value that can not be used is reported in the log and, where that is safe, the default counts; otherwise the "
            + "server is disabled, and every command says why.",
    ]

    /// barman(5).
    static var manual: String {
        var page = Troff("barman", section: 5, version: CommandPages.version)
        page.name("barman", "configuration files of barman(1)")
        page.section("DESCRIPTION")
        page.opening(rules[0])
        for words in rules.dropFirst() { page.paragraph(words) }
        page.section("OPTIONS")
        for topic in ConfigurationTopic.all {
            page.subsection(topic.title)
            for option in topic.options {
                page.entry(Troff.bold(option.name), [option.summary, facts(of: option)])
            }
        }
        page.section("EXAMPLE")
        page.opening("A server that is reached by ssh, in a file of its own:")
        page.verbatim([
            "[angus]", "description = \"PostgreSQL on angus\"", "conninfo = host=angus user=barman dbname=postgres",
            "ssh_command = ssh postgres@angus", "backup_method = rsync", "archiver = on",
            "retention_policy = RECOVERY WINDOW OF 4 WEEKS",
        ])
        page.seeAlso([("barman", 1)] + CommandPages.pages(of: ["setup", "show-servers", "config-update"]))
        return page.text
    }

    /// The reference in docs/.
    static var reference: String {
        var text = """
            # Configuration reference

            Made by `make pages` from the table of options; `man 5 barman` says the same.


            """
        for words in rules { text += Markdown.paragraph(words) + "\n" }
        for topic in ConfigurationTopic.all {
            text += "## \(topic.title)\n\n| Option | Meaning | Values | Default | Sections |\n|---|---|---|---|---|\n"
            for option in topic.options {
                let deprecation = option.deprecation.map { " *Deprecated since \($0).*" } ?? ""
                text += Markdown.row([
                    "`\(option.name)`", Markdown.escaped(option.summary) + deprecation, Markdown.escaped(option.values),
                    option.standard.map { "`\($0)`" } ?? "", option.places,
                ])
            }
            text += "\n"
        }
        return String(text.dropLast())
    }

    private static func facts(of option: OptionSpecification) -> String {
        var facts = ["Values: \(option.values)."]
        if let standard = option.standard { facts.append("Default: \(standard).") }
        facts.append("Sections: \(option.places).")
        if let deprecation = option.deprecation { facts.append("Deprecated since \(deprecation).") }
        return facts.joined(separator: " ")
    }

    // MARK: The example of /etc/barman.conf

    /// The values that the packages set.
    static let packaged: KeyValuePairs<String, String> = [
        "barman_user": "barman", "configuration_files_directory": "/etc/barman.d", "barman_home": "/var/lib/barman",
        "log_file": "/var/log/barman/barman.log", "log_level": "INFO",
    ]

    /// `/etc/barman.conf`: every option that may stand in `[barman]`, explained, with its default behind a semicolon.
    static var example: String {
        let set = Dictionary(uniqueKeysWithValues: packaged.map { ($0.key, $0.value) })
        var text = comment(
            "Barman, backup and recovery manager for PostgreSQL: main configuration file. Every option is explained in "
                + "barman(5). A line behind a semicolon shows the default; options of this section count for all servers "
                + "that do not set their own. Servers have files of their own in /etc/barman.d: 'barman setup SERVER' writes "
                + "one, and the templates there show what they look like."
        )
        text += "\n[barman]\n"
        for topic in ConfigurationTopic.all {
            // log_format is honoured but, as in the reference, warned about.
            let options = topic.options.filter {
                $0.scope.contains(.global) && $0.deprecation == nil && $0.name != "log_format"
            }
            guard !options.isEmpty else { continue }
            text += "\n; ---- \(topic.title)\n"
            for option in options {
                text += "\n" + comment(option.summary + " (\(option.values))")
                text +=
                    set[option.name].map { "\(option.name) = \($0)\n" }
                    ?? ";\(option.name) =\(exampleValue(of: option))\n"
            }
        }
        return text
    }

    /// A default as it can be written in a file; none where it depends on the server.
    private static func exampleValue(of option: OptionSpecification) -> String {
        guard let text = option.defaultText, !text.isEmpty else { return "" }
        if text.hasPrefix("{home}") { return " %(barman_home)s" + text.dropFirst("{home}".count) }
        return text.contains("{") ? "" : " " + text
    }

    private static func comment(_ words: String) -> String {
        HelpLayout.wrap(words, width: 100).map { "; \($0)\n" }.joined()
    }
}
