/// What an aggregator concludes from recorded labels: for each task a class and how probable each class is.
public struct Aggregation: Sendable, Hashable {
    /// C: how many classes there are.
    public let classCount: Int
    /// The class of each task: of those that somebody gave it the most probable one; classes exactly equal in
    /// probability are decided by a coin of the seed. For a task without labels a coin's class (see `unlabelled`).
    public let labels: [Int]
    /// The probability of each class, [tasks x classes], row-major. Vote shares where the method has no model.
    public let posterior: [Double]
    /// The tasks without labels, in ascending order: nothing is known of them, and accuracies leave them out.
    public internal(set) var unlabelled: [Int] = []
    /// Tasks of which the method thinks a class most probable that nobody gave, in ascending order. Their label is the
    /// most probable one of those given all the same, but for methods that follow a published one exactly.
    public internal(set) var overruled: [Int] = []
    /// How many iterations were made; 0 for methods without any.
    public var iterations = 0
    /// The largest change of a posterior in the last iteration.
    public var lastChange = 0.0
    /// Whether the last change was below the tolerance.
    public var converged = true
    /// How much of its log-probabilities counts for each model of the labels' `soft`: 1 takes it at its word, 0 leaves it
    /// out; models of one family have one weight together. Empty where the method does not listen to models.
    public internal(set) var softWeights: [Double] = []
    /// [tasks x classes]: whether a class can be a task's label; empty where every class can.
    private var given: [Bool] = []

    /// The most probable classes of a posterior, [tasks x classes]; ties by the coin of (seed, task). O(tasks x classes).
    /// - Precondition: a whole number of rows.
    public init(posterior: [Double], classCount: Int, seed: UInt64 = 0) {
        self.init(posterior: posterior, classCount: classCount, seed: seed, given: [])
    }

    /// The most probable class of each task among those that somebody gave it, or among all where `restricted` is false;
    /// ties by the coin of (seed, task). O(labels + tasks x classes).
    /// - Precondition: `posterior` is [tasks x classes] of the store.
    public init(posterior: [Double], of store: LabelStore, restricted: Bool = true, seed: UInt64 = 0) {
        self.init(posterior: posterior, of: store, heard: nil, restricted: restricted, seed: seed)
    }

    /// The same where models were heard too: a class that a model thinks most probable can be a task's label.
    init(
        posterior: [Double], of store: LabelStore, heard: SoftLabels?, restricted: Bool = true, seed: UInt64
    ) {
        let classes = store.classCount
        precondition(
            posterior.count == store.taskCount * classes,
            "Aggregation: \(posterior.count) probabilities for \(store.taskCount) tasks")
        var given = heard?.favourites ?? [Bool](repeating: false, count: posterior.count)
        var unlabelled: [Int] = [], overruled: [Int] = []
        for task in 0..<store.taskCount {
            let labels = Int(store.start[task])..<Int(store.start[task + 1])
            let isHeard = heard != nil && given[task * classes..<(task + 1) * classes].contains(true)
            if labels.isEmpty && !isHeard { unlabelled.append(task) }
            for index in labels { given[task * classes + Int(store.label[index])] = true }
            guard !labels.isEmpty || isHeard else { continue }
            var most = -Double.infinity, other = most
            for index in task * classes..<(task + 1) * classes {
                if given[index] { most = max(most, posterior[index]) } else { other = max(other, posterior[index]) }
            }
            if other > most { overruled.append(task) }
        }
        self.init(posterior: posterior, classCount: classes, seed: seed, given: restricted ? given : [])
        self.unlabelled = unlabelled
        self.overruled = overruled
    }

    private init(posterior: [Double], classCount: Int, seed: UInt64, given: [Bool]) {
        precondition(
            classCount > 0 && posterior.count % classCount == 0,
            "Aggregation: \(posterior.count) probabilities in rows of \(classCount)")
        let tasks = posterior.count / classCount
        self.posterior = posterior
        self.classCount = classCount
        self.given = given
        var labels = [Int](repeating: 0, count: tasks)
        for task in 0..<tasks {
            let (best, equals) = Self.top(posterior, given, task, classCount)
            labels[task] = best
            if equals > 1 {
                labels[task] = Self.pick(
                    task: task, equals: equals, seed: seed, posterior: posterior, given: given, classCount: classCount)
            }
        }
        self.labels = labels
    }

    /// As the other initialisers, from labels that are decided already.
    init(labels: [Int], posterior: [Double], classCount: Int, unlabelled: [Int] = []) {
        self.labels = labels
        self.posterior = posterior
        self.classCount = classCount
        self.unlabelled = unlabelled
    }

    /// The probability of each class of one task. O(classes).
    public func probabilities(of task: Int) -> [Double] {
        Array(posterior[task * classCount..<(task + 1) * classCount])
    }

    /// The share of tasks with known truth and a label whose label is right; nil where there is none. O(tasks).
    public func accuracy(truth: [Int?]) -> Double? {
        mean(truth) { task, truth in labels[task] == truth ? 1 : 0 }
    }

    /// The accuracy expected over the coins that decide ties: a task whose truth is among m equal classes counts 1/m.
    /// O(tasks x classes).
    public func expectedAccuracy(truth: [Int?]) -> Double? {
        mean(truth) { task, truth in
            let (best, equals) = Self.top(posterior, given, task, classCount)
            let isTop =
                posterior[task * classCount + truth] == posterior[task * classCount + best]
                && (given.isEmpty || given[task * classCount + truth])
            return isTop ? 1 / Double(equals) : 0
        }
    }

