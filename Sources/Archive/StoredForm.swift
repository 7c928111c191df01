import Failure
import Settings

/// What received files become in the archive, as the settings say.
struct StoredForm: Sendable {
    let compression: WALCompression
    let encryption: WALEncryption?

    /// Throws when an option that the form needs is missing: asked for only when there is something to store.
    init(_ settings: ServerSettings) throws(Failure) {
        compression = try WALCompression(settings)
        encryption = try WALEncryption(settings)
    }
}
