import Glibc
import TestWorld
import Testing

/// Random catalogs and configurations: every answer, and what is left on disk, as the oracle's (`Tests/Conformance`).
@Suite(.enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it"))
struct RandomHomesTests {
    /// Ten catalogs and ten configurations each; together more than 2,000 answers.
    ///
    /// No time limit of the runner's: it counts while a case still waits for a thread. The program below has its own.
    @Test(arguments: 1...4)
    func `both programs say the same about random homes, and leave the same behind`(shard: Int) throws {
        try World.with { world in
            let run = try world.run(
                [
                    "\(World.repository)/scripts/conformance", "--few", "--seed", "202", "-n", "40", "--shard",
                    "\(shard)/4",
                    "--at-least", "500", "--jobs", "1", "--oracle", Scratch.oracle, "--program",
                    try World.builtProgram(),
                    "--directory", world.path("homes"),
                ],
                environment: ["SWIFT_BARMAN_SCRATCH": Scratch.root],
                seconds: 540
            )
            print(run.lines.last { $0.hasPrefix("conformance: ") } ?? "")
            #expect(run.status == 0, "\(run)")
        }
    }
}
