import Catalog
import Console
import Failure
import Files
import Settings

/// What a command does with a server that is not in its normal state.
enum ServerReaction: Sendable {
    /// Works with it all the same.
    case run
    /// Leaves it out and says so.
    case skip
    /// Refuses it.
    case refuse
}

/// The reactions of one command.
struct ServerReactions: Sendable {
    var inactive = ServerReaction.run
    var disabled = ServerReaction.run
    var passive = ServerReaction.run

    /// Every server is welcome.
    static let runAll = ServerReactions()
    /// For work on what is stored: an inactive server has it too.
    static let needsSettings = ServerReactions(disabled: .refuse)
    /// For work on a living server.
    static let needsServer = ServerReactions(inactive: .skip, disabled: .refuse)
    /// For work that only the node next to PostgreSQL can do.
    static let needsPrimaryNode = ServerReactions(inactive: .skip, disabled: .refuse, passive: .skip)
}

extension Context {
    /// The one server of a command; nil when it was left out, which has been said.
    func server(_ name: String, _ reactions: ServerReactions) throws -> ServerHome? {
        if name == "all" { throw Failure("You cannot use 'all' in a single server context") }
        let list = try serverList()
        guard let settings = list[name] else { throw Failure("Unknown server '\(name)'") }
        return try selected(settings, reactions)
    }

    /// The servers of a command by their names, in order; why one is refused is told when its turn comes.
    func servers(_ names: [String], _ reactions: ServerReactions) throws -> [Result<ServerHome, Failure>] {
        let list = try serverList()
        var wanted = Set(names)
        if wanted.contains("all") {
            if wanted.count > 1 { console.error("You cannot use 'all' with other server names") }
            wanted = Set(list.names)
        }
        var turns = try select(list, reactions) { wanted.contains($0) }
        for name in wanted.subtracting(list.names) { turns[name] = .failure(Failure("Unknown server '\(name)'")) }
        return turns.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Does the work for one server after the other; what goes wrong with one is told and does not keep the others from it.
    func forEach(_ turns: [Result<ServerHome, Failure>], _ work: (ServerHome) throws -> Void) throws {
        for turn in turns {
            do {
                try work(turn.get())
            } catch  where !Interruption.isRequested {
                _ = console.announce(error)
            }
        }
    }

    /// Every server, in order; refusals have been told.
    func everyServer(_ reactions: ServerReactions) throws -> [ServerHome] {
        var homes: [ServerHome] = []
        try forEach(try servers(["all"], reactions)) { homes.append($0) }
        return homes
    }

    /// Every server and model, whatever is wrong with the configuration as a whole.
    func everyServerAndModel() throws -> (homes: [ServerHome], models: [String: ModelSettings], globalErrors: [String])
    {
        let list = try allServers()
        let homes = try select(list, .runAll).sorted { $0.key < $1.key }.map { try $0.value.get() }
        return (homes, list.models, list.globalErrors)
    }

    /// The servers by name.
    ///
    /// They are loaded, and speak of it, in the order of the files, before the work starts.
    private func select(
        _ list: ServerList,
        _ reactions: ServerReactions,
        where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [String: Result<ServerHome, Failure>] {
        var turns: [String: Result<ServerHome, Failure>] = [:]
        for name in list.appearance where isWanted(name) {
            guard let settings = list[name] else { continue }
            do {
                guard let home = try selected(settings, reactions) else { continue }
                turns[name] = .success(home)
            } catch let failure as Failure {
                turns[name] = .failure(failure)
            }
        }
        return turns
    }

    private func selected(_ settings: ServerSettings, _ reactions: ServerReactions) throws -> ServerHome? {
        let name = settings.name
        if !settings.isActive, reactions.inactive != .run {
            return try leaveOut("Skipping inactive server '\(name)'", "Inactive server: \(name)", reactions.inactive)
        }
        if settings.isPassive, reactions.passive == .skip {
            console.info("Skipping passive server '\(name)'")
            return nil
        }
        for message in settings.loadMessages { message.deliver(to: console) }
        if settings.isDisabled, reactions.disabled != .run {
            return try leaveOut(
                "Skipping temporarily disabled server '\(name)'",
                settings.messages.first ?? "Disabled server: \(name)",
                reactions.disabled
            )
        }
        return ServerHome(settings: settings, global: configuration.global)
    }

    private func leaveOut(_ skipping: String, _ refusal: String, _ reaction: ServerReaction) throws -> ServerHome? {
        guard reaction == .skip else { throw Failure(refusal) }
        console.info(skipping)
        return nil
    }
}
