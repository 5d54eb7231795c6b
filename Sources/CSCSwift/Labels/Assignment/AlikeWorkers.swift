internal import Foundation

/// Pairs of workers who give the same answers more often than their accuracies explain, right or wrong: one copies the other,
/// both read the same page, both are the same person.
///
/// Two answers of a pair on one task, given its class z as the other workers have it: independent, or, with probability c,
/// one answer given twice. Both are fitted to all tasks that the two have in common, the pair's accuracies on each class
/// and c, by EM; the pair is alike where c is large and what it gains in log-likelihood is beyond what one pair in all
/// would reach by chance.
struct AlikeWorkers {
    /// Into how many bins the probability of class 1 is put.
    private static let bins = 16
    /// How many of the workers with the most labels are looked at, and how many tasks two must have in common.
    private static let mostWorkers = 300, leastTasks: Int32 = 20
    /// How many pairs of answers are looked at, about; beyond that tasks are left out evenly.
    private static let mostAnswers = 4_000_000
    /// How much c must be, and what it must gain besides the log of the number of pairs, in nats.
    private static let leastShare = 0.3, leastGain = 3.0

    /// The workers, those with the most labels first.
    private let workers: [Int]
    /// [pair of places]: which row of `cells` is the pair's, -1 without one.
    private var row: [Int32]
    /// [row, bin, answer of the first, answer of the second]: numbers of tasks.
    private var cells: [Double] = []
    private var pairs: [(Int, Int)] = []

    /// - Parameters:
    ///   - labels: the workers' labels; two classes.
    ///   - contexts: how many cells a worker has.
    ///   - belief: the probability of class 1 of a task without two labels of it.
    init(
        _ labels: CrowdKernels.Labels, contexts: Int, workers count: Int, tasks: Int,
        belief: (_ task: Int, _ first: Int, _ second: Int) -> Double
    ) {
        var given = [Int32](repeating: 0, count: count)
        for cell in labels.cell { given[Int(cell) / contexts] += 1 }
        let many = given.indices.filter { given[$0] >= Self.leastTasks }
        workers = Array(many.sorted { (-given[$0], $0) < (-given[$1], $1) }.prefix(Self.mostWorkers))
        let m = workers.count
        row = [Int32](repeating: -1, count: m * m)
        guard m > 1 else { return }
        var place = [Int](repeating: -1, count: count)
        for (n, worker) in workers.enumerated() { place[worker] = n }
        var ofTask = [[Int]](repeating: [], count: tasks), answers = 0
        for e in 0..<labels.count where place[Int(labels.cell[e]) / contexts] >= 0 {
            answers += ofTask[Int(labels.task[e])].count
            ofTask[Int(labels.task[e])].append(e)
        }
        let step = max(1, answers / Self.mostAnswers)
        func visit(_ body: (_ task: Int, _ pair: Int, _ first: Int, _ second: Int) -> Void) {
            for task in stride(from: 0, to: tasks, by: step) {
                for (n, e) in ofTask[task].enumerated() {
                    for other in ofTask[task][(n + 1)...] {
                        let j = place[Int(labels.cell[e]) / contexts], k = place[Int(labels.cell[other]) / contexts]
                        if j != k { body(task, min(j, k) * m + max(j, k), j < k ? e : other, j < k ? other : e) }
                    }
                }
            }
        }
        var common = [Int32](repeating: 0, count: m * m)
        visit { _, pair, _, _ in common[pair] += 1 }
        for pair in common.indices where common[pair] >= Self.leastTasks {
            row[pair] = Int32(pairs.count)
            pairs.append((workers[pair / m], workers[pair % m]))
        }
        var numbers = [Double](repeating: 0, count: pairs.count * Self.bins * 4)
        visit { task, pair, first, second in
            guard row[pair] >= 0 else { return }
            let bin = min(Self.bins - 1, Int(belief(task, first, second) * Double(Self.bins)))
            let answer = Int(labels.label[first]) * 2 + Int(labels.label[second])
            numbers[(Int(row[pair]) * Self.bins + bin) * 4 + answer] += 1
        }
        cells = numbers
    }

    /// The pairs that are alike, in ascending order of the first worker and then the second. O(pairs bins sweeps).
    var alike: [(Int, Int)] {
        let bar = Self.leastGain + log(Double(max(1, pairs.count)))
        var found: [(Int, Int)] = []
        for (n, pair) in pairs.enumerated() {
            let alone = fit(n, alike: false), together = fit(n, alike: true)
            if together.share > Self.leastShare && together.evidence - alone.evidence > bar {
                found.append((min(pair.0, pair.1), max(pair.0, pair.1)))
            }
        }
        return found.sorted { $0 < $1 }
    }

    /// EM for one pair, with two labels' worth of workers who are right 0.7 of the time: the log posterior and c.
    private func fit(_ n: Int, alike: Bool) -> (evidence: Double, share: Double) {
        // [worker * 2 + class]: the probability of answering 1.
        var one = [0.3, 0.7, 0.3, 0.7], share = alike ? 0.3 : 0, evidence = 0.0
        for _ in 0..<(alike ? 60 : 40) {
            var ones = [0.6, 1.4, 0.6, 1.4], all = [2.0, 2.0, 2.0, 2.0], same = 0.0, count = 0.0
            evidence = 0
            for bin in 0..<Self.bins {
                let q = (Double(bin) + 0.5) / Double(Self.bins)
                for answer in 0..<4 {
                    let number = cells[(n * Self.bins + bin) * 4 + answer]
                    guard number > 0 else { continue }
                    let first = answer / 2, second = answer % 2
                    var apart = (0.0, 0.0), together = (0.0, 0.0)
                    for z in 0..<2 {
                        let p = first == 1 ? one[z] : 1 - one[z], r = second == 1 ? one[2 + z] : 1 - one[2 + z]
                        let belief = z == 1 ? q : 1 - q
                        let a = belief * (1 - share) * p * r
                        let b = first == second ? belief * share * 0.5 * (p + r) : 0
                        if z == 0 { (apart.0, together.0) = (a, b) } else { (apart.1, together.1) = (a, b) }
                    }
                    let sum = apart.0 + apart.1 + together.0 + together.1
                    evidence += number * log(max(sum, 1e-300))
                    count += number
                    same += number * (together.0 + together.1) / sum
                    for z in 0..<2 {
                        // Half of an answer given twice is each worker's.
                        let weight = number / sum * (z == 0 ? apart.0 + 0.5 * together.0 : apart.1 + 0.5 * together.1)
                        ones[z] += weight * Double(first)
                        ones[2 + z] += weight * Double(second)
                        all[z] += weight
                        all[2 + z] += weight
                    }
                }
            }
            for k in 0..<4 {
                one[k] = ones[k] / all[k]
                let right = k % 2 == 1 ? one[k] : 1 - one[k]
                evidence += 1.4 * log(right) + 0.6 * log(1 - right)
            }
            if alike { share = same / max(1, count) }
        }
        return (evidence, share)
    }
}
