/// `rebuild-xlogdb`: makes the list of archived WAL anew from the files that are there.
enum RebuildXlogdbCommand {
    static let specification = CommandSpecification(
        name: "rebuild-xlogdb",
        summary: "Make the list of archived WAL anew from the files that are there.",
        positionals: [.servers]
    )
}
