import Codecs
import Files
import SystemPackage

/// What the other host's `put-wal` says on standard output: kept until it has ended, then passed on, but for its answer to our offer.
final class RemoteOutput {
    private let file: OwnedDescriptor
    /// What is said beyond that is not heard.
    private static let mostBytes = 1 << 16

    init() throws(FileError) {
        file = try OwnedDescriptor(inMemory: "put-wal's output")
    }

    /// Where ssh writes it.
    var raw: FileDescriptor { file.raw }

    /// Whether the other side has taken our offer by now.
    func hasAnswer() -> Bool { lines().contains(where: Self.isAnswer) }

    /// Says on our standard output what the other side has said.
    func passOn() {
        let rest = lines().filter { !Self.isAnswer($0) }
        if !rest.isEmpty { Terminal.output(rest.joined()) }
    }

    private static func isAnswer(_ line: ArraySlice<UInt8>) -> Bool { line.elementsEqual(ChecksumOffer.answer.utf8) }

    /// The lines so far, each with its end.
    private func lines() -> [ArraySlice<UInt8>] {
        var said = [UInt8](repeating: 0, count: Self.mostBytes)
        // What cannot be read has not been heard.
        let count = said.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
        var rest = said[..<count]
        var lines: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            let line = rest[...(rest.firstIndex(of: 0x0A) ?? rest.endIndex - 1)]
            lines.append(line)
            rest = rest[line.endIndex...]
        }
        return lines
    }
}
