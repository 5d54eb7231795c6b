/// For each task, the workers that were asked, in the order of asking, and what they answered.
///
/// Representation: tasks are *rows*, and consecutive rows form a *segment* (a context), so that a pass over a context
/// reads memory from one end to the other. A segment has one pool of cells (worker, label); each row owns a run of it,
/// at first side by side in the order of the rows; a run that is full moves to the end and doubles, so the pool stays
/// below four cells per pair or `room` per row. Appending is amortised O(1), and never copies more than one segment.
struct PairStore: Sendable, Codable {
    /// Asked, no answer yet.
    static let pending: Int32 = -1
    /// Asked and declined.
    static let declined: Int32 = -2

    /// One segment's pairs.
    private struct Segment: Sendable, Codable {
        /// Worker and label of each cell, side by side.
        var cells: [Int32]
        /// With which probability the pair was drawn; 1 in the exploration phase, 0 for a label that was not asked for.
        /// Negative where a loss was charged for it.
        var probability: [Double]
    }

    private var segments: [Segment] = []
    /// The segment of each row.
    private var home: [Int32]
    /// Where each row's run begins in its segment, in cells.
    private var start: [Int32]
    private(set) var count: [Int32]
    private var capacity: [Int32]

    /// - Parameters:
    ///   - segments: how many rows each has, in order.
    ///   - room: for how many pairs each row has room at first, at least 1.
    ///   - more: how many cells beyond those are reserved, shared among the segments by their rows.
    init(segments sizes: [Int], room: Int = 4, reserving more: Int = 0) {
        let rows = sizes.reduce(0, +)
        var home: [Int32] = [], start: [Int32] = []
        home.reserveCapacity(rows)
        start.reserveCapacity(rows)
        for (s, size) in sizes.enumerated() {
            var segment = Segment(cells: [], probability: [])
            let cells = size * room, all = cells + Int(Double(more) * Double(size) / Double(max(rows, 1)))
            segment.cells.reserveCapacity(2 * all)
            segment.probability.reserveCapacity(all)
            PairStore.widen(&segment, by: cells)
            segments.append(segment)
            for k in 0..<size {
                home.append(Int32(s))
                start.append(Int32(k * room))
            }
        }
        self.home = home
        self.start = start
        count = [Int32](repeating: 0, count: rows)
        capacity = [Int32](repeating: Int32(room), count: rows)
    }

    /// How many pairs each row has, without the pairs. O(1).
    func withoutCells() -> PairStore {
        var store = self
        (store.segments, store.home, store.start, store.capacity) = ([], [], [], [])
        return store
    }

    /// The row's k-th pair. O(1).
    func pair(_ row: Int, _ k: Int) -> (worker: Int, label: Int32) {
        let cell = 2 * (Int(start[row]) + k), segment = Int(home[row])
        return (Int(segments[segment].cells[cell]), segments[segment].cells[cell + 1])
    }

    /// With which probability the row's k-th pair was drawn. O(1).
    func probability(_ row: Int, _ k: Int) -> Double {
        abs(segments[Int(home[row])].probability[Int(start[row]) + k])
    }

    /// Whether a loss was charged for the row's k-th pair. O(1).
    func isCharged(_ row: Int, _ k: Int) -> Bool {
        segments[Int(home[row])].probability[Int(start[row]) + k].sign == .minus
    }

    /// Notes whether a loss is charged for the row's k-th pair. O(1).
    mutating func setCharged(_ isCharged: Bool, _ row: Int, _ k: Int) {
        let p = probability(row, k)
        segments[Int(home[row])].probability[Int(start[row]) + k] = isCharged ? -p : p
    }

    /// Takes the row's k-th pair out; those after it move up. O(pairs of the row).
    mutating func remove(_ row: Int, _ k: Int) {
        let s = Int(home[row]), first = Int(start[row]), last = Int(count[row]) - 1
        precondition(k >= 0 && k <= last, "PairStore.remove: pair \(k) of \(last + 1)")
        for cell in first + k..<first + last {
            segments[s].cells[2 * cell] = segments[s].cells[2 * cell + 2]
            segments[s].cells[2 * cell + 1] = segments[s].cells[2 * cell + 3]
            segments[s].probability[cell] = segments[s].probability[cell + 1]
        }
        count[row] -= 1
    }

