import Notation

/// The wish to set one option in one file.
struct ConfigurationChange: Sendable, Equatable {
    let key: String
    let value: String
    /// The file to write to.
    let file: String
}

/// The changes of one section; they are queued and applied together.
struct SectionChanges: Sendable, Equatable {
    let section: String
    let changes: [ConfigurationChange]

    init(section: String, changes: [ConfigurationChange]) {
        self.section = section
        self.changes = changes
    }

    /// Reads an element of the queue; nil for anything that is none.
    init?(_ json: JSONValue) {
        guard let members = json.objectValue, members.count == 2,
            let section = json["section"]?.stringValue, let list = json["changes_set"]?.arrayValue
        else { return nil }
        self.section = section
        var changes: [ConfigurationChange] = []
        for item in list {
            guard item.objectValue?.count == 3, let key = item["key"]?.stringValue,
                let value = item["value"]?.stringValue, let file = item["config_file"]?.stringValue
            else { return nil }
            changes.append(ConfigurationChange(key: key, value: value, file: file))
        }
        self.changes = changes
    }

    /// The element of the queue.
    var json: JSONValue {
        .object([
            ("section", .string(section)),
            (
                "changes_set",
                .array(
                    changes.map { change in
                        .object([
                            ("key", .string(change.key)), ("value", .string(change.value)),
                            ("config_file", .string(change.file)),
                        ])
                    }
                )
            ),
        ])
    }
}
