/// Random + majority, the BBTA paper's baseline: a random task that still lacks a label, a random worker who has not
/// labelled it, majority vote with ties broken at random. `balanced` gives every task its n-th label before any gets
/// another, which is what most studies do. O(1) per step.
public struct RandomMajority: SequentialAssigner {
    private let workers: Int
    private let classes: Int
    private let seed: UInt64
    private var open: [Int]
    private var order: [Int32]
    /// Where each task's workers begin in `order`, [N + 1].
    private var start: [Int]
    private let balanced: Bool
    private var turn = 0
    private var asked: [Int]
    private var counts: [Int32]
    private var stream: RandomStream

    /// No labels yet. O(N K).
    /// - Precondition: `workers` K >= 1, `classes` C >= 2.
    public init(tasks: Int, workers: Int, classes: Int = 2, balanced: Bool = false, seed: UInt64) {
        precondition(workers >= 1 && classes >= 2, "RandomMajority: \(workers) workers, \(classes) classes")
        self.workers = workers
        self.classes = classes
        self.seed = seed
        open = Array(0..<tasks)
        order = (0..<tasks * workers).map { Int32($0 % workers) }
        start = (0...tasks).map { $0 * workers }
        self.balanced = balanced
        asked = [Int](repeating: 0, count: tasks)
        counts = [Int32](repeating: 0, count: tasks * classes)
        stream = RandomStream(seed: seed, purpose: .labelAssignment)
    }

    /// See `SequentialAssigner`. O(eligible pairs).
    public mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == asked.count, "RandomMajority: \(eligible.count) lists for \(asked.count) tasks")
        order = eligible.flatMap { $0 }
        var first = 0
        start = [0]
        for list in eligible {
            first += list.count
            start.append(first)
        }
        open = open.filter { start[$0 + 1] > start[$0] }
    }

    /// A random task about which not everyone has been asked, and a random one of the workers left; `nil` when every
    /// pair is asked. O(1).
    public mutating func next() -> Assignment? {
        guard !open.isEmpty else { return nil }
        // Balanced: those that have had this round's label stand behind `turn`, which starts again when all have.
        if balanced && turn >= open.count { turn = 0 }
        let place = balanced ? turn + stream.index(below: open.count - turn) : stream.index(below: open.count)
        let task = open[place], row = start[task], room = start[task + 1] - row
        let left = room - asked[task]
        order.swapAt(row + asked[task], row + asked[task] + stream.index(below: left))
        let worker = Int(order[row + asked[task]])
        asked[task] += 1
        if asked[task] == room && balanced {
            open.swapAt(place, turn)
            open.remove(at: turn)
        } else if asked[task] == room {
            open.swapAt(place, open.count - 1)
            open.removeLast()
        } else if balanced {
            open.swapAt(place, turn)
            turn += 1
        }
        return Assignment(task: task, worker: worker, probability: 1 / Double(left))
    }

    /// Counts a label; whether its pair was asked is not checked. O(1).
    /// - Throws: `CSCError.invalid` if the task does not exist or the label is not a class.
    public mutating func record(task: Int, worker: Int, label: Int) throws(CSCError) {
        guard asked.indices.contains(task), (0..<classes).contains(label) else {
            throw .invalid("task \(task), label \(label): not a task or not a class")
        }
        counts[task * classes + label] += 1
    }

    /// The majority class of each task, [N]; ties, and tasks without labels, by a coin of the seed. O(N C).
    public var labels: [Int] {
        asked.indices.map { task in
            let row = counts[task * classes..<(task + 1) * classes], top = row.max()!
            let tied = (0..<classes).filter { counts[task * classes + $0] == top }
            return tied.count == 1
                ? tied[0] : tied[tieCoin(seed: seed, task: task, pairs: asked[task], among: tied.count)]
        }
    }
}
