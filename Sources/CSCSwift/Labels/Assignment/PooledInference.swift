internal import Foundation

/// What `Pooled` infers from all answers together: belief propagation between tasks and workers, the classes'
/// frequencies, and the choice between the truth and its mirror image.
extension Pooled {
    /// The log odds between a task's two best classes. O(C).
    func lead(_ task: Int) -> Double {
        var first = -Double.infinity, second = first
        for c in task * classCount..<(task + 1) * classCount {
            if score[c] > first { (first, second) = (score[c], first) } else { second = max(second, score[c]) }
        }
        return first - second
    }

    /// [N]: gold, or as certain as `stopAt` wants. O(N C).
    public var settled: [Bool] { context.indices.map { gold[$0] >= 0 || lead($0) / temperature >= closed } }

    /// Labels of an expert: these tasks' classes are known from now on, and everything is inferred again, once. The
    /// same labels again change nothing. O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid`, and nothing is changed, if there is no such task or class, or a task has another
    ///   gold label.
    public mutating func setGold(_ known: [(task: Int, label: Int)]) throws(CSCError) {
        var after = gold
        for (task, label) in known {
            guard context.indices.contains(task), (0..<classCount).contains(label),
                after[task] < 0 || after[task] == Int32(label)
            else { throw .invalid("gold label \(label) of task \(task): no such task or class, or another gold label") }
            after[task] = Int32(label)
        }
        guard after != gold else { return }
        giveUpRefit()
        gold = after
        refresh(sweeps: 3)
        unmirror()
        reorder()
    }

    /// `setGold` of one task.
    /// - Throws: `CSCError.invalid` as `setGold` of several.
    public mutating func setGold(task: Int, label: Int) throws(CSCError) { try setGold([(task, label)]) }

    /// [task, class]: the calibrated posterior of every task. O(N C).
    var posterior: [Double] { context.indices.flatMap { calibrated(of: $0) } }

    /// The posterior of a task's class at the temperature that held-out labels ask for: what is reported, and what
    /// `stopAt` rests on. O(C).
    public func calibrated(of task: Int) -> [Double] {
        if gold[task] >= 0 || temperature == 1 { return probabilities(of: task) }
        let row = score[task * classCount..<(task + 1) * classCount], top = row.max()!
        let weights = row.map { exp(($0 - top) / temperature) }, sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// Labels of one task depend on one another (hard tasks, near classes), which the model does not know: its posteriors
    /// promise too much, the more the more labels a task has. Each label is predicted from the posterior of its task
    /// without it, at several temperatures; the one that predicts best stands from here on. On at most 4,000 labels, evenly
    /// spread. O(labels used x C x temperatures).
    mutating func calibrate() {
        let n = labelled.count, step = max(1, n / 4000), classes = classCount
        guard n > 0 else { return }
        var best = (temperature: 1.0, evidence: -Double.infinity)
        for candidate in Self.temperatures {
            var evidence = 0.0
            for e in stride(from: 0, to: n, by: step) where gold[Int(labelled.task[e])] < 0 {
                var sum = 0.0, total = 0.0
                for z in e * classes..<(e + 1) * classes {
                    let weight = pow(max(labelled.cavity[z], 1e-12), 1 / candidate)
                    total += weight
                    sum += weight * labelled.message[z]
                }
                evidence += log(sum / total)
            }
            if evidence > best.evidence { best = (candidate, evidence) }
        }
        temperature = best.temperature
    }

    private static let temperatures = [1, 1.1, 1.2, 1.35, 1.5, 1.7, 2, 2.3, 2.7, 3.3, 4]

    /// Takes recorded labels, all at once and for nothing. To be called on an assigner without labels.
    mutating func absorb(_ labels: LabelStore) {
        for i in 0..<labels.taskCount {
            for (j, y) in labels.labels(of: i) {
                pairs.append(i, worker: j, label: Int32(y), probability: 0)
                take(task: i, worker: j, label: y)
            }
        }
        refresh(sweeps: 20)
        unmirror()
        refresh(sweeps: 10)
    }

    /// What the model has found out about the workers, in a sentence.
    public var findings: String { workforce.findings }

    /// Belief propagation over all answers, from where it stands. O(sweeps (labels (C + kinds) + K S kinds)).
    mutating func refresh(sweeps: Int) {
        let groups = families.groups(labelled, contexts: contexts)
        labelled.power = families.powers(groups, labels: labelled.count)
        for _ in 0..<sweeps {
            labelled.apart = families.apart(groups, labelled, classes: classCount)
            workforce.take(&labelled, score: score, gold: gold)
            for i in context.indices {
                for c in 0..<classCount { score[i * classCount + c] = prior[context[i] * classCount + c] }
            }
            workforce.send(&labelled, to: &score)
            learnPrior()
        }
        calibrate()
    }

    /// The classes' probabilities of a task without what a worker's family has said of it, and how much of one more label
    /// of the family counts. O(C), and O(labels of the task) where there are families.
    func without(familyOf worker: Int, task: Int) -> (belief: [Double], power: Double) {
        guard !families.isEmpty, gold[task] < 0 else { return (probabilities(of: task), 1) }
        var row = Array(score[task * classCount..<(task + 1) * classCount])
        var before = 0
        for e in labelsOfTask[task] ?? [] where families.areOne(worker, Int(labelled.cell[e]) / contexts) {
            before += 1
            for z in 0..<classCount { row[z] -= labelled.power[e] * log(labelled.message[e * classCount + z]) }
        }
        let top = row.max() ?? 0, weights = row.map { exp($0 - top) }, sum = weights.reduce(0, +)
        return (weights.map { $0 / sum }, 1 / Double(before + 1))
    }

    /// The classes' frequencies in each context. With two classes twenty tasks of each beforehand; with more, five, and
    /// half of what the frequencies say, since there rare classes are easily lost.
    private mutating func learnPrior() {
        let power = classCount == 2 ? 1 : 0.5
        var sums = [Double](repeating: classCount == 2 ? 20 : 5, count: contexts * classCount)
        for i in context.indices where pairs.count[i] > 0 || gold[i] >= 0 {
            let belief = probabilities(of: i)
            for c in 0..<classCount { sums[context[i] * classCount + c] += belief[c] }
        }
        let before = prior
        for s in 0..<contexts {
            let total = sums[s * classCount..<(s + 1) * classCount].reduce(0, +)
            for c in 0..<classCount { prior[s * classCount + c] = power * log(sums[s * classCount + c] / total) }
        }
        for i in context.indices {
            let row = context[i] * classCount
            for c in 0..<classCount { score[i * classCount + c] += prior[row + c] - before[row + c] }
        }
    }

    /// Turns a context over if its workers fit what the other contexts show of workers better with the classes' names
    /// exchanged.
    mutating func unmirror() {
        guard classCount == 2 else { return }
        let turned = workforce.mirrorAdvantages().map { $0 > 0.01 }
        guard turned.contains(true) else { return }
        for s in 0..<contexts where turned[s] { prior.swapAt(2 * s, 2 * s + 1) }
        for i in context.indices where turned[context[i]] { score.swapAt(2 * i, 2 * i + 1) }
        for n in 0..<labelled.count {
            let i = Int(labelled.task[n])
            if turned[context[i]] && gold[i] < 0 { labelled.message.swapAt(2 * n, 2 * n + 1) }
        }
        workforce.resetPopulation()
        refresh(sweeps: 2)
    }
}
