import Files
import SystemPackage

/// A file without a name, for what must wait: it goes with the process, however that ends.
final class ScratchFile: Sendable {
    let file: OwnedDescriptor

    /// Makes one on the file system of a directory; only we can read it.
    init(in directory: FilePath) throws {
        file = try OwnedDescriptor.nameless(in: directory)
    }
}
