import TestWorld
import Testing

/// `scripts/conformance`: both programs over random homes, and ours over damaged ones.
@Suite struct RandomCatalogTests {
    @Test func `both programs answer alike over random catalogs, and leave the same tree`() throws {
        try conformance(["--seed", "1", "-n", "40", "--seconds", "210"], seconds: 600)
    }

    @Test func `a damaged catalog gets a clear answer and touches nothing else`() throws {
        try conformance(["--hostile"], seconds: 600)
    }

    private func conformance(_ options: [String], seconds: Int) throws {
        try World.with { world in
            let script = "\(World.repository)/scripts/conformance"
            let words = [script, "--program", try world.program(), "--directory", world.path("homes")] + options
            let outcome = try world.run(words, seconds: seconds)
            #expect(outcome.status == 0, "\(outcome)")
        }
    }
}
