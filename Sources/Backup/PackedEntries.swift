import Codecs
import Notation

/// The files of a manifest in its order, no path twice: packed, so that a million of them take less than 100 MB.
package struct PackedEntries: Sendable, RandomAccessCollection {
    private var paths: [UInt8] = []
    private var pathEnds: [UInt32] = []
    private var sizes: [Int64] = []
    private var checksums: [UInt8] = []
    private var checksumEnds: [UInt32] = []
    private var algorithms: [UInt32] = []
    private var algorithmNames: [String] = []
    private var algorithmNumbers: [String: UInt32] = [:]
    /// Numbers of files, each where the hash of its path leads or in the next free place after it; their count is a power of two.
    private var slots = [UInt32](repeating: Self.free, count: 64)

    private static let free = UInt32.max
    /// What is kept in place of a checksum that is none: no file has it.
    private static let impossibleChecksum: [UInt8] = [0]

    /// No files yet.
    package init() {}

    package var startIndex: Int { 0 }
    package var endIndex: Int { sizes.count }

    package subscript(position: Int) -> ManifestEntry {
        ManifestEntry(
            pathBytes: Array(paths[range(position, of: pathEnds)]),
            sizeBytes: sizes[position],
            algorithm: algorithmNames[Int(algorithms[position])],
            checksum: Checksum.hexadecimal(Array(checksums[range(position, of: checksumEnds)]))
        )
    }

    /// The size of a file alone.
    package func sizeBytes(_ position: Int) -> Int64 { sizes[position] }

    /// Where the file with this path is; `nil` when there is none.
    package func position(of path: [UInt8]) -> Int? {
        let number = slots[slot(of: path)]
        return number == Self.free ? nil : Int(number)
    }

    /// Where the files are, in the order of the bytes of their paths.
    package var byPath: [Int] {
        indices.sorted { paths[range($0, of: pathEnds)].lexicographicallyPrecedes(paths[range($1, of: pathEnds)]) }
    }

    /// Takes the next file, of a text of less than 4 GiB in all; false when its path is there already.
    package mutating func append(_ entry: ManifestEntry) -> Bool {
        if (sizes.count + 1) * 2 > slots.count { grow() }
        let slot = slot(of: entry.pathBytes)
        guard slots[slot] == Self.free else { return false }
        slots[slot] = UInt32(sizes.count)
        paths += entry.pathBytes
        pathEnds.append(UInt32(paths.count))
        sizes.append(entry.sizeBytes)
        checksums += [UInt8](hexadecimal: entry.checksum) ?? Self.impossibleChecksum
        checksumEnds.append(UInt32(checksums.count))
        algorithms.append(number(ofAlgorithm: entry.algorithm))
        return true
    }

    private mutating func number(ofAlgorithm name: String) -> UInt32 {
        if let number = algorithmNumbers[name] { return number }
        let number = UInt32(algorithmNames.count)
        algorithmNames.append(name)
        algorithmNumbers[name] = number
        return number
    }

    private func range(_ position: Int, of ends: [UInt32]) -> Range<Int> {
        (position == 0 ? 0 : Int(ends[position - 1]))..<Int(ends[position])
    }

    // MARK: Slots

    /// Where the path is, or where it would be put.
    private func slot(of path: [UInt8]) -> Int {
        let mask = slots.count - 1
        var slot = FileLedger.hash(path) & mask
        while slots[slot] != Self.free, !paths[range(Int(slots[slot]), of: pathEnds)].elementsEqual(path) {
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        slots = [UInt32](repeating: Self.free, count: slots.count * 2)
        for position in indices {
            slots[slot(of: Array(paths[range(position, of: pathEnds)]))] = UInt32(position)
        }
    }
}
