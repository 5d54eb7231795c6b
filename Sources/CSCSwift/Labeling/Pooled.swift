internal import Foundation

/// A method of ours: Bayesian assignment that pools what is known of the workers.
///
/// Each task has a posterior over its class, each worker in each context a posterior over kinds of worker whose prior is
/// learned from everyone (`Workforce`). Both are brought together by belief propagation (Liu, Peng, Ihler, NIPS 2012: an
/// answer's weight comes from the worker's other answers only, so that nobody confirms himself), and every answer counts
/// again as more becomes known of who gave it.
///
/// After a calibration, in which everyone labels a few tasks of each context, each step takes the task whose two best
/// classes are closest and, by Thompson sampling, the worker whose answer would tell most about it: a kind is drawn from
/// each worker's posterior, and the mutual information between the class and an answer of that kind decides. So a task
/// gets as many labels as it takes, from workers who are good in its context.
///
/// With two classes the answers of a context fit a mirrored truth as well, with experts as liars; the prior over kinds
/// decides between the two after each refresh. And after four labels a task it is asked whether accuracies differ by
/// class; if so, kinds with an accuracy a class are admitted from then on.
///
/// A step costs O((K + C) kinds), a refresh every N / 20 labels O((labels + K S) kinds + N C). It keeps no budget: `next`
/// ends when every pair is asked, or every task is as certain as `stopAt` wants.
public struct Pooled: SequentialAssigner {
    /// What `Pooled` may be told.
    public struct Options: Sendable, Hashable, Codable {
        /// How many tasks of each context everyone labels first; `nil`: two, or fewer where that would cost more than one
        /// label a task, and none in a single context, where what a worker shows is not divided among contexts.
        public var calibrate: Int?
        /// A task whose posterior reaches this is not asked about again unless it falls back. 1: never.
        public var stopAt: Double
        /// The mean probability that a worker's accuracy differs by class, above which kinds of that sort are admitted.
        /// Where the letter's worker models hold it stays below 0.1 after four labels a task.
        public var unevenFrom: Double
        /// Decides every draw.
        public var seed: UInt64

        /// The defaults are those of every published number.
        public init(calibrate: Int? = nil, stopAt: Double = 1, unevenFrom: Double = 0.13, seed: UInt64 = 0) {
            self.calibrate = calibrate
            self.stopAt = stopAt
            self.unevenFrom = unevenFrom
            self.seed = seed
        }
    }

    private let options: Options
    private let context: [Int]
    private let contexts: Int
    private let workers: Int
    private let classes: Int
    private var workforce: Workforce
    private var pairs: PairStore
    // The answers in the order of their arrival.
    private var task: [Int] = []
    private var worker: [Int] = []
    private var label: [Int] = []
    /// The log odds with which an answer speaks for its class.
    private var odds: [Double] = []
    /// How probable it is that an answer is right, by all other answers.
    private var right: [Double] = []
    /// [task, class]: log posterior, up to a constant a task.
    private var score: [Double]
    /// [context, class]: log prior, half of what the classes' frequencies say.
    private var prior: [Double]
    private var tournament: Tournament
    private var calibration: Exploration
    private let everyone: [UInt8]
    private var asked: [Int]
    private var step = 0
    private let closed: Double
    private let refreshEvery: Int
    private var stream: RandomStream

    /// - Parameters:
    ///   - taskContexts: the context of each task, 0-based.
    ///   - workers: K >= 1.
    ///   - classes: C >= 2.
    ///   - options: the defaults will do.
    public init(taskContexts: [Int], workers: Int, classes: Int = 2, options: Options = Options()) {
        precondition(workers >= 1 && classes >= 2, "Pooled: \(workers) workers, \(classes) classes")
        precondition(options.calibrate ?? 0 >= 0, "Pooled: calibrate \(options.calibrate!) is negative")
        precondition(taskContexts.allSatisfy { $0 >= 0 }, "Pooled: a task has a negative context")
        precondition(options.stopAt > 0.5 && options.stopAt <= 1, "Pooled: stopAt \(options.stopAt) is not in (0.5, 1]")
        self.options = options
        self.workers = workers
        self.classes = classes
        context = taskContexts
        let tasks = taskContexts.count
        contexts = (taskContexts.max() ?? 0) + 1
        workforce = Workforce(
            kinds: WorkerKinds(classes: classes, uneven: false), workers: workers, contexts: contexts)
        pairs = PairStore(tasks: tasks)
        score = [Double](repeating: 0, count: tasks * classes)
        prior = [Double](repeating: 0, count: contexts * classes)
        everyone = [UInt8](repeating: 1, count: workers)
        asked = [Int](repeating: -1, count: workers)
        closed = options.stopAt < 1 ? log(options.stopAt / (1 - options.stopAt)) : .infinity
        refreshEvery = max(10, tasks / 20)
        stream = RandomStream(seed: options.seed, purpose: .labelAssignment)
        var members = [[Int32]](repeating: [], count: contexts)
        for (task, s) in taskContexts.enumerated() { members[s].append(Int32(task)) }
        let each = options.calibrate ?? (contexts == 1 ? 0 : min(2, tasks / (contexts * workers)))
        calibration = Exploration(
            contexts: members, each: each, workers: workers, classes: classes, stream: &stream)
        var order = (0..<Int32(tasks)).map { $0 }
        stream.shuffle(&order)
        tournament = Tournament(order: order)
        for task in 0..<tasks { tournament.stage(task, key(task)) }
        tournament.repair(0..<tasks)
    }

