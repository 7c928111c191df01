import Glibc

/// Standard input, output and error of this program.
public enum StandardStreams {
    /// Puts `/dev/null` where one of them is closed; call it before anything is opened.
    ///
    /// A file of ours that got its number would be taken for it, by us and by every child.
    public static func complete() {
        while case let number = open("/dev/null", O_RDWR), number >= 0 {
            guard number <= STDERR_FILENO else {
                close(number)
                return
            }
        }
    }
}
