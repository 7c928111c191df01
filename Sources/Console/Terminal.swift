import Glibc
public import SystemPackage

/// What we know about the terminal, if there is one.
public enum Terminal {
    /// True when the descriptor is a terminal.
    public static func isTerminal(_ descriptor: FileDescriptor) -> Bool {
        isatty(descriptor.rawValue) == 1
    }

    /// Columns of the terminal behind a descriptor, when it tells.
    public static func columns(of descriptor: FileDescriptor) -> Int? {
        var size = winsize()
        guard ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Columns for help texts: the variable `COLUMNS`, the terminal behind standard output, or 80.
    public static func helpColumns(environment: [String: String]) -> Int {
        if let text = environment["COLUMNS"], let columns = Int(text), columns > 0 { return columns }
        return columns(of: .standardOutput) ?? 80
    }
}
