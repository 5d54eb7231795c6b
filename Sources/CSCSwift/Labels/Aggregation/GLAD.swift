internal import Foundation

/// GLAD ([GLAD09]): workers differ in ability, tasks in easiness.
///
/// Worker j's label of task i is right with probability `s(alpha_j beta_i)`, `s(x) = 1 / (1 + e^-x)`, and else uniform
/// over the other classes; `alpha_j ~ N(1, v)` may be negative (an adversary), `beta_i = e^{b_i}` with `b_i ~ N(m, v)`.
///
/// - E: `ln P(z_i = c) = const + sum_{j: y_ij = c} (alpha_j beta_i + ln(C - 1))`, classes equally likely beforehand.
/// - M: one Fisher-scoring step on each `b_i`, then on each `alpha_j`, at most 1 long, in place of the paper's gradient
///   ascent: each is a sum over its own labels, so an iteration is two passes over the labels.
///
/// The paper leaves the variances open; 1 is used for both by default. O(labels) per iteration.
public struct GLAD: LabelAggregator {
    /// Iterations and tolerance; the smoothing is not used.
    public var options: EMOptions
    /// Mean of the prior of `alpha_j`.
    public var abilityMean = 1.0
    /// v: variance of the prior of `alpha_j`; positive.
    public var abilityVariance = 1.0
    /// m: mean of the prior of `b_i`.
    public var easinessMean = 1.0
    /// v: variance of the prior of `b_i`; positive.
    public var easinessVariance = 1.0
    /// Decides ties.
    public var seed: UInt64
    /// `alpha_j`, one per worker; empty before a fit.
    public private(set) var ability: [Double] = []
    /// `b_i = ln beta_i` of the tasks of the last fit.
    public private(set) var easiness: [Double] = []

    /// A model that is not fitted yet; `seed` decides ties.
    public init(options: EMOptions = EMOptions(maxIterations: 200, tolerance: 1e-5), seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
    }

    /// Runs EM from the majority's shares, keeps `ability` and `easiness`, and gives the posterior.
    /// O(iterations (labels + tasks x classes)).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        var alpha = [Double](repeating: abilityMean, count: labels.workerCount)
        let (result, log) = run(labels, ability: &alpha, fits: true)
        ability = alpha
        easiness = log
        return result
    }

    /// Abilities as fitted; the tasks' easiness is estimated again, since the tasks may be others.
    /// O(iterations labels classes).
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(
            ability.count == labels.workerCount,
            "GLAD: fitted on \(ability.count) workers, asked about \(labels.workerCount)")
        var alpha = ability
        return run(labels, ability: &alpha, fits: false).0
    }

    private func run(_ labels: LabelStore, ability: inout [Double], fits: Bool) -> (Aggregation, [Double]) {
        let classes = labels.classCount
        let (workerStart, answer) = fits ? labels.byWorker() : ([], [])
        var posterior = MajorityVote.shares(labels)
        var easiness = [Double](repeating: easinessMean, count: labels.taskCount)
        var scale = [Double](repeating: exp(easinessMean), count: labels.taskCount)
        let bias = [Double](repeating: 0, count: classes)
        var change = Double.infinity
        var iterations = 0
        while iterations < options.maxIterations && change > options.tolerance {
            if fits {
                VoteKernels.gladWorkers(
                    ability: &ability, posterior: posterior, scale: scale, start: workerStart, answer: answer,
                    mean: abilityMean, variance: abilityVariance, classes: classes)
            }
            change = VoteKernels.gladTasks(
                posterior: &posterior, easiness: &easiness, scale: &scale, ability: ability, bias: bias,
                start: labels.start, cell: labels.cell, mean: easinessMean, variance: easinessVariance)
            iterations += 1
        }
        var result = Aggregation(posterior: posterior, of: labels, seed: seed)
        result.iterations = iterations
        result.lastChange = change
        result.converged = change <= options.tolerance
        return (result, easiness)
    }
}
