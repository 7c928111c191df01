import Replication
import Testing
import WAL

/// The stream as a value: fed WAL in every split, it asks for each byte to be written once, in its place.
@Suite struct WALStreamTests {
    private static let size = WALSegmentSize(bytes: 1 << 20) ?? .standard
    private static let timeline = Timeline(rawValue: 3)

    private func stream(synchronous: Bool, from start: UInt64 = 0x0050_0000) -> WALStream {
        WALStream(
            timeline: Self.timeline,
            start: LSN(rawValue: start),
            segmentSize: Self.size,
            manner: WALStream.Manner(isSynchronous: synchronous),
            nowSeconds: 0
        )
    }

    /// What a driver would have on disk: follows the actions and complains when one makes no sense.
    private struct Disk {
        var open: WALSegmentName?
        var openLength: Int64 = 0
        var finished: [String] = []
        var unflushed = false
        var replies: [StatusUpdate] = []

        mutating func perform(_ actions: [WALStream.Action]) {
            for action in actions {
                switch action {
                case .open(let segment):
                    #expect(open == nil)
                    open = segment
                    openLength = 0
                case .write(let range, let offset):
                    #expect(open != nil)
                    #expect(offset == openLength)
                    openLength += Int64(range.count)
                    #expect(openLength <= 1 << 20)
                    unflushed = true
                case .flush:
                    #expect(open != nil && unflushed)
                    unflushed = false
                case .finish(let segment):
                    #expect(open == segment && openLength == 1 << 20)
                    finished.append("\(segment)")
                    open = nil
                    unflushed = false
                case .reply(let update):
                    replies.append(update)
                    #expect(update.flushed <= update.written)
                    // What is confirmed as durable must have been made so.
                    if unflushed { #expect(update.flushed < update.written) }
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func `WAL in every split is written once, in its place, and segments end where they end`(synchronous: Bool) throws {
        let total = 2 * (1 << 20) + 12_345
        for split in [1 << 20, 131_072, 100_003, 8192, (1 << 20) - 1, (1 << 20) + 1, total] {
            var stream = stream(synchronous: synchronous)
            var disk = Disk()
            var position: UInt64 = 0x0050_0000
            var left = total
            disk.perform(stream.begin())
            while left > 0 {
                let count = min(split, left)
                disk.perform(
                    try stream.receive(.wal(start: LSN(rawValue: position), byteCount: count), nowSeconds: 1)
                )
                disk.perform(try stream.rest(nowSeconds: 1))
                position += UInt64(count)
                left -= count
            }
            disk.perform(stream.end(nowSeconds: 2))
            #expect(disk.finished == ["000000030000000000000005", "000000030000000000000006"], "\(split)")
            #expect(disk.openLength == 12_345)
            #expect(
                disk.replies.last == StatusUpdate(written: LSN(rawValue: position), flushed: LSN(rawValue: position))
            )
        }
    }

    @Test func `a gap, a repetition and an unknown message are refused`() throws {
        var stream = stream(synchronous: true)
        _ = try stream.receive(.wal(start: LSN(rawValue: 0x0050_0000), byteCount: 100), nowSeconds: 1)
        for start in [0x0050_0000, 0x0050_0063, 0x0050_0065, 0x0060_0000] as [UInt64] {
            #expect(throws: WALStream.Trouble.self) {
                try stream.receive(.wal(start: LSN(rawValue: start), byteCount: 10), nowSeconds: 1)
            }
        }
        for bytes in [
            [], [0x77], [UInt8](repeating: 0x77, count: 24), [0x6B, 0, 0], [0x78] + [UInt8](repeating: 0, count: 40),
        ]
            as [[UInt8]]
        {
            #expect(bytes.withUnsafeBytes { StreamMessage($0) } == nil)
        }
    }

    @Test func `messages cut anywhere are no messages, whole ones are read`() {
        var bytes: [UInt8] = [0x6B]
        bytes += [0, 0, 0, 1, 0xAB, 0xCD, 0xEF, 0x01] + [UInt8](repeating: 0, count: 8) + [1]
        for count in 0..<bytes.count {
            #expect(bytes[..<count].withUnsafeBytes { StreamMessage($0) } == nil)
        }
        let keepalive = bytes.withUnsafeBytes { StreamMessage($0) }
        #expect(keepalive == .keepalive(end: LSN(rawValue: 0x1_ABCD_EF01), wantsReply: true))
        let wal: [UInt8] = [0x77] + bytes[1...8] + [UInt8](repeating: 0, count: 16) + [1, 2, 3]
        #expect(wal.withUnsafeBytes { StreamMessage($0) } == .wal(start: LSN(rawValue: 0x1_ABCD_EF01), byteCount: 3))
    }

    @Test func `an update says its positions, and that nothing is applied`() {
        let update = StatusUpdate(written: LSN(rawValue: 0x0102), flushed: LSN(rawValue: 0x0101), wantsReply: true)
        let message = update.message(atSeconds: 946_684_801)
        #expect(message.count == 34)
        #expect(message[0] == 0x72 && message[33] == 1)
        #expect(Array(message[1...8]) == [0, 0, 0, 0, 0, 0, 1, 2])
        #expect(Array(message[9...16]) == [0, 0, 0, 0, 0, 0, 1, 1])
        #expect(Array(message[17...24]) == [UInt8](repeating: 0, count: 8))
        #expect(Array(message[25...32]) == [0, 0, 0, 0, 0, 0x0F, 0x42, 0x40])
    }

    @Test func `commits that wait are confirmed by one flush for everything that has arrived`() throws {
        var stream = stream(synchronous: true)
        var actions: [WALStream.Action] = []
        for index in 0..<20 as Range<UInt64> {
            let message = StreamMessage.wal(start: LSN(rawValue: 0x0050_0000 + index * 100), byteCount: 100)
            actions += try stream.receive(message, nowSeconds: 0.001)
        }
        #expect(!actions.contains(.flush))
        let end = LSN(rawValue: 0x0050_0000 + 2000)
        #expect(try stream.rest(nowSeconds: 0.001) == [.flush, .reply(StatusUpdate(written: end, flushed: end))])
        #expect(try stream.rest(nowSeconds: 0.002) == [])
    }

    @Test func `little is flushed without a look for more when commits wait for it`() throws {
        for isSynchronous in [true, false] {
            var stream = stream(synchronous: isSynchronous)
            #expect(!stream.isEagerToFlush)
            _ = try stream.receive(.wal(start: LSN(rawValue: 0x0050_0000), byteCount: 32_767), nowSeconds: 1)
            #expect(stream.isEagerToFlush == isSynchronous)
            _ = try stream.receive(.wal(start: LSN(rawValue: 0x0050_7FFF), byteCount: 1), nowSeconds: 1)
            #expect(!stream.isEagerToFlush)
            _ = stream.end(nowSeconds: 1)
            #expect(!stream.isEagerToFlush)
        }
    }

    @Test func `a stream that never rests is flushed all the same`() throws {
        var synchronous = stream(synchronous: true)
        var position: UInt64 = 0x0050_0000
        var confirmed: [LSN] = []
        for _ in 0..<64 {
            let message = StreamMessage.wal(start: LSN(rawValue: position), byteCount: 131_000)
            for case .reply(let update) in try synchronous.receive(message, nowSeconds: 0.001) {
                confirmed.append(update.flushed)
            }
            position += 131_000
        }
        // Each end of a segment is a flush, and commits before it need not wait for a rest.
        #expect(confirmed == (6...12).map { LSN(rawValue: $0 << 20) })
        var slow = stream(synchronous: false)
        var actions = try slow.receive(.wal(start: LSN(rawValue: 0x0050_0000), byteCount: 100), nowSeconds: 1)
        actions += try slow.receive(.wal(start: LSN(rawValue: 0x0050_0064), byteCount: 100), nowSeconds: 9.9)
        #expect(!actions.contains(.flush))
        actions = try slow.receive(.wal(start: LSN(rawValue: 0x0050_00C8), byteCount: 100), nowSeconds: 10.1)
        #expect(actions.contains(.flush))
    }

    @Test func `without commits that wait, a rest of half a second flushes`() throws {
        var stream = stream(synchronous: false)
        _ = try stream.receive(.wal(start: LSN(rawValue: 0x0050_0000), byteCount: 100), nowSeconds: 1)
        #expect(try stream.rest(nowSeconds: 1.1) == [])
        #expect(stream.secondsToWait(nowSeconds: 1.1) < 0.5)
        let end = LSN(rawValue: 0x0050_0064)
        #expect(try stream.rest(nowSeconds: 1.6) == [.flush, .reply(StatusUpdate(written: end, flushed: end))])
    }

    @Test func `a server that asks is answered at once, with everything flushed`() throws {
        var stream = stream(synchronous: false)
        _ = try stream.receive(.wal(start: LSN(rawValue: 0x0050_0000), byteCount: 100), nowSeconds: 1)
        let end = LSN(rawValue: 0x0050_0064)
        let asked = StreamMessage.keepalive(end: end, wantsReply: true)
        #expect(try stream.receive(asked, nowSeconds: 1) == [.flush, .reply(StatusUpdate(written: end, flushed: end))])
        #expect(try stream.receive(.keepalive(end: end, wantsReply: false), nowSeconds: 1.1) == [])
    }

    @Test func `a silent server is told of us, then asked, then given up`() throws {
        var stream = stream(synchronous: true)
        let here = LSN(rawValue: 0x0050_0000)
        #expect(try stream.rest(nowSeconds: 9) == [])
        #expect(try stream.rest(nowSeconds: 10) == [.reply(StatusUpdate(written: here, flushed: here))])
        _ = try stream.rest(nowSeconds: 20)
        _ = try stream.rest(nowSeconds: 30)
        #expect(
            try stream.rest(nowSeconds: 31) == [.reply(StatusUpdate(written: here, flushed: here, wantsReply: true))]
        )
        #expect(try stream.rest(nowSeconds: 32) == [])
        // Once asked, there is nothing to do until the next status.
        #expect(stream.secondsToWait(nowSeconds: 32) > 5)
        #expect(throws: WALStream.Trouble.silence(seconds: 60)) { try stream.rest(nowSeconds: 60) }
    }
}
