/// Zero-Based Skill (Toloka's crowd-kit): a vote weighted by skills, which move towards the share of a worker's labels
/// that agree with it.
///
/// From `1 / C + 1e-5` for everyone, a hundred times: the weighted vote, then `skill += rate (agreement - skill)`; the rate
/// is 1 and halves every 20 steps. A tie of the weighted vote is agreed with by its share. O(100 labels).
public struct ZeroBasedSkill: LabelAggregator {
    /// One skill a worker; empty before a fit.
    public private(set) var skills: [Double] = []
    /// How often the skills move.
    public var iterations: Int
    /// Decides ties.
    public var seed: UInt64

    /// A vote that is not fitted yet.
    public init(iterations: Int = 100, seed: UInt64 = 0) {
        self.iterations = iterations
        self.seed = seed
    }

    /// Moves the skills. O(iterations (labels + tasks C)).
    public mutating func fit(_ labels: LabelStore) {
        let classes = labels.classCount
        skills = [Double](repeating: 1 / Double(classes) + 1e-5, count: labels.workerCount)
        var rate = 1.0
        for iteration in 1...max(1, iterations) {
            if iteration % 20 == 0 { rate /= 2 }
            let sums = VoteKernels.weighted(
                weights: skills, start: labels.start, cell: labels.cell, classes: classes)
            var agreed = [Double](repeating: 0, count: labels.workerCount), given = agreed
            for task in 0..<labels.taskCount {
                let row = task * classes..<(task + 1) * classes
                let top = sums[row].max() ?? 0
                let tied = Double(sums[row].count(where: { $0 == top }))
                for index in Int(labels.start[task])..<Int(labels.start[task + 1]) {
                    let worker = Int(labels.cell[index]) / classes
                    given[worker] += 1
                    if sums[row.lowerBound + Int(labels.label[index])] == top { agreed[worker] += 1 / tied }
                }
            }
            for worker in skills.indices where given[worker] > 0 {
                skills[worker] += rate * (agreed[worker] / given[worker] - skills[worker])
            }
        }
    }

    /// The vote weighted by the skills. O(labels + tasks C).
    /// - Precondition: fitted, on labels of as many workers.
    public func predict(_ labels: LabelStore) -> Aggregation {
        WeightedVote(weights: skills.map { max(0, $0) }, seed: seed).predict(labels)
    }
}
