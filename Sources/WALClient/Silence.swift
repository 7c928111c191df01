import Files
import Processes
import SystemPackage

/// How long a file that somebody else writes has not grown.
struct Silence {
    /// Nothing came for too long.
    struct End: Error {}

    private let limitSeconds: Double
    private var sizeBytes: Int64 = 0
    private var since: Double

    init(limitSeconds: Double, now: Double) {
        self.limitSeconds = limitSeconds
        since = now
    }

    /// Takes note of how much there is now; returns whether nothing came for too long.
    mutating func isTooLong(sizeBytes: Int64, now: Double) -> Bool {
        if sizeBytes != self.sizeBytes {
            self.sizeBytes = sizeBytes
            since = now
        }
        return now - since >= limitSeconds
    }
}

extension ProcessRequest {
    /// Runs a program that writes to a file, and ends it when the file has not grown for so long; throws `Silence.End` then.
    func run(writing path: FilePath, silenceSeconds: Double) throws -> ProcessStatus {
        var silence = Silence(limitSeconds: silenceSeconds, now: Interruption.monotonicSeconds)
        var request = self
        request.graceSeconds = 1
        request.tick = Tick(everySeconds: min(1, silenceSeconds / 4)) {
            let sizeBytes = try FileSystem.status(of: path).sizeBytes
            if silence.isTooLong(sizeBytes: sizeBytes, now: Interruption.monotonicSeconds) { throw Silence.End() }
        }
        return try request.run().status
    }
}
