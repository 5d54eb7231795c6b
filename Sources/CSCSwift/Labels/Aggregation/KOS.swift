/// Karger, Oh and Shah's message passing ([KOS14]); two classes.
///
/// With a label A_ij = +1 or -1, from y_ji ~ N(1, 1): `x_ij = sum over the task's other workers of A y`, `y_ji = sum over
/// the worker's other tasks of A x`; the class is the sign of `sum_j A_ij y_ji`. Messages are scaled to a root mean square
/// of 1 after each iteration, which changes no sign. The probability reported is the share of that sum of absolute
/// messages: a ranking, no calibrated probability. O(iterations labels).
public struct KOS: LabelAggregator {
    /// How many iterations.
    public var iterations: Int
    /// Decides the first messages and ties.
    public var seed: UInt64
    /// The mean message of each worker, [workers]; empty before a fit. Negative: answers the opposite.
    public private(set) var reliability: [Double] = []

    /// A model that is not fitted yet.
    public init(iterations: Int = 100, seed: UInt64 = 0) {
        self.iterations = iterations
        self.seed = seed
    }

    /// Passes messages and gives the signs. O(iterations x labels).
    /// - Precondition: two classes.
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        precondition(labels.classCount == 2, "KOS: \(labels.classCount) classes, not 2")
        let n = labels.labelCount
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: 0)
        var y = (0..<n).map { _ in 1 + stream.normal() }, x = [Double](repeating: 0, count: n)
        let sign = labels.label.map { $0 == 1 ? 1.0 : -1 }
        var sums = [Double](repeating: 0, count: labels.workerCount)
        for _ in 0..<iterations {
            for worker in sums.indices { sums[worker] = 0 }
            for task in 0..<labels.taskCount {
                let own = Int(labels.start[task])..<Int(labels.start[task + 1])
                let all = own.reduce(0) { $0 + sign[$1] * y[$1] }
                for e in own {
                    x[e] = all - sign[e] * y[e]
                    sums[Int(labels.cell[e]) / 2] += sign[e] * x[e]
                }
            }
            var square = 0.0
            for e in 0..<n {
                y[e] = sums[Int(labels.cell[e]) / 2] - sign[e] * x[e]
                square += y[e] * y[e]
            }
            guard square > 0 else { break }
            let scale = (square / Double(n)).squareRoot()
            for e in 0..<n { y[e] /= scale }
        }
        var given = [Double](repeating: 0, count: labels.workerCount)
        reliability = given
        for e in 0..<n {
            reliability[Int(labels.cell[e]) / 2] += y[e]
            given[Int(labels.cell[e]) / 2] += 1
        }
        for worker in given.indices where given[worker] > 0 { reliability[worker] /= given[worker] }
        var result = Self.decide(labels, seed: seed) { y[$0] }
        result.iterations = iterations
        return result
    }

    /// The signs with each worker's mean message of the last fit. O(labels).
    /// - Precondition: fitted, on labels of as many workers.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(reliability.count == labels.workerCount, "KOS: fitted on \(reliability.count) workers")
        return Self.decide(labels, seed: seed) { reliability[Int(labels.cell[$0]) / 2] }
    }

    private static func decide(_ labels: LabelStore, seed: UInt64, weight: (Int) -> Double) -> Aggregation {
        var posterior = [Double](repeating: 0.5, count: 2 * labels.taskCount)
        for task in 0..<labels.taskCount {
            var sum = 0.0, whole = 0.0
            for e in Int(labels.start[task])..<Int(labels.start[task + 1]) {
                let w = weight(e)
                sum += labels.label[e] == 1 ? w : -w
                whole += abs(w)
            }
            if whole > 0 { posterior[2 * task + 1] = 0.5 + 0.5 * sum / whole }
            posterior[2 * task] = 1 - posterior[2 * task + 1]
        }
        return Aggregation(posterior: posterior, of: labels, seed: seed)
    }
}
