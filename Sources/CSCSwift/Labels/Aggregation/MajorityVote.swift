/// Majority vote: the class that most workers gave, `argmax_c sum_j 1[y_ij = c]`; ties by a coin.
///
/// It is the maximum of the posterior if all workers are equally good, better than chance, and err uniformly. The
/// posterior reported is the share of votes. Fitting does nothing. O(labels + tasks x classes).
public struct MajorityVote: LabelAggregator {
    /// Decides ties.
    public var seed: UInt64

    /// A vote whose ties are decided by `seed`.
    public init(seed: UInt64 = 0) { self.seed = seed }

    /// Does nothing: there is nothing to estimate. O(1).
    public func fit(_ labels: LabelStore) {}

    /// The majority class of each task; a task without labels gets a coin's class and equal shares.
    /// O(labels + tasks x classes).
    public func predict(_ labels: LabelStore) -> Aggregation {
        Self.decide(
            VoteKernels.tally(start: labels.start, label: labels.label, classes: labels.classCount),
            classes: labels.classCount, seed: seed)
    }

    /// The majority class of each task from pairs in any order, without building a `LabelStore`. O(labels + tasks x
    /// classes).
    /// - Precondition: one label per task entry, `tasks` in 0 ..< taskCount, `labels` in 0 ..< classCount (not checked
    ///   a pair: this is the fast path).
    public static func aggregate(
        tasks: [Int32], labels: [Int32], taskCount: Int, classCount: Int, seed: UInt64 = 0
    ) -> Aggregation {
        precondition(
            tasks.count == labels.count && classCount >= 2,
            "MajorityVote: \(tasks.count) tasks, \(labels.count) labels, \(classCount) classes")
        let counts = VoteKernels.count(tasks: tasks, labels: labels, taskCount: taskCount, classes: classCount)
        return decide(counts, classes: classCount, seed: seed)
    }

    /// Vote shares, [tasks x classes]; uniform for a task without labels.
    static func shares(_ labels: LabelStore) -> [Double] {
        let counts = VoteKernels.tally(start: labels.start, label: labels.label, classes: labels.classCount)
        return VoteKernels.decide(counts: counts, classes: labels.classCount).shares
    }

    private static func decide(_ counts: [Int32], classes: Int, seed: UInt64) -> Aggregation {
        let (winners, equals, shares, ties) = VoteKernels.decide(counts: counts, classes: classes)
        var labels = winners
        var unlabelled: [Int] = []
        if ties > 0 {
            for task in labels.indices where equals[task] > 1 {
                if equals[task] == classes, counts[task * classes] == 0 { unlabelled.append(task) }
                labels[task] = Aggregation.pick(
                    task: task, equals: Int(equals[task]), seed: seed, posterior: shares, classCount: classes)
            }
        }
        return Aggregation(labels: labels, posterior: shares, classCount: classes, unlabelled: unlabelled)
    }
}

/// A vote in which worker j counts `w_j`: `argmax_c sum_j w_j 1[y_ij = c]`; ties by a coin.
///
/// Without weights of the caller's, `w_j` is the share of j's labels that agree with the majority ("worker agreement
/// with aggregate", Wawa, in crowd-kit); a label of a tie of m classes agrees by 1/m. The posterior reported is the
/// share of weight. O(labels + tasks x classes).
public struct WeightedVote: LabelAggregator {
    /// One weight per worker, not negative; set by `fit` unless they were given.
    public private(set) var weights: [Double]
    /// Decides ties.
    public var seed: UInt64
    private let given: Bool

    /// A vote with the caller's weights, or with agreement weights where `weights` is nil. O(weights).
    public init(weights: [Double]? = nil, seed: UInt64 = 0) {
        precondition(weights?.allSatisfy { $0 >= 0 && $0.isFinite } ?? true, "WeightedVote: a weight is negative")
        self.weights = weights ?? []
        self.given = weights != nil
        self.seed = seed
    }

    /// Sets `weights` to each worker's agreement with the majority, 0 for a worker without labels; keeps weights that
    /// were given. O(labels + tasks x classes).
    public mutating func fit(_ labels: LabelStore) {
        if given { return }
        let counts = VoteKernels.tally(start: labels.start, label: labels.label, classes: labels.classCount)
        let (winner, equals) = VoteKernels.winners(counts: counts, classes: labels.classCount)
        var agreed = [Double](repeating: 0, count: labels.workerCount)
        var total = agreed
        for task in 0..<labels.taskCount {
            let first = task * labels.classCount
            for index in Int(labels.start[task])..<Int(labels.start[task + 1]) {
                let worker = Int(labels.cell[index]) / labels.classCount
                total[worker] += 1
                if counts[first + Int(labels.label[index])] == counts[first + Int(winner[task])] {
                    agreed[worker] += 1 / Double(equals[task])
                }
            }
        }
        weights = zip(agreed, total).map { $1 == 0 ? 0 : $0 / $1 }
    }

    /// The weighted vote on each task; a task without weight gets a coin's class and equal shares.
    /// O(labels + tasks x classes).
    /// - Precondition: one weight per worker: given, or fitted on labels of as many workers.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(
            weights.count == labels.workerCount,
            "WeightedVote: \(weights.count) weights for \(labels.workerCount) workers")
        var sums = VoteKernels.weighted(
            weights: weights, start: labels.start, cell: labels.cell, classes: labels.classCount)
        let classes = labels.classCount
        for first in stride(from: 0, to: sums.count, by: classes) {
            let total = sums[first..<first + classes].reduce(0, +)
            for index in first..<first + classes {
                sums[index] = total == 0 ? 1 / Double(classes) : sums[index] / total
            }
        }
        return Aggregation(posterior: sums, of: labels, seed: seed)
    }
}
