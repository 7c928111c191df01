import Notation

/// Usage blocks and help texts of the table of commands.
struct HelpText {
    private let layout: HelpLayout

    init(columns: Int) {
        layout = HelpLayout(columns: columns)
    }

    /// `usage: program [options] positionals`, over as many lines as it takes, with its newline.
    func usage(_ program: String, options: [OptionArgument], positionals: [String]) -> String {
        layout.usage(program, options: options.map(Self.usagePart), positionals: positionals)
    }

    /// A paragraph from the left margin, with its newline.
    func paragraph(_ text: String) -> String { layout.paragraph(text) }

    /// A titled list: names at the left, what they mean at the right.
    func section(_ title: String, _ rows: [HelpLayout.Row]) -> String { layout.section(title, rows) }

    /// How options are listed: `--jobs NJOBS, -j NJOBS`.
    static func row(of option: OptionArgument) -> HelpLayout.Row {
        let name = option.flags.map { flag in option.placeholder.map { "\(flag) \($0)" } ?? flag }
        return (name.joined(separator: ", "), option.help)
    }

    private static func usagePart(_ option: OptionArgument) -> String {
        let flag = option.flags.first ?? ""
        return option.placeholder.map { "[\(flag) \($0)]" } ?? "[\(flag)]"
    }
}

extension PositionalArgument {
    /// How it stands in a usage line.
    var usageParts: [String] {
        switch count {
        case .one: [name]
        case .optional: ["[\(name)]"]
        case .oneOrMore: [name, "[\(name) ...]"]
        case .command: []
        }
    }
}
