import CSCSwift
import Foundation
import Testing

@Suite("Baselines of BBTA")
struct BaselineTests {
    /// The integral of f over (0, 1) by the midpoint rule.
    private func integral(_ f: (Double) -> Double) -> Double {
        let n = 4000
        return (0..<n).reduce(0) { $0 + f((Double($1) + 0.5) / Double(n)) } / Double(n)
    }

    @Test("OptKG's moments agree with numerical integration", arguments: [[1, 1, 4, 1], [2.5, 4.2, 3.1, 2.2]])
    func moments(parameters: [Double]) {
        let (a, b, c, d) = (parameters[0], parameters[1], parameters[2], parameters[3])
        // With theta and rho independent, every moment is made of one-dimensional integrals.
        func beta(_ p: Double, _ q: Double) -> (Double) -> Double { { pow($0, p - 1) * pow(1 - $0, q - 1) } }
        func moment(_ density: (Double) -> Double, _ k: Int) -> Double {
            integral { density($0) * pow($0, Double(k)) } / integral(density)
        }
        let theta = (0...3).map { moment(beta(a, b), $0) }, rho = (0...3).map { moment(beta(c, d), $0) }
        for positive in [true, false] {
            // P(Z = z | theta, rho) = u + v theta + w rho + x theta rho
            let (u, v, w, x): (Double, Double, Double, Double) = positive ? (1, -1, -1, 2) : (0, 1, 1, -2)
            func expectation(_ i: Int, _ j: Int) -> Double {  // of theta^i rho^j P(Z = z)
                let first: Double = u * theta[i] + v * theta[i + 1]
                let second: Double = w * theta[i] + x * theta[i + 1]
                return first * rho[j] + second * rho[j + 1]
            }
            let p = expectation(0, 0), m = OptKG.moments(a: a, b: b, c: c, d: d, positive: positive)
            #expect(abs(m.probability - p) < 1e-5)
            #expect(abs(m.theta - expectation(1, 0) / p) < 1e-5 && abs(m.theta2 - expectation(2, 0) / p) < 1e-5)
            #expect(abs(m.rho - expectation(0, 1) / p) < 1e-5 && abs(m.rho2 - expectation(0, 2) / p) < 1e-5)
            let post = OptKG.posterior(a: a, b: b, c: c, d: d, positive: positive)
            #expect(abs(post.a / (post.a + post.b) - m.theta) < 1e-12)
            let n = post.c + post.d
            #expect(abs(post.c * (post.c + 1) / (n * (n + 1)) - m.rho2) < 1e-12)
        }
    }

    @Test("the beta tail agrees with closed forms and numerical integration")
    func betaTail() {
        for n in 1...30 {  // I_{1/2}(n, 1) = 2^-n
            let tail = BetaTail.smaller(a: [Double(n)], b: [1])[0]
            #expect(abs(tail / pow(0.5, Double(n)) - 1) < 1e-11)
        }
        for (a, b) in [(2.0, 3.0), (7.5, 2.25), (40, 38.5), (1.8, 1.6), (300, 310)] {
            func f(_ x: Double) -> Double {
                let left: Double = (a - 1) * log(2 * x), right: Double = (b - 1) * log(2 - 2 * x)
                return exp(left + right)
            }
            let low = integral { f($0 / 2) } / 2, all = integral(f)
            #expect(abs(BetaTail.atLeastHalf(a, b) - (1 - low / all)) < 1e-5)
        }
        let many = (1...13).map { Double($0) * 0.7 }
        let together = BetaTail.smaller(a: many, b: many.reversed())
        for k in many.indices {  // the same bits alone as in a batch
            #expect(BetaTail.smaller(a: [many[k]], b: [many[12 - k]])[0] == together[k])
        }
        #expect(abs(BetaTail.smaller(a: [5], b: [5])[0] - 0.5) < 1e-12)
    }

    @Test("OptKG's incremental gains equal a full recomputation, and the chosen pair has the largest")
    func optKG() throws {
        let matrix = toyMatrix(tasks: 23, workers: 11, contexts: 1, seed: 3)
        var method = OptKG(tasks: 23, workers: 11, seed: 4)
        for _ in 0..<23 * 11 {
            let gains = method.recomputedGains(), next = method.next()
            let pair = try #require(next)
            #expect(method.gains == gains)
            #expect(gains[pair.task * 11 + pair.worker] == gains.max()!)
            try method.record(task: pair.task, worker: pair.worker, label: matrix[pair.task, pair.worker]!)
        }
        let end = method.next()
        #expect(end == nil)
        #expect(matrix.accuracy(of: method.labels)! > 0.9)
    }

    @Test("OptKG (Multi.) keeps each context at its share of the budget")
    func shares() throws {
        let contexts = (0..<40).map { $0 % 4 == 0 ? 1 : 0 }
        var method = OptKGMulti(taskContexts: contexts, workers: 9, seed: 1), asked = [0, 0]
        for step in 1...200 {
            let next = method.next()
            let pair = try #require(next)
            asked[contexts[pair.task]] += 1
            #expect(abs(Double(asked[1]) - Double(step) / 4) <= 1)
            try method.record(task: pair.task, worker: pair.worker, label: step % 2)
        }
    }

