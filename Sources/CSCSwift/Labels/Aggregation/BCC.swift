internal import Foundation

/// Independent Bayesian classifier combination ([BCC12]; variational inference as in [Simpson13]): the model of [DS79]
/// with Dirichlet priors, averaged over their posterior.
///
/// `pi_j[c, .] ~ Dirichlet(a_c)`, the prior's weight on the diagonal, class frequencies ~ Dirichlet(1). E steps use
/// `exp E[ln pi]`, which doubts rows of which little was seen; otherwise as `DawidSkene`, O(labels C + K C^2) per
/// iteration.
public struct BCC: LabelAggregator {
    /// When it stops, and the prior: `priorRight` labels on the diagonal and `priorWrong` beside it.
    public var options: EMOptions
    /// Decides ties.
    public var seed: UInt64
    private var score: [Double] = []
    private var prior: [Double] = []

    /// A model that is not fitted yet. The prior of two right labels and one wrong is that of the BCC papers' examples.
    public init(options: EMOptions = EMOptions(priorRight: 2, priorWrong: 1, smoothing: 1), seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
    }

    /// Runs the iterations from the majority's shares, and gives the last E step's posterior.
    /// O(iterations (labels x classes + workers x classes^2)).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        let classes = labels.classCount
        let right = options.priorRight, wrong = options.priorWrong / Double(classes - 1)
        let result = EMRun.run(labels, options: options, seed: seed) { counts, score in
            for worker in 0..<labels.workerCount {
                for c in 0..<classes {
                    let first = worker * classes * classes + c
                    var total = right + wrong * Double(classes - 1)
                    for l in 0..<classes { total += counts[first + l * classes] }
                    let whole = digamma(max(total, 1e-8))
                    for l in 0..<classes {
                        let at = first + l * classes
                        score[at] = max(-700, digamma(max(counts[at] + (l == c ? right : wrong), 1e-8)) - whole)
                    }
                }
            }
        }
        (score, prior) = (result.score, result.prior)
        return result.aggregation
    }

    /// One E step with what the last fit found. O(labels x classes).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(
            score.count == labels.workerCount * labels.classCount * labels.classCount,
            "BCC: fitted on other workers or classes")
        return EMRun.posterior(labels, score: score, prior: prior, seed: seed)
    }
}
