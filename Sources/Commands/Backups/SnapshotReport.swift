import Catalog
import Notation

/// What a record says of the snapshots of a backup, in the parts that reports have.
struct SnapshotReport {
    typealias Members = [(key: String, value: PythonLiteral)]

    /// One snapshot of one disk.
    struct Snapshot {
        let provider: Members
        let mountPoint: PythonLiteral
        let mountOptions: PythonLiteral
    }

    /// The plain values at the top, `provider` first of all.
    let properties: Members
    /// What belongs to the provider as a whole, in stored order.
    let providerInfo: Members
    let snapshots: [Snapshot]

    /// The snapshots of a backup; nil when it has none.
    init?(_ info: BackupInfo) {
        guard case .dictionary(let entries)? = info.snapshotsInfo else { return nil }
        let top = Self.members(entries)
        properties = top.filter { Self.isPlain($0.value) }
        providerInfo = top.first { $0.key == "provider_info" }.map { Self.members(of: $0.value) } ?? []
        guard case .list(let items)? = top.first(where: { $0.key == "snapshots" })?.value else {
            snapshots = []
            return
        }
        snapshots = items.map { item in
            let parts = Self.members(of: item)
            let mount = parts.first { $0.key == "mount" }.map { Self.members(of: $0.value) } ?? []
            return Snapshot(
                provider: parts.first { $0.key == "provider" }.map { Self.members(of: $0.value) } ?? [],
                mountPoint: mount.first { $0.key == "mount_point" }?.value ?? .none,
                mountOptions: mount.first { $0.key == "mount_options" }?.value ?? .none
            )
        }
    }

    var json: JSONValue {
        func object(_ members: Members) -> JSONValue { .object(members.map { ($0.key, $0.value.jsonValue) }) }
        let list = snapshots.map { snapshot in
            JSONValue.object([
                (
                    "mount",
                    .object([
                        ("mount_options", snapshot.mountOptions.jsonValue),
                        ("mount_point", snapshot.mountPoint.jsonValue),
                    ])
                ),
                ("provider", object(snapshot.provider)),
            ])
        }
        return .object(
            properties.map { ($0.key, $0.value.jsonValue) }
                + [("provider_info", object(providerInfo)), ("snapshots", .array(list))]
        )
    }

    private static func members(of value: PythonLiteral) -> Members {
        guard case .dictionary(let entries) = value else { return [] }
        return members(entries)
    }

    private static func members(_ entries: [(key: PythonLiteral, value: PythonLiteral)]) -> Members {
        entries.map { (key: $0.key.displayText, value: $0.value) }
    }

    private static func isPlain(_ value: PythonLiteral) -> Bool {
        switch value {
        case .list, .tuple, .dictionary: false
        default: true
        }
    }
}

extension PythonLiteral {
    /// The value as a person reads it: a text without quotes.
    var displayText: String {
        if case .string(let text) = self { return text }
        return text
    }
}
