import Postgres
import Settings

/// The WAL receiver beside the server it is to receive from: this program, reported under the names of pg_receivewal.
struct ReceiverFacts: Sendable {
    /// Where pg_receivewal is on this host, if it is; our own program otherwise.
    let path: String
    /// The version of pg_receivewal; `nil` without that program.
    let version: String?
    /// The server's version; `nil` without a replication connection.
    let serverVersion: PostgresVersion?
    /// Whether WAL of the server can be received; `nil` when its version is not known.
    let isCompatible: Bool?
    /// Whether the server counts the receiver among its synchronous standbys.
    let isSynchronous: Bool?

    init(_ settings: ServerSettings, _ server: PostgresServer?, environment: [String: String]) {
        let program = ClientProgram.find(
            ["pg_receivewal", "pg_receivexlog"],
            pathPrefix: settings.pathPrefix,
            environment: environment
        )
        path = program?.path ?? CronRun.ownExecutable
        version = program?.version
        serverVersion = server?.streamingFacts()?.version
        isCompatible = serverVersion.map { $0.isSupported }
        isSynchronous = isCompatible.flatMap { _ in
            server?.facts().countsAsSynchronous(settings.streamingArchiverName ?? "barman_receive_wal")
        }
    }

    /// The lines of `show-servers`.
    var liveValues: [LiveValue] {
        [
            LiveValue("pg_receivexlog_installed", flag: true),
            LiveValue("pg_receivexlog_path", text: path),
            LiveValue("pg_receivexlog_version", text: version),
            LiveValue("pg_receivexlog_compatible", flag: isCompatible),
            LiveValue("pg_receivexlog_supports_slots", flag: isCompatible),
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
