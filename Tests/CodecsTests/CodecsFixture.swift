import Codecs

/// The formats that can be read and written.
let usableFormats: [CompressionFormat] = [.bzip2, .gzip, .lz4, .xz, .zstd]

/// Bytes that compress about as WAL does: runs, repetitions and noise, the same on every call.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 64)
    var state = seed
    while bytes.count < count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let noise = UInt8(truncatingIfNeeded: state >> 33)
        switch (state >> 41) % 4 {
        case 0: bytes.append(contentsOf: repeatElement(0, count: Int(noise) % 60))
        case 1: bytes.append(contentsOf: "heap INSERT off ".utf8)
        case 2: bytes.append(contentsOf: Array(bytes.suffix(Int(noise) % 40)))
        default: bytes.append(noise)
        }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

/// Compresses bytes that arrive in pieces of up to `pieceBytes`.
func compress(
    _ bytes: [UInt8],
    with compressor: Compressor,
    pieceBytes: Int = 1 << 20,
    expectedBytes: Int64? = nil
) throws -> [UInt8] {
    var rest = bytes[...]
    var output: [UInt8] = []
    let written = try compressor.compress(
        expectedBytes: expectedBytes,
        read: { buffer in
            let piece = rest.prefix(min(pieceBytes, buffer.count))
            buffer.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        },
        write: { output.append(contentsOf: $0) }
    )
    precondition(written == Int64(output.count))
    return output
}

/// Compresses bytes with a compressor of their own.
func compress(_ bytes: [UInt8], _ format: CompressionFormat, _ level: CodecLevel = .medium) throws -> [UInt8] {
    try compress(bytes, with: Compressor(format: format, level: level))
}

/// Decompresses bytes that arrive in pieces of up to `pieceBytes`, `bufferBytes` at a time.
func decompress(
    _ bytes: some Collection<UInt8>,
    pieceBytes: Int = .max,
    bufferBytes: Int = DecompressingReader.preferredBytes
) throws -> [UInt8] {
    var rest = Array(bytes)[...]
    let reader = try DecompressingReader { buffer in
        let piece = rest.prefix(min(pieceBytes, buffer.count))
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return piece.count
    }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: bufferBytes)
    while true {
        let count = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
        if count == 0 { return output }
        output.append(contentsOf: buffer[..<count])
    }
}
