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

    /// Files made for a while.
    struct Copies {
        let paths: [FilePath]
        fileprivate let temporary: [FilePath]

        /// Removes what was made.
        func remove() {
            // Left behind they are overwritten by the next comparison.
            for path in temporary { _ = try? FileSystem.unlink(path) }
        }
    }

    /// The files, those that only the custom filter can read replaced by decompressed copies beside them.
    static func decompressedCopies(of files: [(FilePath, StoredWAL)], home: ServerHome) throws -> Copies {
        var paths: [FilePath] = []
        var temporary: [FilePath] = []
        for (path, stored) in files {
            guard stored.compression == "custom", let filter = home.settings.customDecompressionFilter else {
                paths.append(path)
                continue
            }
            let name = (path.lastComponent?.string ?? "") + ".uncompressed"
            let copy = path.removingLastComponent().appending(name)
            temporary.append(copy)
            do {
                try run(filter, from: path, to: copy, home: home)
            } catch {
                Copies(paths: [], temporary: temporary).remove()
                throw error
            }
            paths.append(copy)
        }
        return Copies(paths: paths, temporary: temporary)
    }
}
