import Postgres
import Settings

/// pg_receivewal on this host, beside the server it is to receive from.
struct ReceiverFacts: Sendable {
    let program: ClientProgram?
    /// The server's version; `nil` without a replication connection.
    let serverVersion: PostgresVersion?
    /// Whether the program is new enough for the server; `nil` when one of them is not known.
    let isCompatible: Bool?
    /// Whether both can use a replication slot.
    let supportsSlots: Bool?
    /// Whether the server counts the receiver among its synchronous standbys.
    let isSynchronous: Bool?

    init(_ settings: ServerSettings, _ server: PostgresServer?, environment: [String: String]) {
        program = ClientProgram.find(
            ["pg_receivewal", "pg_receivexlog"],
            pathPrefix: settings.pathPrefix,
            environment: environment
        )
        serverVersion = server?.streamingFacts()?.version
        isCompatible = program.flatMap { [serverVersion] in $0.isCompatible(with: serverVersion) }
        supportsSlots = isCompatible.map { [program] in $0 && program?.isAtLeast("9.4") == true }
        let names = server?.facts().synchronousStandbyNames
        let name = settings.streamingArchiverName ?? "barman_receive_wal"
        isSynchronous = isCompatible.flatMap { _ in names?.contains { $0 == name || $0 == "*" } }
    }

    /// The lines of `show-servers`.
    var liveValues: [LiveValue] {
        [
            LiveValue("pg_receivexlog_installed", flag: program != nil),
            LiveValue("pg_receivexlog_path", text: program?.path),
            LiveValue("pg_receivexlog_version", text: program?.version),
            LiveValue("pg_receivexlog_compatible", flag: isCompatible),
            LiveValue("pg_receivexlog_supports_slots", flag: supportsSlots),
            LiveValue("pg_receivexlog_synchronous", flag: isSynchronous),
        ]
    }
}

/// pg_basebackup on this host, beside the server it is to copy.
struct BaseBackupFacts: Sendable {
    let program: ClientProgram?
    /// The server's version; `nil` without a replication connection.
    let serverVersion: PostgresVersion?
    /// Whether the program is new enough for the server; `nil` when one of them is not known.
    let isCompatible: Bool?
    /// Whether the program is 9.4 or newer, which can move tablespaces and limit its rate.
    let isModern: Bool?

    init(_ settings: ServerSettings, _ server: PostgresServer?, environment: [String: String]) {
        program = ClientProgram.find(["pg_basebackup"], pathPrefix: settings.pathPrefix, environment: environment)
        serverVersion = server?.streamingFacts()?.version
        isCompatible = program.flatMap { [serverVersion] in $0.isCompatible(with: serverVersion) }
        isModern = program?.isAtLeast("9.4")
    }

    /// The lines of `show-servers`.
    var liveValues: [LiveValue] {
        [
            LiveValue("pg_basebackup_installed", flag: program != nil),
            LiveValue("pg_basebackup_path", text: program?.path),
            LiveValue("pg_basebackup_version", text: program?.version),
            LiveValue("pg_basebackup_compatible", flag: isCompatible),
            LiveValue("pg_basebackup_tbls_mapping", flag: isModern),
            LiveValue("pg_basebackup_bwlimit", flag: isModern),
        ]
    }
}

extension ClientProgram {
    /// Whether this program may talk to a server: it must not be older than the server's major version.
    func isCompatible(with server: PostgresVersion?) -> Bool? {
        guard let server else { return nil }
        return isAtLeast(server.major) ?? false
    }
}
