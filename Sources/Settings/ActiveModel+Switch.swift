public import Failure
public import Files

extension ActiveModel {
    /// Lays a model over a server from now on and tells every option that changes; returns false when it lies there already.
    ///
    /// Throws `Failure` when it does not fit the server. On return the choice is on disk.
    public static func choose(
        _ model: ModelSettings,
        for server: ServerSettings,
        reporter: any Reporter
    ) throws -> Bool {
        if let problem = model.incompatibility(with: server) { throw Failure(problem) }
        if server.activeModel == model.name {
            reporter.info("Model '\(model.name)' is already active for server '\(server.name)', skipping...")
            return false
        }
        reporter.info("Applying model '\(model.name)' to server '\(server.name)'")
        for change in server.changesInForce(through: model) { reporter.info(change.description) }
        let path = path(for: server)
        do throws(FileError) {
            try FileSystem.replaceDurably(path, contents: Array(model.name.utf8))
        } catch {
            // The user knows the file by its own name, not by the one it had while it was written.
            throw FileError(call: error.call, path: path, errno: error.errno)
        }
        return true
    }

    /// Takes the model of a server away, durably; that there is none is no error.
    public static func reset(for server: ServerSettings, reporter: any Reporter) throws(FileError) {
        reporter.info("Resetting the active model for the server \(server.name)")
        if try FileSystem.unlinkIfPresent(path(for: server)) { try FileSystem.syncParent(of: path(for: server)) }
    }
}
