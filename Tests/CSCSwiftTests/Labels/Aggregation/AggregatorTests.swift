import CSCSwift
import Foundation
import Testing

@Suite("Aggregators")
struct AggregatorTests {
    /// Labels of workers with known accuracies on random tasks.
    private func made(
        tasks: Int, workers: Int, perTask: Int, classes: Int, seed: UInt64 = 1, accuracy: (Int) -> Double
    ) -> (store: LabelStore, truth: [Int?]) {
        madeLabels(tasks: tasks, workers: workers, perTask: perTask, classes: classes, seed: seed) {
            worker, z, _, stream in
            let wrong = (z + 1 + stream.index(below: classes - 1)) % classes
            return stream.unit() < accuracy(worker) ? z : wrong
        }
    }

    @Test("majority by hand: winners, shares, ties, a task without labels, fast path")
    func majority() throws {
        // Task 0: 2 of 3 for class 1; task 1: tie of 0 and 2; task 2: no label.
        let tasks: [Int32] = [0, 1, 0, 1, 0]
        let labels: [Int32] = [1, 0, 0, 2, 1]
        let store = LabelStore(
            tasks: tasks, workers: [0, 0, 1, 1, 2], labels: labels, taskCount: 3, workerCount: 3, classCount: 3)
        let result = MajorityVote().predict(store)
        #expect(result.labels[0] == 1)
        let third: Double = 1.0 / 3.0
        let shares: [Double] = [third, 2.0 / 3.0, 0, 0.5, 0, 0.5, third, third, third]
        #expect(result.posterior == shares)
        #expect(result.tieCount == 1 && result.unlabelled == [2])
        let half = try #require(result.expectedAccuracy(truth: [1, 2, nil]))
        #expect(half == 0.75)
        let none = try #require(result.expectedAccuracy(truth: [0, 1, 2]))
        #expect(none == 0, "the task without labels is not scored")
        #expect(result.accuracy(truth: [nil, nil, nil]) == nil)
        #expect(MajorityVote.aggregate(tasks: tasks, labels: labels, taskCount: 3, classCount: 3) == result)
        var coin = [0, 0, 0]
        for seed in 0..<3000 { coin[MajorityVote(seed: UInt64(seed)).predict(store).labels[1]] += 1 }
        #expect(coin[1] == 0)
        #expect(abs(coin[0] - 1500) < 150)  // 5.5 standard deviations
    }

    @Test("weighted vote by hand: given weights overrule numbers, agreement weights as counted")
    func weighted() {
        let store = LabelStore(
            tasks: [0, 0, 0, 1, 1, 1, 2, 2], workers: [0, 1, 2, 0, 1, 2, 0, 1], labels: [1, 0, 0, 1, 1, 0, 0, 1],
            taskCount: 3, workerCount: 3, classCount: 2)
        var heavy = WeightedVote(weights: [3, 1, 1])
        #expect(heavy.fitPredict(store).labels == [1, 1, 0])
        #expect(heavy.predict(store).probabilities(of: 0) == [0.4, 0.6])
        var wawa = WeightedVote()
        wawa.fit(store)
        // Worker 0 agrees on tasks 1 and half of 2 of three; worker 1 on 0, 1 and half of 2; worker 2 on 0 of two.
        let weights: [Double] = [1.5 / 3, 2.5 / 3, 0.5]
        #expect(wawa.weights == weights)
        #expect(wawa.predict(store).labels == [0, 1, 1])
    }

