import TestWorld
import Testing

/// Every command that the documentation shows is run as a reader would: in the order of the page, on two hosts that share only
/// the network.
@Suite struct DocsTests {
    /// Pages that can share a world stand together: those that only look at what is backed up.
    static let pages = [
        ["docs/quick-start.md"], ["docs/pitr-cookbook.md"], ["docs/security.md", "README.md"],
        ["docs/monitoring.md", "docs/sizing.md", "docs/from-the-original.md", "docs/troubleshooting.md"],
    ]

    @Test(arguments: pages)
    func `what a page shows works`(paths: [String]) throws {
        let pages = try paths.map { try DocPage($0) }
        for page in pages { #expect(page.chapters.contains { !$0.blocks.isEmpty }, "\(page.path) shows nothing") }
        let chapters = pages.flatMap { page in page.chapters.map { (page: page.path, chapter: $0) } }
        for (page, chapter) in chapters where !chapter.isBackedUp { try Self.run([(page, chapter)]) }
        let backedUp = chapters.filter(\.chapter.isBackedUp)
        if !backedUp.isEmpty { try Self.run(backedUp) }
    }

    /// Runs chapters one after the other in one world.
    private static func run(_ chapters: [(page: String, chapter: DocPage.Chapter)]) throws {
        try World.with { world in
            let hosts = try DocHosts(world, isBackedUp: chapters.allSatisfy(\.chapter.isBackedUp))
            reading: for (page, chapter) in chapters {
                for block in chapter.blocks {
                    let outcome = try hosts.run(block)
                    guard outcome.status == 0 else {
                        Issue.record("\(page):\(block.line): \(outcome)\n--- log\n\(try hosts.log())")
                        break reading
                    }
                }
            }
            try hosts.end()
        }
    }
}
