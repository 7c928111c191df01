import Files
import Glibc
import Processes
import SystemPackage

/// Input from another program that may keep us waiting: the wait ends when our program is asked to end.
struct InterruptibleInput {
    private let box: DescriptorBox

    init(_ file: consuming OwnedDescriptor) {
        file.widenPipe()
        box = DescriptorBox(file)
    }

    /// Reads what is there; 0 at the end.
    ///
    /// Throws `FileError` or `SignalWatch.Interrupted`.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var watched = [
            pollfd(fd: box.file.raw.rawValue, events: Int16(POLLIN), revents: 0),
            pollfd(fd: Interruption.wakeDescriptor.rawValue, events: Int16(POLLIN), revents: 0),
        ]
        repeat {
            try SignalWatch.check()
        } while poll(&watched, nfds_t(watched.count), -1) < 0 && errno == EINTR
        try SignalWatch.check()
        return try box.file.read(into: buffer)
    }
}
