/// A method to replay, as the command line names it.
package enum ReplayMethod: Sendable, Hashable {
    /// Random + majority: a random task each time.
    case random
    /// Random + majority, every task with as many labels as the others.
    case balanced
    /// BBTA with N' (nil: the replay's default).
    case bbta(explore: Int?)
    /// BBTA that picks the task by least confidence.
    case bbtaLeastConfidence(explore: Int?)
    /// OptKG over all tasks; two classes only.
    case optKG
    /// OptKG (Multi.): one instance per context; two classes only.
    case optKGMulti
    /// IEThresh, its threshold matched to each budget.
    case ieThresh
    /// CrowdSense, its threshold matched to each budget.
    case crowdSense
    /// Ours.
    case pooled

    /// The names that `init(name:)` accepts; `bbta` and `bbta-lc` may carry N': `bbta:5`.
    package static let names = [
        "random", "balanced", "bbta", "bbta-lc", "optkg", "optkg-multi", "iethresh", "crowdsense", "pooled",
    ]

    /// The method of a name as in `names`, an N' after a colon where it may have one. O(name).
    /// - Throws: `CSCError.invalid` naming the methods there are and the nearest, or how an N' is written.
    package init(name: String) throws(CSCError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var explore: Int?
        if parts.count == 2, parts[0] == "bbta" || parts[0] == "bbta-lc", let n = Int(parts[1]), n >= 0 {
            explore = n
        } else if parts.count != 1 && ReplayMethod.names.contains(parts[0]) {
            throw .invalid("'\(name)' is not a method; only bbta and bbta-lc have an N', written bbta:5")
        }
        switch parts[0] {
        case "random": self = .random
        case "balanced": self = .balanced
        case "bbta": self = .bbta(explore: explore)
        case "bbta-lc": self = .bbtaLeastConfidence(explore: explore)
        case "optkg": self = .optKG
        case "optkg-multi": self = .optKGMulti
        case "iethresh": self = .ieThresh
        case "crowdsense": self = .crowdSense
        case "pooled", "bayes": self = .pooled
        default:
            throw .invalid(
                "'\(name)' is not a method; there are \(ReplayMethod.names.joined(separator: ", "))"
                    + Spelling.hint(for: parts[0], among: ReplayMethod.names))
        }
    }
}

/// Where the answers of a replay come from.
package enum ReplayStage: Sendable {
    /// Recorded or made beforehand: the same in every run.
    case fixed(LabelMatrix)
    /// Simulated workers on tasks of known truth, drawn again for each run.
    case simulated(tasks: [LabelingTask], contexts: [String], classes: [String], model: WorkerModel, workers: Int)

    func matrix(seed: UInt64) -> LabelMatrix {
        switch self {
        case .fixed(let matrix): matrix
        case .simulated(let tasks, let contexts, let classes, let model, let workers):
            model.matrix(tasks: tasks, contexts: contexts, classes: classes, workers: workers, seed: seed)
        }
    }
}

/// The accuracy of one way of reading a method's labels, at each budget.
package struct ReplayScore: Sendable, Hashable {
    /// How the labels were read: `session`, the method's own answers, or an aggregator's name.
    package var aggregator: String
    /// [budgets]: mean over the runs; nil where the method did not keep to the budget.
    package var mean: [Double?]
    /// [budgets]: standard error of the mean; nil where there is no mean.
    package var standardError: [Double?]
    /// [runs][budgets].
    package var runs: [[Double]]
}

/// Accuracy as a function of the budget, for one method: means over runs.
package struct ReplayCurve: Sendable {
    /// The method's name as the caller gave it.
    package var method: String
    /// Labels allowed.
    package var budgets: [Int]
    /// The same in labels per task, as asked for.
    package var labelsPerTask: [Double]
    /// Labels used, mean over runs: below the budget where a method ended early or could not match it.
    package var spent: [Double]
    /// The method's labels, read in each way asked for; the first is the one that tables show where there is one alone.
    package var scores: [ReplayScore]

    /// Accuracy at each budget by the first score, mean over runs; NaN where the method did not keep to the budget.
    /// O(budgets).
    package var mean: [Double] { scores[0].mean.map { $0 ?? .nan } }
    /// Standard error of the mean. O(budgets).
    package var standardError: [Double] { scores[0].standardError.map { $0 ?? .nan } }
    /// [runs][budgets], by the first score.
    package var accuracies: [[Double]] { scores[0].runs }
}

