/// The pure exploration phase ([BBTA], section 2.2): a few tasks of each context that everyone labels, and the
/// unweighted majority of each so far.
struct Exploration: Sendable, Codable {
    /// The drawn tasks, context by context.
    let tasks: [Int]
    private let slots: [Int: Int]
    /// How many of `tasks` each worker has been asked about; they are asked in order.
    private var asked: [Int]
    /// Pairs, as slot and worker, that have a label without having been asked.
    private var adopted: Set<[Int]> = []
    /// Pairs, as slot and worker, whose question lapsed and may be asked again, the first to lapse first.
    private var reopened: [[Int]] = []
    private let classes: Int
    private var counts: [Int]
    private var majority: [Int]
    private var finished: Bool

    /// Draws `each` tasks from each list at random (all of a shorter list).
    init(contexts: [[Int32]], each: Int, workers: Int, classes: Int, stream: inout RandomStream) {
        var drawn: [Int] = []
        if each > 0 {
            for var list in contexts {
                for k in 0..<min(each, list.count) {  // the first steps of a Fisher-Yates shuffle
                    list.swapAt(k, k + stream.index(below: list.count - k))
                    drawn.append(Int(list[k]))
                }
            }
        }
        tasks = drawn
        slots = Dictionary(uniqueKeysWithValues: drawn.enumerated().map { ($1, $0) })
        asked = [Int](repeating: 0, count: workers)
        self.classes = classes
        counts = [Int](repeating: 0, count: drawn.count * classes)
        majority = [Int](repeating: -1, count: drawn.count)
        finished = drawn.isEmpty
    }

    /// Whether everyone labels this task. O(1).
    func contains(_ task: Int) -> Bool { !slots.isEmpty && slots[task] != nil }

    /// The next pair: the allowed worker who has been asked least often, the first of equals. O(K); O(1) at the end.
    mutating func next(allowed: [UInt8]) -> (task: Int, worker: Int)? {
        if let again = reopened.firstIndex(where: { allowed[$0[1]] != 0 }) {
            let pair = reopened.remove(at: again)
            return (tasks[pair[0]], pair[1])
        }
        guard !finished else { return nil }
        var least = tasks.count, chosen = -1, open = false
        for worker in asked.indices where asked[worker] < tasks.count {
            open = true
            if allowed[worker] != 0 && asked[worker] < least {
                least = asked[worker]
                chosen = worker
            }
        }
        finished = !open
        guard chosen >= 0 else { return nil }
        advance(chosen)
        return (tasks[least], chosen)
    }

    /// Follows an earlier decision; false if this was not the worker's next task.
    mutating func follow(task: Int, worker: Int) -> Bool {
        if let slot = slots[task], let again = reopened.firstIndex(of: [slot, worker]) {
            reopened.remove(at: again)
            return true
        }
        guard asked[worker] < tasks.count, tasks[asked[worker]] == task else { return false }
        advance(worker)
        return true
    }

    /// Takes note that a worker who has not been asked about this task has labelled it all the same. O(N').
    mutating func adopt(task: Int, worker: Int) {
        close(task: task, worker: worker)
        adopted.insert([slots[task]!, worker])
        if asked[worker] < tasks.count, tasks[asked[worker]] == task { advance(worker) }
    }

    /// A question that lapsed may be asked again. O(1).
    mutating func reopen(task: Int, worker: Int) { if let slot = slots[task] { reopened.append([slot, worker]) } }

    /// A question that lapsed is not to be asked again after all. O(pairs reopened).
    mutating func close(task: Int, worker: Int) {
        if let slot = slots[task] { reopened.removeAll { $0 == [slot, worker] } }
    }

    /// Whether this worker is still to be asked about this task. O(N').
    func isWaiting(task: Int, worker: Int) -> Bool {
        guard let slot = slots[task] else { return false }
        if reopened.contains([slot, worker]) { return true }
        return asked[worker] <= slot && !adopted.contains([slot, worker])
    }

    private mutating func advance(_ worker: Int) {
        repeat { asked[worker] += 1 } while !adopted.isEmpty && adopted.contains([asked[worker], worker])
    }

    /// A worker who joins is not asked.
    mutating func addWorker() { asked.append(tasks.count) }

    /// Counts a label in place of another one; the majority before and after. O(C).
    mutating func correct(task: Int, from old: Int, to new: Int, seed: UInt64) -> (before: Int, after: Int) {
        counts[slots[task]! * classes + old] -= 1
        return record(task: task, label: new, seed: seed)
    }

    /// Counts a label; the majority before (-1 for none) and after. Ties are broken by the coin of the task. O(C).
    mutating func record(task: Int, label: Int, seed: UInt64) -> (before: Int, after: Int) {
        let slot = slots[task]!, row = slot * classes
        counts[row + label] += 1
        let before = majority[slot]
        let after = plurality(Array(counts[row..<row + classes]), seed: seed, task: task)
        majority[slot] = after
        return (before, after)
    }
}

/// The class with most votes, -1 where there is none; ties by the coin of the task and the number of votes. O(C).
func plurality(_ counts: [Int], seed: UInt64, task: Int) -> Int {
    guard let top = counts.max(), top > 0 else { return -1 }
    let tied = counts.indices.filter { counts[$0] == top }
    return tied.count == 1
        ? tied[0] : tied[tieCoin(seed: seed, task: task, pairs: counts.reduce(0, +), among: tied.count)]
}

/// A number below `among`, a pure function of the seed, the task and the number of its pairs: how ties are broken.
func tieCoin(seed: UInt64, task: Int, pairs: Int, among: Int) -> Int {
    var stream = RandomStream(
        seed: seed, stream: UInt64(RandomStream.Purpose.labelTies.rawValue) << 48 | UInt64(task),
        counter: UInt64(pairs))
    return stream.index(below: among)
}
