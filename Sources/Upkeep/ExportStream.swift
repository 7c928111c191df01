import Codecs
import Files
import SystemPackage

/// A tar stream that is made while it is read: one member after the other, in bounded memory.
final class ExportStream {
    /// A member and where its contents come from.
    enum Content {
        case bytes([UInt8])
        case file(FilePath)
        case nothing
    }

    private let nextMember: () throws -> (TarMember, Content)?
    private var writer = TarWriter()
    /// What goes out next: a header, small contents, padding.
    private var pending: [UInt8] = []
    private var pendingStart = 0
    /// What fills the last block of the member before.
    private var padding: [UInt8] = []
    private var file: OwnedDescriptor?
    private var fileBytes: Int64 = 0
    private var isAtEnd = false

    /// `nextMember` gives the members in their order, then nil; the header of a file must hold the size it will have.
    init(_ nextMember: @escaping () throws -> (TarMember, Content)?) {
        self.nextMember = nextMember
    }

    /// Fills a buffer and returns the number of bytes, 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if pendingStart < pending.count {
                let count = min(buffer.count, pending.count - pendingStart)
                pending.withUnsafeBytes { bytes in
                    buffer.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[pendingStart..<pendingStart + count])
                    )
                }
                pendingStart += count
                return count
            }
            if fileBytes > 0 { return try readFile(into: buffer) }
            if isAtEnd { return 0 }
            try startNextMember()
        }
    }

    private func readFile(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(Int64(buffer.count), fileBytes))
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        guard let count = try file?.read(into: part), count > 0 else { throw TarError.unexpectedEnd }
        fileBytes -= Int64(count)
        if fileBytes == 0 { file = nil }
        return count
    }

    private func startNextMember() throws {
        pendingStart = 0
        guard let (member, content) = try nextMember() else {
            pending = padding + writer.end()
            isAtEnd = true
            return
        }
        // The padding of a file goes out before the header after it: nothing is read between.
        pending = padding + writer.header(of: member)
        padding = TarWriter.padding(after: member.sizeBytes)
        switch content {
        case .bytes(let bytes): pending += bytes
        case .nothing: break
        case .file(let path):
            guard member.sizeBytes > 0 else { break }
            file = try OwnedDescriptor(opening: path, .readOnly, options: [.noFollow])
            fileBytes = member.sizeBytes
        }
    }
}
