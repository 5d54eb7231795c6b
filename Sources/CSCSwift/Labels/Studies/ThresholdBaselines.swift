/// What a method that cannot fix its budget did in one pass over the tasks.
package struct ThresholdOutcome: Sendable, Hashable {
    /// The class that the method's own vote gives each task, [N]; ties by a coin of the seed.
    package var labels: [Int]
    /// The labels it asked for, in the order of asking.
    package var answers: [Label]
    /// How many they are.
    package var spent: Int { answers.count }
    /// Its threshold.
    package var epsilon: Double
}

/// IEThresh ([IEThresh09]): for each arriving task, ask every worker whose upper
/// confidence limit on agreeing with the majority is at least `epsilon` times the best one; majority vote.
package enum IEThresh {
    /// alpha of the interval [src].
    package static let significance = 0.05

    /// `UI(a) = mean + t_{alpha/2, n-1} sd / sqrt(n)` of n rewards of which `ones` are 1. n >= 2.
    package static func upperInterval(ones: Int, n: Int) -> Double {
        precondition(n >= 2 && ones >= 0 && ones <= n, "IEThresh: \(ones) of \(n) rewards")
        let mean = Double(ones) / Double(n)
        let sd = (mean * (1 - mean) * Double(n) / Double(n - 1)).squareRoot()
        let t = StudentT.quantile(1 - significance / 2, degreesOfFreedom: Double(n - 1))
        return mean + t * sd / Double(n).squareRoot()
    }

    /// One pass over the tasks in a random order. `epsilon` in [0, 1]: 0 asks everyone. Each worker starts with the
    /// fictitious rewards 0 and 1 [rec]. `quantiles[n]` is t for n rewards. O(N K).
    static func run(_ matrix: LabelMatrix, epsilon: Double, seed: UInt64, quantiles: [Double]) -> ThresholdOutcome {
        let workers = matrix.workers.count, classes = matrix.classes.count
        var ones = [Int](repeating: 1, count: workers), n = [Int](repeating: 2, count: workers)
        var interval = [Double](repeating: upperInterval(ones: 1, n: 2), count: workers)
        var labels = [Int](repeating: 0, count: matrix.tasks.count), answers: [Label] = []
        var stream = RandomStream(seed: seed, purpose: .labelAssignment)
        var counts = [Int](repeating: 0, count: classes), asked: [Int] = []
        for task in ThresholdOutcome.order(matrix.tasks.count, &stream) {
            let limit = epsilon * interval.max()!
            asked.removeAll(keepingCapacity: true)
            for c in 0..<classes { counts[c] = 0 }
            for worker in 0..<workers
            where interval[worker] >= limit && matrix.entries[task * workers + worker] != LabelMatrix.missing {
                asked.append(worker)
                counts[Int(matrix.entries[task * workers + worker])] += 1
            }
            for worker in asked {
                answers.append(
                    Label(task: task, worker: worker, label: Int(matrix.entries[task * workers + worker])))
            }
            labels[task] = ThresholdOutcome.argmax(counts.map(Double.init), seed: seed, task: task, pairs: asked.count)
            for worker in asked {
                n[worker] += 1
                ones[worker] += Int(matrix.entries[task * workers + worker]) == labels[task] ? 1 : 0
                let mean = Double(ones[worker]) / Double(n[worker])
                let sd = (mean * (1 - mean) / Double(n[worker] - 1)).squareRoot()  // sd / sqrt(n)
                interval[worker] = mean + quantiles[n[worker]] * sd
            }
        }
        return ThresholdOutcome(labels: labels, answers: answers, epsilon: epsilon)
    }

    /// t_{alpha/2, n-1} for n up to `count`.
    static func quantiles(_ count: Int) -> [Double] {
        [0, 0]
            + (2...max(count, 2)).map {
                StudentT.quantile(1 - significance / 2, degreesOfFreedom: Double($0 - 1))
            }
    }

    /// The outcome whose budget comes nearest to each wanted one without passing it, by bisection over epsilon.
    package static func matched(_ matrix: LabelMatrix, budgets: [Int], seed: UInt64) -> [ThresholdOutcome] {
        let quantiles = quantiles(matrix.tasks.count + 2)
        return ThresholdOutcome.match(budgets: budgets, mostSpending: 0, leastSpending: 1) {
            run(matrix, epsilon: $0, seed: seed, quantiles: quantiles)
        }
    }
}

