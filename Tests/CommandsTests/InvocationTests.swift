import Testing

@testable import Commands

private func invocation(_ words: String...) throws -> Invocation {
    try Invocation(parsing: words, columns: 80)
}

/// The last line of the complaint about these words; the exit status must be 2.
private func complaint(_ words: String...) -> String? {
    do {
        _ = try Invocation(parsing: words, columns: 80)
        return nil
    } catch {
        #expect(error.exitStatus == 2)
        #expect(error.output.isEmpty)
        #expect(error.errorOutput.hasPrefix("usage: barman"))
        return error.errorOutput.split(separator: "\n").last.map(String.init)
    }
}

struct GlobalOptionTests {
    @Test func `global options stand before the command`() throws {
        let invocation = try invocation("-q", "-dc", "/etc/x", "--form", "json", "--log-level=DEBUG", "list-servers")
        #expect(invocation.isQuiet && invocation.showsDebug && invocation.isJSON)
        #expect(invocation.configurationFile == "/etc/x")
        #expect(invocation.logLevel == "DEBUG")
        #expect(invocation.command?.name == "list-servers")
        #expect(complaint("list-servers", "-q") == "barman: error: unrecognized arguments: -q")
    }

    @Test func `an alias is the command itself`() throws {
        #expect(try invocation("recover", "pg", "last", "/x").command?.name == "restore")
        #expect(try invocation("switch-xlog", "pg").command?.name == "switch-wal")
    }

    @Test func `no command is no error`() throws {
        #expect(try invocation("-q").command == nil)
    }

    @Test func `an empty configuration path counts as none`() throws {
        #expect(try invocation("-c", "", "cron").configurationFile == nil)
    }

    @Test func `help and version win over what comes after them`() throws {
        #expect(throws: Invocation.Ending(output: "3.19.1 Barman (swift-barman 0.1.0)\n")) { try invocation("-v", "x") }
        let error = try #require(throws: Invocation.Ending.self) { try invocation("backup", "-h", "--nonsense") }
        #expect(error.exitStatus == 0)
        #expect(error.output.hasPrefix("usage: barman backup [-h]"))
    }
}

struct ComplaintTests {
    @Test(arguments: [
        (["nosuch"], "barman: error: argument command: invalid choice: 'nosuch' (choose from 'help', 'list-servers', "),
        (["-x", "list-servers"], "barman: error: unrecognized arguments: -x"),
        (["--colo", "never", "cron"], "barman: error: ambiguous option: --colo could match --color, --colour"),
        (["check", "--c", "1", "pg"], "barman: error: ambiguous option: --c could match --config, --color, --colour"),
        (
            ["-f", "xml", "cron"],
            "barman: error: argument -f/--format: invalid choice: 'xml' (choose from 'console', 'json')"
        ),
        (["-c"], "barman: error: argument -c/--config: expected one argument"),
        (["-q=3", "cron"], "barman: error: argument -q/--quiet: ignored explicit argument '3'"),
        (["--help=3"], "barman: error: argument -h/--help: ignored explicit argument '3'"),
        (["backup"], "barman backup: error: the following arguments are required: server_name"),
        (["list-files"], "barman list-files: error: the following arguments are required: server_name, backup_id"),
        (["delete", "a", "b", "c", "--foo", "-x"], "barman: error: unrecognized arguments: c --foo -x"),
        (["list-servers", "-5"], "barman: error: unrecognized arguments: -5"),
        (["list-servers", "-"], "barman: error: unrecognized arguments: -"),
        (
            ["list-server", "--minimal="],
            "barman list-servers: error: argument --minimal: ignored explicit argument ''"
        ),
        (["switch-wal", "pg", "--force", "url"], "barman: error: unrecognized arguments: url"),
        (["sync-info", "pg", "--primary", "x"], "barman: error: unrecognized arguments: x"),
        (["--", "list-servers"], "barman: error: argument command: invalid choice: '--' (choose from 'help', "),
        (["backup", "--"], "barman backup: error: the following arguments are required: server_name"),
    ])
    func `what is wrong with the words is said`(words: [String], text: String) {
        do {
            _ = try Invocation(parsing: words, columns: 80)
            Issue.record("accepted")
        } catch {
            let last = error.errorOutput.split(separator: "\n").last.map(String.init) ?? ""
            #expect(last.hasPrefix(text))
            #expect(text.hasSuffix(" ") || last == text)
        }
    }

    @Test(arguments: [
        ("--jobs", "0", "--jobs/-j: '0' is not a valid positive integer"),
        ("--jobs", "-1", "--jobs/-j: '-1' is not a valid positive integer"),
        ("--jobs", "x", "--jobs/-j: 'x' is not a valid input"),
        ("-wj", "4x", "--jobs/-j: '4x' is not a valid input"),
        ("--bwlimit", "-1", "--bwlimit: '-1' is not a valid non negative integer"),
        ("--bwlimit", "x", "--bwlimit: 'x' is not a valid non negative integer"),
        ("--name", "latest", "--name: Backup name 'latest' is not allowed: reserved word"),
        ("--name", "20240101T000000", "--name: Backup name '20240101T000000' is not allowed: backup ID"),
        ("--name", "", "--name: Backup name cannot be empty"),
        ("--name", "a\nb", "--name: Backup name 'a\\nb' is not allowed: line break"),
        ("--cloud-staging-max-size", "foo", "--cloud-staging-max-size: invalid parse_si_suffix value: 'foo'"),
        ("--cloud-staging-directory", "rel", "--cloud-staging-directory: invalid parse_staging_path value: 'rel'"),
        ("--reuse-backup", "pg", "--reuse-backup: invalid choice: 'pg' (choose from 'copy', 'link', 'off')"),
    ])
    func `a value of a backup option has to make sense`(option: String, value: String, text: String) {
        #expect(complaint("backup", option, value, "pg") == "barman backup: error: argument \(text)")
    }

