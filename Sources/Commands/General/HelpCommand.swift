import Console

/// `help`: the same text as `--help`, but with a configuration that can be read.
enum HelpCommand {
    static let specification = CommandSpecification(
        name: "help",
        summary: "Print this help.",
        run: { context, _ in
            context.console.silence()
            context.console.printDirectly(CommandTable.helpText(columns: context.helpColumns))
        }
    )
}
