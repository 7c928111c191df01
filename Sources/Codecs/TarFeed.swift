/// Reads a tar stream that is pushed at it, piece by piece, without keeping more than one header.
///
/// For what PostgreSQL sends (its pgtar.h): plain ustar headers. Extended headers are members of another kind here.
public struct TarFeed {
    /// What a piece of the stream means.
    public enum Event {
        /// A member begins.
        case member(TarMember)
        /// Contents of the current member; lent.
        case contents(UnsafeRawBufferPointer)
        /// The contents of the current member are complete.
        case memberEnd
    }

    private enum State {
        case header
        case contents
        case padding
        case end
    }

    private var state = State.header
    private var header: [UInt8] = []
    private var leftBytes: Int64 = 0
    private var paddingBytes: Int64 = 0

    /// A feed at the start of a stream.
    public init() { header.reserveCapacity(TarHeader.blockBytes) }

    /// True before a member and after the end mark: the stream may stop here, if its end mark may be missing.
    public var isBetweenMembers: Bool {
        switch state {
        case .header: header.isEmpty
        case .contents, .padding: false
        case .end: true
        }
    }

    /// True once the end mark was there.
    public var isAtEnd: Bool { if case .end = state { true } else { false } }

    /// Takes the next piece and hands out what is in it.
    public mutating func take(_ bytes: UnsafeRawBufferPointer, _ handle: (Event) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .header: rest = try takeHeader(rest, handle)
            case .contents:
                let count = Int(min(leftBytes, Int64(rest.count)))
                try handle(.contents(UnsafeRawBufferPointer(rebasing: rest[..<count])))
                leftBytes -= Int64(count)
                rest = rest.dropping(count)
                if leftBytes == 0 { try endMember(handle) }
            case .padding:
                let count = Int(min(paddingBytes, Int64(rest.count)))
                paddingBytes -= Int64(count)
                rest = rest.dropping(count)
                if paddingBytes == 0 { state = .header }
            case .end:
                return
            }
        }
    }

    private mutating func takeHeader(
        _ bytes: UnsafeRawBufferPointer,
        _ handle: (Event) throws -> Void
    ) throws -> UnsafeRawBufferPointer {
        let count = min(TarHeader.blockBytes - header.count, bytes.count)
        header.append(contentsOf: bytes[..<count])
        guard header.count == TarHeader.blockBytes else { return bytes.dropping(count) }
        defer { header.removeAll(keepingCapacity: true) }
        guard let (member, _) = try TarHeader.parse(header) else {
            state = .end
            return bytes.dropping(count)
        }
        leftBytes = member.sizeBytes
        paddingBytes = (512 - member.sizeBytes % 512) % 512
        try handle(.member(member))
        if leftBytes == 0 { try endMember(handle) } else { state = .contents }
        return bytes.dropping(count)
    }

    private mutating func endMember(_ handle: (Event) throws -> Void) throws {
        state = paddingBytes == 0 ? .header : .padding
        try handle(.memberEnd)
    }
}
