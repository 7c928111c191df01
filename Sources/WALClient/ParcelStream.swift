import Codecs
import Files

/// The tar stream of one call: files, and their checksums at the end.
struct ParcelStream {
    private var tar = TarWriter()
    private let offersChecksum: Bool
    /// The checksum that everybody understands.
    private let common: ChecksumAlgorithm
    /// What the next file will need, as far as we know.
    private var expected: ChecksumAlgorithm
    private var lists: [ChecksumAlgorithm: String] = [:]

    /// A stream with checksums that everybody understands, or with the offer of a cheaper one.
    init(offersChecksum: Bool, algorithm: ChecksumAlgorithm) {
        self.offersChecksum = offersChecksum
        common = algorithm
        expected = offersChecksum ? ChecksumOffer.algorithm : algorithm
    }

    /// Sends a file; its checksum is the cheaper one if the offer has been taken by the time the file has gone.
    mutating func send(
        _ parcel: Parcel,
        to output: borrowing OwnedDescriptor,
        isOfferTaken: () -> Bool
    ) throws(FileError) {
        var member = parcel.member
        if offersChecksum, lists.isEmpty { ChecksumOffer.make(with: &member) }
        try output.writeAll(tar.header(of: member))
        var checksum = Checksum(expected)
        try parcel.send(to: output, &checksum)
        try output.writeAll(TarWriter.padding(after: member.sizeBytes))
        let isTaken = isOfferTaken()
        let isUnderstood = expected == common || isTaken
        let text = isUnderstood ? checksum.hexadecimal() : try parcel.checksum(common)
        lists[isUnderstood ? expected : common, default: ""] += "\(text) *\(parcel.name)\n"
        expected = isTaken ? ChecksumOffer.algorithm : common
    }

    /// Sends the lists and the end mark.
    mutating func end(to output: borrowing OwnedDescriptor) throws(FileError) {
        for algorithm in ChecksumAlgorithm.allCases {
            guard let list = lists[algorithm] else { continue }
            let member = TarMember(name: algorithm.listName, sizeBytes: Int64(list.utf8.count))
            try output.writeAll(tar.header(of: member) + Array(list.utf8) + TarWriter.padding(after: member.sizeBytes))
        }
        try output.writeAll(tar.end())
    }
}
