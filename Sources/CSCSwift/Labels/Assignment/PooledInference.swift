internal import Foundation

/// What `Pooled` infers from all answers together: belief propagation between tasks and workers, the classes'
/// frequencies, the choice between the truth and its mirror image, and whether accuracies differ by class.
extension Pooled {
    /// P(answer n is right) by all others. O(C).
    private func cavity(_ n: Int) -> Double {
        if gold[task[n]] >= 0 { return gold[task[n]] == label[n] ? 1 : 0 }
        let row = task[n] * classCount, own = score[row + label[n]] - odds[n]
        var rest = 0.0
        for c in 0..<classCount where c != label[n] { rest += exp(score[row + c] - own) }
        return 1 / (1 + rest)
    }

    /// The log odds between a task's two best classes. O(C).
    func lead(_ task: Int) -> Double {
        var first = -Double.infinity, second = first
        for c in task * classCount..<(task + 1) * classCount {
            if score[c] > first { (first, second) = (score[c], first) } else { second = max(second, score[c]) }
        }
        return first - second
    }

    /// [N]: gold, or as certain as `stopAt` wants. O(N C).
    public var settled: [Bool] { context.indices.map { gold[$0] >= 0 || lead($0) >= closed } }

    /// Labels of an expert: these tasks' classes are known from now on, and everything is inferred anew, once. The same
    /// labels again change nothing. O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid`, and nothing is changed, if there is no such task or class, or a task has another
    ///   gold label.
    public mutating func setGold(_ known: [(task: Int, label: Int)]) throws(CSCError) {
        var after = gold
        for (task, label) in known {
            guard context.indices.contains(task), (0..<classCount).contains(label),
                after[task] < 0 || after[task] == label
            else { throw .invalid("gold label \(label) of task \(task): no such task or class, or another gold label") }
            after[task] = label
        }
        guard after != gold else { return }
        gold = after
        refresh(sweeps: 3)
        unmirror()
        reorder()
    }

    /// `setGold` of one task.
    public mutating func setGold(task: Int, label: Int) throws(CSCError) { try setGold([(task, label)]) }

    /// Belief propagation over all answers, from where it stands. O(sweeps labels kinds).
    mutating func refresh(sweeps: Int) {
        for _ in 0..<sweeps {
            workforce.clear()
            for n in task.indices {
                right[n] = cavity(n)
                workforce.add(
                    worker: worker[n], context: context[task[n]], label: label[n], right: right[n],
                    isGold: gold[task[n]] >= 0)
            }
            workforce.learn()
            for i in context.indices {
                for c in 0..<classCount { score[i * classCount + c] = prior[context[i] * classCount + c] }
            }
            for n in task.indices {
                odds[n] = workforce.odds(
                    worker: worker[n], context: context[task[n]], label: label[n], right: right[n])
                score[task[n] * classCount + label[n]] += odds[n]
            }
            learnPrior()
        }
    }

    /// The classes' frequencies in each context, five tasks of each class beforehand.
    private mutating func learnPrior() {
        var sums = [Double](repeating: 5, count: contexts * classCount)
        for i in context.indices where pairs.count[i] > 0 || gold[i] >= 0 {
            let belief = probabilities(of: i)
            for c in 0..<classCount { sums[context[i] * classCount + c] += belief[c] }
        }
        let before = prior
        for s in 0..<contexts {
            let total = sums[s * classCount..<(s + 1) * classCount].reduce(0, +)
            for c in 0..<classCount { prior[s * classCount + c] = 0.5 * log(sums[s * classCount + c] / total) }
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
        for n in task.indices where turned[context[task[n]]] && gold[task[n]] < 0 { odds[n] = -odds[n] }
        workforce.resetPopulation()
        refresh(sweeps: 2)
    }

    /// Admits kinds with an accuracy a class if the answers ask for them; whether it did.
    mutating func admitUneven() -> Bool {
        guard !workforce.kinds.isEven.contains(false) else { return false }
        var other = Workforce(
            kinds: WorkerKinds(classes: classCount, uneven: true), workers: workerCount, contexts: contexts)
        for n in task.indices {
            other.add(
                worker: worker[n], context: context[task[n]], label: label[n], right: right[n],
                isGold: gold[task[n]] >= 0)
        }
        guard workforce.unevenness(other) > options.unevenFrom else { return false }
        workforce = other
        refresh(sweeps: 10)
        return true
    }
}