    /// One EM run written as the formulas stand, on dictionaries of nothing: the kernel's reference.
    private func naiveDawidSkene(
        _ store: LabelStore, iterations: Int, right: Double, wrong: Double, smoothing a: Double
    ) -> [[Double]] {
        let n = store.taskCount, k = store.workerCount, classes = store.classCount
        var p = (0..<n).map { task in
            let votes = store.labels(of: task)
            return (0..<classes).map { c in
                votes.isEmpty
                    ? 1 / Double(classes) : Double(votes.count(where: { $0.label == c })) / Double(votes.count)
            }
        }
        // Three who agree and nobody who differs: such a task keeps its class until the end, but for maximum likelihood.
        let fast = (0..<n).map { task -> Bool in
            let votes = store.labels(of: task)
            return right > wrong && votes.count >= 3 && Set(votes.map(\.label)).count == 1
        }
        for iteration in 0..<iterations {
            let prior = (0..<classes).map { c in
                (p.reduce(0) { $0 + $1[c] } + a) / (Double(n) + Double(classes) * a)
            }
            var pi = (0..<k).map { _ in
                (0..<classes).map { c in (0..<classes).map { $0 == c ? right : wrong / Double(classes - 1) } }
            }
            for task in 0..<n {
                for (worker, label) in store.labels(of: task) {
                    for c in 0..<classes { pi[worker][c][label] += p[task][c] }
                }
            }
            for worker in 0..<k {
                for c in 0..<classes {
                    let total = pi[worker][c].reduce(0, +)
                    for l in 0..<classes { pi[worker][c][l] /= total }
                }
            }
            for task in 0..<n where !fast[task] || iteration == iterations - 1 {
                let logs = (0..<classes).map { c in
                    log(prior[c]) + store.labels(of: task).reduce(0) { $0 + log(pi[$1.worker][c][$1.label]) }
                }
                let top = logs.max()!
                let sum = logs.reduce(0) { $0 + exp($1 - top) }
                p[task] = logs.map { exp($0 - top) / sum }
            }
        }
        return p
    }

