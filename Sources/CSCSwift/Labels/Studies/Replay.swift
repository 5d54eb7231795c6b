/// A method to replay, as the command line names it.
public enum ReplayMethod: Sendable, Hashable {
    /// Random + majority.
    case random
    /// BBTA with N' (nil: the replay's default).
    case bbta(explore: Int?)
    /// BBTA that picks the task by least confidence.
    case bbtaLeastConfidence(explore: Int?)
    /// OptKG over all tasks; two classes only.
    case optKG
    /// OptKG (Multi.): one instance a context; two classes only.
    case optKGMulti
    /// IEThresh, its threshold matched to each budget.
    case ieThresh
    /// CrowdSense, its threshold matched to each budget.
    case crowdSense
    /// Ours.
    case pooled

    /// The names that `init(name:)` accepts; `bbta` and `bbta-lc` may carry N': `bbta:5`.
    public static let names = ["random", "bbta", "bbta-lc", "optkg", "optkg-multi", "iethresh", "crowdsense", "pooled"]

    /// The method of a name as in `names`, an N' behind a colon where it may have one.
    /// - Throws: `CSCError.invalid` naming the methods there are and the nearest, or how an N' is written.
    public init(name: String) throws(CSCError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var explore: Int?
        if parts.count == 2, parts[0] == "bbta" || parts[0] == "bbta-lc", let n = Int(parts[1]), n >= 0 {
            explore = n
        } else if parts.count != 1 && ReplayMethod.names.contains(parts[0]) {
            throw .invalid("'\(name)' is not a method; only bbta and bbta-lc have an N', written bbta:5")
        }
        switch parts[0] {
        case "random": self = .random
        case "bbta": self = .bbta(explore: explore)
        case "bbta-lc": self = .bbtaLeastConfidence(explore: explore)
        case "optkg": self = .optKG
        case "optkg-multi": self = .optKGMulti
        case "iethresh": self = .ieThresh
        case "crowdsense": self = .crowdSense
        case "pooled": self = .pooled
        default:
            throw .invalid(
                "'\(name)' is not a method; there are \(ReplayMethod.names.joined(separator: ", "))"
                    + Spelling.hint(for: parts[0], among: ReplayMethod.names))
        }
    }
}

/// Where the answers of a replay come from.
public enum ReplayStage: Sendable {
    /// Recorded or made beforehand: the same in every run.
    case fixed(LabelMatrix)
    /// Simulated workers on tasks of known truth, drawn anew for each run.
    case simulated(tasks: [LabelingTask], contexts: [String], classes: [String], model: WorkerModel, workers: Int)

    func matrix(seed: UInt64) -> LabelMatrix {
        switch self {
        case .fixed(let matrix): matrix
        case .simulated(let tasks, let contexts, let classes, let model, let workers):
            model.matrix(tasks: tasks, contexts: contexts, classes: classes, workers: workers, seed: seed)
        }
    }
}

/// Accuracy as a function of the budget, for one method: means over runs.
public struct ReplayCurve: Sendable {
    /// The method's name as the caller gave it.
    public var method: String
    /// Labels allowed.
    public var budgets: [Int]
    /// Labels used, mean over runs: below the budget where a method ended early or could not match it.
    public var spent: [Double]
    /// Accuracy at each budget, mean over runs.
    public var mean: [Double]
    /// Standard error of the mean.
    public var standardError: [Double]
    /// [runs][budgets].
    public var accuracies: [[Double]]
}

/// Replays assignment methods on answers that are known beforehand, and scores them against the truth.
public struct Replay: Sendable {
    /// Where the answers come from.
    public var stage: ReplayStage
    /// N' of the BBTA methods that do not name their own.
    public var explore = 1
    /// Accuracy is taken at 2 N, 3 N, ..., budgetPerTask N labels.
    public var budgetPerTask = 15
    /// How many runs, each with its own seed; the letter's number unless set.
    public var runs = 30
    /// How many tasks' class an expert tells `pooled` beforehand, drawn anew in each run; in its curve they do not count.
    public var gold = 0
    /// The posterior at which a task is settled for `pooled`; 1: never.
    public var stopAt = 1.0
    /// Decides the seeds of all runs.
    public var seed: UInt64 = 0

    /// A replay on this stage with the letter's settings.
    public init(stage: ReplayStage) { self.stage = stage }

