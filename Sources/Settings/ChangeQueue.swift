public import Failure
import Files
import Notation
import SystemPackage

/// The changes of the configuration that wait to be made, in a file shared with the reference.
///
/// Whoever works on it holds `.config-update.lock`. A change is in the file before it is made and leaves it afterwards; a
/// crash between the two makes it again, which changes nothing.
public struct ChangeQueue {
    private let configuration: Configuration
    private let reporter: any Reporter
    private var items: [JSONValue]

    private var path: FilePath { configuration.global.configChangesQueue }

    /// Reads the queue; a file that is no list is reported and counts as empty.
    public init(_ configuration: Configuration, reporter: any Reporter) throws(Failure) {
        self.configuration = configuration
        self.reporter = reporter
        do {
            guard let bytes = try FileSystem.readIfPresent(configuration.global.configChangesQueue) else {
                items = []
                return
            }
            // What is wrong with the text does not matter: no change can be read from it.
            guard let list = (try? JSONValue(parsing: bytes))?.arrayValue else {
                let path = configuration.global.configChangesQueue
                reporter.warning("Malformed or empty configuration change queue: \(path.string)")
                items = []
                return
            }
            items = list
        } catch {
            throw Failure(error.description, kind: .exception, cause: error)
        }
    }

    /// Adds the changes and makes everything that waits; returns the sections that were changed, in order.
    ///
    /// The first change that can not be made is reported as an error; it and those after it stay in the queue.
    public mutating func process(adding update: ConfigurationUpdate? = nil) throws(Failure) -> [String] {
        items += update?.sections.map(\.json) ?? []
        if !items.isEmpty { try save() }
        var changed: [String] = []
        while let item = items.first {
            do {
                guard let section = SectionChanges(item) else { throw QueueError.unknownItem(item) }
                try make(section)
                if !changed.contains(section.section) { changed.append(section.section) }
            } catch {
                reporter.log(.error, "barman.config", "\(error)")
                reporter.error("Unable to process a set of changes. Exiting.")
                return changed
            }
            items.removeFirst()
            try save()
        }
        if changed.isEmpty { try save() }
        return changed
    }

    private enum QueueError: Error, CustomStringConvertible {
        case unknownItem(JSONValue)

        var description: String {
            switch self {
            case .unknownItem(let item): "not a change of a section: \(item.text(sortedKeys: false))"
            }
        }
    }

    private func save() throws(Failure) {
        let text = JSONValue.array(items).text(sortedKeys: false, indent: 2)
        do {
            try FileSystem.replaceDurably(path, contents: Array(text.utf8))
        } catch {
            throw Failure(error.description, kind: .exception, cause: error)
        }
    }

    /// Makes the changes of a section: each of its files is replaced once.
    private func make(_ section: SectionChanges) throws(FileError) {
        var done: Set<String> = []
        for file in section.changes.map(\.file) where done.insert(file).inserted {
            let changes = section.changes.filter { $0.file == file }
            var bytes = try FileSystem.readIfPresent(FilePath(file)) ?? []
            for change in changes {
                bytes = ConfigurationEdit.setting(change.key, to: change.value, in: section.section, of: bytes)
            }
            try Self.write(bytes, to: FilePath(file))
        }
        for change in section.changes {
            let old = configuration.text(of: change.key, in: section.section) ?? "None"
            reporter.info(
                "Changing value of option '\(change.key)' for section '\(section.section)' "
                    + "from '\(old)' to '\(change.value)' through config-update."
            )
        }
    }

    /// Replaces a file, durably and at once; the one that a symbolic link names, with its owner and permissions.
    private static func write(_ bytes: [UInt8], to path: FilePath) throws(FileError) {
        guard let status = try FileSystem.statusIfPresent(of: path) else {
            return try FileSystem.replaceDurably(path, contents: bytes)
        }
        let target = try FileSystem.realPath(path)
        do throws(FileError) {
            var file = try DurableFile(replacing: target, permissions: status.permissions)
            let temporary = file.temporaryPath
            try file.write(bytes)
            try FileSystem.setPermissions(temporary, status.permissions)
            if try FileSystem.status(of: temporary).owner != status.owner {
                try FileSystem.changeOwner(temporary, owner: status.owner, group: status.group)
            }
            try file.commit()
        } catch {
            // Where the directory or the owner does not let us put a file in its place, it is written over.
            guard [.permissionDenied, .notPermitted, .readOnlyFileSystem].contains(error.errno) else { throw error }
            let file = try OwnedDescriptor(opening: target, .writeOnly, options: [.truncate])
            try file.writeAll(bytes)
            try file.sync()
            try file.close()
        }
    }
}
