/// A queue of bounded length between threads: a full one makes the giver wait, an empty one the taker.
///
/// `@unchecked Sendable`: every access to the variables happens with the monitor held.
public final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    private let monitor = Monitor()
    private let limit: Int
    private var elements: [Element] = []
    private var isClosed = false
    private var isCancelled = false

    /// An empty queue for at most so many elements.
    public init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Puts an element at the end, when there is room; false when nobody will take it any more.
    @discardableResult
    public func put(_ element: Element) -> Bool {
        monitor.locked {
            while elements.count >= limit, !isCancelled { monitor.wait() }
            guard !isCancelled else { return false }
            elements.append(element)
            monitor.wakeAll()
            return true
        }
    }

    /// Takes the first element, when there is one; `nil` once the queue is closed and empty, or cancelled.
    public func take() -> Element? {
        monitor.locked {
            while elements.isEmpty, !isClosed, !isCancelled { monitor.wait() }
            guard !isCancelled, !elements.isEmpty else { return nil }
            monitor.wakeAll()
            return elements.removeFirst()
        }
    }

    /// As `take`, and calls `check` every tenth of a second while it waits.
    public func take(check: () throws -> Void) rethrows -> Element? {
        while true {
            let (element, isOver) = monitor.locked { () -> (Element?, Bool) in
                if elements.isEmpty, !isClosed, !isCancelled { monitor.wait(milliseconds: 100) }
                if isCancelled { return (nil, true) }
                guard !elements.isEmpty else { return (nil, isClosed) }
                monitor.wakeAll()
                return (elements.removeFirst(), true)
            }
            if isOver { return element }
            try check()
        }
    }

    /// Nothing more will be put.
    public func close() {
        monitor.locked {
            isClosed = true
            monitor.wakeAll()
        }
    }

    /// Nothing more will be put or taken.
    public func cancel() {
        monitor.locked {
            isCancelled = true
            elements = []
            monitor.wakeAll()
        }
    }
}
