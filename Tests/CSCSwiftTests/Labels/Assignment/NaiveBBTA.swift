import CSCSwift
import Foundation

/// Algorithm 1 of [BBTA] written out with no regard to speed: y as a table, everything recomputed at each step. It
/// follows the engine's decisions, so that it can check each of them.
struct NaiveBBTA {
    let contexts: [Int]
    let classes: Int
    var y: [[Int]]  // -1 where not asked
    var losses: [[Double]]
    var t: [Int]
    var score: [Double]
    var vote: [Int?]  // nil: tied
    var open: [Bool]

    init(contexts: [Int], workers: Int, classes: Int) {
        self.contexts = contexts
        self.classes = classes
        let s = contexts.max()! + 1
        y = contexts.map { _ in [Int](repeating: -1, count: workers) }
        losses = (0..<s).map { _ in [Double](repeating: 0, count: workers) }
        t = [Int](repeating: 0, count: s)
        score = contexts.map { _ in 0 }
        vote = contexts.map { _ in nil }
        open = contexts.map { _ in true }
    }

    var workers: Int { y[0].count }

    /// Step 3, given the labels of the exploration tasks.
    mutating func explore(_ tasks: [Int], majority: (Int) -> Int) {
        for i in tasks {
            open[i] = false
            rescore(i, [Double](repeating: 1, count: workers))
            for j in 0..<workers where y[i][j] != majority(i) { losses[contexts[i]][j] += 1 }
        }
    }

    func weights(_ s: Int) -> [Double] {
        let eta = (log(Double(workers)) / (Double(t[s]) * Double(workers))).squareRoot()
        let least = losses[s].min()!
        return losses[s].map { exp(-eta * ($0 - least)) }
    }

    mutating func rescore(_ i: Int, _ w: [Double]) {
        var sums = [Double](repeating: 0, count: classes)
        for j in 0..<workers where y[i][j] >= 0 { sums[y[i][j]] += w[j] }
        let sorted = sums.sorted(by: >)
        score[i] = (sorted[0] - sorted[1]) / w.reduce(0, +)
        vote[i] = abs(sorted[0] - sorted[1]) < 1e-12 ? nil : sums.firstIndex(of: sorted[0])!
    }

    /// Step 4b: the probability of each worker for task i at its context's next appearance.
    func probabilities(_ i: Int) -> [Double] {
        var copy = self
        copy.t[contexts[i]] += 1
        var w = copy.weights(contexts[i])
        for j in 0..<workers where y[i][j] >= 0 { w[j] = 0 }
        let sum = w.reduce(0, +)
        return w.map { $0 / sum }
    }

    /// Steps 4b-4g with a given worker and label; `tieBroken` supplies the vote where it is tied.
    mutating func step(_ i: Int, _ j: Int, p: Double, label: Int, tieBroken: Int) {
        let s = contexts[i]
        t[s] += 1
        y[i][j] = label
        rescore(i, weights(s))
        if (vote[i] ?? tieBroken) != label {
            losses[s][j] += 1 / p
            let w = weights(s)
            for k in contexts.indices where contexts[k] == s { rescore(k, w) }
        }
        if y[i].allSatisfy({ $0 >= 0 }) { open[i] = false }
    }
}

/// A matrix of answers: truth uniform, each worker good in one context.
func toyMatrix(tasks: Int, workers: Int, contexts: Int, classes: Int = 2, seed: UInt64) -> LabelMatrix {
    var stream = RandomStream(seed: seed, purpose: .test)
    let list = (0..<tasks).map {
        LabelingTask(id: "t\($0)", context: stream.index(below: contexts), truth: stream.index(below: classes))
    }
    let good = (0..<workers).map { _ in stream.index(below: contexts) }
    var entries: [Int32] = []
    for task in list {
        for j in 0..<workers {
            let right = stream.unit() < (good[j] == task.context ? 0.9 : 0.6)
            let wrong = (task.truth! + 1 + stream.index(below: classes - 1)) % classes
            entries.append(Int32(right ? task.truth! : wrong))
        }
    }
    return LabelMatrix(
        tasks: list, workers: (0..<workers).map { LabelingWorker(id: "w\($0)") },
        contexts: (0..<contexts).map { "c\($0)" }, classes: (0..<classes).map { "\($0)" }, entries: entries)
}
