internal import Foundation

/// How well aggregators explain labels that they have not seen, and how far they agree: what there is to choose by where
/// no truth is known.
///
/// The labels are cut into folds; each is predicted from the others. A held-out label y of worker j on task i has the
/// probability `sum_z q_i(z) pi_j(y | z)`: q is the method's posterior from the other labels, and pi the worker's
/// confusion matrix under that posterior, drawn towards the worker's accuracy and that towards everyone's, in the same way
/// for all methods. The mean log-probability is the evidence. It is a guide and no proof: a method may describe well how
/// people label, and yet call by another class what they mean.
public struct AggregatorComparison: Sendable {
    /// One method's figures.
    public struct Entry: Sendable {
        /// The method.
        public var method: AggregationMethod
        /// The mean log-probability of a held-out label, in nats.
        public var evidence: Double
        /// The standard error of its difference to the best method's, over labels; 0 for the best.
        public var standardError: Double
        /// The share of tasks with labels on which it gives the best method's label.
        public var agreement: Double
        /// What it makes of all labels.
        public var result: Aggregation
    }

    /// The best by evidence first.
    public let entries: [Entry]

    /// How strongly a worker's rows are drawn towards the worker's accuracy, and that towards everyone's, in labels.
    private static let rowStrength = 10.0, accuracyStrength = 4.0

    /// Compares methods on these labels. O(methods x folds) fits.
    /// - Parameters:
    ///   - store: the labels.
    ///   - contexts: the context of each task; nil: one for all.
    ///   - families: the family of each worker, for the methods that have a use for them; nil: everyone is alone.
    ///   - methods: what is compared.
    ///   - folds: at least 2.
    ///   - seed: of the folds, and of whatever is random in the methods.
    public init(
        _ store: LabelStore, contexts: [Int]? = nil, families: [Int]? = nil, methods: [AggregationMethod],
        folds: Int = 4, seed: UInt64 = 0
    ) {
        precondition(folds >= 2, "AggregatorComparison: \(folds) folds")
        var rows: [(task: Int32, worker: Int32, label: Int32)] = []
        for task in 0..<store.taskCount {
            for (worker, label) in store.labels(of: task) { rows.append((Int32(task), Int32(worker), Int32(label))) }
        }
        var order = Array(rows.indices)
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: 0)
        stream.shuffle(&order)
        var scores = [[Double]](repeating: [Double](repeating: 0, count: rows.count), count: methods.count)
        for fold in 0..<folds {
            let held = order.indices.filter { $0 % folds == fold }.map { order[$0] }
            let isHeld = held.reduce(into: [Bool](repeating: false, count: rows.count)) { $0[$1] = true }
            let kept = rows.indices.filter { !isHeld[$0] }
            var training = LabelStore(
                tasks: kept.map { rows[$0].task }, workers: kept.map { rows[$0].worker },
                labels: kept.map { rows[$0].label }, taskCount: store.taskCount, workerCount: store.workerCount,
                classCount: store.classCount)
            training.soft = store.soft
            for (m, method) in methods.enumerated() {
                var aggregator = method.aggregator(seed: seed, contexts: contexts, families: families)
                let response = Response(aggregator.fitPredict(training), training)
                for index in held {
                    scores[m][index] = response.log(
                        task: Int(rows[index].task), worker: Int(rows[index].worker), label: Int(rows[index].label))
                }
            }
        }
        let count = Double(max(1, rows.count))
        let means = scores.map { $0.reduce(0, +) / count }
        let best = means.indices.max { means[$0] < means[$1] } ?? 0
        let results = methods.map { method -> Aggregation in
            var aggregator = method.aggregator(seed: seed, contexts: contexts, families: families)
            return aggregator.fitPredict(store)
        }
        let labelled = (0..<store.taskCount).filter { store.start[$0 + 1] > store.start[$0] }
        entries = methods.indices.map { m in
            let differences = zip(scores[m], scores[best]).map { $0 - $1 }
            let same = labelled.count(where: { results[m].labels[$0] == results[best].labels[$0] })
            return Entry(
                method: methods[m], evidence: means[m],
                standardError: m == best ? 0 : Summary(differences).standardError,
                agreement: Double(same) / Double(max(1, labelled.count)), result: results[m])
        }.sorted { $0.evidence > $1.evidence }
    }

    /// How workers answer, by the labels and what a method makes of their tasks.
    private struct Response {
        let classes: Int
        let posterior: [Double]
        /// [worker, class, label], and their sums over labels.
        var counts: [Double]
        var sums: [Double]
        var accuracy: [Double]
        /// [class, label]: how wrong answers are spread.
        var spread: [Double]

        init(_ result: Aggregation, _ store: LabelStore) {
            classes = store.classCount
            posterior = result.posterior
            let c = classes
            counts = [Double](repeating: 0, count: store.workerCount * c * c)
            sums = [Double](repeating: 0, count: store.workerCount * c)
            spread = [Double](repeating: 1, count: c * c)
            var right = [Double](repeating: 0, count: store.workerCount), given = right
            for task in 0..<store.taskCount {
                for (worker, label) in store.labels(of: task) {
                    given[worker] += 1
                    right[worker] += result.posterior[task * c + label]
                    for z in 0..<c {
                        let p = result.posterior[task * c + z]
                        counts[(worker * c + z) * c + label] += p
                        sums[worker * c + z] += p
                        if z != label { spread[z * c + label] += p }
                    }
                }
            }
            let everyone = (right.reduce(0, +) + 1) / (given.reduce(0, +) + 2)
            accuracy = zip(right, given).map {
                ($0 + AggregatorComparison.accuracyStrength * everyone) / ($1 + AggregatorComparison.accuracyStrength)
            }
            for z in 0..<c {
                spread[z * c + z] = 0
                let total = (0..<c).reduce(0) { $0 + spread[z * c + $1] }
                for y in 0..<c { spread[z * c + y] /= total }
            }
        }

        func log(task: Int, worker: Int, label: Int) -> Double {
            var p = 0.0
            for z in 0..<classes {
                let mean = z == label ? accuracy[worker] : (1 - accuracy[worker]) * spread[z * classes + label]
                let strength = AggregatorComparison.rowStrength
                let seen = counts[(worker * classes + z) * classes + label]
                p += posterior[task * classes + z] * (seen + strength * mean) / (sums[worker * classes + z] + strength)
            }
            return Foundation.log(max(p, 1e-12))
        }
    }
}