    // MARK: Deciding

    /// The next pair: the calibration's while any is left, then the task whose two best classes are closest, with the
    /// worker, by Thompson sampling, whose answer tells most; `nil` when every task has all its labels or is certain.
    /// O((K + C) kinds).
    public mutating func next() -> Assignment? {
        if let pair = calibration.next(allowed: everyone) {
            pairs.append(task: pair.task, worker: pair.worker, label: PairStore.pending, probability: 1)
            return Assignment(task: pair.task, worker: pair.worker, probability: 1, exploration: true)
        }
        guard let chosen = tournament.least else { return nil }
        step += 1
        for index in pairs.range(of: chosen) { asked[Int(pairs.worker[index])] = step }
        let gains = information(chosen)
        var best = -1, most = -Double.infinity
        for candidate in 0..<workers where asked[candidate] != step {
            let kind = workforce.sample(worker: candidate, context: context[chosen], uniform: stream.unit())
            let gain = gains[kind] * (1 + 1e-6 * stream.unit())
            if gain > most { (best, most) = (candidate, gain) }
        }
        guard best >= 0 else { return nil }
        pairs.append(task: chosen, worker: best, label: PairStore.pending, probability: 1)
        return Assignment(task: chosen, worker: best, probability: 1)
    }

    /// For each kind of worker, the mutual information between the task's class and an answer. O(kinds C).
    private func information(_ chosen: Int) -> [Double] {
        let kinds = workforce.kinds, belief = probabilities(of: chosen)
        return (0..<kinds.count).map { k in
            var gain = 0.0
            for c in 0..<classes {
                let p = belief[c] * kinds.hit[c * kinds.count + k] + (1 - belief[c]) * kinds.miss[c * kinds.count + k]
                gain -= p * log(p) + belief[c] * kinds.entropy[c * kinds.count + k]
            }
            return max(gain, 0)
        }
    }