    @Test(arguments: [
        ("--target-tli", "foo", "--target-tli: 'foo' is not a valid input"),
        ("--target-tli", "0", "--target-tli: '0' is not a valid positive integer"),
        ("--target-action", "foo", "--target-action: 'foo' is not a valid recovery target action"),
        ("--combine-mode", "foo", "--combine-mode: invalid parse_combine_mode value: 'foo'"),
        ("--staging-location", "x", "--staging-location: invalid choice: 'x' (choose from 'local', 'remote')"),
    ])
    func `a value of a restore option has to make sense`(option: String, value: String, text: String) {
        #expect(complaint("restore", option, value, "a", "b", "c") == "barman restore: error: argument \(text)")
    }

    @Test func `an ambiguous prefix names all it could be`() {
        #expect(
            complaint("backup", "--re", "pg")
                == "barman backup: error: ambiguous option: --re could match --reuse-backup, --retry-times, --retry-sleep"
        )
    }
}

struct CommandArgumentTests {
    private func arguments(_ words: String...) throws -> ParsedArguments {
        try Invocation(parsing: words, columns: 80).arguments
    }

    @Test func `options and positionals mix`() throws {
        let parsed = try arguments("list-files", "--target", "wal", "pg", "--list-empty-directories", "last")
        #expect(parsed.text("target") == "wal")
        #expect(parsed.flag("list_empty_directories"))
        #expect(parsed.required("server_name") == "pg" && parsed.required("backup_id") == "last")
    }

    @Test func `short options are glued and bundled`() throws {
        let parsed = try arguments("backup", "-wj4", "pg", "bon")
        #expect(parsed.flag("wait") && parsed.integer("jobs") == 4)
        #expect(parsed.list("server_name") == ["pg", "bon"])
        #expect(try arguments("backup", "pg", "-j", "3").integer("jobs") == 3)
        #expect(try arguments("backup", "--jobs= 1_0 ", "pg").integer("jobs") == 10)
    }

    @Test func `the last of two options that say the opposite counts`() throws {
        #expect(try arguments("backup", "--manifest", "--no-manifest", "pg").optionalFlag("manifest") == false)
        #expect(try arguments("backup", "--no-retry", "--retry-times", "2", "pg").integer("retry_times") == 2)
        #expect(try arguments("backup", "--retry-times", "2", "--no-retry", "pg").integer("retry_times") == 0)
        #expect(try arguments("backup", "pg").optionalFlag("immediate_checkpoint") == nil)
        #expect(try arguments("get-wal", "-z", "-j", "pg", "x").text("compression") == "bzip2")
    }

    @Test func `an optional value may stay away`() throws {
        #expect(try arguments("backup", "pg", "--reuse-backup").text("reuse_backup") == "link")
        #expect(try arguments("backup", "--reuse-backup=off", "pg").text("reuse_backup") == "off")
        #expect(try arguments("backup", "pg").text("reuse_backup") == nil)
    }

    @Test func `a repeated option keeps all its values`() throws {
        let parsed = try arguments("restore", "--tablespace", "a:/x", "--tablespace=b:/y", "pg", "last", "/z")
        #expect(parsed.list("tablespace") == ["a:/x", "b:/y"])
    }

    @Test func `two dashes end the options`() throws {
        #expect(try arguments("backup", "--", "--jobs").list("server_name") == ["--jobs"])
        #expect(try arguments("check", "pg", "--", "--nagios").list("server_name") == ["pg", "--nagios"])
    }

    @Test func `a timeline may be a word`() throws {
        let parsed = try arguments("restore", "--target-tli", "latest", "--combine-mode", "LINK", "pg", "last", "/z")
        #expect(parsed.text("target_tli") == "latest")
        #expect(parsed.text("combine_mode") == "link")
    }

    @Test func `sizes know their units`() throws {
        #expect(
            try arguments("backup", "--cloud-staging-max-size", "3Ki", "pg").integer("cloud_staging_max_size") == 3072
        )
        #expect(
            complaint("backup", "--cloud-staging-max-size", "99999999999999Ti", "pg")?
                .hasSuffix("invalid parse_si_suffix value: '99999999999999Ti'") == true
        )
    }

    @Test func `numbers beyond the machine's are complaints`() {
        #expect(
            complaint("backup", "--jobs", "99999999999999999999", "pg")
                == "barman backup: error: argument --jobs/-j: '99999999999999999999' is not a valid input"
        )
    }
}

struct CommandTableTests {
    @Test func `every command of the reference is there once`() {
        // Those of the reference, then ours.
        #expect(CommandTable.commands.count >= 37)
        #expect(Set(CommandTable.names).count == CommandTable.names.count)
    }

    @Test func `usage lines are folded like the reference's`() {
        let usage = CommandTable.command(named: "list-files")?.usage(HelpText(columns: 80))
        #expect(
            usage == """
                usage: barman list-files [-h] [--target {standalone,data,wal,full}]
                                         [--list-empty-directories]
                                         server_name backup_id

                """
        )
    }

    @Test func `no help line is wider than the terminal`() throws {
        for command in CommandTable.commands {
            let text = command.helpText(columns: 100)
            for line in text.split(separator: "\n") where line.contains(" ") && !line.contains("{") {
                #expect(line.count <= 98, "\(command.name): \(line)")
            }
        }
    }

    @Test func `no two options of a command share a flag`() {
        for command in CommandTable.commands {
            let flags = command.options.flatMap(\.flags) + ["-h", "--help"]
            #expect(Set(flags).count == flags.count, "\(command.name)")
        }
    }
}
