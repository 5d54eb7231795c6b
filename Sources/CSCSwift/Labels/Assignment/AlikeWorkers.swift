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

    /// The pairs that are alike, in ascending order of the first worker and then the second. Most pairs are settled by a few
    /// sweeps. O(pairs bins sweeps).
    var alike: [(Int, Int)] {
        let bar = Self.leastGain + log(Double(max(1, pairs.count)))
        var found: [(Int, Int)] = []
        for (n, pair) in pairs.enumerated() {
            let cells = filled(n)
            let soon = Self.fit(cells, alike: true, sweeps: 15)
            guard soon.share > 0.1, soon.evidence - Self.fit(cells, alike: false, sweeps: 15).evidence > 1 else {
                continue
            }
            let alone = Self.fit(cells, alike: false, sweeps: 40), together = Self.fit(cells, alike: true, sweeps: 60)
            if together.share > Self.leastShare && together.evidence - alone.evidence > bar {
                found.append((min(pair.0, pair.1), max(pair.0, pair.1)))
            }
        }
        return found.sorted { $0 < $1 }
    }

    /// Two answers, how many tasks have them, and the probability of their class 1.
    private struct Cell {
        var first: Int
        var second: Int
        var number: Double
        var belief: Double
    }

    private func filled(_ n: Int) -> [Cell] {
        (0..<Self.bins * 4).compactMap { k in
            let number = cells[n * Self.bins * 4 + k]
            guard number > 0 else { return nil }
            let belief = (Double(k / 4) + 0.5) / Double(Self.bins)
            return Cell(first: k % 4 / 2, second: k % 2, number: number, belief: belief)
        }
    }

    /// A pair as EM has it: of each worker the probabilities of answering 1 on tasks of either class, and c.
    private struct Pair {
        var first = (0.3, 0.7)
        var second = (0.3, 0.7)
        var share = 0.0

        /// The probabilities of two answers: by class and independent, by class and one answer given twice.
        func parts(_ cell: Cell) -> (apart0: Double, apart1: Double, twice0: Double, twice1: Double) {
            let a0 = cell.first == 1 ? first.0 : 1 - first.0, a1 = cell.first == 1 ? first.1 : 1 - first.1
            let b0 = cell.second == 1 ? second.0 : 1 - second.0, b1 = cell.second == 1 ? second.1 : 1 - second.1
            let no = 1 - cell.belief, yes = cell.belief, twice = cell.first == cell.second ? 0.5 * share : 0
            return (
                no * (1 - share) * a0 * b0, yes * (1 - share) * a1 * b1, no * twice * (a0 + b0), yes * twice * (a1 + b1)
            )
        }
    }

    /// EM for one pair, with two labels' worth a class of workers who are right 0.7 of the time: the log posterior and c.
    private static func fit(_ cells: [Cell], alike: Bool, sweeps: Int) -> (evidence: Double, share: Double) {
        var pair = Pair()
        pair.share = alike ? 0.3 : 0
        let count = cells.reduce(0) { $0 + $1.number }
        for _ in 0..<sweeps {
            var first = (0.6, 1.4), second = (0.6, 1.4), all = (2.0, 2.0), twice = 0.0
            for cell in cells {
                let p = pair.parts(cell), sum = p.apart0 + p.apart1 + p.twice0 + p.twice1
                let scale = cell.number / max(sum, 1e-300)
                twice += scale * (p.twice0 + p.twice1)
                // Half of an answer given twice is each worker's.
                let w0 = scale * (p.apart0 + 0.5 * p.twice0), w1 = scale * (p.apart1 + 0.5 * p.twice1)
                if cell.first == 1 { first = (first.0 + w0, first.1 + w1) }
                if cell.second == 1 { second = (second.0 + w0, second.1 + w1) }
                all = (all.0 + w0, all.1 + w1)
            }
            pair.first = (first.0 / all.0, first.1 / all.1)
            pair.second = (second.0 / all.0, second.1 / all.1)
            if alike { pair.share = twice / max(1, count) }
        }
        var evidence = 0.0
        for cell in cells {
            let p = pair.parts(cell)
            evidence += cell.number * log(max(p.apart0 + p.apart1 + p.twice0 + p.twice1, 1e-300))
        }
        for right in [1 - pair.first.0, pair.first.1, 1 - pair.second.0, pair.second.1] {
            evidence += 1.4 * log(right) + 0.6 * log(1 - right)
        }
        return (evidence, pair.share)
    }
}
