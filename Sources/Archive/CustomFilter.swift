import Catalog
import Codecs
import Failure
import Files
import Processes
import Settings
import SystemPackage

/// Compression by commands of the user (`compression = custom`).
enum CustomFilter {
    /// Runs a filter from one file into another, the way the reference calls it.
    static func run(_ filter: String, from source: FilePath, to destination: FilePath, home: ServerHome) throws {
        let script = "\(filter) > \"$2\" < \"$1\""
        var request = ProcessRequest("/bin/sh", ["-c", script, "barman_command", source.string, destination.string])
        request.pathPrefix = home.settings.pathPrefix
        try request.runChecked()
        // The received file goes once this one is stored: a filter that wrote nothing has failed, whatever it says.
        guard try FileSystem.status(of: source).sizeBytes > 0 else { return }
        guard try FileSystem.status(of: destination).sizeBytes > 0 else {
            throw Failure("\(filter) wrote nothing for \(source.quoted)", kind: .exception)
        }
    }

    /// Calls `use` with a file, or with a decompressed copy of it when only the custom filter can read it.
    ///
    /// The copy is nobody else's: several may want the same file at the same time.
    static func withPlainFile<Value>(
        _ path: FilePath,
        _ stored: StoredWAL,
        home: ServerHome,
        _ use: (FilePath) throws -> Value
    ) throws -> Value {
        guard stored.compression == "custom", let filter = home.settings.customDecompressionFilter else {
            return try use(path)
        }
        return try WALReader(home: home).withTemporaryFile(for: path) { copy in
            try run(filter, from: path, to: copy.path, home: home)
        } then: { copy in
            try use(copy)
        }
    }
}
