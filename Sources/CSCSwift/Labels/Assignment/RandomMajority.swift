/// Random + majority, the letter's naive baseline: a random task that still lacks a label, a random worker who has not
/// labelled it, majority vote with ties broken at random. O(1) a step.
public struct RandomMajority: SequentialAssigner {
    private let workers: Int
    private let classes: Int
    private let seed: UInt64
    private var open: [Int]
    private var order: [Int32]
    private var asked: [Int]
    private var counts: [Int32]
    private var stream: RandomStream

    /// No labels yet. O(N K).
    /// - Precondition: `workers` K >= 1, `classes` C >= 2.
    public init(tasks: Int, workers: Int, classes: Int = 2, seed: UInt64) {
        precondition(workers >= 1 && classes >= 2, "RandomMajority: \(workers) workers, \(classes) classes")
        self.workers = workers
        self.classes = classes
        self.seed = seed
        open = Array(0..<tasks)
        order = (0..<tasks * workers).map { Int32($0 % workers) }
        asked = [Int](repeating: 0, count: tasks)
        counts = [Int32](repeating: 0, count: tasks * classes)
        stream = RandomStream(seed: seed, purpose: .labelAssignment)
    }

    /// A random task about which not everyone has been asked, and a random one of the workers left; `nil` when every
    /// pair is asked. O(1).
    public mutating func next() -> Assignment? {
        guard !open.isEmpty else { return nil }
        let place = stream.index(below: open.count), task = open[place]
        let left = workers - asked[task], row = task * workers
        order.swapAt(row + asked[task], row + asked[task] + stream.index(below: left))
        let worker = Int(order[row + asked[task]])
        asked[task] += 1
        if asked[task] == workers {
            open.swapAt(place, open.count - 1)
            open.removeLast()
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
