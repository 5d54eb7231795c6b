import CSCSwift
import Foundation
import Testing

/// Models whose class probabilities count as one more worker.
@Suite("Soft labels")
struct SoftLabelsTests {
    /// A crowd of `workers` right so often on tasks of `classes` classes, `perTask` labels each.
    private func crowd(
        tasks: Int = 600, perTask: Int = 2, classes: Int = 2, accuracy: ClosedRange<Double> = 0.6...0.8,
        seed: UInt64 = 1
    ) -> (store: LabelStore, truth: [Int?]) {
        madeLabels(tasks: tasks, workers: 20, perTask: perTask, classes: classes, seed: seed) { worker, z, _, stream in
            let right = accuracy.lowerBound + (accuracy.upperBound - accuracy.lowerBound) * Double(worker) / 19
            return stream.unit() < right ? z : (z + 1 + stream.index(below: classes - 1)) % classes
        }
    }

    /// A model that is right so often, and says so with this probability.
    private func rows(
        _ truth: [Int?], model: Int = 0, accuracy: Double, says: Double, classes: Int = 2, seed: UInt64
    ) -> [(task: Int, model: Int, probabilities: [Double])] {
        var stream = RandomStream(seed: seed, purpose: .test)
        return truth.enumerated().map { task, truth in
            let z = truth ?? 0
            let said = stream.unit() < accuracy ? z : (z + 1 + stream.index(below: classes - 1)) % classes
            let rest = (1 - says) / Double(classes - 1)
            return (task, model, (0..<classes).map { $0 == said ? says : rest })
        }
    }

    private func soft(
        _ rows: [(task: Int, model: Int, probabilities: [Double])], of truth: [Int?], models: [String] = ["m"],
        classes: Int = 2
    ) throws -> SoftLabels {
        try SoftLabels(models: models, rows: rows, taskCount: truth.count, classCount: classes)
    }

    private func fit(_ method: AggregationMethod, _ store: LabelStore, _ soft: SoftLabels?) -> Aggregation {
        var store = store
        store.soft = soft
        var aggregator = method.aggregator()
        return aggregator.fitPredict(store)
    }

    private static let listening = AggregationMethod.allCases.filter(\.takesSoft)

    /// The mean surprise at the truth, in nats.
    private func surprise(_ posterior: [Double], _ truth: [Int?], classes: Int = 2) -> Double {
        truth.indices.reduce(0) { $0 - log(max(1e-12, posterior[$1 * classes + truth[$1]!])) } / Double(truth.count)
    }

    @Test("a perfect model makes every label right", arguments: listening, [2, 4])
    func perfect(method: AggregationMethod, classes: Int) throws {
        let (store, truth) = crowd(classes: classes)
        let model = try soft(
            rows(truth, accuracy: 1, says: 0.97, classes: classes, seed: 3), of: truth, classes: classes)
        let without = try #require(fit(method, store, nil).accuracy(truth: truth))
        let result = fit(method, store, model)
        let with = try #require(result.accuracy(truth: truth))
        #expect(without < 0.85 && with > 0.95, "\(method): \(with), without \(without)")
        #expect(result.softWeights[0] > 0.5, "\(result.softWeights)")
        #expect(result.modelQualities(model, truth: truth)[0].right == 600)
    }

    @Test("a model that says anything at all is left out", arguments: listening, [2, 4])
    func useless(method: AggregationMethod, classes: Int) throws {
        let (store, truth) = crowd(tasks: 1500, perTask: 3, classes: classes)
        var stream = RandomStream(seed: 9, purpose: .test)
        let says = truth.indices.map { task in
            let numbers = (0..<classes).map { _ in -log(1 - stream.unit()) }, sum = numbers.reduce(0, +)
            return (task: task, model: 0, probabilities: numbers.map { $0 / sum })
        }
        let without = try #require(fit(method, store, nil).accuracy(truth: truth))
        let result = fit(method, store, try soft(says, of: truth, classes: classes))
        let with = try #require(result.accuracy(truth: truth))
        #expect(abs(with - without) < 0.015, "\(method): \(with), without \(without)")
        #expect(result.softWeights[0] < 0.12, "\(method): \(result.softWeights)")
    }

    @Test("an overconfident model is tempered: better calibrated than at its word", arguments: listening)
    func overconfident(method: AggregationMethod) throws {
        let (store, truth) = crowd()
        let says = rows(truth, accuracy: 0.75, says: 0.999, seed: 5)
        let alone = fit(method, store, nil), result = fit(method, store, try soft(says, of: truth))
        let trusting = truth.indices.flatMap { task in
            let both = (0..<2).map { alone.posterior[task * 2 + $0] * says[task].probabilities[$0] }
            return both.map { $0 / both.reduce(0, +) }
        }
        let tempered = surprise(result.posterior, truth)
        #expect(tempered < surprise(trusting, truth) - 0.3, "\(method): \(tempered)")
        #expect(tempered < surprise(alone.posterior, truth), "and better than without it: \(tempered)")
        // 0.75 in log odds over what it claims, smoothed: 1.1 / 5.
        #expect(result.softWeights[0] > 0.1 && result.softWeights[0] < 0.4, "\(method): \(result.softWeights)")
    }

