#if DEBUG
import Archive
import Catalog
import Files
import SystemPackage
import TestWorld
import Testing

/// Every changing call of a run fails, alone or as the last one before a crash; then a repeat runs.
struct IntakeFaultTests {
    private static let segmentCount = 2

    @Test(arguments: [
        ("", 1, false), ("compression = gzip", 1, false), ("compression = gzip", 2, false), ("", 1, true),
    ])
    func `after any fault a repeat leaves each segment once, bit for bit`(
        options: String,
        workers: Int,
        isEncrypting: Bool
    ) throws {
        for kind in [FaultPlan.Kind.once(.noSpace), .crash] {
            try eachFault(
                kind,
                options: options,
                workers: workers,
                isEncrypting: isEncrypting,
                prepare: addNothing
            ) { fixture, _, text in
                // Nothing is lost before the repeat, and every line has its file.
                for number in 1...Self.segmentCount {
                    let name = segment(UInt32(number))
                    let isArchived = fixture.archived.contains(name)
                    #expect(fixture.incoming.contains(name) || isArchived, "\(text)")
                    if !fixture.incoming.contains(name) {
                        #expect(try fixture.records.filter { $0.name == name }.count == 1, "\(text)")
                    }
                }
                #expect(Set(try fixture.records.map(\.name)).isSubset(of: fixture.archived), "\(text)")
                try fixture.archive()
                #expect(fixture.archived == (1...Self.segmentCount).map { segment(UInt32($0)) }, "\(text)")
                #expect(try fixture.records.map(\.name).sorted() == fixture.archived, "\(text)")
                #expect(fixture.incoming.isEmpty && fixture.errors.isEmpty, "\(text)")
                for number in 1...Self.segmentCount {
                    #expect(try fixture.holds(segment(UInt32(number)), segmentBytes(number)), "\(text)")
                }
            }
        }
    }

    @Test func `after any fault a duplicate is in its queue or among the errors`() throws {
        for kind in [FaultPlan.Kind.once(.ioError), .crash] {
            try eachFault(kind, options: "compression = gzip", workers: 1, prepare: addDuplicates) { fixture, _, text in
                try fixture.archive()
                #expect(fixture.incoming.isEmpty, "\(text)")
                #expect(fixture.errors.count == Self.segmentCount + 1, "\(text)")
                for number in 1...Self.segmentCount {
                    #expect(try fixture.holds(segment(UInt32(number)), segmentBytes(number)), "\(text)")
                }
            }
        }
    }

    private func addNothing(_ fixture: ArchiveFixture) {}

    private func addDuplicates(_ fixture: ArchiveFixture) throws {
        try fixture.archive()
        for number in 1...Self.segmentCount { try fixture.put(segmentBytes(50 + number), segment(UInt32(number))) }
        try fixture.put([1, 2, 3], "foreign")
    }

    private func eachFault(
        _ kind: FaultPlan.Kind,
        options: String,
        workers: Int,
        isEncrypting: Bool = false,
        prepare: (ArchiveFixture) throws -> Void,
        check: (ArchiveFixture, Int, String) throws -> Void
    ) throws {
        var position = 0
        var isPast = false
        try World.with { world in
            let encryption = isEncrypting ? try ArchiveFixture.encryption(in: world) : ""
            let fixture = try ArchiveFixture(world: world, options: encryption + options)
            while !isPast, position < 200 {
                position += 1
                try fixture.reset()
                for number in 1...Self.segmentCount { try fixture.put(segmentBytes(number), segment(UInt32(number))) }
                try prepare(fixture)
                let plan = FaultPlan(kind, at: position)
                FaultPlan.$current.withValue(plan) {
                    // Whether it succeeded does not matter: what is there afterwards does.
                    _ = try? fixture.archive(workerLimit: workers)
                }
                isPast = plan.callCount < position
                try check(fixture, position, "\(kind) at \(position) with '\(options)'")
            }
        }
        #expect(position > 10 && position < 200)
    }
}
#endif