    /// The same pairs with more rows: row r of the new store is row `old[r]` of this one, nil for a row without pairs.
    /// O(pairs and rows).
    func rearranged(segments sizes: [Int], old: [Int?], room: Int = 4) -> PairStore {
        var store = PairStore(segments: sizes, room: room)
        for (row, before) in old.enumerated() {
            guard let before else { continue }
            for k in pairs(of: before) {
                let (worker, label) = pair(before, k)
                store.append(row, worker: worker, label: label, probability: probability(before, k))
                if isCharged(before, k) { store.setCharged(true, row, k) }
            }
        }
        return store
    }

    /// The row's pairs are 0 ..< this many. O(1).
    func pairs(of row: Int) -> Range<Int> { 0..<Int(count[row]) }

    /// Which of the row's pairs is this worker's, if that worker was asked. O(pairs of the row).
    func find(_ row: Int, worker: Int) -> Int? {
        for k in pairs(of: row).reversed() where pair(row, k).worker == worker { return k }
        return nil
    }

    /// How many pairs a range of rows has. O(rows).
    func total(_ rows: Range<Int>) -> Int {
        var sum = 0
        for row in rows { sum += Int(count[row]) }
        return sum
    }

    /// Adds a pair. Amortised O(1).
    mutating func append(_ row: Int, worker: Int, label: Int32, probability p: Double) {
        if count[row] == capacity[row] { grow(row) }
        let cell = Int(start[row]) + Int(count[row]), segment = Int(home[row])
        segments[segment].cells[2 * cell] = Int32(worker)
        segments[segment].cells[2 * cell + 1] = label
        segments[segment].probability[cell] = p
        count[row] += 1
    }

    mutating func setLabel(_ label: Int32, _ row: Int, _ k: Int) {
        segments[Int(home[row])].cells[2 * (Int(start[row]) + k) + 1] = label
    }

    /// The labels taken, task by task, `rows` giving each task's row. O(N + pairs).
    func answers(rows: [Int32]) -> [Label] {
        var found: [Label] = []
        for (task, row) in rows.enumerated() {
            for k in pairs(of: Int(row)) {
                let (worker, label) = pair(Int(row), k)
                if label >= 0 { found.append(Label(task: task, worker: worker, label: Int(label))) }
            }
        }
        return found
    }

    /// The pairs that are pending, task by task. O(N + pairs).
    func outstanding(rows: [Int32]) -> [(task: Int, worker: Int)] {
        rows.enumerated().flatMap { task, row in
            pairs(of: Int(row)).compactMap { k in
                let (worker, label) = pair(Int(row), k)
                return label == PairStore.pending ? (task, worker) : nil
            }
        }
    }

    private mutating func grow(_ row: Int) {
        let size = 2 * Int(capacity[row]), from = Int(start[row]), s = Int(home[row])
        let new = segments[s].probability.count
        PairStore.widen(&segments[s], by: size)
        for k in 0..<Int(count[row]) {
            segments[s].cells[2 * (new + k)] = segments[s].cells[2 * (from + k)]
            segments[s].cells[2 * (new + k) + 1] = segments[s].cells[2 * (from + k) + 1]
            segments[s].probability[new + k] = segments[s].probability[from + k]
        }
        start[row] = Int32(new)
        capacity[row] = Int32(size)
    }

    private static func widen(_ segment: inout Segment, by cells: Int) {
        for _ in 0..<cells {
            segment.cells.append(0)
            segment.cells.append(declined)
            segment.probability.append(0)
        }
    }

    /// Calls `body(start, count, cells)` with the addresses of the first of these rows, all of one segment, and of their
    /// segment's cells, valid during the call.
    func withUnsafePointers(
        _ rows: Range<Int>, _ body: (UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Int32>?) -> Void
    ) {
        precondition(
            !rows.isEmpty && rows.upperBound <= home.count && home[rows.lowerBound] == home[rows.upperBound - 1],
            "PairStore: rows \(rows) of \(home.count) are not of one segment")
        start.withUnsafeBufferPointer { start in
            count.withUnsafeBufferPointer { count in
                segments[Int(home[rows.lowerBound])].cells.withUnsafeBufferPointer { cells in
                    body(start.baseAddress! + rows.lowerBound, count.baseAddress! + rows.lowerBound, cells.baseAddress)
                }
            }
        }
    }
}
