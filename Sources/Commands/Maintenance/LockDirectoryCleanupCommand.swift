import Settings
import Upkeep

/// `lock-directory-cleanup`: removes the lock files that nobody holds.
enum LockDirectoryCleanupCommand {
    static let specification = CommandSpecification(
        name: "lock-directory-cleanup",
        summary: "Remove the lock files that nobody holds.",
        run: { context, _ in try LockDirectory.clean(context.configuration.global.lockDirectory) }
    )
}
