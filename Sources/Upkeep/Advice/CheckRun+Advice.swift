import Catalog
import Files
import Postgres
import Settings
import SystemPackage

extension CheckRun {
    /// Why a row failed, as far as it can be seen, and what to do about it; looks at what the check has gathered.
    public func advice(for result: CheckResult) -> CheckAdvice {
        let isOfWALServer = result.label.hasSuffix(Self.walSuffix)
        let label = isOfWALServer ? String(result.label.dropLast(Self.walSuffix.count)) : result.label
        return connectionAdvice(label, result, isOfWALServer: isOfWALServer)
            ?? privilegeAdvice(label)
            ?? archivingAdvice(label, result)
            ?? streamingAdvice(label, result)
            ?? catalogAdvice(label, result)
            ?? hostAdvice(label, result)
            ?? CheckAdvice(
                result.hint ?? "'\(result.label)' is not as it should be",
                ["look into the log"],
                page: "barman-check(1)"
            )
    }

    var settings: ServerSettings { home.settings }
    var account: String { home.global.barmanUser }
    var role: String { server?.conninfo["user"] ?? "barman" }
    /// Where PostgreSQL runs; a directory is that of its socket.
    var host: String {
        let host = server?.conninfo["host"] ?? "the PostgreSQL host"
        return host.hasPrefix("/") ? "this host" : host
    }

    // MARK: PostgreSQL

    private func connectionAdvice(_ label: String, _ result: CheckResult, isOfWALServer: Bool) -> CheckAdvice? {
        let asked = isOfWALServer ? walServer : server
        switch label {
        case "PostgreSQL":
            guard let server else {
                return CheckAdvice(
                    "there is no connection string that can be used",
                    ["set conninfo, such as: conninfo = host=\(home.name) user=barman dbname=postgres"],
                    page: "barman(5), conninfo"
                )
            }
            let facts = server.facts()
            if facts.isVersionSupported == false {
                return CheckAdvice(
                    "PostgreSQL \(facts.version?.text ?? "") is older than 9.6",
                    ["upgrade the server; older ones are not supported"],
                    page: "barman(5), conninfo"
                )
            }
            return ConnectionAdvice.of(
                facts.failure?.message ?? "the server can not be reached",
                conninfo: server.conninfo,
                option: "conninfo"
            )
        case "PostgreSQL streaming":
            let facts = asked?.streamingFacts()
            if facts?.connectionError == nil, facts?.isStreaming == false {
                return CheckAdvice(
                    "what answers does not speak the replication protocol: a connection pooler, as a rule",
                    ["let streaming_conninfo point to PostgreSQL itself"],
                    page: "barman(5), streaming_conninfo"
                )
            }
            return ConnectionAdvice.of(
                facts?.connectionError ?? "the server can not be reached",
                conninfo: asked?.streamingConninfo,
                option: "streaming_conninfo",
                replication: true
            )
        case "systemid coherence":
            guard result.hint?.contains("\(home.identityPath)") == true else {
                return CheckAdvice(
                    result.hint ?? "two different clusters answer",
                    ["let conninfo and streaming_conninfo point to the same server"],
                    page: "barman(5), streaming_conninfo"
                )
            }
            let directory = home.backupDirectory
            return CheckAdvice(
                "another cluster answers than the one the backups come from; its WAL goes to \(home.errorsDirectory)",
                [
                    "if that is a mistake, let conninfo and streaming_conninfo point to the right server",
                    "after pg_upgrade or initdb, give the old backups another name, which can still be restored:",
                    "barman receive-wal --stop \(home.name); mv \(directory) \(directory)-old",
                    "copy the section [\(home.name)] to [\(home.name)-old] and write there: active = false",
                    "then begin anew: barman check \(home.name); barman cron; barman backup \(home.name)",
                ],
                page: "barman-check(1)"
            )
        case "PostgreSQL server is standby", "Primary server is not a standby",
            "Primary and standby have same system ID":
            return CheckAdvice(
                result.hint ?? "primary and standby are not what the configuration says",
                [
                    "let conninfo point to the standby and primary_conninfo to its primary; after a switchover, swap them"
                ],
                page: "barman(5), primary_conninfo"
            )
        default: return nil
        }
    }

    private func privilegeAdvice(_ label: String) -> CheckAdvice? {
        let version = server?.facts().version?.number ?? 0
        switch label {
        case "no access to backup functions":
            return CheckAdvice(
                "the role \(role) lacks privileges that a backup needs",
                ["on \(host), as a superuser:"] + BackupRole.grants(to: role, versionNumber: version),
                page: "barman-setup(1)"
            )
        case "no access to monitoring functions":
            let role = walServer?.conninfo["user"] ?? role
            return CheckAdvice(
                "the role \(role) may not read settings and statistics",
                ["as a superuser: " + BackupRole.monitoring(to: role)],
                page: "barman(5), wal_conninfo"
            )
        case "wal_level":
            return CheckAdvice(
                "wal_level = minimal: such WAL can not be recovered from",
                ["on \(host), in postgresql.conf: wal_level = replica", "restart PostgreSQL there"],
                page: "barman-setup(1)"
            )
        default: return nil
        }
    }
}