    @Test("IEThresh's interval by hand; its and CrowdSense's budgets are matched from below")
    func thresholds() {
        // Rewards 0 and 1: mean 1/2, sd 1/sqrt 2, t_{0.025, 1} = 12.7062.
        #expect(abs(IEThresh.upperInterval(ones: 1, n: 2) - (0.5 + 12.7062047 * 0.5)) < 1e-6)
        let matrix = toyMatrix(tasks: 120, workers: 20, contexts: 2, seed: 6)
        let budgets = [480, 960, 1800]
        for (name, outcomes) in [
            ("IEThresh", IEThresh.matched(matrix, budgets: budgets, seed: 1)),
            ("CrowdSense", CrowdSense.matched(matrix, budgets: budgets, seed: 1)),
        ] {
            // IEThresh's spending jumps with its threshold: some budgets cannot be met.
            let least = name == "CrowdSense" ? 0.85 : 0.5
            for (outcome, budget) in zip(outcomes, budgets) {
                #expect(
                    outcome.spent <= budget && Double(outcome.spent) > least * Double(budget),
                    "\(name) \(outcome.spent)")
                #expect(matrix.accuracy(of: outcome.labels)! > 0.6)
            }
        }
        let all = CrowdSense.run(matrix, epsilon: 10, seed: 1), few = CrowdSense.run(matrix, epsilon: -1, seed: 1)
        #expect(all.spent == 120 * 20 && few.spent == 120 * 3)
    }

    @Test("random + majority asks each pair once and counts votes")
    func random() throws {
        let matrix = toyMatrix(tasks: 15, workers: 5, contexts: 1, seed: 2)
        var method = RandomMajority(tasks: 15, workers: 5, seed: 1), seen: Set<[Int]> = []
        while let pair = method.next() {
            let new = seen.insert([pair.task, pair.worker]).inserted
            #expect(new)
            try method.record(task: pair.task, worker: pair.worker, label: matrix[pair.task, pair.worker]!)
        }
        #expect(seen.count == 75)
        for i in 0..<15 {
            let ones = (0..<5).filter { matrix[i, $0]! == 1 }.count
            #expect(method.labels[i] == (ones > 2 ? 1 : 0))
        }
    }

    @Test("worker models have the accuracies they state", arguments: WorkerModel.allCases)
    func models(model: WorkerModel) {
        var stream = RandomStream(seed: 1, purpose: .test)
        let tasks = (0..<3000).map { LabelingTask(id: "\($0)", context: $0 % 3, truth: stream.index(below: 2)) }
        let matrix = model.matrix(
            tasks: tasks, contexts: ["a", "b", "c"], classes: ["0", "1"], workers: 60, seed: 7)
        var kinds: [Double: Int] = [:]
        let expected: [Double] =
            model == .spammerHammer ? [0.5, 1] : model == .oneCoin ? [0.6, 0.9] : [0.3, 0.6, 0.9]
        for s in 0..<3 {
            for accuracy in matrix.workerAccuracies(context: s) {
                let nearest = expected.min { abs($0 - accuracy) < abs($1 - accuracy) }!
                #expect(abs(nearest - accuracy) < 0.08)
                kinds[nearest, default: 0] += 1
            }
        }
        #expect(kinds[expected.last!] == 60, "each worker is good at exactly one context")
        if model == .malicious { #expect(kinds[0.3] == 60) }
    }

    @Test("GROUSE completes a low-rank matrix from a third of it")
    func grouse() {
        var stream = RandomStream(seed: 2, purpose: .test)
        let rows = 40, columns = 150, rank = 2
        let u = (0..<rows * rank).map { _ in stream.normal() }, v = (0..<columns * rank).map { _ in stream.normal() }
        var full = [Double](repeating: 0, count: rows * columns), holes = full
        for i in 0..<rows {
            for j in 0..<columns {
                full[i * columns + j] = u[2 * i] * v[2 * j] + u[2 * i + 1] * v[2 * j + 1]
                holes[i * columns + j] = stream.unit() < 0.35 ? full[i * columns + j] : .nan
            }
        }
        let found = Grouse.complete(holes, rows: rows, columns: columns, options: .init(rank: 2, passes: 200))
        let error = zip(found, full).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let norm = full.reduce(0) { $0 + $1 * $1 }
        #expect((error / norm).squareRoot() < 1e-6, "relative error \((error / norm).squareRoot())")
    }

    @Test("k-means finds separate clusters, the same each time, none of them empty")
    func kMeans() {
        var stream = RandomStream(seed: 3, purpose: .test)
        let rows = (0..<90).map { [Double($0 % 3) * 10 + stream.normal(), Double($0 % 3) * -7 + stream.normal()] }
        let found = KMeans.cluster(KMeans.standardized(rows), k: 3)
        #expect(found.assignments == (0..<90).map { $0 % 3 })
        let fine = KMeans.cluster(rows, k: 20)
        #expect(Set(fine.assignments).count == 20 && fine == KMeans.cluster(rows, k: 20))
        #expect(Set(KMeans.cluster([[1], [1], [1]], k: 1).assignments) == [0])
    }
}
