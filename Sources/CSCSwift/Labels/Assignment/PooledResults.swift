internal import Foundation

/// What `Pooled` says of the tasks: their labels, and how sure it is.
extension Pooled {
    /// [task, class]: whether somebody has given the task that class, or some model thinks it most probable.
    /// O(N C + labels).
    private var given: [Bool] {
        var given = soft?.favourite ?? [Bool](repeating: false, count: context.count * classCount)
        for labels in [labelled, fresh] {
            for n in 0..<labels.count { given[Int(labels.task[n]) * classCount + Int(labels.label[n])] = true }
        }
        return given
    }

    /// The class of each task, [N]: gold, or of the classes that somebody gave it the most probable one; exact ties, and
    /// tasks without labels, by a coin of the seed. O(N C + labels).
    public var labels: [Int] {
        let given = given
        return context.indices.map { task in
            if gold[task] >= 0 { return Int(gold[task]) }
            let row = task * classCount
            var open = (0..<classCount).filter { given[row + $0] }
            if open.isEmpty { open = Array(0..<classCount) }
            let scores = reading(of: task)
            let top = open.reduce(-Double.infinity) { max($0, scores[$1]) }
            open.removeAll { scores[$0] < top }
            return open.count == 1
                ? open[0]
                : open[tieCoin(seed: options.seed, task: task, pairs: Int(pairs.count[task]), among: open.count)]
        }
    }

    /// The calibrated posterior of each task's label. O(tasks * classes).
    public var confidence: [Double] { zip(context.indices, labels).map { calibrated(of: $0)[$1] } }
    /// The labels taken so far, task by task, each task's in the order of asking. O(N + labels).
    public var answers: [Label] { pairs.answers(rows: context.indices.map(Int32.init)) }

    /// The mean confidence of the labels of tasks that have any, gold counting as certain; nil where none has.
    /// O(N C + labels).
    package var meanConfidence: Double? {
        let given = given
        var sum = 0.0, count = 0
        for task in context.indices {
            let row = given[task * classCount..<(task + 1) * classCount]
            guard row.contains(true) else { continue }
            count += 1
            sum += gold[task] >= 0 ? 1 : certainty(task, row)
        }
        return count > 0 ? sum / Double(count) : nil
    }

    /// The calibrated posterior of the most probable class that somebody gave the task. O(levels C).
    private func certainty(_ task: Int, _ given: ArraySlice<Bool>) -> Double {
        guard other.logOdds.isEmpty else {
            return zip(calibrated(of: task), given).reduce(0) { $1.1 ? max($0, $1.0) : $0 }
        }
        let scores = classScores(of: task), top = scores.max() ?? 0
        var best = -Double.infinity, total = 0.0
        for (score, isGiven) in zip(scores, given) {
            if isGiven { best = max(best, score) }
            total += exp((score - top) / temperature)
        }
        return exp((best - top) / temperature) / total
    }
}
