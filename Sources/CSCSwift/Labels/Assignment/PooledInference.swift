internal import Foundation

/// What `Pooled` infers from all answers together: belief propagation between tasks and workers, the classes'
/// frequencies, and the choice between the truth and its mirror image.
extension Pooled {
    /// How many states a task may be in: a level of difficulty and a class.
    var states: Int { workforce.kinds.tables.states }

    /// The log odds between a task's two best classes. O(levels C).
    func lead(_ task: Int) -> Double {
        var first = -Double.infinity, second = first
        for score in classScores(of: task) {
            if score > first { (first, second) = (score, first) } else { second = max(second, score) }
        }
        return first - second
    }

    /// [class]: log posterior, up to a constant. O(levels C).
    func classScores(of task: Int) -> [Double] {
        let row = Array(score[task * states..<(task + 1) * states])
        guard states > classCount else { return row }
        return (0..<classCount).map { z in
            let levels = stride(from: z, to: states, by: classCount).map { row[$0] }, top = levels.max() ?? 0
            return top + log(levels.reduce(0) { $0 + exp($1 - top) })
        }
    }

    /// [state]: the probabilities of a task's states. O(levels C).
    func softmax(task: Int) -> [Double] {
        let row = score[task * states..<(task + 1) * states], top = row.max() ?? 0
        let weights = row.map { exp($0 - top) }, sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// [class]: the probabilities of classes, of those of states. O(levels C).
    func classes(of belief: [Double]) -> [Double] {
        guard states > classCount else { return belief }
        return (0..<classCount).map { z in stride(from: z, to: states, by: classCount).reduce(0) { $0 + belief[$1] } }
    }

    /// [N]: gold, or as certain as `stopAt` wants. O(N C).
    public var settled: [Bool] { context.indices.map { gold[$0] >= 0 || isCertain($0) } }

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

    /// `setGold` of one task. O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid` as `setGold` of several.
    public mutating func setGold(task: Int, label: Int) throws(CSCError) { try setGold([(task, label)]) }

    /// [task, class]: the calibrated posterior of every task. O(N C).
    var posterior: [Double] { context.indices.flatMap { calibrated(of: $0) } }

    /// The posterior of a task's class at the temperature that held-out labels ask for, the other model's say included: what
    /// is reported, and what `stopAt` rests on. O(C).
    public func calibrated(of task: Int) -> [Double] {
        if gold[task] >= 0 || temperature == 1 && other.logOdds.isEmpty { return probabilities(of: task) }
        let row = classScores(of: task), top = row.max() ?? 0
        let weights = row.map { exp(($0 - top) / temperature) }, sum = weights.reduce(0, +)
        guard !other.logOdds.isEmpty else { return weights.map { $0 / sum } }
        let theirs = 1 / (1 + exp(-other.logOdds[task]))
        let p = (1 - other.weight) * weights[1] / sum + other.weight * theirs
        return [1 - p, p]
    }

    /// Labels of one task depend on one another (hard tasks, near classes), which the model does not know: its posteriors
    /// promise too much, the more the more labels a task has. Each label is predicted from the posterior of its task
    /// without it, at several temperatures; the one that predicts best stands from here on. On at most 4,000 labels, evenly
    /// spread. O(labels used x C x temperatures).
    mutating func calibrate() {
        let n = labelled.count, step = max(1, n / 4000), classes = classCount
        guard n > 0 else { return }
        var best = (temperature: 1.0, evidence: -Double.infinity)
        let held = stride(from: 0, to: n, by: step).filter { gold[Int(labelled.task[$0])] < 0 }
        for candidate in Self.temperatures {
            var evidence = 0.0
            for e in held {
                var sum = 0.0, total = 0.0
                for z in 0..<classes {
                    let (cavity, message) = heldOut(e, z)
                    let weight = pow(max(cavity, 1e-12), 1 / candidate)
                    total += weight
                    sum += weight * message
                }
                evidence += log(sum / total)
            }
            if candidate == 1 { self.evidence = evidence / Double(max(1, held.count)) }
            if evidence > best.evidence { best = (candidate, evidence) }
        }
        temperature = best.temperature
    }

    /// The probability of a class of the task of label e without that label, and the label's under the class.
    private func heldOut(_ e: Int, _ z: Int) -> (cavity: Double, message: Double) {
        let at = e * states + z
        guard states > classCount else { return (labelled.cavity[at], labelled.message[at]) }
        var cavity = 0.0, both = 0.0
        for state in stride(from: at, to: (e + 1) * states, by: classCount) {
            cavity += labelled.cavity[state]
            both += labelled.cavity[state] * labelled.message[state]
        }
        return (cavity, both / max(cavity, 1e-300))
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
        guard !comparesModels else { return compareModels(sweeps: 20, after: 10) }
        refresh(sweeps: 20)
        unmirror()
        refresh(sweeps: 10)
    }

    /// What is due after a number of labels: the models are compared, now and then, or what stands is inferred again.
    mutating func inferAnew() {
        if comparesModels && labelled.count >= nextComparison {
            compareModels(sweeps: 16)
        } else {
            refresh(sweeps: 3)
            unmirror()
        }
    }

    /// [context, state]: the log prior of so many contexts of which nothing is known. O(contexts states).
    func freshPrior(_ count: Int) -> [Double] {
        let levels = workforce.model.levels
        let row = levels.flatMap { [Double](repeating: log($0.share), count: classCount) }
        return (0..<count).flatMap { _ in row }
    }

    /// [context, state]: the log prior before any label, by what models say. O(contexts states).
    var firstPrior: [Double] {
        var prior = freshPrior(contexts)
        guard let soft else { return prior }
        let power = classCount == 2 ? 1 : 0.5
        for s in 0..<contexts {
            let shares = soft.shares(context: s)
            for z in 0..<states { prior[s * states + z] += power * log(shares[z % classCount] * Double(classCount)) }
        }
        return prior
    }

    /// [task, state]: the log prior, and what models say. O(N C).
    var freshScore: [Double] {
        var score = context.indices.flatMap { prior[context[$0] * states..<(context[$0] + 1) * states] }
        addSoft(to: &score)
        return score
    }

    /// Adds what models say to the tasks' scores. O(N states).
    private func addSoft(to score: inout [Double]) {
        guard let soft else { return }
        for i in context.indices {
            for c in 0..<states { score[i * states + c] += soft.told[i * classCount + c % classCount] }
        }
    }

    /// Belief propagation over all answers, from where it stands. O(sweeps (labels (C + kinds) + K S kinds)).
    mutating func refresh(sweeps: Int) {
        let links = kin.links(labelled, contexts: contexts)
        labelled.power = kin.powers(links, labels: labelled.count)
        for _ in 0..<sweeps {
            labelled.apart = kin.apart(links, labelled, states: states)
            workforce.take(&labelled, score: score, gold: gold)
            for i in context.indices {
                for c in 0..<states { score[i * states + c] = prior[context[i] * states + c] }
            }
            addSoft(to: &score)
            workforce.send(&labelled, to: &score)
            learnPrior()
            learnSoft()
        }
        calibrate()
    }

    /// How much of what models say counts, by what workers and experts say of the same tasks. O(N (states + models) C).
    private mutating func learnSoft() {
        guard var voices = soft else { return }
        let before = voices.told
        var prior: [Double] = []
        for s in 0..<contexts { prior += self.prior[s * states..<s * states + classCount] }
        voices.learn(steps: 4, prior: prior, contexts: context, tasks: heardTasks) { task, likelihood in
            var before = likelihood
            elsewhere(task, &before, &likelihood)
        }
        soft = voices
        for i in context.indices {
            for c in 0..<states {
                let at = i * classCount + c % classCount
                score[i * states + c] += voices.told[at] - before[at]
            }
        }
    }

    /// The tasks that workers or an expert have said something of. O(N + labels).
    private var heardTasks: [Int] {
        var isHeard = gold.map { $0 >= 0 }
        for task in labelled.task { isHeard[Int(task)] = true }
        return isHeard.indices.filter { isHeard[$0] }
    }

    /// [C]: the log prior of a task, and the log-likelihood of its classes by all but the models. O(states).
    private func elsewhere(_ i: Int, _ before: inout [Double], _ likelihood: inout [Double]) {
        let scores = classScores(of: i)
        for z in 0..<classCount {
            before[z] = prior[context[i] * states + z]
            likelihood[z] =
                gold[i] >= 0
                ? (gold[i] == Int32(z) ? 0 : -.infinity)
                : scores[z] - before[z] - (soft?.told[i * classCount + z] ?? 0)
        }
    }

    /// [models]: how much of each model's log-probabilities counts; empty without models.
    package var softWeights: [Double] { soft?.weights ?? [] }

    /// The states' probabilities of a task without what a worker's kin have said of it, and how much of one more label of
    /// theirs counts. O(C), and O(labels of the task kinds) where there are kin.
    func without(kinOf worker: Int, task: Int) -> (belief: [Double], power: Double) {
        guard gold[task] < 0 else { return (goldBelief(task), 1) }
        guard !kin.isAlone(worker) else { return (softmax(task: task), 1) }
        let before = pairs.pairs(of: task).map { pairs.pair(task, $0) }.filter {
            $0.label >= 0 && $0.worker != worker && kin.areOne(worker, $0.worker)
        }
        var row = Array(score[task * states..<(task + 1) * states])
        for pair in before {
            let cell = workforce.cell(worker: pair.worker, context: context[task])
            let message = workforce.message(cell: cell, label: Int(pair.label))
            for z in 0..<states { row[z] -= log(message[z]) / Double(before.count) }
        }
        let top = row.max() ?? 0, weights = row.map { exp($0 - top) }, sum = weights.reduce(0, +)
        return (weights.map { $0 / sum }, 1 / Double(before.count + 1))
    }

    /// [state]: the probabilities of a gold task's states. O(levels C).
    private func goldBelief(_ task: Int) -> [Double] {
        guard states > classCount else { return probabilities(of: task) }
        let belief = softmax(task: task).enumerated().map { $0 % classCount == Int(gold[task]) ? $1 : 0 }
        let sum = belief.reduce(0, +)
        return belief.map { $0 / max(sum, 1e-300) }
    }

    /// The classes' frequencies in each context. With two classes twenty tasks of each beforehand; with more, five, and
    /// half of what the frequencies say, since there rare classes are easily lost.
    private mutating func learnPrior() {
        let power = classCount == 2 ? 1 : 0.5, fresh = freshPrior(1)
        var sums = [Double](repeating: classCount == 2 ? 20 : 5, count: contexts * classCount)
        for i in context.indices where pairs.count[i] > 0 || gold[i] >= 0 {
            let belief = probabilities(of: i)
            for c in 0..<classCount { sums[context[i] * classCount + c] += belief[c] }
        }
        if let soft {  // those beforehand as the models have them
            let beforehand = Double(classCount) * (classCount == 2 ? 20 : 5), even = beforehand / Double(classCount)
            for s in 0..<contexts {
                for (c, share) in soft.shares(context: s).enumerated() {
                    sums[s * classCount + c] += beforehand * share - even
                }
            }
        }
        let before = prior
        for s in 0..<contexts {
            let total = sums[s * classCount..<(s + 1) * classCount].reduce(0, +)
            for c in 0..<states {
                prior[s * states + c] = power * log(sums[s * classCount + c % classCount] / total) + fresh[c]
            }
        }
        for i in context.indices {
            let row = context[i] * states
            for c in 0..<states { score[i * states + c] += prior[row + c] - before[row + c] }
        }
    }

    /// Turns a context over if its workers fit what the other contexts show of workers better with the classes' names
    /// exchanged.
    mutating func unmirror() {
        guard classCount == 2 else { return }
        var advantages = workforce.mirrorAdvantages()
        if let soft {
            var tasks = [[Int]](repeating: [], count: contexts)
            for i in heardTasks where gold[i] < 0 { tasks[context[i]].append(i) }
            for s in 0..<contexts {
                advantages[s] += soft.mirrorAdvantage(tasks: tasks[s]) { elsewhere($0, &$1, &$2) }
            }
        }
        let turned = advantages.map { $0 > 0.01 }
        guard turned.contains(true) else { return }
        let states = states
        func turn(_ values: inout [Double], _ row: Int) {
            for at in stride(from: row * states, to: (row + 1) * states, by: 2) { values.swapAt(at, at + 1) }
        }
        for s in 0..<contexts where turned[s] { turn(&prior, s) }
        for i in context.indices where turned[context[i]] {
            turn(&score, i)
            guard let told = soft?.told else { continue }  // what models say stays
            for z in 0..<states { score[i * states + z] += told[i * 2 + z % 2] - told[i * 2 + 1 - z % 2] }
        }
        for n in 0..<labelled.count {
            let i = Int(labelled.task[n])
            if turned[context[i]] && gold[i] < 0 { turn(&labelled.message, n) }
        }
        for i in other.logOdds.indices where turned[context[i]] { other.logOdds[i] = -other.logOdds[i] }
        workforce.resetPopulation()
        refresh(sweeps: 2)
    }
}
