import Commands

/// Completion for fish.
enum FishCompletion {
    static var script: String {
        var text = head
        for option in CommandEntry.globalOptions {
            text += line("-n __fish_barman_before", option)
        }
        for words in CompletionWords.all {
            for name in words.names {
                text += "complete -c barman -n __fish_barman_before -a \(name) -d \(quoted(words.command.summary))\n"
                text += "complete -c barman -n '__fish_barman_in \(name)' -s h -l help -d 'Print a help text'\n"
                for option in words.command.options { text += line("-n '__fish_barman_in \(name)'", option) }
                for (index, place) in words.places.enumerated() {
                    let condition = "-n '__fish_barman_in \(name) \(index)\(place == .servers ? " more" : "")'"
                    text += self.line(condition, place)
                }
            }
        }
        return text
    }

    private static var head: String {
        let options = CommandEntry.globalOptions + CommandEntry.all.flatMap(\.options)
        let valued = Set(options.filter(CompletionWords.takesNextWord).flatMap(\.flags)).sorted()
        return """
            # fish completion for barman; made by barman-pages from the table of commands.

            set -g __fish_barman_valued \(valued.joined(separator: " "))

            # The words that are no options: the command and its arguments.
            function __fish_barman_words
                set -l expects no
                for word in (commandline -opc)[2..-1]
                    if test $expects = yes
                        set expects no
                    else if string match -q -- '-*' $word
                        contains -- $word $__fish_barman_valued; and set expects yes
                    else
                        echo $word
                    end
                end
            end

            # No command yet.
            function __fish_barman_before
                test (count (__fish_barman_words)) -eq 0
            end

            # Inside a command, and behind so many of its arguments ("more": or behind more of them).
            function __fish_barman_in
                set -l words (__fish_barman_words)
                test "$words[1]" = $argv[1]; or return 1
                set -q argv[2]; or return 0
                set -l behind (math (count $words) - 1)
                test $behind -eq $argv[2]; and return 0
                test "$argv[3]" = more -a $behind -gt $argv[2]
            end

            # Asks the program, with the configuration file of the line.
            function __fish_barman_ask
                set -l config
                set -l words (commandline -opc)
                if set -l index (contains -i -- -c $words); or set -l index (contains -i -- --config $words)
                    set config -c $words[(math $index + 1)]
                end
                barman $config $argv --minimal 2>/dev/null
            end

            complete -c barman -f

            """
    }

    private static func line(_ condition: String, _ option: CommandEntry.Option) -> String {
        var words = ["complete", "-c", "barman", condition]
        for flag in option.flags {
            let name = flag.drop { $0 == "-" }
            words += [flag.hasPrefix("--") ? "-l" : name.count == 1 ? "-s" : "-o", String(name)]
        }
        if CompletionWords.takesNextWord(option) {
            words.append(CompletionWords.takesFile(option) ? "-r -F" : "-x")
        }
        if !option.choices.isEmpty { words += ["-a", quoted(option.choices.joined(separator: " "))] }
        return (words + ["-d", quoted(option.help)]).joined(separator: " ") + "\n"
    }

    private static func line(_ condition: String, _ place: CompletionWords.Place) -> String {
        switch place {
        case .server: "complete -c barman \(condition) -a '(__fish_barman_ask list-servers)'\n"
        case .servers: "complete -c barman \(condition) -a 'all (__fish_barman_ask list-servers)'\n"
        case .backup:
            "complete -c barman \(condition) -a 'latest oldest (__fish_barman_ask list-backups (__fish_barman_words)[2])'\n"
        case .file: "complete -c barman \(condition) -F\n"
        case .model, .nothing: ""
        }
    }

    private static func quoted(_ words: String) -> String {
        "'" + words.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
    }
}
