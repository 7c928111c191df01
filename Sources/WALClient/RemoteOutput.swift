import Codecs
import Files
import SystemPackage

/// What the other host's `put-wal` says on standard output: kept until it has ended, then passed on, but for its answer to our offer.
final class RemoteOutput {
    private let file: OwnedDescriptor
    /// More than that is not taken: the other host does not decide how much memory this one has left.
    private static let mostBytes = 1 << 16

    init() throws(FileError) {
        file = try OwnedDescriptor(inMemory: "put-wal's output", sizeBytes: Self.mostBytes)
    }

    /// Where ssh writes it.
    var raw: FileDescriptor { file.raw }

    /// Whether the other side has taken our offer by now.
    func hasAnswer() -> Bool { Self.answer(in: said()) != nil }

    /// Says on our standard output what the other side has said.
    func passOn() {
        var said = said()
        if let answer = Self.answer(in: said) { said.removeSubrange(answer) }
        if !said.isEmpty { Terminal.output(said) }
    }

    /// Where the answer is: what a login shell writes before it need not end in a line break.
    private static func answer(in said: [UInt8]) -> Range<Int>? {
        let answer = Array(ChecksumOffer.answer.utf8)
        let start = said.indices.first { said[$0] == answer[0] && said[$0...].starts(with: answer) }
        return start.map { $0..<$0 + answer.count }
    }

    /// What has been said so far.
    private func said() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.mostBytes)
        // What cannot be read has not been heard.
        let count = bytes.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
        // Behind it the file is as it was made.
        let end = bytes[..<count].lastIndex { $0 != 0 }
        return end.map { Array(bytes[...$0]) } ?? []
    }
}
