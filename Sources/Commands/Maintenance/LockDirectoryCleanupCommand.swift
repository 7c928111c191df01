/// `lock-directory-cleanup`: removes the lock files that nobody holds.
enum LockDirectoryCleanupCommand {
    static let specification = CommandSpecification(
        name: "lock-directory-cleanup",
        summary: "Remove the lock files that nobody holds."
    )
}
