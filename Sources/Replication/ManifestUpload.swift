public import Postgres

/// Sends the manifest of an earlier backup to the server, which then knows what an incremental one may leave out.
public enum ManifestUpload {
    /// Sends what `read` gives until it gives 0; the next BASE_BACKUP of the session may be incremental.
    ///
    /// Throws what the server has against the manifest.
    public static func run(
        on session: borrowing PostgresSession,
        read: (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        try session.send("UPLOAD_MANIFEST")
        guard case .copyIn = try session.nextReply() else {
            throw BaseBackupError.protocolViolation("no stream for the manifest")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(buffer)
            if count == 0 { break }
            try session.putCopyData(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try session.endCopy()
        while true {
            if case .end = try session.nextReply() { return }
        }
    }
}