    /// How many tasks of known truth have a label, which is what the accuracies rest on. O(tasks).
    public func scoredCount(truth: [Int?]) -> Int {
        truth.count(where: { $0 != nil }) - unlabelled.count(where: { truth[$0] != nil })
    }

    /// How many tasks with labels were decided by a coin. O(tasks x classes).
    public var tieCount: Int {
        let empty = Set(unlabelled)
        return labels.indices.count(where: {
            !empty.contains($0) && Self.top(posterior, given, $0, classCount).equals > 1
        })
    }

    private func mean(_ truth: [Int?], _ score: (Int, Int) -> Double) -> Double? {
        precondition(truth.count == labels.count, "Aggregation: \(truth.count) truths for \(labels.count) tasks")
        var sum = 0.0
        var known = 0
        let empty = Set(unlabelled)
        for task in truth.indices {
            guard let value = truth[task], empty.isEmpty || !empty.contains(task) else { continue }
            sum += score(task, value)
            known += 1
        }
        return known == 0 ? nil : sum / Double(known)
    }

    /// The first of the largest of a row among the classes given, all of them where none is, and how many are equal to it.
    private static func top(
        _ row: [Double], _ given: [Bool], _ task: Int, _ count: Int
    ) -> (best: Int, equals: Int) {
        let first = task * count
        let all = given.isEmpty || !given[first..<first + count].contains(true)
        var best = -1
        var equals = 0
        for index in 0..<count where all || given[first + index] {
            if best < 0 || row[first + index] > row[first + best] {
                (best, equals) = (index, 1)
            } else if row[first + index] == row[first + best] {
                equals += 1
            }
        }
        return (best, equals)
    }

    /// One of a row's equal largest classes, by the coin of (seed, task).
    static func pick(
        task: Int, equals: Int, seed: UInt64, posterior: [Double], given: [Bool] = [], classCount: Int
    ) -> Int {
        var stream = RandomStream(seed: seed, purpose: .labelTies, index: UInt64(task))
        var left = stream.index(below: equals)
        let first = task * classCount
        let (best, _) = top(posterior, given, task, classCount)
        let all = given.isEmpty || !given[first..<first + classCount].contains(true)
        for index in best..<classCount
        where posterior[first + index] == posterior[first + best] && (all || given[first + index]) {
            if left == 0 { return index }
            left -= 1
        }
        return best
    }
}

/// How often a worker is right, with what the labels leave open.
public struct WorkerQuality: Sendable, Hashable, Codable {
    /// How many labels the figures rest on.
    public var labels: Int
    /// How many of them are right: counted where the truth is known, in expectation elsewhere.
    public var right: Double
    /// The lower end of an interval of 95 % of Beta(1 + right, 1 + labels - right): what is known of the worker's accuracy
    /// after these labels, from a uniform prior. The interval is central; where the share would lie outside, as where all
    /// labels are right, it is one-sided: it begins at 0 or ends at 1.
    public var lower: Double
    /// That interval's upper end.
    public var upper: Double

    /// The share of the labels that are right, `right / labels`; nil without labels.
    public var accuracy: Double? { labels == 0 ? nil : right / Double(labels) }

    /// The quality of a worker of whose `labels` labels `right` are right, from a uniform prior.
    public init(labels: Int, right: Double) {
        self.labels = labels
        self.right = right
        let beta = BetaDistribution(1 + right, 1 + max(0, Double(labels) - right))
        let interval = beta.interval()
        lower = interval.lowerBound
        upper = interval.upperBound
        guard labels > 0 else { return }
        let share = right / Double(labels)
        if share > upper { (lower, upper) = (beta.quantile(0.05), 1) }
        if share < lower { (lower, upper) = (0, beta.quantile(0.95)) }
    }
}

extension Aggregation {
    /// The quality of each model of the labels' `soft`, [models]: how often its most probable class is right, equal ones
    /// counting by their share; by the truth where `truth` knows the task, by the posterior elsewhere. O(rows C).
    public func modelQualities(_ soft: SoftLabels, truth: [Int?]? = nil) -> [WorkerQuality] {
        soft.qualities(posterior: posterior, truth: truth)
    }

    /// The quality of each worker, one row per context: [contexts][workers]; one row where `contexts` is nil. A label
    /// counts as right with its class's probability, or as 1 or 0 where `truth` knows the task.
    ///
    /// A worker's own label has a say in the posterior, so figures without truth flatter workers of tasks with few
    /// labels. O(labels + contexts x workers).
    public func workerQualities(
        _ store: LabelStore, contexts: [Int]? = nil, contextCount: Int = 1, truth: [Int?]? = nil
    ) -> [[WorkerQuality]] {
        precondition(
            store.taskCount == labels.count && contexts.map { $0.count == labels.count } ?? true,
            "workerQualities: \(labels.count) tasks, store of \(store.taskCount), \(contexts?.count ?? 0) contexts")
        var right = [Double](repeating: 0, count: contextCount * store.workerCount)
        var given = [Int](repeating: 0, count: contextCount * store.workerCount)
        for task in 0..<store.taskCount {
            let row = (contexts?[task] ?? 0) * store.workerCount
            for index in Int(store.start[task])..<Int(store.start[task + 1]) {
                let worker = row + Int(store.cell[index]) / classCount
                let label = Int(store.label[index])
                given[worker] += 1
                if let known = truth?[task] {
                    right[worker] += known == label ? 1 : 0
                } else {
                    right[worker] += posterior[task * classCount + label]
                }
            }
        }
        return (0..<contextCount).map { context in
            (0..<store.workerCount).map { worker in
                let index = context * store.workerCount + worker
                return WorkerQuality(labels: given[index], right: right[index])
            }
        }
    }
}
