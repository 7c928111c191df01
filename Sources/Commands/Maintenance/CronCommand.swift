/// `cron`: the maintenance of all servers, to be started every minute.
enum CronCommand {
    static let specification = CommandSpecification(
        name: "cron",
        summary: "Do the maintenance of all servers; to be started every minute.",
        options: [.flag("--keep-descriptors", help: "let started programs write to our output")]
    )
}
