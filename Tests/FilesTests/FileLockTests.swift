import Files
import Glibc
import SystemPackage
import TestWorld
import Testing

struct FileLockTests {
    @Test func `a lock holds our number, mode 0600, and the file stays`() throws {
        try inScratch { root in
            let path = root.appending(".main-backup.lock")
            let lock = try FileLock.acquire(path)
            #expect(try text(of: path) == "\(getpid())\n")
            #expect(try FileSystem.status(of: path).permissions == FilePermissions(rawValue: 0o600))
            #expect(try FileLock.holder(of: path) == getpid())
            lock.release()
            lock.release()
            #expect(try FileLock.state(of: path) == .free)
            #expect(try FileSystem.exists(path))
        }
    }

    @Test func `a lock is taken once at a time`() throws {
        try inScratch { root in
            let path = root.appending("lock")
            let lock = try FileLock.acquire(path)
            let error = #expect(throws: LockError.self) { try FileLock.acquire(path) }
            guard case .busy(_, let holder) = error else {
                Issue.record("expected busy, got \(String(describing: error))")
                return
            }
            #expect(holder == getpid())
            lock.release()
            let inside = try FileLock.withLock(path) { try FileLock.state(of: path) }
            #expect(inside == .held(getpid()))
            #expect(try FileLock.state(of: path) == .free)
        }
    }

    @Test func `a lock ends with the last reference to it`() throws {
        try inScratch { root in
            let path = root.appending("lock")
            do {
                let lock = try FileLock.acquire(path)
                #expect(lock.path == path)
            }
            #expect(try FileLock.state(of: path) == .free)
        }
    }

    @Test func `another process's lock is seen, named and waited for`() throws {
        try inWorld { root, world in
            let path = root.appending("lock")
            try write("4242\nmore", to: path)
            let ready = root.appending("ready")
            let script = "flock \"$1\" sh -c 'touch \"$0\"; sleep 0.4' \"$2\""
            let holder = try world.start(["sh", "-c", script, "sh", path.string, ready.string])
            while try !FileSystem.exists(ready) { usleep(5000) }
            #expect(try FileLock.state(of: path) == .held(4242))
            #expect(throws: LockError.self) { try FileLock.acquire(path) }
            #expect(try !FileLock.removeIfFree(path))
            let lock = try FileLock.acquire(path, waiting: true)
            #expect(try text(of: path) == "\(getpid())\n")
            lock.release()
            #expect(try holder.wait().status == 0)
        }
    }

    @Test func `our lock keeps the reference's way of locking out`() throws {
        try inWorld { root, world in
            let path = root.appending("lock")
            let lock = try FileLock.acquire(path)
            #expect(try world.run(["flock", "-n", path.string, "true"]).status == 1)
            lock.release()
            #expect(try world.run(["flock", "-n", path.string, "true"]).status == 0)
        }
    }

    @Test func `asking for the holder neither makes nor changes a file`() throws {
        try inScratch { root in
            #expect(try FileLock.holder(of: root.appending("none")) == nil)
            #expect(try FileSystem.names(in: root).isEmpty)
            try write("17\n", to: root.appending("lock"))
            #expect(try FileLock.holder(of: root.appending("lock")) == nil)
            #expect(try text(of: root.appending("lock")) == "17\n")
        }
    }

    @Test func `only a free lock file is removed`() throws {
        try inScratch { root in
            let path = root.appending("lock")
            let lock = try FileLock.acquire(path)
            #expect(try !FileLock.removeIfFree(path))
            lock.release()
            #expect(try FileLock.removeIfFree(path))
            #expect(try !FileLock.removeIfFree(path))
            let again = try FileLock.acquire(path)
            try again.removeAndRelease()
            #expect(try FileSystem.names(in: root).isEmpty)
        }
    }

    @Test func `a lock in a directory that is not there is an error of the file`() throws {
        let error = #expect(throws: LockError.self) { try FileLock.acquire("/no/such/directory/lock") }
        guard case .file(let cause) = error else {
            Issue.record("expected a file error")
            return
        }
        #expect(cause.isMissing)
    }
}
