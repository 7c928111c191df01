import Glibc
import TestWorld
import Testing

/// Calls that fail, processes that die, and homes that somebody damaged: afterwards both programs read what is there.
///
/// One of several of each, others every time; all of them, which takes minutes, with `BARMAN_TEST_CONFORMANCE=1`.
@Suite(.enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it"))
struct SameAsTheOracleTests {
    private static let isWhole = getenv("BARMAN_TEST_CONFORMANCE") != nil

    @Test func `a call that fails or a process that dies leaves a catalog that both can read`() async throws {
        try await conformance("--faults", every: 24)
    }

    @Test func `a damaged home gets a clear answer, and nothing outside is touched`() async throws {
        try await conformance("--hostile", every: 10)
    }

    /// Runs the suite beside the other tests, which have the thread meanwhile; it must end with status 0.
    private func conformance(_ option: String, every: Int) async throws {
        try await World.withSuspending { world in
            let run = try world.start(
                [
                    "\(World.repository)/scripts/conformance", option, "--seed", "202",
                    "--every", Self.isWhole ? "1" : "\(every)", "--oracle", Scratch.oracle, "--program",
                    try World.builtProgram(),
                    "--directory", world.path("homes"),
                ],
                environment: ["SWIFT_BARMAN_SCRATCH": Scratch.root]
            )
            while run.isRunning { try await Task.sleep(for: .milliseconds(200)) }
            print(run.outcome.lines.filter { $0.hasPrefix("conformance: ") }.joined(separator: "; "))
            #expect(run.outcome.status == 0, "\(run.outcome)")
        }
    }
}
