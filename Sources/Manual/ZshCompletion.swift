import Commands

/// Completion for zsh.
enum ZshCompletion {
    static var script: String {
        head + commands() + body()
    }

    private static let head = #"""
        #compdef barman
        # zsh completion for barman; made by barman-pages from the table of commands.

        # Asks the program, with the configuration file of the line.
        _barman_ask() {
            local -a config
            local index=${barman_words[(i)(-c|--config)]}
            (( index < $#barman_words )) && config=(-c ${(Q)barman_words[index+1]})
            answer=(${(f)"$(barman $config "$@" --minimal 2>/dev/null)"})
        }

        _barman_server() {
            local -a answer
            _barman_ask list-servers
            compadd -- $answer
        }

        _barman_servers() {
            local -a answer
            _barman_ask list-servers
            compadd -- all $answer
        }

        # The backups of the server named before.
        _barman_backup() {
            local -a answer
            local word
            _barman_ask list-servers
            for word in ${(Q)words}; do
                (( $answer[(Ie)$word] )) && break
                word=''
            done
            [[ -n $word ]] || return 1
            _barman_ask list-backups $word
            compadd -V backups -- latest oldest $answer
        }


        """#

    private static func commands() -> String {
        var text = "_barman_commands() {\n    local -a commands=(\n"
        for words in CompletionWords.all {
            for name in words.names { text += "        \(quoted(name + ":" + words.command.summary))\n" }
        }
        return text + "    )\n    _describe -t commands command commands\n}\n\n"
    }

    private static func body() -> String {
        var text = """
            _barman() {
                local curcontext=$curcontext state line
                local -a barman_words=($words)
                _arguments -C \\

            """
        for option in CommandEntry.globalOptions { text += "        \(specification(option)) \\\n" }
        text += """
                    '1:command:_barman_commands' \\
                    '*::argument:->arguments' && return
                [[ $state == arguments ]] || return
                case $words[1] in

            """
        for words in CompletionWords.all {
            text += "        \(words.names.joined(separator: " | ")))\n            _arguments"
            text += " \\\n                '(-h --help)'{-h,--help}'[print a help text]'"
            for option in words.command.options { text += " \\\n                \(specification(option))" }
            for (index, place) in words.places.enumerated() {
                let number = place == .servers ? "*" : "\(index + 1)"
                let name = words.command.positionals[index].name
                text += " \\\n                '\(number):\(name):\(action(place))'"
            }
            text += "\n            ;;\n"
        }
        return text + "    esac\n}\n\n_barman \"$@\"\n"
    }

    private static func action(_ place: CompletionWords.Place) -> String {
        switch place {
        case .server: "_barman_server"
        case .servers: "_barman_servers"
        case .backup: "_barman_backup"
        case .file: "_files"
        case .model, .nothing: " "
        }
    }

    /// `'(--jobs -j)'{--jobs,-j}'[how many]:NJOBS: '`.
    private static func specification(_ option: CommandEntry.Option) -> String {
        let help = option.help.map { "[]:\\".contains($0) ? "\\\($0)" : String($0) }.joined()
        var rest = "[\(help)]"
        if CompletionWords.takesNextWord(option) {
            let action =
                option.choices.isEmpty
                ? CompletionWords.takesFile(option) ? "_files" : " " : "(\(option.choices.joined(separator: " ")))"
            rest += ":value:\(action)"
        }
        guard option.flags.count > 1 else { return quoted((option.flags.first ?? "") + rest) }
        return "'(\(option.flags.joined(separator: " ")))'{\(option.flags.joined(separator: ","))}" + quoted(rest)
    }

    private static func quoted(_ words: String) -> String {
        "'" + words.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'"
    }
}