/// Replays assignment methods on answers that are known beforehand, and scores them against the truth.
package struct Replay: Sendable {
    /// Where the answers come from.
    package var stage: ReplayStage
    /// Ask only pairs whose answer is recorded: a worker is not there for a task that he or she has not labelled.
    package var recordedOnly = false
    /// How each method's labels are read: `session` (the method's own answers) or names of `AggregationMethod`.
    package var aggregators = ["session"]
    /// Accuracy is taken at so many labels per task; nil: at 2, 3, ..., `budgetPerTask`.
    package var labelsPerTask: [Double]?
    /// N' of the BBTA methods that do not name their own.
    package var explore = 1
    /// Accuracy is taken at 2 N, 3 N, ..., budgetPerTask N labels.
    package var budgetPerTask = 15
    /// How many runs, each with its own seed; the BBTA paper's number unless set.
    package var runs = 30
    /// How many tasks' class is given to `pooled` as gold beforehand, drawn again in each run; in its curve they do not
    /// count.
    package var gold = 0
    /// The family of each worker (`Pooled.Options.families`), for `pooled` as a method and as an aggregator.
    package var families: [Int]?
    /// What models say of the tasks, for `pooled` as a method and for the aggregators that listen; nil: nothing.
    package var soft: SoftLabels?
    /// The posterior at which a task is settled for `pooled`; 1: never.
    package var stopAt = 1.0
    /// Decides the seeds of all runs.
    package var seed: UInt64 = 0

    /// A replay on this stage with the BBTA paper's settings.
    package init(stage: ReplayStage) { self.stage = stage }

    /// The curve of each method. Run r of every method uses the same matrix and the same seed. The runs are spread over
    /// the threads; the result does not depend on their number. O(methods * runs) sessions.
    ///
    /// - Parameters:
    ///   - methods: their names, as `ReplayMethod` reads them.
    ///   - played: called after each run of a method, by whichever thread played it.
    /// - Throws: `CSCError.invalid` if the matrix has missing labels and they may not be passed over, no known truth, or
    ///   more classes than a method takes.
    package func curves(
        _ methods: [String], played: (@Sendable () -> Void)? = nil
    ) throws(CSCError) -> [ReplayCurve] {
        let parsed = try methods.map { name throws(CSCError) in try ReplayMethod(name: name) }
        let readings = try aggregators.map { name throws(CSCError) in try Self.reading(name) }
        let first = stage.matrix(seed: runSeed(0))
        guard recordedOnly || first.isComplete else {
            throw .invalid(
                "the label matrix has missing entries: complete it first (GROUSE), or ask only pairs that are recorded")
        }
        guard first.tasks.contains(where: { $0.truth != nil }) else {
            throw .invalid("no task has a known truth: there is nothing to score against")
        }
        if first.classes.count > 2, parsed.contains(.optKG) || parsed.contains(.optKGMulti) {
            throw .invalid("OptKG takes two classes, the data have \(first.classes.count)")
        }
        for reading in readings { try reading?.check(classes: first.classes.count) }
        guard soft.map({ $0.taskCount == first.tasks.count && $0.classCount == first.classes.count }) ?? true else {
            throw .invalid("the soft labels are of other tasks or classes")
        }
        let known = first.tasks.count(where: { $0.truth != nil })
        guard gold < known else {
            throw .invalid("\(gold) gold of \(known) tasks of known truth leave nothing to score")
        }
        let budgets = budgets(tasks: first.tasks.count)
        let played = Threads.map(runs * parsed.count) { index in
            defer { played?() }
            let run = index / parsed.count, seed = runSeed(run)
            return play(
                parsed[index % parsed.count], stage.matrix(seed: seed), budgets, readings, seed: seed, run: run)
        }
        return methods.indices.map { m in
            curve(methods[m], first, budgets, (0..<runs).map { played[$0 * parsed.count + m] })
        }
    }

    /// nil stands for the method's own answers.
    private static func reading(_ name: String) throws(CSCError) -> AggregationMethod? {
        if name == "session" { return nil }
        guard let method = AggregationMethod(name: name) else {
            let names = ["session"] + AggregationMethod.names
            throw .invalid(
                "'\(name)' is not an aggregator; there are \(names.joined(separator: ", "))"
                    + Spelling.hint(for: name, among: names))
        }
        return method
    }

    private func curve(_ method: String, _ matrix: LabelMatrix, _ budgets: [Int], _ points: [[Point]]) -> ReplayCurve {
        let spent = budgets.indices.map { b in Statistics.mean(points.map { Double($0[b].spent) }) }
        let within = budgets.indices.map { b in points.allSatisfy { $0[b].spent <= budgets[b] } }
        let scores = aggregators.indices.map { a in
            let values = points.map { $0.map { $0.accuracy[a] } }
            let summaries = budgets.indices.map { b in Summary(values.map { $0[b] }) }
            return ReplayScore(
                aggregator: aggregators[a], mean: budgets.indices.map { within[$0] ? summaries[$0].mean : nil },
                standardError: budgets.indices.map { within[$0] ? summaries[$0].standardError : nil }, runs: values)
        }
        let tasks = Double(max(1, matrix.tasks.count))
        return ReplayCurve(
            method: method, budgets: budgets, labelsPerTask: labelsPerTask ?? budgets.map { Double($0) / tasks },
            spent: spent, scores: scores)
    }

    /// The answers that one run plays on.
    package func matrix(run: Int) -> LabelMatrix { stage.matrix(seed: runSeed(run)) }

    /// `labelsPerTask` times N; 2 N, 3 N, ..., as far as `budgetPerTask` goes where that is nil; that alone where it is
    /// below 2. O(budgets).
    package func budgets(tasks: Int) -> [Int] {
        if let labelsPerTask { return labelsPerTask.map { Int(($0 * Double(tasks)).rounded()) } }
        return budgetPerTask < 2 ? [budgetPerTask * tasks] : (2...budgetPerTask).map { $0 * tasks }
    }

    /// The seed of one run, for workers' answers and for the methods.
    package func runSeed(_ run: Int) -> UInt64 {
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: UInt64(run) + 1)
        return stream.next()
    }

    /// What one run came to at one budget: an accuracy a reading, and the labels used.
    struct Point: Sendable {
        var accuracy: [Double]
        var spent: Int
    }
    private func play(
        _ method: ReplayMethod, _ matrix: LabelMatrix, _ budgets: [Int], _ readings: [AggregationMethod?],
        seed: UInt64, run: Int
    ) -> [Point] {
        let contexts = matrix.taskContexts, workers = matrix.workers.count, classes = matrix.classes.count
        let tasks = contexts.count, last = Double(budgets.max() ?? 0)
        let game = ReplayGame(
            matrix: matrix, budgets: budgets, readings: readings, recordedOnly: recordedOnly && !matrix.isComplete,
            families: families, soft: soft, seed: seed)
        func bbta(_ n: Int?, _ score: ExponentialWeights.Score) -> [Point] {
            game.follow(
                BBTA(
                    taskContexts: contexts, workers: workers, classes: classes,
                    options: .init(explore: n ?? explore, score: score, budget: last, seed: seed)))
        }
        switch method {
        case .random, .balanced:
            return game.follow(
                RandomMajority(
                    tasks: tasks, workers: workers, classes: classes, balanced: method == .balanced, seed: seed))
        case .bbta(let n): return bbta(n, .margin)
        case .bbtaLeastConfidence(let n): return bbta(n, .leastConfidence)
        case .optKG: return game.follow(OptKG(tasks: tasks, workers: workers, seed: seed))
        case .optKGMulti: return game.follow(OptKGMulti(taskContexts: contexts, workers: workers, seed: seed))
        case .pooled:
            var scored = game
            let known = self.known(matrix, run: run)
            for task in known.keys { scored.matrix.tasks[task].truth = nil }
            return scored.follow(
                Pooled(
                    taskContexts: contexts, workers: workers, classes: classes,
                    options: .init(stopAt: stopAt, gold: known, families: families, seed: seed), soft: soft))
        case .ieThresh: return game.matched(IEThresh.matched(matrix, budgets: budgets, seed: seed))
        case .crowdSense: return game.matched(CrowdSense.matched(matrix, budgets: budgets, seed: seed))
        }
    }

    /// The gold tasks of one run, among those of known truth.
    private func known(_ matrix: LabelMatrix, run: Int) -> [Int: Int] {
        let tasks = matrix.tasks.indices.filter { matrix.tasks[$0].truth != nil }
        let drawn = GoldDraw.tasks(gold, of: tasks.map { matrix.tasks[$0].truth! }, seed: seed, run: run)
        return Dictionary(uniqueKeysWithValues: drawn.map { (tasks[$0.key], $0.value) })
    }
}
