package import Processes
package import SystemPackage

/// One thing that rsync copies as a whole: a directory with its own filter, or a single file.
package struct CopyItem: Sendable {
    /// What is copied, and how strictly.
    package enum Kind: Sendable, Equatable {
        /// A directory, in phases.
        case directory
        /// A file that must be there.
        case file
        /// A file that may be missing.
        case optionalFile
        /// A file that is copied after all other items: `pg_control`.
        case lastFile
    }

    /// How messages, statistics and temporary files call it: `pgdata`, the name of a tablespace.
    package let label: String
    /// Where it is, as rsync takes it: a directory ends in `/`, a path on another host begins with `:`.
    package let source: String
    /// Where it goes, as rsync takes it.
    package let destination: String
    /// What it is.
    package let kind: Kind
    /// What of it is taken.
    package var filter = RsyncFilter()
    /// Where unchanged files come from: the first of these that has a file of the same look.
    package var olderCopies: [OlderCopy] = []
    /// Whether files of older copies become hard links; else they are copied.
    package var linksOlderCopies = true
    /// Whether files at the destination may be links to other copies, from an attempt before: they are never written in place then.
    package var destinationSharesFiles = false
    /// The most that may be transferred, in KiB/s.
    package var bandwidthLimit: Int64?
    /// Further words for the one run that copies a fresh directory.
    package var freshOptions: [String] = []

    /// Makes an item.
    package init(label: String, source: String, destination: String, kind: Kind) {
        self.label = label
        self.source = source
        self.destination = destination
        self.kind = kind
    }
}

/// An older copy of the same directory, on this host.
package struct OlderCopy: Sendable, Equatable {
    /// Where it is.
    package let directory: FilePath
    /// Files last changed before are believed to be equal when they look equal; `nil` when contents must always be compared.
    package let horizonSeconds: Int64?

    /// Makes a reference to a copy.
    package init(directory: FilePath, horizonSeconds: Int64?) {
        self.directory = directory
        self.horizonSeconds = horizonSeconds
    }
}

extension RsyncCommand {
    /// The same command with the filter, older copies and limit of an item.
    func applied(to item: CopyItem) -> RsyncCommand {
        var command = self
        command.filter = item.filter
        let directories = item.olderCopies.map(\.directory)
        command.reuse =
            if directories.isEmpty {
                item.destinationSharesFiles ? .link([]) : nil
            } else {
                item.linksOlderCopies ? .link(directories) : .copy(directories)
            }
        if let limit = item.bandwidthLimit { command.bandwidthLimit = Int(clamping: limit) }
        return command
    }
}
