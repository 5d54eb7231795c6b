internal import Foundation

/// MACE ([MACE13]): workers who at times answer without looking.
///
/// With probability `1 - theta_j` worker j knows and gives the class, else answers from `xi_j`, the same whatever the
/// class. Variational Bayes, with theta ~ Beta(1/2, 1/2) and a Dirichlet of `0.1 / C` a class added to xi; the fit with
/// the largest marginal likelihood of `restarts` random starts. O(restarts iterations labels C).
public struct MACE: LabelAggregator {
    /// Random starts.
    public var restarts: Int
    /// Iterations of each.
    public var iterations: Int
    /// Decides the starts and ties.
    public var seed: UInt64
    /// `1 - theta_j`, how often a worker answers knowingly; empty before a fit.
    public private(set) var competence: [Double] = []
    private var spam: [Double] = []
    private var blind: [Double] = []

    /// A model that is not fitted yet.
    public init(restarts: Int = 10, iterations: Int = 50, seed: UInt64 = 0) {
        self.restarts = restarts
        self.iterations = iterations
        self.seed = seed
    }

    /// Fits, and gives the best fit's posterior. O(restarts * iterations * labels * classes).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        let classes = labels.classCount
        var most = -Double.infinity
        var posterior = [Double](repeating: 1 / Double(classes), count: labels.taskCount * classes)
        for restart in 0..<max(1, restarts) {
            var stream = RandomStream(seed: seed, purpose: .labelModel, index: UInt64(restart) + 1)
            var theta = (0..<labels.workerCount).map { _ in stream.unit() }
            var xi = (0..<labels.workerCount * classes).map { _ in stream.unit() }
            for worker in 0..<labels.workerCount {
                let row = worker * classes..<(worker + 1) * classes, sum = xi[row].reduce(0, +)
                for c in row { xi[c] /= sum }
            }
            var step = Step(labels, theta, xi)
            for _ in 0..<iterations {
                Self.maximise(step, &theta, &xi, classes)
                step = Step(labels, theta, xi)
            }
            guard step.likelihood > most else { continue }
            most = step.likelihood
            (spam, blind, posterior) = (theta, xi, step.posterior)
        }
        competence = spam.map { 1 - $0 }
        var result = Aggregation(posterior: posterior, of: labels, seed: seed)
        result.iterations = iterations
        return result
    }

    /// The posterior under the last fit. O(labels x classes).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(
            spam.count == labels.workerCount && blind.count == spam.count * labels.classCount,
            "MACE: fitted on \(spam.count) workers, asked about \(labels.workerCount)")
        return Aggregation(posterior: Step(labels, spam, blind).posterior, of: labels, seed: seed)
    }

    /// One expectation: posteriors, how often each worker is expected to have answered blindly what, and knowingly.
    private struct Step {
        var posterior: [Double]
        var likelihood = 0.0
        var blind: [Double]
        var known: [Double]

        init(_ labels: LabelStore, _ theta: [Double], _ xi: [Double]) {
            let classes = labels.classCount
            posterior = [Double](repeating: 1 / Double(classes), count: labels.taskCount * classes)
            blind = [Double](repeating: 0, count: xi.count)
            known = [Double](repeating: 0, count: theta.count)
            var logs = [Double](repeating: 0, count: classes)
            for task in 0..<labels.taskCount {
                let own = Int(labels.start[task])..<Int(labels.start[task + 1])
                guard !own.isEmpty else { continue }
                for z in 0..<classes { logs[z] = -log(Double(classes)) }
                for e in own {
                    let cell = Int(labels.cell[e]), worker = cell / classes, y = Int(labels.label[e])
                    let guess = max(theta[worker] * xi[cell], 1e-300)
                    let other = log(guess)
                    for z in 0..<classes { logs[z] += z == y ? log(guess + 1 - theta[worker]) : other }
                }
                let top = logs.max()!
                var sum = 0.0
                for z in 0..<classes {
                    posterior[task * classes + z] = exp(logs[z] - top)
                    sum += posterior[task * classes + z]
                }
                likelihood += top + log(sum)
                for z in 0..<classes { posterior[task * classes + z] /= sum }
                for e in own {
                    let cell = Int(labels.cell[e]), worker = cell / classes
                    let p = posterior[task * classes + Int(labels.label[e])]
                    let guess = theta[worker] * xi[cell],
                        knows = p * (1 - theta[worker]) / (guess + 1 - theta[worker] + 1e-300)
                    known[worker] += knows
                    blind[cell] += 1 - knows
                }
            }
        }
    }

    private static func maximise(_ step: Step, _ theta: inout [Double], _ xi: inout [Double], _ classes: Int) {
        let smoothing = 0.1 / Double(classes)
        for worker in theta.indices {
            let row = worker * classes..<(worker + 1) * classes
            let guessed = step.blind[row].reduce(0, +), known = step.known[worker]
            let whole = digamma(guessed + known + 1)
            let spam = exp(digamma(guessed + 0.5) - whole), knows = exp(digamma(known + 0.5) - whole)
            theta[worker] = spam / (spam + knows)
            var sum = 0.0
            for cell in row {
                xi[cell] = exp(digamma(step.blind[cell] + smoothing))
                sum += xi[cell]
            }
            for cell in row { xi[cell] = sum > 0 ? xi[cell] / sum : 1 / Double(classes) }
        }
    }
}
