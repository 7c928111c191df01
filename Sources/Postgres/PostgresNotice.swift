import CLibpq

/// Something the server says besides its answers: a notice, or a warning.
public struct PostgresNotice: Sendable, Equatable {
    /// `WARNING`, `NOTICE`, `INFO`, `LOG` or `DEBUG`, whatever the server's language.
    public let severity: String
    /// The message.
    public let message: String
    /// The SQLSTATE, five characters.
    public let sqlState: String?
}

/// Hands the notices of one connection to a function.
final class NoticeListener: Sendable {
    private let hear: @Sendable (PostgresNotice) -> Void

    init(_ hear: @escaping @Sendable (PostgresNotice) -> Void) {
        self.hear = hear
    }

    /// Begins to listen; the connection must not outlive this object.
    func listen(to handle: OpaquePointer) {
        PQsetNoticeReceiver(
            handle,
            { listener, result in
                guard let listener, let result else { return }
                func field(_ letter: UInt8) -> String? {
                    PQresultErrorField(result, Int32(letter)).map { String(cString: $0) }
                }
                // PostgreSQL manual, "Error and Notice Message Fields": V the severity in English, M the message, C the SQLSTATE.
                Unmanaged<NoticeListener>.fromOpaque(listener).takeUnretainedValue().hear(
                    PostgresNotice(
                        severity: field(UInt8(ascii: "V")) ?? "NOTICE",
                        message: field(UInt8(ascii: "M")) ?? "",
                        sqlState: field(UInt8(ascii: "C"))
                    )
                )
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }
}