    /// The curve of each method. Run r of every method uses the same matrix and the same seed. The runs are spread over
    /// the threads; the result does not depend on their number.
    ///
    /// Throws `CSCError.invalid` if the matrix has missing labels, no known truth, or more classes than a method takes.
    public func curves(_ methods: [String]) throws(CSCError) -> [ReplayCurve] {
        let parsed = try methods.map { name throws(CSCError) in try ReplayMethod(name: name) }
        let first = stage.matrix(seed: runSeed(0))
        guard first.isComplete else {
            throw .invalid("the label matrix has missing entries: complete it first (GROUSE)")
        }
        guard first.tasks.contains(where: { $0.truth != nil }) else {
            throw .invalid("no task has a known truth: there is nothing to score against")
        }
        if first.classes.count > 2, parsed.contains(.optKG) || parsed.contains(.optKGMulti) {
            throw .invalid("OptKG takes two classes, the data have \(first.classes.count)")
        }
        let known = first.tasks.count(where: { $0.truth != nil })
        guard gold < known else {
            throw .invalid("\(gold) gold of \(known) tasks of known truth leave nothing to score")
        }
        let budgets = budgets(tasks: first.tasks.count)
        let played = Threads.map(runs * parsed.count) { index in
            let run = index / parsed.count, seed = runSeed(run)
            return play(
                parsed[index % parsed.count], stage.matrix(seed: seed), budgets, seed: seed, run: run)
        }
        return methods.indices.map { m in
            let points = (0..<runs).map { played[$0 * parsed.count + m] }
            let summaries = budgets.indices.map { b in Summary(points.map { $0[b].accuracy }) }
            return ReplayCurve(
                method: methods[m], budgets: budgets,
                spent: budgets.indices.map { b in Statistics.mean(points.map { Double($0[b].spent) }) },
                mean: summaries.map(\.mean), standardError: summaries.map(\.standardError),
                accuracies: points.map { $0.map(\.accuracy) })
        }
    }

    /// The answers that one run plays on.
    public func matrix(run: Int) -> LabelMatrix { stage.matrix(seed: runSeed(run)) }

    /// 2 N, 3 N, ..., as far as `budgetPerTask` goes; that alone where it is below 2.
    public func budgets(tasks: Int) -> [Int] {
        budgetPerTask < 2 ? [budgetPerTask * tasks] : (2...budgetPerTask).map { $0 * tasks }
    }

    /// The seed of one run, for workers' answers and for the methods.
    public func runSeed(_ run: Int) -> UInt64 {
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: UInt64(run) + 1)
        return stream.next()
    }

    private func play(
        _ method: ReplayMethod, _ matrix: LabelMatrix, _ budgets: [Int], seed: UInt64, run: Int
    ) -> [(accuracy: Double, spent: Int)] {
        let contexts = matrix.taskContexts, workers = matrix.workers.count, classes = matrix.classes.count
        let tasks = contexts.count, last = Double(budgets.last!)
        func bbta(_ n: Int?, _ score: ExponentialWeights.Score) -> [(accuracy: Double, spent: Int)] {
            follow(
                BBTA(
                    taskContexts: contexts, workers: workers, classes: classes,
                    options: .init(explore: n ?? explore, score: score, budget: last, seed: seed)), matrix, budgets)
        }
        func matched(_ outcomes: [ThresholdOutcome]) -> [(accuracy: Double, spent: Int)] {
            outcomes.map { (matrix.accuracy(of: $0.labels)!, $0.spent) }
        }
        switch method {
        case .random:
            return follow(
                RandomMajority(tasks: tasks, workers: workers, classes: classes, seed: seed), matrix, budgets)
        case .bbta(let n): return bbta(n, .margin)
        case .bbtaLeastConfidence(let n): return bbta(n, .leastConfidence)
        case .optKG: return follow(OptKG(tasks: tasks, workers: workers, seed: seed), matrix, budgets)
        case .optKGMulti:
            return follow(OptKGMulti(taskContexts: contexts, workers: workers, seed: seed), matrix, budgets)
        case .pooled:
            var scored = matrix
            let known = self.known(matrix, run: run)
            for task in known.keys { scored.tasks[task].truth = nil }
            return follow(
                Pooled(
                    taskContexts: contexts, workers: workers, classes: classes,
                    options: .init(stopAt: stopAt, gold: known, seed: seed)), scored, budgets)
        case .ieThresh: return matched(IEThresh.matched(matrix, budgets: budgets, seed: seed))
        case .crowdSense: return matched(CrowdSense.matched(matrix, budgets: budgets, seed: seed))
        }
    }

    /// The gold tasks of one run, among those of known truth.
    private func known(_ matrix: LabelMatrix, run: Int) -> [Int: Int] {
        let tasks = matrix.tasks.indices.filter { matrix.tasks[$0].truth != nil }
        let drawn = GoldDraw.tasks(gold, of: tasks.map { matrix.tasks[$0].truth! }, seed: seed, run: run)
        return Dictionary(uniqueKeysWithValues: drawn.map { (tasks[$0.key], $0.value) })
    }

    /// Plays a sequential method to the last budget, scoring it at each.
    private func follow<Method: SequentialAssigner>(
        _ start: Method, _ matrix: LabelMatrix, _ budgets: [Int]
    ) -> [(accuracy: Double, spent: Int)] {
        var method = start
        let workers = matrix.workers.count
        var points: [(accuracy: Double, spent: Int)] = [], spent = 0
        for budget in budgets {
            while spent < budget, let pair = method.next() {
                let label = Int(matrix.entries[pair.task * workers + pair.worker])
                do {
                    try method.record(task: pair.task, worker: pair.worker, label: label)
                } catch {
                    preconditionFailure("a method refused the answer to its own question: \(error)")
                }
                spent += 1
            }
            points.append((matrix.accuracy(of: method.labels)!, spent))
        }
        return points
    }
}
