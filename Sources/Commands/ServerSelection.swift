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

    /// The servers of a command by their names, in order; what is left out or refused has been said.
    func servers(_ names: [String], _ reactions: ServerReactions) throws -> [ServerHome] {
        let list = try serverList()
        var wanted = Set(names)
        if wanted.contains("all") {
            if wanted.count > 1 { console.error("You cannot use 'all' with other server names") }
            wanted = Set(list.names)
        }
        for name in wanted.subtracting(list.names).sorted() { console.error("Unknown server '\(name)'") }
        return try select(list, reactions) { wanted.contains($0) }
    }

    /// Does the work for one server after the other; what goes wrong with one is told and does not keep the others from it.
    func forEach(_ homes: [ServerHome], _ work: (ServerHome) throws -> Void) throws {
        for home in homes {
            do {
                try work(home)
            } catch  where !Interruption.isRequested {
                _ = console.announce(error)
            }
        }
    }

    /// Every server, in order.
    func everyServer(_ reactions: ServerReactions) throws -> [ServerHome] {
        try select(try serverList(), reactions)
    }

    /// Every server and model, whatever is wrong with the configuration as a whole.
    func everyServerAndModel() throws -> (homes: [ServerHome], models: [String: ModelSettings], globalErrors: [String])
    {
        let list = try allServers()
        return (try select(list, .runAll), list.models, list.globalErrors)
    }

    /// The servers in order; they are loaded, and speak of it, in the order of the files.
    private func select(
        _ list: ServerList,
        _ reactions: ServerReactions,
        where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [ServerHome] {
        // What is said while servers are loaded and skipped comes first, then the refusals; both before the work starts.
        var refusals: [String: Failure] = [:]
        var homes: [String: ServerHome] = [:]
        for name in list.appearance where isWanted(name) {
            guard let settings = list[name] else { continue }
            do {
                homes[name] = try selected(settings, reactions)
            } catch let failure as Failure {
                refusals[name] = failure
            }
        }
        for name in list.names { if let refusal = refusals[name] { console.report(refusal) } }
        return list.names.compactMap { homes[$0] }
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
