import Commands

/// Completion for bash; needs nothing but bash itself.
enum BashCompletion {
    static var script: String {
        head + table() + choices() + body
    }

    private static let head = """
        # bash completion for barman; made by barman-pages from the table of commands.

        _barman_ask() {
            barman "${_barman_config[@]}" "$@" --minimal 2>/dev/null
        }


        """

    /// What a command takes: its flags, those with a value, and the kinds of its positionals.
    private static func table() -> String {
        var text = "_barman_table() {\n    case $1 in\n"
        for words in CompletionWords.all {
            text += """
                        \(words.names.joined(separator: " | ")))
                            flags='\(words.flags.joined(separator: " "))'
                            valued='\(words.valued.flatMap(\.flags).joined(separator: " "))'
                            places='\(words.places.map(\.rawValue).joined(separator: " "))'
                            ;;

                """
        }
        return text + "    esac\n}\n\n"
    }

    /// The values of an option: words, or files.
    private static func choices() -> String {
        var text = "_barman_values() {\n    case $1 in\n"
        func add(_ prefixes: [String], _ option: CommandEntry.Option) {
            let patterns = prefixes.flatMap { prefix in option.flags.map { "'\(prefix) \($0)'" } }
            if !option.choices.isEmpty {
                text +=
                    "        \(patterns.joined(separator: " | "))) words '\(option.choices.joined(separator: " "))' ;;\n"
            } else if CompletionWords.takesFile(option) {
                text += "        \(patterns.joined(separator: " | "))) files ;;\n"
            }
        }
        for option in CommandEntry.globalOptions where CompletionWords.takesNextWord(option) { add([""], option) }
        for words in CompletionWords.all { for option in words.command.options { add(words.names, option) } }
        return text + "    esac\n}\n\n"
    }

    private static var body: String {
        let globals = CommandEntry.globalOptions
        let flags = globals.flatMap(\.flags).joined(separator: " ")
        let valued = globals.filter(CompletionWords.takesNextWord).flatMap(\.flags).joined(separator: " ")
        let names = CompletionWords.all.flatMap(\.names).sorted().joined(separator: " ")
        return """
            _barman() {
                local current=${COMP_WORDS[COMP_CWORD]} command='' server='' count=0 expects='' index word
                local flags='\(flags)' valued='\(valued)' places='' place
                local -a _barman_config=()
                # Names are offered as the shell has to read them; nothing in them is ever expanded.
                lines() {
                    local item escaped
                    while IFS= read -r item; do
                        printf -v escaped %q "$item"
                        [[ -n $item && ($escaped == "$current"* || $item == "$current"*) ]] && COMPREPLY+=("$escaped")
                    done <<< "$1"
                }
                words() { lines "${1// /$'\\n'}"; }
                files() { mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null; }
                COMPREPLY=()
                for ((index = 1; index < COMP_CWORD; index++)); do
                    word=${COMP_WORDS[index]}
                    if [[ -n $expects ]]; then
                        [[ $expects == -c || $expects == --config ]] && [[ -z $command ]] && _barman_config=(-c "${word/#'~/'/$HOME/}")
                        expects=''
                    elif [[ $word == -* ]]; then
                        [[ " $valued " == *" $word "* ]] && expects=$word
                    elif [[ -z $command ]]; then
                        command=$word flags='' valued=''
                        _barman_table "$word"
                    else
                        ((count++)) || server=${word//[\\\\\\'\\"]/}
                    fi
                done
                if [[ -n $expects ]]; then
                    _barman_values "$command $expects"
                elif [[ $current == -* ]]; then
                    words "$flags"
                elif [[ -z $command ]]; then
                    words '\(names)'
                else
                    local -a kinds=($places)
                    place=${kinds[count]:-}
                    [[ -z $place && $places == *servers ]] && place=servers
                    case $place in
                        server) lines "$(_barman_ask list-servers)" ;;
                        servers) lines "all"$'\\n'"$(_barman_ask list-servers)" ;;
                        backup) lines "latest"$'\\n'"oldest"$'\\n'"$(_barman_ask list-backups "$server")" ;;
                        file) files ;;
                    esac
                fi
                unset -f lines words files
            }
            complete -F _barman barman

            """
    }
}
