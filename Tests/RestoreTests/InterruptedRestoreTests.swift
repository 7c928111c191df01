#if DEBUG
import Catalog
import Failure
import Files
import Processes
import SystemPackage
import Testing

@testable import Restore

/// A restore that dies anywhere does not start as if complete, and the same command completes it.
@Suite struct InterruptedRestoreTests {
    private func contents(_ fixture: RestoreFixture) throws -> [String] {
        try ["PG_VERSION", "base/1/1259", "global/pg_control", "backup_label"].map { try fixture.restored($0) }
    }

    private func dieEverywhere(_ fixture: RestoreFixture, step: Int) throws {
        let counter = FaultPlan(.crash, at: 0)
        try FaultPlan.$current.withValue(counter) { _ = try fixture.run { $0.targetImmediate = true } }
        let complete = try fixture.tree
        let whole = try contents(fixture)
        // The end, where the server becomes startable, call by call; the long copy before it in steps.
        let end = max(1, counter.callCount - 16)
        for position in Array(stride(from: 1, to: end, by: step)) + Array(end...counter.callCount) {
            try FileSystem.removeTree(fixture.destination)
            try FileSystem.removeTree(fixture.tablespace)
            let plan = FaultPlan(.crash, at: position)
            FaultPlan.$current.withValue(plan) {
                do {
                    try fixture.run { $0.targetImmediate = true }
                    Issue.record("call \(position) did not matter")
                } catch {
                    // What matters is what is left.
                }
            }
            let isStartable = try fixture.isStartable
            if isStartable { #expect(try fixture.tree == complete) }
            // Once the mark has gone everything is on disk, and no second restore overwrites it.
            if try !isStartable || FileSystem.exists(fixture.destination.appending(UnfinishedMark.name)) {
                try fixture.run { $0.targetImmediate = true }
            }
            let tree = try fixture.tree
            #expect(tree == complete, "after call \(position)")
            let after = try contents(fixture)
            #expect(after == whole, "after call \(position)")
            #expect(try !FileSystem.exists(fixture.destination.appending(UnfinishedMark.name)))
        }
    }

    @Test func `a plain restore that dies at the n-th call is completed by the same command`() throws {
        try RestoreFixture.with { try dieEverywhere($0, step: 5) }
    }

    @Test func `a restore from tar files that dies at the n-th call is completed by the same command`() throws {
        try RestoreFixture.with { fixture in
            try fixture.turnIntoTar(compression: "gzip", option: ["-z"], suffix: "tar.gz")
            try dieEverywhere(fixture, step: 5)
        }
    }

    @Test func `a full disk is named, and the same command goes on when there is room`() throws {
        try RestoreFixture.with { fixture in
            let counter = FaultPlan(.crash, at: 0)
            try FaultPlan.$current.withValue(counter) { _ = try fixture.run() }
            try FileSystem.removeTree(fixture.destination)
            try FileSystem.removeTree(fixture.tablespace)
            let plan = FaultPlan(.once(.noSpace), at: counter.callCount / 3)
            let failure = #expect(throws: Failure.self) {
                try FaultPlan.$current.withValue(plan) { _ = try fixture.run() }
            }
            #expect(failure?.description.contains("No space left on device") == true)
            #expect(try !fixture.isStartable)
            try fixture.run()
            #expect(try fixture.isStartable)
        }
    }
}
#endif
