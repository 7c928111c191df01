import Archive
public import Catalog
public import Failure
public import Files

/// What deleting backups would take away, found out without touching anything.
public struct DeletionPlan: Sendable {
    /// The deletion of one backup.
    public struct Step: Sendable {
        /// The backup.
        public let info: BackupInfo
        /// Whether WAL is looked through: an older backup may need it.
        public let takesWAL: Bool
        /// How many WAL files go.
        public internal(set) var walCount: Int64 = 0
        /// Their stored bytes.
        public internal(set) var walBytes: Int64 = 0
        /// Their names, if they were asked for.
        public internal(set) var walNames: [String] = []
    }

    /// The deletions in their order.
    public private(set) var steps: [Step] = []
    private var catalog: BackupCatalog
    private var rules: [(step: Int, rule: WALPurgeRule)] = []

    /// A plan that deletes nothing yet.
    public init(_ catalog: BackupCatalog) {
        self.catalog = catalog
    }

    /// Adds a backup, the incremental ones that depend on it first; one that is in the plan already is passed over.
    public mutating func delete(_ id: String, isRetention: Bool) throws(FileError) {
        guard let info = catalog[id] else { return }
        for victim in catalog.descendants(of: info) + [info] {
            let rule = try WALPurgeRule(deleting: victim, in: catalog, isRetention: isRetention)
            if let rule { rules.append((steps.count, rule)) }
            steps.append(Step(info: victim, takesWAL: rule != nil))
            catalog.forget(victim.id)
        }
    }

    /// Counts the WAL that goes, in one pass over the list.
    public mutating func measureWAL(keepingNames: Bool = false) throws(Failure) {
        guard !rules.isEmpty else { return }
        // The greatest name that is needed by this rule or one before it: where to look is found by halving.
        var limits: [String?] = []
        for (_, rule) in rules {
            if let last = limits.last, last == nil || rule.firstNeeded == nil {
                limits.append(nil)
            } else if let last = limits.last, let greatest = last, let needed = rule.firstNeeded {
                limits.append(max(greatest, needed))
            } else {
                limits.append(rule.firstNeeded)
            }
        }
        var steps = steps
        let rules = rules
        do {
            try XlogDatabase(catalog.home).forEachLine { line in
                let name = line.name
                var index = Self.firstAbove(name, in: limits)
                while index < rules.count, rules[index].rule.verdict(on: name) != .remove { index += 1 }
                guard index < rules.count else { return true }
                let step = rules[index].step
                steps[step].walCount += 1
                steps[step].walBytes &+= line.sizeBytes
                if keepingNames { steps[step].walNames.append(name) }
                return true
            }
        } catch {
            throw (error as? Failure) ?? Failure("\(error)", kind: .exception, cause: error)
        }
        self.steps = steps
    }

    /// The first limit that is greater than a name; no limit is greater than all names.
    private static func firstAbove(_ name: String, in limits: [String?]) -> Int {
        var low = 0
        var high = limits.count
        while low < high {
            let middle = (low + high) / 2
            if let limit = limits[middle], limit <= name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
