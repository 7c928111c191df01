import Testing

@testable import Settings

@Suite struct OptionTableTests {
    @Test func `each option stands at the place of its name`() {
        #expect(OptionTable.server.count == ServerOption.allCases.count)
        for option in ServerOption.allCases {
            #expect("\(option)" == camelCase(option.name))
            #expect(ServerOption(name: option.name) == option)
        }
    }

    @Test func `names are unique and each is explained in a sentence`() {
        let all = OptionTable.server + OptionTable.global
        #expect(Set(all.map(\.name)).count == all.count)
        for option in all {
            #expect(option.summary.hasSuffix("."), "\(option.name)")
            #expect(!option.scope.isEmpty, "\(option.name)")
        }
    }

    @Test func `each default is a value of its own type`() {
        for option in OptionTable.server {
            guard let text = option.defaultText, !text.contains("{"), option.type != .encryption else { continue }
            guard case .value = OptionParser.parse(text, as: option.type, key: option.name, section: "s") else {
                Issue.record("\(option.name): \(text)")
                continue
            }
        }
    }

    @Test func `options of single servers are not inherited`() {
        let notInherited = ServerOption.allCases.filter { !$0.specification.scope.contains(.global) }.map(\.name)
        #expect(
            notInherited.sorted() == [
                "active", "backup_directory", "basebackups_directory", "cloud_upload_max_archive_size",
                "cloud_upload_min_chunk_size", "cluster", "conninfo", "description", "disabled", "errors_directory",
                "gcp_zone", "incoming_wals_directory", "keepalive_interval", "primary_checkpoint_timeout",
                "primary_conninfo", "snapshot_disks", "snapshot_instance", "snapshot_zone", "ssh_command",
                "streaming_conninfo", "streaming_wals_directory", "wal_conninfo", "wal_streaming_conninfo",
                "wals_directory",
            ]
        )
    }

    @Test func `an option of either kind is found by name`() {
        #expect(OptionTable.specification(named: "barman_home")?.scope == .global)
        #expect(OptionTable.specification(named: "compression")?.scope.letters == "G S M")
        #expect(OptionTable.specification(named: "nonsense") == nil)
    }

    private func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.enumerated().map { $0 == 0 ? String($1) : $1.prefix(1).uppercased() + $1.dropFirst() }.joined()
    }
}
