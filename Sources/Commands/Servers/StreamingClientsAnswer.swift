import Notation
import Postgres
import WAL

/// What `replication-status` says about one server.
struct StreamingClientsAnswer {
    let server: String
    /// `all`, `hot-standby` or `wal-streamer`.
    let target: String
    let currentLSN: LSN?
    let clients: [StreamingClient]

    private var title: String {
        switch target {
        case "hot-standby": "hot standby servers"
        case "wal-streamer": "WAL streamers"
        default: "streaming clients"
        }
    }

    private var key: String { title.lowercased().split(separator: " ").joined(separator: "_") }

    // MARK: Console

    var lines: [String] {
        var lines = ["Status of \(title) for server '\(server)':"]
        if let currentLSN { lines.append("  Current LSN on master: \(currentLSN)") }
        guard !clients.isEmpty else { return lines + ["  No \(title) attached"] }
        lines.append("  Number of \(title): \(clients.count)")
        for (index, client) in clients.enumerated() {
            lines += ["", "  \(index + 1). \(name(of: client))"] + details(of: client).map { "     \($0)" }
        }
        return lines
    }

    var minimalLines: [String] {
        let title = Self.capitalised(title)
        let header =
            currentLSN.map { "\(title) for master '\(server)' (LSN @ \($0)):" } ?? "\(title) for slave '\(server)':"
        guard !clients.isEmpty else { return [header, "  No \(self.title) attached"] }
        return [header]
            + clients.enumerated().map { index, client in
                let who = "\(client.userName ?? "None")@\(client.address ?? "socket")"
                let progress =
                    client.isStandby
                    ? "F:\(position(.flush, client)) R:\(position(.replay, client))"
                    : "W:\(position(.write, client))"
                let letter = client.isStandby ? Self.letter(client) : "W"
                return "  \(index + 1). \(letter)) \(who) S:\(position(.sent, client)) \(progress) "
                    + "P:\(client.syncPriority) AN:\(client.applicationName ?? "None")"
            }
    }

    private func details(of client: StreamingClient) -> [String] {
        var lines = [
            "Application name: \(client.applicationName ?? "None")", "Sync stage      : \(stage(of: client))",
            "Communication   : \(Self.communication(client))",
        ]
        if let address = client.address {
            let port = client.port.map(String.init) ?? "None"
            lines.append("IP Address      : \(address) / Port: \(port) / Host: \(client.hostName ?? "-")")
        }
        lines.append("User name       : \(client.userName ?? "None")")
        lines.append("Current state   : \(client.state) (\(client.syncState))")
        if let slot = client.slotName { lines.append("Replication slot: \(slot)") }
        lines.append("WAL sender PID  : \(client.processID)")
        lines.append("Started at      : \(client.startedAt?.catalogText ?? "None")")
        if let horizon = client.transactionHorizon { lines.append("Standby's xmin  : \(horizon)") }
        for stage in StreamingClient.Stage.allCases {
            guard let lsn = client.positions[stage] else { continue }
            let label = Self.capitalised(stage.rawValue) + " LSN"
            let padding = String(repeating: " ", count: max(0, 11 - label.utf8.count))
            let lag = distance(lsn).map { " (diff: \(HumanText.size($0)))" } ?? ""
            lines.append("\(label)\(padding): \(lsn)\(lag)")
        }
        return lines
    }

    // MARK: JSON

    func json(isMinimal: Bool) -> JSONValue {
        let entries = clients.map { JSONValue.object(isMinimal ? minimalEntry($0) : entry($0)) }
        var members: [(key: String, value: JSONValue)] = [
            ("server_lsn", .optional(currentLSN?.description)), (key, .array(entries)),
        ]
        if clients.isEmpty { members.append(("standby_info", .string("No \(title) attached"))) }
        return .object(members)
    }

    private func minimalEntry(_ client: StreamingClient) -> [(key: String, value: JSONValue)] {
        var members: [(key: String, value: JSONValue)] = [
            ("user_name", .optional(client.userName)), ("client_addr", .string(client.address ?? "socket")),
            ("sent_lsn", .optional(client.positions[.sent]?.description)),
            ("sync_priority", .integer(client.syncPriority)), ("application_name", .optional(client.applicationName)),
        ]
        if client.isStandby {
            members += [
                ("sync_state", .string(Self.letter(client))),
                ("flush_lsn", .optional(client.positions[.flush]?.description)),
                ("replay_lsn", .optional(client.positions[.replay]?.description)),
            ]
        } else {
            members.append(("write_lsn", .optional(client.positions[.write]?.description)))
        }
        return members
    }

    private func entry(_ client: StreamingClient) -> [(key: String, value: JSONValue)] {
        var members: [(key: String, value: JSONValue)] = [
            ("name", .string(name(of: client))), ("application_name", .optional(client.applicationName)),
            ("sync_stage", .string(stage(of: client))), ("communication", .string(Self.communication(client))),
            ("user_name", .optional(client.userName)), ("current_state", .string(client.state)),
            ("current_sync_state", .string(client.syncState)), ("wal_sender_pid", .integer(Int64(client.processID))),
            ("started_at", .optional(client.startedAt?.catalogText)),
        ]
        if let address = client.address {
            members += [
                ("ip_address", .string(address)), ("port", .optional(client.port)),
                ("host", .optional(client.hostName)),
            ]
        }
        if let slot = client.slotName { members.append(("replication_slot", .string(slot))) }
        if let horizon = client.transactionHorizon { members.append(("standbys_xmin", .string(horizon))) }
        for stage in StreamingClient.Stage.allCases {
            guard let lsn = client.positions[stage] else { continue }
            let key = "\(stage.rawValue)_lsn"
            members.append((key, .string(lsn.description)))
            guard let distance = distance(lsn) else { continue }
            members.append(("\(key)_diff", .string(HumanText.size(distance))))
            members.append(("\(key)_diff_bytes", .integer(distance)))
        }
        return members
    }

    // MARK: Parts

    private func name(of client: StreamingClient) -> String {
        let priority = client.syncPriority > 0 ? "#\(client.syncPriority) " : ""
        return "\(priority)\(Self.capitalised(client.syncState)) \(client.isStandby ? "standby" : "WAL streamer")"
    }

    /// How far what the server writes is safe with the client, of five stages for a standby and three for others.
    private func stage(of client: StreamingClient) -> String {
        func isThere(_ stage: StreamingClient.Stage) -> Bool {
            client.positions[stage] != nil && client.positions[stage] == currentLSN
        }
        if client.isStandby {
            if isThere(.replay) { return "5/5 Hot standby (max)" }
            if isThere(.flush) { return "4/5 2-safe" }
        }
        let count = client.isStandby ? 5 : 3
        if isThere(.write) { return "3/\(count) Remote write" }
        if isThere(.sent) { return "2/\(count) WAL Sent (min)" }
        return "1/\(count) 1-safe"
    }

    /// Bytes from the server's position to the client's: 0, or negative when it is behind.
    private func distance(_ lsn: LSN) -> Int64? {
        currentLSN.map { Int64(truncatingIfNeeded: lsn.rawValue &- $0.rawValue) }
    }

    private func position(_ stage: StreamingClient.Stage, _ client: StreamingClient) -> String {
        client.positions[stage]?.description ?? "None"
    }

    private static func communication(_ client: StreamingClient) -> String {
        client.address == nil ? "Unix domain socket" : "TCP/IP"
    }

    private static func letter(_ client: StreamingClient) -> String { client.syncState.prefix(1).uppercased() }

    private static func capitalised(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst().lowercased()
    }
}
