package import Processes
import SystemPackage

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
    /// Where unchanged files come from; always on this host.
    package var reuse: RsyncCommand.Reuse?
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

    /// The directory whose files are compared with the source's: the reused one, or the destination.
    var reference: String {
        switch reuse {
        case .copy(let directory), .link(let directory): directory.string
        case nil: destination
        }
    }
}

extension RsyncCommand {
    /// The same command with the filter, reuse and limit of an item.
    func applied(to item: CopyItem) -> RsyncCommand {
        var command = self
        command.filter = item.filter
        command.reuse = item.reuse
        if let limit = item.bandwidthLimit { command.bandwidthLimit = Int(clamping: limit) }
        return command
    }
}
