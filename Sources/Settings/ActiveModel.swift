import Failure
public import Files
public import SystemPackage

/// The file that remembers which model is put over a server.
public enum ActiveModel {
    /// Where the name of a server's active model is kept.
    public static func path(for server: ServerSettings) -> FilePath {
        server.backupDirectory.appending(".active-model.auto")
    }

    /// The name of the active model, or nil.
    public static func read(for server: ServerSettings) throws(FileError) -> String? {
        guard let bytes = try FileSystem.readIfPresent(path(for: server), limit: 1 << 20) else { return nil }
        let name = String(decoding: Blanks.trim(bytes[...]), as: UTF8.self)
        return name.isEmpty ? nil : name
    }

    /// Puts each server's active model over it.
    static func apply(to list: inout ServerList, reporter: any Reporter) {
        for index in list.servers.indices {
            let server = list.servers[index]
            let name: String?
            do {
                name = try read(for: server)
            } catch {
                list.servers[index].disable(error.description)
                continue
            }
            guard let name else { continue }
            guard let model = list.models[name] else {
                list.servers[index].disable(
                    "Model '\(name)' is set as the active model for the server '\(server.name)' "
                        + "but the model does not exist."
                )
                continue
            }
            if let problem = model.incompatibility(with: server) {
                reporter.error(problem)
                continue
            }
            reporter.debug("Applying model '\(name)' to server '\(server.name)'")
            for change in server.changes(through: model) {
                reporter.debug(change.description)
            }
            list.servers[index] = server.applying(model)
        }
    }
}
