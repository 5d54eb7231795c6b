/// For each task, the workers that were asked, in the order of asking, and what they answered.
///
/// Representation: one pool; each task owns a run of it that moves to the end and doubles when it is full, so the
/// pool stays below four entries a pair, one task's pairs are contiguous, and appending is amortised O(1).
struct PairStore: Sendable {
    /// Asked, no answer yet.
    static let pending: Int32 = -1
    /// Asked and declined.
    static let declined: Int32 = -2

    private var start: [Int64]
    private(set) var count: [Int32]
    private var capacity: [Int32]
    private(set) var worker: [Int32] = []
    private(set) var label: [Int32] = []
    /// The probability with which the pair was drawn; 1 in the exploration phase, 0 for a label that was not asked for.
    private(set) var probability: [Double] = []

    init(tasks: Int, reserving pairs: Int = 0) {
        start = [Int64](repeating: 0, count: tasks)
        count = [Int32](repeating: 0, count: tasks)
        capacity = [Int32](repeating: 0, count: tasks)
        worker.reserveCapacity(pairs)
        label.reserveCapacity(pairs)
        probability.reserveCapacity(pairs)
    }

    /// The pool indices of a task's pairs.
    func range(of task: Int) -> Range<Int> { Int(start[task])..<Int(start[task]) + Int(count[task]) }

    /// The pool index of (task, worker), if that worker was asked. O(pairs of the task).
    func find(task: Int, worker who: Int) -> Int? {
        for index in range(of: task).reversed() where worker[index] == Int32(truncatingIfNeeded: who) { return index }
        return nil
    }

    /// Adds a pair. Amortised O(1).
    mutating func append(task: Int, worker who: Int, label what: Int32, probability p: Double) {
        if count[task] == capacity[task] { grow(task) }
        let index = Int(start[task]) + Int(count[task])
        worker[index] = Int32(who)
        label[index] = what
        probability[index] = p
        count[task] += 1
    }

    mutating func setLabel(_ what: Int32, at index: Int) { label[index] = what }

    /// The labels taken, task by task. O(pairs).
    var answers: [Label] {
        var found: [Label] = []
        for task in count.indices {
            for index in range(of: task) where label[index] >= 0 {
                found.append(Label(task: task, worker: Int(worker[index]), label: Int(label[index])))
            }
        }
        return found
    }

    /// The pairs that are pending, task by task. O(pairs).
    var outstanding: [(task: Int, worker: Int)] {
        count.indices.flatMap { task in
            range(of: task).filter { label[$0] == PairStore.pending }.map { (task, Int(worker[$0])) }
        }
    }

    private mutating func grow(_ task: Int) {
        let old = range(of: task), size = max(4, 2 * Int(capacity[task])), new = worker.count
        worker.append(contentsOf: repeatElement(0, count: size))
        label.append(contentsOf: repeatElement(PairStore.declined, count: size))
        probability.append(contentsOf: repeatElement(0, count: size))
        for (offset, index) in old.enumerated() {
            worker[new + offset] = worker[index]
            label[new + offset] = label[index]
            probability[new + offset] = probability[index]
        }
        start[task] = Int64(new)
        capacity[task] = Int32(size)
    }

    /// Calls `body(start, count, worker, label)` with pointers that are valid during the call.
    func withUnsafePointers(
        _ body: (UnsafePointer<Int64>, UnsafePointer<Int32>, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Void
    ) {
        start.withUnsafeBufferPointer { start in
            count.withUnsafeBufferPointer { count in
                worker.withUnsafeBufferPointer { worker in
                    label.withUnsafeBufferPointer { label in
                        body(start.baseAddress!, count.baseAddress!, worker.baseAddress, label.baseAddress)
                    }
                }
            }
        }
    }
}
