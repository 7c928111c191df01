import Glibc
import TestWorld
import Testing

/// Calls that fail, processes that die, and homes that somebody damaged: afterwards both programs read what is there.
///
/// They take longer than all other tests together.
@Suite(
    .enabled(if: getenv("BARMAN_TEST_CONFORMANCE") != nil, "asked for by BARMAN_TEST_CONFORMANCE=1"),
    .enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it")
)
struct SameAsTheOracleTests {
    @Test(.timeLimit(.minutes(20)))
    func `a call that fails or a process that dies leaves a catalog that both can read`() async throws {
        try await conformance(["--faults"])
    }

    @Test(.timeLimit(.minutes(20)))
    func `a damaged home gets a clear answer, and nothing outside is touched`() async throws {
        try await conformance(["--hostile"])
    }

    /// Runs the suite beside the other tests, which have the thread meanwhile; it must end with status 0.
    private func conformance(_ options: [String]) async throws {
        try await World.withSuspending { world in
            let run = try world.start(
                ["nice", "\(World.repository)/scripts/conformance"] + options
                    + [
                        "--oracle", Scratch.oracle, "--program", try World.builtProgram(),
                        "--directory", world.path("homes"),
                    ],
                environment: ["SWIFT_BARMAN_SCRATCH": Scratch.root]
            )
            while run.isRunning { try await Task.sleep(for: .milliseconds(200)) }
            let count = run.outcome.lines.last { $0.hasPrefix("conformance: ") } ?? ""
            print("\(count) (\(options.joined(separator: " ")))")
            #expect(run.outcome.status == 0, "\(run.outcome)")
        }
    }
}