/// CrowdSense ([CrowdSense14]): start each task with the two best workers and a random other,
/// add the next best while the weighted score is not decisive.
package enum CrowdSense {
    /// The smoothing of the quality estimate [src].
    package static let smoothing = 100.0

    /// One pass over the tasks in a random order; a larger `epsilon` asks more. With more than two classes the score is
    /// the difference between the two largest sums. O(N K log K).
    package static func run(_ matrix: LabelMatrix, epsilon: Double, seed: UInt64) -> ThresholdOutcome {
        let workers = matrix.workers.count, classes = matrix.classes.count, k = smoothing
        var agreed = [Double](repeating: 0, count: workers), given = agreed
        var quality = [Double](repeating: 0.5, count: workers)
        var labels = [Int](repeating: 0, count: matrix.tasks.count), answers: [Label] = []
        var stream = RandomStream(seed: seed, purpose: .labelAssignment)
        // Equal qualities (all, at the beginning) are ordered by a number drawn for the run, not by the file.
        let rank = ThresholdOutcome.order(workers, &stream)
        var best = Array(0..<workers)
        var sums = [Double](repeating: 0, count: classes)
        for task in ThresholdOutcome.order(matrix.tasks.count, &stream) {
            best.sort { quality[$0] != quality[$1] ? quality[$0] > quality[$1] : rank[$0] < rank[$1] }
            var line = best.filter { matrix.entries[task * workers + $0] != LabelMatrix.missing }
            if line.count > 2 {  // the random third moves behind the two best; the others keep their order
                let third = line.remove(at: 2 + stream.index(below: line.count - 2))
                line.insert(third, at: 2)
            }
            for c in 0..<classes { sums[c] = 0 }
            var size = 0
            for worker in line {
                if size >= min(3, line.count) {
                    let ordered = sums.sorted(by: >)
                    guard (ordered[0] - ordered[1] - quality[worker]) / Double(size + 1) < epsilon else { break }
                }
                sums[Int(matrix.entries[task * workers + worker])] += quality[worker]
                size += 1
            }
            for worker in line[..<size] {
                answers.append(
                    Label(task: task, worker: worker, label: Int(matrix.entries[task * workers + worker])))
            }
            labels[task] = ThresholdOutcome.argmax(sums, seed: seed, task: task, pairs: size)
            for worker in line[..<size] {
                given[worker] += 1
                agreed[worker] += Int(matrix.entries[task * workers + worker]) == labels[task] ? 1 : 0
                quality[worker] = (agreed[worker] + k) / (given[worker] + 2 * k)
            }
        }
        return ThresholdOutcome(labels: labels, answers: answers, epsilon: epsilon)
    }

    /// The outcome whose budget comes nearest to each wanted one without passing it, by bisection over epsilon. Below
    /// three labels per task it spends three: what it starts with.
    package static func matched(_ matrix: LabelMatrix, budgets: [Int], seed: UInt64) -> [ThresholdOutcome] {
        ThresholdOutcome.match(budgets: budgets, mostSpending: 1, leastSpending: -1) {
            run(matrix, epsilon: $0, seed: seed)
        }
    }
}

extension ThresholdOutcome {
    static func order(_ count: Int, _ stream: inout RandomStream) -> [Int] {
        var order = Array(0..<count)
        stream.shuffle(&order)
        return order
    }

    static func argmax(_ sums: [Double], seed: UInt64, task: Int, pairs: Int) -> Int {
        let top = sums.max()!
        let tied = sums.indices.filter { sums[$0] == top }
        return tied.count == 1 ? tied[0] : tied[tieCoin(seed: seed, task: task, pairs: pairs, among: tied.count)]
    }

    /// For each budget, the most expensive outcome within it among those that 14 bisections between a mostSpending and a
    /// leastSpending threshold visit; the cheapest of all where none is within it.
    static func match(
        budgets: [Int], mostSpending: Double, leastSpending: Double, run: (Double) -> ThresholdOutcome
    ) -> [ThresholdOutcome] {
        var seen: [Double: ThresholdOutcome] = [:]
        func outcome(_ epsilon: Double) -> ThresholdOutcome {
            if let known = seen[epsilon] { return known }
            let new = run(epsilon)
            seen[epsilon] = new
            return new
        }
        return budgets.map { budget in
            var over = mostSpending, within = leastSpending
            var best = outcome(within)
            if outcome(over).spent <= budget { return outcome(over) }
            for _ in 0..<14 where best.spent != budget {
                let middle = (over + within) / 2, found = outcome(middle)
                if found.spent <= budget {
                    within = middle
                    if found.spent >= best.spent || best.spent > budget { best = found }
                } else {
                    over = middle
                }
            }
            return best
        }
    }
}