    @Test("two copies of one model are one, as a family and by themselves", arguments: listening)
    func copies(method: AggregationMethod) throws {
        let (store, truth) = crowd(classes: 3)
        let once = rows(truth, accuracy: 0.8, says: 0.9, classes: 3, seed: 4)
        let twice = once + once.map { ($0.task, 1, $0.probabilities) }
        let one = fit(method, store, try soft(once, of: truth, classes: 3))
        let pair = try soft(twice, of: truth, models: ["m", "n"], classes: 3)
        let family = fit(method, store, pair.families([7, 7])), apart = fit(method, store, pair)
        // EM starts from votes, of which two models have two, and ends where no posterior moves by more than its tolerance.
        let tolerance = method == .pooled ? 1e-6 : 1e-3
        for (name, result) in [("family", family), ("apart", apart)] {
            let gap = zip(result.posterior, one.posterior).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(gap < tolerance && result.labels == one.labels, "\(method), \(name): \(gap)")
        }
        #expect(abs(family.softWeights[0] - one.softWeights[0]) < tolerance)
        #expect(family.softWeights[0] == family.softWeights[1])
        #expect(abs(apart.softWeights[0] + apart.softWeights[1] - one.softWeights[0]) < tolerance)
    }

    @Test("two models that err apart count for more than one")
    func correlated() throws {
        let (store, truth) = crowd(tasks: 1500)
        let first = rows(truth, accuracy: 0.8, says: 0.9, seed: 4)
        let other = rows(truth, model: 1, accuracy: 0.8, says: 0.9, seed: 5)
        let names = ["m", "n"]
        let one = fit(.pooled, store, try soft(first, of: truth))
        let both = fit(.pooled, store, try soft(first + other, of: truth, models: names))
        let sum = both.softWeights.reduce(0, +)
        #expect(sum > 1.6 * one.softWeights[0], "\(both.softWeights), alone \(one.softWeights)")
        #expect(try #require(both.accuracy(truth: truth)) > #require(one.accuracy(truth: truth)) + 0.02)
    }

    @Test("a bias to a class is no evidence: the model's mean is taken off")
    func bias() throws {
        let (store, truth) = crowd(tasks: 1500, perTask: 3)
        // Right in .8 of the cases at .5, and everything moved by two nats towards class 1.
        let fair = rows(truth, accuracy: 0.8, says: 0.8, seed: 4)
        let biased = fair.map { row in
            let odds = row.probabilities[1] / row.probabilities[0] * exp(2)
            return (task: row.task, model: 0, probabilities: [1 / (1 + odds), odds / (1 + odds)])
        }
        let straight = fit(.pooled, store, try soft(fair, of: truth)),
            turned = fit(.pooled, store, try soft(biased, of: truth))
        let accuracies = try [straight, turned].map { try #require($0.accuracy(truth: truth)) }
        #expect(abs(accuracies[0] - accuracies[1]) < 0.01, "\(accuracies)")
        #expect(surprise(turned.posterior, truth) < surprise(straight.posterior, truth) + 0.02)
    }

    @Test(
        "the order of rows, models and labels does not matter; tasks without rows are as they were",
        arguments: listening)
    func order(method: AggregationMethod) throws {
        let (store, truth) = crowd(classes: 3)
        let says =
            rows(truth, accuracy: 0.8, says: 0.9, classes: 3, seed: 4)
            + rows(truth, model: 1, accuracy: 0.7, says: 0.8, classes: 3, seed: 5)
        let plain = fit(method, store, try soft(says, of: truth, models: ["m", "n"], classes: 3))
        var stream = RandomStream(seed: 2, purpose: .test), mixed = says
        stream.shuffle(&mixed)
        let exchanged = mixed.map { ($0.task, 1 - $0.model, $0.probabilities) }
        let again = fit(method, store, try soft(exchanged, of: truth, models: ["n", "m"], classes: 3))
        #expect(again.posterior == plain.posterior && again.softWeights == plain.softWeights)
        let silent = fit(method, store, try soft([], of: truth, models: ["m"], classes: 3)),
            alone = fit(method, store, nil)
        let gap = zip(silent.posterior, alone.posterior).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(gap < 1e-6 && silent.labels == alone.labels, "\(method): \(gap)")
    }

    @Test("a task that a model alone speaks of has its answer", arguments: listening)
    func alone(method: AggregationMethod) throws {
        let (store, truth) = crowd(tasks: 300)
        // The same labels among 310 tasks.
        var rows: [(Int32, Int32, Int32)] = []
        for task in 0..<300 { for (w, y) in store.labels(of: task) { rows.append((Int32(task), Int32(w), Int32(y))) } }
        let wide = LabelStore(
            tasks: rows.map(\.0), workers: rows.map(\.1), labels: rows.map(\.2), taskCount: 310, workerCount: 20,
            classCount: 2)
        var says = self.rows(truth, accuracy: 0.9, says: 0.9, seed: 4)
        for task in 300..<305 { says.append((task, 0, [0.1, 0.9])) }
        let result = fit(method, wide, try SoftLabels(models: ["m"], rows: says, taskCount: 310, classCount: 2))
        #expect(result.unlabelled == Array(305..<310))
        for task in 300..<305 {
            #expect(
                result.labels[task] == 1 && result.posterior[task * 2 + 1] > 0.7, "\(result.probabilities(of: task))")
        }
    }

    @Test("rows that are no probabilities are refused")
    func refusals() {
        let good = [(task: 0, model: 0, probabilities: [0.5, 0.5])]
        #expect(throws: Never.self) { try self.soft(good, of: [0, 1]) }
        for bad in [[0.5, 0.4], [1.1, -0.1], [.nan, 0.5], [.infinity, 0], [1], [0.3, 0.3, 0.4], []] {
            #expect(throws: CSCError.self) { try self.soft([(0, 0, bad)], of: [0, 1]) }
        }
        #expect(throws: CSCError.self) { try self.soft(good + good, of: [0, 1]) }
        #expect(throws: CSCError.self) { try self.soft([(2, 0, [1, 0])], of: [0, 1]) }
        #expect(throws: CSCError.self) { try self.soft([(0, 1, [1, 0])], of: [0, 1]) }
        #expect(throws: CSCError.self) { try self.soft(good, of: [0, 1], models: ["m", "m"]) }
    }
}
