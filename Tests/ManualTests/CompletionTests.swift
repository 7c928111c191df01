import TestWorld
import Testing

@testable import Manual

/// The three shells complete commands, options, servers and backups.
@Suite struct CompletionTests {
    private static let backups = ["20240101T020000", "20240101T080000"]

    /// A host with servers, `angus` with two backups, and the completions.
    private func with(_ body: (World, [String: String]) throws -> Void) throws {
        try World.with { world in
            _ = try world.program()
            let home = try world.makeDirectory("home", as: .me)
            try world.run(
                ["python3", "\(World.repository)/scripts/make-catalog.py", home, "angus", "2", "20"]
            ).orThrow()
            let file = "\(home)/barman.conf"
            let configuration = try world.read(file).split(separator: "\n").map(String.init)
            try world.write(
                (configuration + ["[bon]", "active = false", "[two words]", "[$(touch oops)]", ""]).joined(
                    separator: "\n"
                ),
                to: file
            )
            for page in Manual.installed where page.path.hasPrefix("completions/") {
                let name = page.path.split(separator: "/").joined(separator: "-")
                try world.write(page.text, to: name)
            }
            try body(world, ["BARMAN_CONFIG_FILE": file])
        }
    }

    /// What is offered behind a line, which ends where the cursor is.
    private static let cases: [(line: String, offered: [String])] = [
        ("barman list-b", ["list-backup", "list-backups"]),
        ("barman backup --immediate", ["--immediate-checkpoint"]),
        ("barman -f ", ["console", "json"]),
        ("barman backup a", ["all", "angus"]),
        ("barman backup --jobs 4 b", ["bon"]),
        ("barman show-backup b", ["bon"]),
        ("barman show-backup angus 2024", backups),
        ("barman restore --target-time noon angus l", ["latest"]),
        ("barman delete angus ", backups + ["latest", "oldest"]),
    ]

    /// What a shell makes of what bash offers.
    @Test func `a name is one word in bash, and no command`() throws {
        try with { world, environment in
            let script = """
                cd \(world.root); source \(world.path("completions-bash-barman"))
                COMP_WORDS=(barman show-backup ''); COMP_CWORD=2; _barman
                eval "printf '%s\\n' ${COMPREPLY[*]}"
                COMP_WORDS=(barman show-backup 'two\\ w'); _barman; printf '%s\\n' "${COMPREPLY[@]}"
                """
            let answer = try world.run(["bash", "--norc", "-c", script], environment: environment)
            #expect(
                Self.sorted(answer.out) == ["$(touch oops)", "angus", "bon", "two words", "two\\ words"],
                "\(answer)"
            )
            #expect(answer.err == "" && !world.exists("oops"), "\(answer)")
        }
    }

    @Test func `bash completes`() throws {
        try with { world, environment in
            for (line, offered) in Self.cases {
                let words = line.split(separator: " ", omittingEmptySubsequences: false).map { "'\($0)'" }
                let script = """
                    source \(world.path("completions-bash-barman"))
                    COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1); _barman
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """
                let answer = try world.run(["bash", "--norc", "-c", script], environment: environment)
                #expect(Self.sorted(answer.out) == offered.sorted(), "\(line): \(answer)")
                #expect(answer.err == "", "\(line): \(answer)")
            }
        }
    }

    @Test func `fish completes`() throws {
        try with { world, environment in
            for (line, offered) in Self.cases {
                let script = "source \(world.path("completions-fish-barman.fish")); complete -C '\(line)'"
                let answer = try world.run(["fish", "--no-config", "-c", script], environment: environment)
                let words = answer.lines.map { $0.split(separator: "\t").first.map(String.init) ?? "" }
                #expect(Self.sorted(words.joined(separator: "\n")) == offered.sorted(), "\(line): \(answer)")
            }
        }
    }

    /// zsh completes only on a terminal: one that it makes itself, where a widget prints what is offered.
    @Test func `zsh completes`() throws {
        try with { world, environment in
            try world.shell("mkdir functions && cp completions-zsh-_barman functions/_barman").orThrow()
            try world.write(Self.zshHarness, to: "harness.zsh")
            for (line, offered) in Self.cases {
                let answer = try world.run(
                    ["zsh", "-f", world.path("harness.zsh"), world.path("functions"), line],
                    environment: environment
                )
                #expect(Self.sorted(answer.out) == offered.sorted(), "\(line): \(answer)")
            }
        }
    }

    private static func sorted(_ text: String) -> [String] {
        text.split(separator: "\n").map { String($0.reversed().drop { $0 == " " || $0 == "\r" }.reversed()) }.sorted()
    }

    private static let zshHarness = #"""
        # zsh -f harness.zsh FUNCTIONS LINE: prints what completion offers at the end of the line.
        zmodload zsh/zpty
        zpty -b inner zsh -f -i
        zpty -w inner "PS1=; PS2=; unsetopt zle_bracketed_paste prompt_cr; stty -echo; fpath=($1 \$fpath)"
        zpty -w inner 'autoload -Uz compinit; compinit -u -D'
        zpty -w inner 'compadd() {
            local -a found; local option
            if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
            builtin compadd -A found "$@"
            (( $#found )) && print -l -- "OFFERED:"${^found} >&3
            builtin compadd "$@"
        }'
        zpty -w inner 'show() { : }; zle -C show complete-word _main_complete'
        local file=$(mktemp)
        zpty -w inner "exec 3>$file; finish() { zle show; print END >&3; }; zle -N finish; bindkey '^X' finish"
        zpty -w inner $'print READY >&3'
        until [[ "$(<$file)" == *READY* ]]; do sleep 0.02; done
        zpty -w -n inner "$2"$'\x18'
        local tries=0
        until [[ "$(<$file)" == *END* ]] || (( tries++ > 250 )); do sleep 0.02; done
        sed -n 's/^OFFERED://p' $file | sort -u
        rm -f $file
        zpty -d inner
        """#
}
