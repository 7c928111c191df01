/// How two of our programs agree on a checksum that costs less than SHA-256, and nobody else notices.
///
/// The writer of a tar stream names, in a pax record of the first member, the list of checksums that it would rather send. A reader
/// that knows such lists answers at once, on the way back, with a line of that name. Who has the answer by the time a file's checksum is
/// due takes the cheaper one; without an answer it is SHA-256. Readers that know nothing of it skip the record (POSIX.1-2017, pax).
public enum ChecksumOffer {
    /// What is offered.
    public static let algorithm = ChecksumAlgorithm.crc32c
    /// The answer, a whole line.
    public static let answer = algorithm.listName + "\n"
    private static let keyword = "BARMAN.checksums"

    /// Makes the offer with a member.
    public static func make(with member: inout TarMember) {
        member.vendorRecords[keyword] = algorithm.listName
    }

    /// Whether the offer comes with a member.
    public static func isMade(with member: TarMember) -> Bool {
        member.vendorRecords[keyword] == algorithm.listName
    }
}
