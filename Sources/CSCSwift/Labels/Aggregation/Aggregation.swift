/// What an aggregator concludes from recorded labels: for each task a class and how probable each class is.
public struct Aggregation: Sendable, Hashable {
    /// C: how many classes there are.
    public let classCount: Int
    /// The most probable class of each task; classes exactly equal in probability are decided by a coin of the seed.
    public let labels: [Int]
    /// The probability of each class, [tasks x classes], row-major. Vote shares where the method has no model.
    public let posterior: [Double]
    /// How many iterations were made; 0 for methods without any.
    public var iterations = 0
    /// The largest change of a posterior in the last iteration.
    public var lastChange = 0.0
    /// Whether the last change was below the tolerance.
    public var converged = true

    /// The most probable classes of a posterior, [tasks x classes]; ties by the coin of (seed, task). O(tasks x classes).
    public init(posterior: [Double], classCount: Int, seed: UInt64 = 0) {
        precondition(
            classCount > 0 && posterior.count % classCount == 0,
            "Aggregation: \(posterior.count) probabilities in rows of \(classCount)")
        let tasks = posterior.count / classCount
        var labels = [Int](repeating: 0, count: tasks)
        for task in 0..<tasks {
            let (best, equals) = Self.top(posterior, task * classCount, classCount)
            labels[task] = best
            if equals > 1 {
                labels[task] = Self.pick(
                    task: task, equals: equals, seed: seed, posterior: posterior, classCount: classCount)
            }
        }
        self.labels = labels
        self.posterior = posterior
        self.classCount = classCount
    }

    /// As the other initialiser, from labels that are decided already.
    init(labels: [Int], posterior: [Double], classCount: Int) {
        self.labels = labels
        self.posterior = posterior
        self.classCount = classCount
    }

    /// The probability of each class of one task.
    public func probabilities(of task: Int) -> [Double] {
        Array(posterior[task * classCount..<(task + 1) * classCount])
    }

    /// The share of tasks with known truth whose label is right; nil where no truth is known. O(tasks).
    public func accuracy(truth: [Int?]) -> Double? {
        mean(truth) { task, truth in labels[task] == truth ? 1 : 0 }
    }

    /// The accuracy expected over the coins that decide ties: a task whose truth is among m equal classes counts 1/m.
    /// O(tasks x classes).
    public func expectedAccuracy(truth: [Int?]) -> Double? {
        mean(truth) { task, truth in
            let (best, equals) = Self.top(posterior, task * classCount, classCount)
            return posterior[task * classCount + truth] == posterior[task * classCount + best] ? 1 / Double(equals) : 0
        }
    }

    /// How many tasks were decided by a coin. O(tasks x classes).
    public var tieCount: Int {
        labels.indices.count(where: { Self.top(posterior, $0 * classCount, classCount).equals > 1 })
    }

    private func mean(_ truth: [Int?], _ score: (Int, Int) -> Double) -> Double? {
        precondition(truth.count == labels.count, "Aggregation: \(truth.count) truths for \(labels.count) tasks")
        var sum = 0.0
        var known = 0
        for task in truth.indices {
            guard let value = truth[task] else { continue }
            sum += score(task, value)
            known += 1
        }
        return known == 0 ? nil : sum / Double(known)
    }

    /// The first of the largest of a row, and how many are equal to it.
    private static func top(_ row: [Double], _ first: Int, _ count: Int) -> (best: Int, equals: Int) {
        var best = 0
        var equals = 1
        for index in 1..<max(1, count) {
            if row[first + index] > row[first + best] {
                (best, equals) = (index, 1)
            } else if row[first + index] == row[first + best] {
                equals += 1
            }
        }
        return (best, equals)
    }

    /// One of a row's equal largest classes, by the coin of (seed, task).
    static func pick(task: Int, equals: Int, seed: UInt64, posterior: [Double], classCount: Int) -> Int {
        var stream = RandomStream(seed: seed, purpose: .labelTies, index: UInt64(task))
        var left = stream.index(below: equals)
        let first = task * classCount
        let (best, _) = top(posterior, first, classCount)
        for index in best..<classCount where posterior[first + index] == posterior[first + best] {
            if left == 0 { return index }
            left -= 1
        }
        return best
    }
}

/// How often a worker is right, with what the labels leave open.
public struct WorkerQuality: Sendable, Hashable, Codable {
    /// How many labels the figures rest on.
    public var labels: Int
    /// How many of them are right in expectation.
    public var right: Double
    /// The mean of Beta(1 + right, 1 + labels - right).
    public var accuracy: Double
    /// The lower end of that distribution's central interval of 95 %.
    public var lower: Double
    /// That interval's upper end.
    public var upper: Double

    /// The quality of a worker of whose `labels` labels `right` are right, from a uniform prior.
    public init(labels: Int, right: Double) {
        self.labels = labels
        self.right = right
        let beta = BetaDistribution(1 + right, 1 + max(0, Double(labels) - right))
        let interval = beta.interval()
        accuracy = beta.mean
        lower = interval.lowerBound
        upper = interval.upperBound
    }
}

extension Aggregation {
    /// The quality of each worker, one row a context: [contexts][workers]; one row where `contexts` is nil. A label
    /// counts as right with its class's probability, or as 1 or 0 where `truth` knows the task.
    ///
    /// A worker's own label has a say in the posterior, so figures without truth flatter workers of tasks with few
    /// labels. O(labels + contexts x workers).
    public func workerQualities(
        _ store: LabelStore, contexts: [Int]? = nil, contextCount: Int = 1, truth: [Int?]? = nil
    ) -> [[WorkerQuality]] {
        precondition(
            store.taskCount == labels.count && contexts.map { $0.count == labels.count } ?? true,
            "workerQualities: \(labels.count) tasks, store of \(store.taskCount), \(contexts?.count ?? 0) contexts")
        var right = [Double](repeating: 0, count: contextCount * store.workerCount)
        var given = [Int](repeating: 0, count: contextCount * store.workerCount)
        for task in 0..<store.taskCount {
            let row = (contexts?[task] ?? 0) * store.workerCount
            for index in Int(store.start[task])..<Int(store.start[task + 1]) {
                let worker = row + Int(store.cell[index]) / classCount
                let label = Int(store.label[index])
                given[worker] += 1
                if let known = truth?[task] {
                    right[worker] += known == label ? 1 : 0
                } else {
                    right[worker] += posterior[task * classCount + label]
                }
            }
        }
        return (0..<contextCount).map { context in
            (0..<store.workerCount).map { worker in
                let index = context * store.workerCount + worker
                return WorkerQuality(labels: given[index], right: right[index])
            }
        }
    }
}