    @Test("Dawid-Skene agrees with the formulas written out", arguments: [2, 3, 5])
    func dawidSkeneFormulas(classes: Int) {
        let (store, _) = made(tasks: 300, workers: 15, perTask: 4, classes: classes) { 0.35 + 0.04 * Double($0) }
        for iterations in [1, 2, 7] {
            let prior = naiveDawidSkene(store, iterations: iterations, right: 1, wrong: 0.5, smoothing: 0.5)
            let even = naiveDawidSkene(
                store, iterations: iterations, right: 0.01, wrong: 0.01 * Double(classes - 1), smoothing: 0.01)
            for (reference, start) in [
                (prior, DawidSkene(options: EMOptions(maxIterations: iterations, tolerance: 0))),
                (even, DawidSkene(maximumLikelihood: 0.01, iterations: iterations, tolerance: 0)),
            ] {
                var model = start
                let result = model.fitPredict(store)
                #expect(result.iterations == iterations)
                var worst = 0.0
                for task in 0..<300 {
                    for c in 0..<classes {
                        worst = max(worst, abs(result.probabilities(of: task)[c] - reference[task][c]))
                    }
                }
                #expect(worst < 1e-10)
                let again = model.predict(store)
                for (x, y) in zip(again.posterior, result.posterior) { #expect(abs(x - y) < 1e-9) }
            }
        }
    }

    @Test("one-coin and GLAD find the workers' accuracies; all models beat the majority when workers differ")
    func recovery() throws {
        let quality = { (worker: Int) in worker % 4 == 0 ? 0.95 : worker % 4 == 1 ? 0.3 : 0.55 }
        let (store, truth) = made(tasks: 4000, workers: 40, perTask: 7, classes: 2, accuracy: quality)
        let majority = try #require(MajorityVote().predict(store).expectedAccuracy(truth: truth))
        var coin = OneCoin()
        let coinResult = coin.fitPredict(store)
        for worker in 0..<40 { #expect(abs(coin.accuracy[worker] - quality(worker)) < 0.06) }
        var glad = GLAD()
        let gladResult = glad.fitPredict(store)
        #expect(glad.ability[0] > glad.ability[2] && glad.ability[2] > 0 && glad.ability[1] < 0)
        var full = DawidSkene()
        for result in [coinResult, gladResult, full.fitPredict(store)] {
            let accuracy = try #require(result.accuracy(truth: truth))
            #expect(accuracy > majority + 0.1)
            #expect(result.converged)
        }
        let known = coinResult.workerQualities(store, truth: truth)[0]
        var covered = 0
        for worker in 0..<40 where known[worker].lower <= quality(worker) && quality(worker) <= known[worker].upper {
            covered += 1
        }
        #expect(covered >= 34)  // 95 % intervals; 34 of 40 or fewer has probability 0.01
    }

    @Test("GLAD finds which tasks are hard, and reads its own E step back")
    func gladEasiness() {
        var stream = RandomStream(seed: 5, purpose: .test)
        var tasks: [Int32] = [], workers: [Int32] = [], labels: [Int32] = []
        for task in 0..<1000 {
            let right = task < 500 ? 0.9 : 0.6
            for worker in 0..<12 {
                tasks.append(Int32(task))
                workers.append(Int32(worker))
                labels.append(stream.unit() < right ? 1 : 0)
            }
        }
        let store = LabelStore(
            tasks: tasks, workers: workers, labels: labels, taskCount: 1000, workerCount: 12, classCount: 2)
        var model = GLAD()
        let fitted = model.fitPredict(store)
        let easy = model.easiness[..<500].reduce(0, +) / 500, hard = model.easiness[500...].reduce(0, +) / 500
        #expect(easy > hard + 0.5)
        // ln p1/p0 = beta (sum of abilities of those for 1 minus those for 0), at convergence
        for task in [0, 499, 700, 999] {
            let beta = exp(model.easiness[task])
            var logit = 0.0
            for (worker, label) in store.labels(of: task) {
                logit += label == 1 ? beta * model.ability[worker] : -beta * model.ability[worker]
            }
            let expected = 1 / (1 + exp(-logit))
            #expect(abs(fitted.probabilities(of: task)[1] - expected) < 1e-3)
        }
        #expect(model.predict(store).labels == fitted.labels)
    }

    @Test("the same bits at any thread count", arguments: AggregationMethod.allCases)
    func threads(method: AggregationMethod) {
        let (store, _) = made(
            tasks: 12_000, workers: 60, perTask: 6, classes: method == .glad || method == .kos ? 2 : 3
        ) { _ in 0.6 }
        defer { Threads.count = 0 }
        var results: [Aggregation] = []
        for count in [1, 2, 7] {
            Threads.count = count
            var model = method.aggregator()
            results.append(model.fitPredict(store))
        }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test("corner cases: one worker, one task, all agree, nobody answers", arguments: AggregationMethod.allCases)
    func corners(method: AggregationMethod) {
        func labels(_ rows: [(Int32, Int32, Int32)], tasks: Int, workers: Int) -> Aggregation {
            let store = LabelStore(
                tasks: rows.map(\.0), workers: rows.map(\.1), labels: rows.map(\.2), taskCount: tasks,
                workerCount: workers, classCount: 2)
            var model = method.aggregator()
            return model.fitPredict(store)
        }
        #expect(labels([(0, 0, 1), (1, 0, 0)], tasks: 2, workers: 1).labels == [1, 0])
        #expect(labels([(0, 0, 1), (0, 1, 1), (0, 2, 1)], tasks: 1, workers: 4).labels == [1])
        let none = labels([], tasks: 3, workers: 2)
        #expect(none.posterior.allSatisfy { abs($0 - 0.5) < 1e-12 })
        #expect(none.unlabelled == [0, 1, 2] && none.accuracy(truth: [0, 1, 1]) == nil && none.tieCount == 0)
        let many = (0..<400).map { (Int32(0), Int32($0), Int32(1)) }
        #expect(labels(many, tasks: 1, workers: 400).posterior.allSatisfy { $0.isFinite && $0 >= 0 && $0 <= 1 })
    }

    @Test("unanimous tasks of workers with one or two labels keep their class", arguments: AggregationMethod.allCases)
    func unanimous(method: AggregationMethod) {
        // 90 tasks of class y and 10 of class x, three workers a task who agree, 150 workers with two labels each: what
        // Dawid-Skene by maximum likelihood turned into 100 tasks of class y with probability 0.99998.
        var rows: ([Int32], [Int32], [Int32]) = ([], [], [])
        for task in 0..<Int32(100) {
            for k in 0..<Int32(3) {
                rows.0.append(task)
                rows.1.append((task / 2) * 3 + k)
                rows.2.append(task < 10 ? 0 : 1)
            }
        }
        let store = LabelStore(
            tasks: rows.0, workers: rows.1, labels: rows.2, taskCount: 100, workerCount: 150, classCount: 2)
        var model = method.aggregator()
        let result = model.fitPredict(store)
        guard method != .dawidSkeneML else {
            #expect(result.overruled.count == 10)  // as published; the prior is what the others have
            return
        }
        guard method != .kos else { return }  // knows the classes of each block of workers up to an exchange only
        #expect(result.labels == (0..<100).map { $0 < 10 ? 0 : 1 })
        #expect(result.overruled.isEmpty)
        #expect((0..<10).allSatisfy { result.probabilities(of: $0)[0] > 0.5 })
    }

    @Test(
        "a label that nobody gave is never a task's label",
        arguments: AggregationMethod.allCases.filter { $0 != .dawidSkeneML && $0 != .kos })
    func given(method: AggregationMethod) {
        // Three tasks of three classes with one label each, and noise: an answer that nobody gave is never right here.
        let (noise, _) = made(tasks: 60, workers: 30, perTask: 1, classes: 4, seed: 3) { _ in 0.3 }
        var model = method.aggregator()
        let result = model.fitPredict(noise)
        for task in 0..<60 { #expect(noise.labels(of: task).contains { $0.label == result.labels[task] }) }
    }

    @Test("EM and GLAD watch every class before they stop, also the two hundredth")
    func manyClasses() {
        // Only tasks of classes from 128 on are in doubt; what moves stands beyond the first 128 classes.
        let (few, _) = made(tasks: 400, workers: 12, perTask: 3, classes: 3, seed: 9) { 0.45 + 0.04 * Double($0) }
        let shift: Int32 = 150
        let many = LabelStore(
            tasks: (0..<400).flatMap { task in few.labels(of: task).map { _ in Int32(task) } },
            workers: (0..<400).flatMap { task in few.labels(of: task).map { Int32($0.worker) } },
            labels: (0..<400).flatMap { task in few.labels(of: task).map { Int32($0.label) + shift } },
            taskCount: 400, workerCount: 12, classCount: 160)
        for start in [DawidSkene() as any LabelAggregator, GLAD()] {
            var model = start
            let result = model.fitPredict(many)
            #expect(result.iterations > 3)  // it stopped after one or two, nothing moving among the first 128
            #expect(result.lastChange > 0)
        }
    }

    @Test("Krippendorff's alpha: the published examples B and C of 2011")
    func krippendorff() throws {
        func alpha(_ rows: [String], classes: Int) throws -> Double {
            var tasks: [Int32] = [], workers: [Int32] = [], labels: [Int32] = []
            for (worker, row) in rows.enumerated() {
                for (task, value) in row.enumerated() {
                    guard let digit = value.wholeNumberValue else { continue }
                    tasks.append(Int32(task))
                    workers.append(Int32(worker))
                    labels.append(Int32(digit))
                }
            }
            return try #require(
                Agreement.krippendorffAlpha(
                    LabelStore(
                        tasks: tasks, workers: workers, labels: labels, taskCount: rows[0].count,
                        workerCount: rows.count, classCount: classes)))
        }
        #expect(abs(try alpha(["0100000010", "1110010000"], classes: 2) - 0.095) < 5e-4)
        let four = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
        #expect(abs(try alpha(four, classes: 6) - 0.743) < 5e-4)
        #expect(try alpha(["01", "01"], classes: 2) == 1)
        let one = LabelStore(
            tasks: [0, 1], workers: [0, 0], labels: [0, 1], taskCount: 2, workerCount: 1, classCount: 2)
        #expect(Agreement.krippendorffAlpha(one) == nil)
    }

    @Test("the beta distribution: closed forms, symmetry, known quantiles")
    func beta() {
        for x in [0.001, 0.2, 0.5, 0.77, 0.999] {
            let square = 3 * x * x - 2 * x * x * x
            let fourth: Double = 1 - pow(1 - x, 4)
            let expected: [(Double, Double, Double)] = [(1, 1, x), (3, 1, x * x * x), (1, 4, fourth), (2, 2, square)]
            for (a, b, value) in expected {
                let error = abs(BetaDistribution(a, b).cumulative(x) - value)
                #expect(error < 1e-13)
            }
            let wide = BetaDistribution(5.5, 71)
            let mirrored = 1 - BetaDistribution(71, 5.5).cumulative(1 - x)
            #expect(abs(wide.cumulative(x) - mirrored) < 1e-12)
            #expect(abs(wide.cumulative(wide.quantile(x)) - x) < 1e-9)
        }
        let interval = BetaDistribution(9, 3).interval()  // 8 of 10 right: scipy.stats.beta.ppf
        #expect(abs(interval.lowerBound - 0.48224) < 1e-4)
        #expect(abs(interval.upperBound - 0.93978) < 1e-4)
        #expect(BetaDistribution(40_000, 60_000).interval().contains(0.4))
    }

    @Test("a worker's interval holds the share: central inside, one-sided where all or no labels are right")
    func qualityIntervals() {
        for labels in [1, 2, 5, 40, 1_000] {
            for right in stride(from: 0, through: Double(labels), by: max(0.25, Double(labels) / 40)) {
                let quality = WorkerQuality(labels: labels, right: right)
                #expect(quality.lower <= right / Double(labels) && right / Double(labels) <= quality.upper)
                let beta = BetaDistribution(1 + right, 1 + Double(labels) - right)
                #expect(abs(beta.cumulative(quality.upper) - beta.cumulative(quality.lower) - 0.95) < 1e-9)
            }
        }
        let all = WorkerQuality(labels: 5, right: 5)  // the 5 % point of x^6
        #expect(all.upper == 1 && abs(all.lower - pow(0.05, 1.0 / 6)) < 1e-9)
        #expect(WorkerQuality(labels: 5, right: 0).lower == 0)
        #expect(abs(WorkerQuality(labels: 0, right: 0).upper - 0.975) < 1e-9)
    }

    @Test(
        "speed against section 6 of the performance notes",
        .enabled(if: ProcessInfo.processInfo.environment["CAFE_SLOW_TESTS"] == "1"))
    func speed() {
        let clock = ContinuousClock()
        func median(_ repeats: Int, _ body: () -> Void) -> Double {
            body()
            let times = (0..<repeats).map { _ in clock.measure(body) / .seconds(1) }.sorted()
            return times[repeats / 2]
        }
        for (tasks, workers) in [(800, 164), (100_000, 1000)] {
            let (store, truth) = made(tasks: tasks, workers: workers, perTask: 10, classes: 2) { worker in
                0.4 + 0.55 * Double(worker % 10) / 9
            }
            let n = Double(store.labelCount)
            var sum = 0
            let repeats = tasks > 1000 ? 7 : 51
            for threads in [1, 2] {
                Threads.count = threads
                let majority = median(repeats) { sum += MajorityVote().predict(store).labels[0] }
                var model = DawidSkene(options: EMOptions(maxIterations: 20, tolerance: 0))
                let em = median(repeats) { sum += model.fitPredict(store).labels[0] }
                let gladTime = median(tasks > 1000 ? 1 : 5) {
                    var glad = GLAD(options: EMOptions(maxIterations: 100, tolerance: 0))
                    sum += glad.fitPredict(store).labels[0]
                }
                print(
                    "\(Int(n)) labels, \(threads) threads: majority \(n / majority / 1e6) M/s, "
                        + "Dawid-Skene (20) \(n / em / 1e6) M/s, GLAD (100) \(n / gladTime / 1e6) M/s, \(sum % 2)")
            }
            Threads.count = 0
            let accuracy = MajorityVote().predict(store).accuracy(truth: truth) ?? 0
            #expect(accuracy > 0.8)
        }
    }
}
