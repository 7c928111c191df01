import Failure
import Files
import Processes
import SystemPackage

/// One rsync run of a copy.
struct CopyJob: Sendable {
    let item: CopyItem
    let operation: [String]
}

/// The directory of the lists of one copy, made when the first is needed.
final class Workspace {
    private var path: FilePath?
    private var listCount = 0

    /// A place for a list that no other list has, whatever is called alike: a tablespace may be called `pgdata`.
    func newList(_ name: String) throws(FileError) -> FilePath {
        listCount += 1
        return try directory().appending("\(name)_\(listCount).list")
    }

    private func directory() throws(FileError) -> FilePath {
        if let path { return path }
        let made = try FileSystem.createTemporaryDirectory()
        path = made
        return made
    }

    func remove() {
        // Left behind it wastes a few kilobytes; the copy is what matters.
        if let path { _ = try? FileSystem.removeTree(path) }
    }
}

/// Finds out what a directory has, makes its directories at the destination, and plans the runs that copy its files.
///
/// Everything is linear in the number of files; no rsync gets a pattern for each of them.
struct RsyncAnalysis {
    /// Runs something that wants to be ticked while it waits for a process.
    typealias Ticking = ((ProcessRequest.Tick) throws -> Void) throws -> Void

    private let item: CopyItem
    private let command: RsyncCommand
    private let options: RsyncCopy.Options
    private let reporter: any Reporter

    init(_ item: CopyItem, _ command: RsyncCommand, _ options: RsyncCopy.Options, _ reporter: any Reporter) {
        self.item = item
        self.command = command.applied(to: item)
        self.options = options
        self.reporter = reporter
    }

    func run(_ workspace: Workspace, ticking: Ticking) throws -> (jobs: [CopyJob], bytesToCopy: Int64) {
        let source = try list(item.source, ticking)
        let classification = CopyClassification(source: source, references: try references(ticking))
        if options.isFresh, options.destinationIsLocal {
            try makeDirectories(classification.directories)
        } else {
            let purge = RsyncCommand.directoriesAndPurge(from: item.source, to: item.destination)
            let words = (options.isFresh ? item.freshOptions : []) + purge
            try ticking { tick in try command.run(words, item: item.label, tick: tick) }
        }
        return (try planCopies(classification, workspace), classification.bytesToCopy)
    }

    // MARK: What is there

    /// The destination itself when it is not new, then the older copies.
    private func references(_ ticking: Ticking) throws -> [CopyClassification.Reference] {
        let older = try item.olderCopies.map {
            CopyClassification.Reference(
                files: try Set(filesBelow: $0.directory),
                horizonSeconds: $0.horizonSeconds
            )
        }
        if options.isFresh { return older }
        let files =
            options.destinationIsLocal
            ? try Set(filesBelow: FilePath(item.destination)) : try listRemoteDestination(ticking)
        return [CopyClassification.Reference(files: files, horizonSeconds: options.horizonSeconds)] + older
    }

    private func listRemoteDestination(_ ticking: Ticking) throws -> Set<RsyncListingEntry.Look>? {
        do {
            let path = item.destination.hasSuffix("/") ? item.destination : item.destination + "/"
            return Set(try list(path, ticking).lazy.filter { !$0.isDirectory }.map(\.look))
        } catch let failure as RsyncFailure {
            reporter.log(.error, RsyncCopy.logger, "Unable to retrieve reference directory file list: \(failure)")
            return nil
        }
    }

    private func list(_ directory: String, _ ticking: Ticking) throws -> [RsyncListingEntry] {
        var command = command
        // Dates without zone are read without doubt only if they are UTC.
        command.extraEnvironment["TZ"] = "UTC"
        // rsync writes bytes that are no letters of its locale in digits; in a locale of single bytes all of them are letters.
        command.extraEnvironment["LC_ALL"] = "C"
        command.reuse = nil
        let listing = command
        var entries: [RsyncListingEntry] = []
        try ticking { tick in
            try listing.list(directory, item: item.label, tick: tick) { line in
                if let entry = try RsyncListingEntry(parsing: line) { entries.append(entry) }
            }
        }
        return entries
    }

    // MARK: Directories

    /// Makes the directories of the source below the destination, which is new, on this host, and ours alone.
    ///
    /// rsync makes those that files are in, too; it is the empty ones that need this, and it saves a run.
    private func makeDirectories(_ directories: [RsyncListingEntry]) throws {
        let destination = FilePath(item.destination)
        for directory in directories.sorted(by: { $0.path.lexicographicallyPrecedes($1.path) }) {
            let name = FilePath(bytes: directory.path)
            guard name.isRelative, !name.components.contains(where: { $0.kind == .parentDirectory }) else {
                throw RsyncListingError(line: name.string)
            }
            let path = destination.pushing(name).lexicallyNormalized()
            if try !FileSystem.isDirectory(path) {
                try FileSystem.createDirectory(path, permissions: .ownerReadWriteExecute)
            }
            try FileSystem.setPermissions(path, directory.permissions.union(.ownerReadWriteExecute))
        }
    }

    // MARK: Files

    private func planCopies(_ classification: CopyClassification, _ workspace: Workspace) throws -> [CopyJob] {
        var jobs: [CopyJob] = []
        for (files, kind) in [(classification.safe, "safe"), (classification.check, "check")] where !files.isEmpty {
            for bucket in CopyClassification.buckets(files, count: options.jobs) {
                let list = try write(bucket, to: workspace.newList("\(name)_\(kind)"))
                let operation = command.copy(
                    from: item.source,
                    to: item.destination,
                    list: list,
                    comparingChecksums: kind == "check"
                )
                jobs.append(CopyJob(item: item, operation: operation))
            }
        }
        return jobs
    }

    /// The label as part of a file name.
    private var name: String {
        String(item.label.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
    }

    private func write(_ files: [RsyncListingEntry], to path: FilePath) throws -> FilePath {
        let file = try OwnedDescriptor(opening: path, .writeOnly, options: [.create, .exclusiveCreate])
        var bytes: [UInt8] = []
        for entry in files {
            // A name that begins like a comment would be taken for one.
            if let first = entry.path.first, "#;".utf8.contains(first) { bytes += Array("./".utf8) }
            bytes += entry.path
            bytes.append(0)
            if bytes.count > 1 << 20 {
                try file.writeAll(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try file.writeAll(bytes)
        try file.close()
        return path
    }
}
