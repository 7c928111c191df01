import Catalog
import Files
import Testing

@Suite struct XlogExcerptTests {
    /// Writes a list of these names, one a line, and returns where each line begins.
    private func write(_ names: [String], _ fixture: CatalogFixture) throws -> [Int64] {
        let lines = names.map { "\($0)\t2\t1767225600.25\tNone\tNone" }
        try fixture.writeList(lines)
        var position: Int64 = 0
        return lines.map { line in
            defer { position += Int64(line.utf8.count) + 1 }
            return position
        }
    }

    private func names(_ excerpt: borrowing XlogExcerpt) throws -> [String] {
        var names: [String] = []
        try excerpt.forEachRecord { names.append($0.name) }
        return names
    }

    private func segment(_ number: Int) -> String { "0000000100000000000000\(number < 10 ? "0" : "")\(number)" }

    @Test func `an excerpt is of one moment, whoever changes the list while it is told`() throws {
        try CatalogFixture.with { fixture throws in
            let all = (1...60).map(segment)
            let positions = try write(all, fixture)
            let database = XlogDatabase(fixture.home)
            let excerpt = try database.excerpt(from: (segment(50), positions[49])) { $0 > segment(50) }
            let (extent, isContinued) = (excerpt.extent, excerpt.isContinued)
            #expect(isContinued)
            #expect(extent.firstName == segment(1) && extent.lastName == segment(60))
            #expect(extent.lastPosition == positions[59])
            // The list becomes shorter than where the caller was, and somebody takes its lock at every line.
            try database.rewrite { $0.name > segment(40) }
            var told: [String] = []
            try excerpt.forEachRecord { record in
                told.append(record.name)
                try FileLock.acquire(fixture.home.lockPath(.xlogDatabase)).release()
            }
            #expect(told == (51...60).map(segment))
            #expect(try names(excerpt) == told)
        }
    }

    @Test func `reading goes on only at the very line that the caller has`() throws {
        try CatalogFixture.with { fixture throws in
            let all = [segment(1), segment(2), "00000002.history", segment(3)]
            let positions = try write(all, fixture)
            let database = XlogDatabase(fixture.home)
            for (name, position, isThere) in [
                (all[0], positions[0], true), (all[2], positions[2], true), (all[3], positions[3], true),
                (all[2], positions[2] + 1, false), (all[1], positions[2], false), (all[3], 1 << 40, false),
                ("0000000100000000000000", positions[0], false),
            ] {
                let excerpt = try database.excerpt(from: (name, position)) { _ in true }
                let isContinued = excerpt.isContinued
                #expect(isContinued == isThere, "\(name) at \(position)")
                let first = isThere ? positions.firstIndex(of: position) ?? 0 : 0
                #expect(try names(excerpt) == Array(all[first...]))
            }
            try fixture.writeList([])
            let empty = try database.excerpt(from: (all[0], 1)) { _ in true }
            let (extent, isContinued) = (empty.extent, empty.isContinued)
            #expect(extent.firstName == nil && extent.lastName == nil && extent.lastPosition == 0 && !isContinued)
            #expect(try names(empty) == [])
        }
    }

    @Test func `an excerpt of many lines is whole`() throws {
        try CatalogFixture.with { fixture throws in
            let all = (0..<60_000).map { "0000000100000000" + String($0 + 0x1000_0000, radix: 16).uppercased() }
            _ = try write(all, fixture)
            let excerpt = try XlogDatabase(fixture.home).excerpt { $0 >= all[10] }
            #expect(try names(excerpt) == Array(all[10...]))
        }
    }
}