    /// The posterior of a task's class. O(C).
    public func probabilities(of task: Int) -> [Double] {
        let row = score[task * classes..<(task + 1) * classes], top = row.max()!
        let weights = row.map { exp($0 - top) }, sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// What the tournament minimises: the log odds between a task's two best classes. O(C).
    private func key(_ task: Int) -> Double {
        guard Int(pairs.count[task]) < workers else { return .infinity }
        var first = -Double.infinity, second = first
        for c in task * classes..<(task + 1) * classes {
            if score[c] > first { (first, second) = (score[c], first) } else { second = max(second, score[c]) }
        }
        return first - second >= closed ? .infinity : first - second
    }

    // MARK: Learning

    /// Takes the answer to a pair that `next` gave. O(K + S kinds + log N), and at a refresh
    /// O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid` if the pair has no answer to come or the label is not a class.
    public mutating func record(task i: Int, worker j: Int, label y: Int) throws(CSCError) {
        guard context.indices.contains(i), (0..<workers).contains(j), (0..<classes).contains(y),
            let index = pairs.find(task: i, worker: j), pairs.label[index] == PairStore.pending
        else { throw .invalid("task \(i), worker \(j), label \(y): not a pair that was asked, or not a class") }
        pairs.setLabel(Int32(y), at: index)
        task.append(i)
        worker.append(j)
        label.append(y)
        right.append(probabilities(of: i)[y])
        odds.append(workforce.odds(worker: j, context: context[i], label: y, right: nil))
        score[i * classes + y] += odds[odds.count - 1]
        workforce.add(worker: j, context: context[i], label: y, right: right[right.count - 1])
        workforce.update(j)
        let count = task.count
        if classes == 2 && count >= 4 * context.count && count % context.count == 0 { admitUneven() }
        if count % refreshEvery == 0 {
            refresh(sweeps: 3)
            unmirror()
            for task in context.indices { tournament.stage(task, key(task)) }
            tournament.repair(context.indices)
        } else {
            tournament.set(i, key(i))
        }
    }

    /// P(answer n is right) by all others. O(C).
    private func cavity(_ n: Int) -> Double {
        let row = task[n] * classes, own = score[row + label[n]] - odds[n]
        var rest = 0.0
        for c in 0..<classes where c != label[n] { rest += exp(score[row + c] - own) }
        return 1 / (1 + rest)
    }

    /// Belief propagation over all answers, from where it stands. O(sweeps labels kinds).
    private mutating func refresh(sweeps: Int) {
        for _ in 0..<sweeps {
            workforce.clear()
            for n in task.indices {
                right[n] = cavity(n)
                workforce.add(worker: worker[n], context: context[task[n]], label: label[n], right: right[n])
            }
            workforce.learn()
            for i in context.indices {
                for c in 0..<classes { score[i * classes + c] = prior[context[i] * classes + c] }
            }
            for n in task.indices {
                odds[n] = workforce.odds(
                    worker: worker[n], context: context[task[n]], label: label[n], right: right[n])
                score[task[n] * classes + label[n]] += odds[n]
            }
            learnPrior()
        }
    }

    /// The classes' frequencies in each context, five tasks of each class beforehand.
    private mutating func learnPrior() {
        var sums = [Double](repeating: 5, count: contexts * classes)
        for i in context.indices where pairs.count[i] > 0 {
            let belief = probabilities(of: i)
            for c in 0..<classes { sums[context[i] * classes + c] += belief[c] }
        }
        let before = prior
        for s in 0..<contexts {
            let total = sums[s * classes..<(s + 1) * classes].reduce(0, +)
            for c in 0..<classes { prior[s * classes + c] = 0.5 * log(sums[s * classes + c] / total) }
        }
        for i in context.indices {
            let row = context[i] * classes
            for c in 0..<classes { score[i * classes + c] += prior[row + c] - before[row + c] }
        }
    }

    /// Turns a context over if its workers fit the prior better with the classes' names exchanged.
    private mutating func unmirror() {
        guard classes == 2 else { return }
        var turned = [Bool](repeating: false, count: contexts)
        for s in 0..<contexts { turned[s] = workforce.mirrorAdvantage(context: s) > 0.01 }
        guard turned.contains(true) else { return }
        for s in 0..<contexts where turned[s] { prior.swapAt(2 * s, 2 * s + 1) }
        for i in context.indices where turned[context[i]] { score.swapAt(2 * i, 2 * i + 1) }
        for n in task.indices where turned[context[task[n]]] { odds[n] = -odds[n] }
        workforce.resetPopulation()
        refresh(sweeps: 2)
    }

    /// Admits kinds with an accuracy a class if the answers ask for them.
    private mutating func admitUneven() {
        guard !workforce.kinds.isEven.contains(false) else { return }
        var other = Workforce(
            kinds: WorkerKinds(classes: classes, uneven: true), workers: workers, contexts: contexts)
        for n in task.indices {
            other.add(worker: worker[n], context: context[task[n]], label: label[n], right: right[n])
        }
        guard workforce.unevenness(other) > options.unevenFrom else { return }
        workforce = other
        refresh(sweeps: 10)
        for task in context.indices { tournament.stage(task, key(task)) }
        tournament.repair(context.indices)
    }

    // MARK: Results

    /// The most probable class of each task, [N]; exact ties by a coin of the seed. O(N C).
    public var labels: [Int] {
        context.indices.map { task in
            let row = score[task * classes..<(task + 1) * classes], top = row.max()!
            let tied = (0..<classes).filter { row[row.startIndex + $0] == top }
            return tied.count == 1
                ? tied[0]
                : tied[tieCoin(seed: options.seed, task: task, pairs: Int(pairs.count[task]), among: tied.count)]
        }
    }

    /// The posterior of each task's label, as the model has it.
    public var confidence: [Double] { context.indices.map { probabilities(of: $0).max()! } }
    /// Whether kinds of worker with an accuracy a class have been admitted.
    public var admitsUneven: Bool { workforce.kinds.isEven.contains(false) }
}
