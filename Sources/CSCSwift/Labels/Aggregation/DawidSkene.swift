internal import Foundation

/// Settings that the EM aggregators share.
public struct EMOptions: Sendable, Hashable, Codable {
    /// At most this many iterations.
    public var maxIterations: Int
    /// Stop when no posterior moves by more than this.
    public var tolerance: Double
    /// What each worker is credited with beforehand, in labels: right ones of each class.
    public var priorRight: Double
    /// The same, wrong ones of each class, spread evenly over the classes they may be.
    public var priorWrong: Double
    /// What is added to the expected count of tasks of each class.
    public var smoothing: Double

    /// Settings, each with a default: a prior with one right and half a wrong label of each class, so that a worker of
    /// whom nothing is known is right two times in three.
    /// - Precondition: `maxIterations` is positive, the others are not negative.
    public init(
        maxIterations: Int = 100, tolerance: Double = 1e-6, priorRight: Double = 1, priorWrong: Double = 0.5,
        smoothing: Double = 0.5
    ) {
        precondition(
            maxIterations > 0 && tolerance >= 0 && smoothing >= 0 && priorRight >= 0 && priorWrong >= 0,
            "EMOptions: \(maxIterations) iterations, tolerance \(tolerance), prior \(priorRight) and \(priorWrong), "
                + "smoothing \(smoothing)")
        self.maxIterations = maxIterations
        self.tolerance = tolerance
        self.priorRight = priorRight
        self.priorWrong = priorWrong
        self.smoothing = smoothing
    }
}

/// Dawid and Skene's model ([DS79]), fitted by EM from the majority vote's shares.
///
/// Task i has class `z_i ~ prior`; worker j answers `y_ij = l` with probability `pi_j[z_i, l]`, all independent.
///
/// - E: `P(z_i = c) ~ prior_c  prod_j pi_j[c, y_ij]`
/// - M: `pi_j[c, l] = (sum_{i: y_ij = l} P(z_i = c) + a_cl) / (sum over l of the same)`, `prior_c = mean_i P(z_i = c)`
///   smoothed, with `a_cc = priorRight` and `a_cl = priorWrong / (C - 1)` elsewhere: the mode under a Dirichlet prior
///   with its weight on the diagonal. Without that weight a row of which nothing was seen is uniform, a worker of one
///   label looks like one who always says it, and unanimous tasks of a rare class move to the frequent one.
///
/// Tasks on which three workers or more agree, and nobody differs, keep their class while workers are learned. A task's
/// label is one that somebody gave it (`Aggregation.overruled` counts where the model thinks otherwise).
///
/// O(labels x classes + workers x classes^2) per iteration.
public struct DawidSkene: LabelAggregator {
    /// When EM stops, and how far counts are smoothed.
    public var options: EMOptions
    /// Decides ties.
    public var seed: UInt64
    /// What every count has in place of the prior's two; nil: the prior's.
    private let evenly: Double?
    /// `pi_j[c, l]`, [workers, true class, label]; empty before a fit.
    public private(set) var confusion: [Double] = []
    /// The probability of each class; empty before a fit.
    public private(set) var prior: [Double] = []

    /// A model that is not fitted yet; `seed` decides ties.
    public init(options: EMOptions = EMOptions(), seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
        evenly = nil
    }

    /// The model as published: maximum likelihood but for a little smoothing of every count, on the diagonal and beside
    /// it. These are crowd-kit's answers. Where workers have one or two labels it may overturn unanimous tasks.
    public init(maximumLikelihood smoothing: Double, iterations: Int = 100, tolerance: Double = 1e-6, seed: UInt64 = 0)
    {
        options = EMOptions(maxIterations: iterations, tolerance: tolerance, smoothing: smoothing)
        self.seed = seed
        evenly = smoothing
    }

    /// Runs EM from the majority's shares, keeps `confusion` and `prior`, and gives the last E step's posterior.
    /// O(iterations (labels x classes + workers x classes^2)).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation { fitPredict(labels, start: nil) }

    /// The same from posteriors of the caller's, [tasks, classes], in place of the majority's shares.
    mutating func fitPredict(_ labels: LabelStore, start: [Double]?) -> Aggregation {
        let classes = labels.classCount
        let right = evenly ?? options.priorRight, wrong = evenly ?? options.priorWrong / Double(classes - 1)
        let result = EMRun.run(labels, options: options, restricted: evenly == nil, start: start, seed: seed) {
            counts, score in
            for worker in 0..<labels.workerCount {
                for c in 0..<classes {
                    var total = right + wrong * Double(classes - 1)
                    let first = worker * classes * classes + c
                    for l in 0..<classes { total += counts[first + l * classes] }
                    let offset = total > 0 ? log(total) : 0
                    for l in 0..<classes {
                        let at = first + l * classes
                        // An answer never seen has log-probability -700 where there is no smoothing.
                        score[at] = max(-700, log(counts[at] + (l == c ? right : wrong)) - offset)
                    }
                }
            }
        }
        prior = result.prior
        confusion = [Double](repeating: 0, count: result.score.count)
        for worker in 0..<labels.workerCount {
            for c in 0..<classes {
                for l in 0..<classes {
                    confusion[(worker * classes + c) * classes + l] =
                        exp(result.score[(worker * classes + l) * classes + c])
                }
            }
        }
        return result.aggregation
    }

    /// One E step with the rates and the prior of the last fit. O(labels x classes + workers x classes^2).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation {
        let classes = labels.classCount
        precondition(
            prior.count == classes && confusion.count == labels.workerCount * classes * classes,
            "DawidSkene: fitted on \(prior.count) classes and \(confusion.count) rates, "
                + "asked about \(classes) classes and \(labels.workerCount) workers")
        var score = [Double](repeating: 0, count: confusion.count)
        for worker in 0..<labels.workerCount {
            for c in 0..<classes {
                for l in 0..<classes {
                    score[(worker * classes + l) * classes + c] =
                        max(-700, log(confusion[(worker * classes + c) * classes + l]))
                }
            }
        }
        return EMRun.posterior(labels, score: score, prior: prior, seed: seed)
    }
}

/// Dawid and Skene's model with one coin a worker: right with probability `q_j`, else uniformly wrong.
///
/// `pi_j[c, l] = q_j` if l = c, else `(1 - q_j) / (C - 1)`; EM as in `DawidSkene`, with `q_j = (sum_i P(z_i = y_ij) +
/// priorRight) / (labels of j + priorRight + priorWrong)`. A worker who answers worse than chance counts against the
/// class given. O(labels x classes) per iteration.
public struct OneCoin: LabelAggregator {
    /// When EM stops, and how far counts are smoothed.
    public var options: EMOptions
    /// Decides ties.
    public var seed: UInt64
    /// `q_j`, one per worker; empty before a fit.
    public private(set) var accuracy: [Double] = []
    /// The probability of each class; empty before a fit.
    public private(set) var prior: [Double] = []

    /// A model that is not fitted yet; `seed` decides ties.
    public init(options: EMOptions = EMOptions(), seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
    }

    /// Runs EM from the majority's shares, keeps `accuracy` and `prior`, and gives the last E step's posterior.
    /// O(iterations (labels x classes + workers x classes^2)).
    public mutating func fitPredict(_ labels: LabelStore) -> Aggregation {
        let classes = labels.classCount
        let options = options
        var rates = [Double](repeating: 0.5, count: labels.workerCount)
        let result = EMRun.run(labels, options: options, seed: seed) { counts, score in
            for worker in 0..<labels.workerCount {
                var right = options.priorRight
                var total = right + options.priorWrong
                for l in 0..<classes {
                    let first = (worker * classes + l) * classes
                    right += counts[first + l]
                    for c in 0..<classes { total += counts[first + c] }
                }
                rates[worker] = total > 0 ? right / total : 1 / Double(classes)
                Self.fill(&score, worker: worker, rate: rates[worker], classes: classes)
            }
        }
        accuracy = rates
        prior = result.prior
        return result.aggregation
    }

    /// One E step with the accuracies and the prior of the last fit. O(labels x classes + workers x classes^2).
    /// - Precondition: fitted, on labels of as many workers and classes.
    public func predict(_ labels: LabelStore) -> Aggregation {
        precondition(
            prior.count == labels.classCount && accuracy.count == labels.workerCount,
            "OneCoin: fitted on \(prior.count) classes and \(accuracy.count) workers, "
                + "asked about \(labels.classCount) and \(labels.workerCount)")
        var score = [Double](repeating: 0, count: labels.workerCount * labels.classCount * labels.classCount)
        for worker in accuracy.indices {
            Self.fill(&score, worker: worker, rate: accuracy[worker], classes: labels.classCount)
        }
        return EMRun.posterior(labels, score: score, prior: prior, seed: seed)
    }

    private static func fill(_ score: inout [Double], worker: Int, rate: Double, classes: Int) {
        let right = max(-700, log(rate))
        let wrong = max(-700, log((1 - rate) / Double(classes - 1)))
        for l in 0..<classes {
            for c in 0..<classes { score[(worker * classes + l) * classes + c] = l == c ? right : wrong }
        }
    }
}

/// The loop of EM for models in which a label's log-probability is `score[worker, label, class]`. What models say of the
/// tasks (`LabelStore.soft`) is added to the classes' log prior, at weights that each iteration moves (`SoftVoices`).
enum EMRun {
    struct Result {
        var aggregation: Aggregation
        var score: [Double]
        var prior: [Double]
    }

    /// Runs EM from `start`, or the majority's shares; `maximise(counts, &score)` is the model's M step.
    static func run(
        _ labels: LabelStore, options: EMOptions, restricted: Bool = true, start: [Double]? = nil, seed: UInt64,
        maximise: ([Double], inout [Double]) -> Void
    ) -> Result {
        let classes = labels.classCount
        let fixed = restricted ? Anchored(labels) : Anchored(none: labels)
        var heard = labels.soft.map { Heard($0, labels, fixed) }
        var em = VoteKernels.EM(
            posterior: start.map { fixed.open(of: $0, classes) } ?? heard?.shares(fixed.open)
                ?? MajorityVote.shares(fixed.open),
            cell: fixed.open.cell, workers: labels.workerCount, classes: classes)
        var prior = [Double](repeating: 1 / Double(classes), count: classes)
        _ = em.step(score: nil, bias: prior, start: fixed.open.start, cell: fixed.open.cell)
        var score = [Double](repeating: 0, count: em.counts.count)
        var change = Double.infinity
        var iterations = 0
        while iterations < options.maxIterations && change > options.tolerance {
            maximise(fixed.added(to: em.counts), &score)
            if iterations > 0 { heard?.learn(em.posterior, prior: prior.map { max(-700, log($0)) }) }
            prior = self.prior(em.posterior, and: fixed.tasks, classes: classes, smoothing: options.smoothing)
            change = em.step(
                score: score, bias: prior.map { max(-700, log($0)) }, own: heard?.open, start: fixed.open.start,
                cell: fixed.open.cell)
            iterations += 1
        }
        var aggregation =
            fixed.isEmpty
            ? Aggregation(
                posterior: em.posterior, of: labels, heard: labels.soft, restricted: restricted, seed: seed)
            : posterior(labels, score: score, prior: prior, heard: heard, seed: seed)
        aggregation.softWeights = heard?.weights ?? []
        aggregation.iterations = iterations
        aggregation.lastChange = change
        aggregation.converged = change <= options.tolerance
        return Result(aggregation: aggregation, score: score, prior: prior)
    }

    /// One E step.
    static func posterior(
        _ labels: LabelStore, score: [Double], prior: [Double], heard: Heard? = nil, seed: UInt64
    ) -> Aggregation {
        var em = VoteKernels.EM(
            posterior: [Double](repeating: 0, count: labels.taskCount * labels.classCount), cell: labels.cell,
            workers: labels.workerCount, classes: labels.classCount)
        _ = em.step(
            score: score, bias: prior.map { max(-700, log($0)) }, own: heard?.voices.told, start: labels.start,
            cell: labels.cell)
        return Aggregation(
            posterior: em.posterior, of: labels, heard: heard == nil ? nil : labels.soft, seed: seed)
    }

    /// What models say of the tasks, and how much of it counts as things stand.
    struct Heard {
        let soft: SoftLabels
        private(set) var voices: SoftVoices
        /// [open tasks]: their numbers.
        private let numbers: [Int]
        /// Tasks that stand fast, with their classes.
        private let fast: [(task: Int, label: Int)]
        private let labelled: [Bool]

        fileprivate init(_ soft: SoftLabels, _ labels: LabelStore, _ fixed: Anchored) {
            self.soft = soft
            voices = SoftVoices(soft, contexts: [Int](repeating: 0, count: labels.taskCount))
            fast = fixed.fast
            let standing = Set(fast.map(\.task))
            numbers = (0..<labels.taskCount).filter { !standing.contains($0) }
            labelled = (0..<labels.taskCount).map { labels.start[$0 + 1] > labels.start[$0] }
        }

        /// [models].
        var weights: [Double] { voices.weights }

        /// [open tasks, classes]: what is added to the log prior.
        var open: [Double] {
            let c = voices.classes
            return numbers.count * c == voices.told.count
                ? voices.told : numbers.flatMap { voices.told[$0 * c..<($0 + 1) * c] }
        }

        /// The shares of the votes, each model having one.
        func shares(_ store: LabelStore) -> [Double] {
            let c = voices.classes
            var votes = [Double](repeating: 0, count: store.taskCount * c)
            for k in 0..<store.taskCount {
                for e in Int(store.start[k])..<Int(store.start[k + 1]) { votes[k * c + Int(store.label[e])] += 1 }
                for m in soft.models.indices {
                    for (z, p) in (soft.probabilities(task: numbers[k], model: m) ?? []).enumerated() {
                        votes[k * c + z] += p
                    }
                }
                let sum = votes[k * c..<(k + 1) * c].reduce(0, +)
                for z in k * c..<(k + 1) * c { votes[z] = sum > 0 ? votes[z] / sum : 1 / Double(c) }
            }
            return votes
        }

        /// Moves the weights: the posterior of the open tasks came of this log prior and of `open`.
        mutating func learn(_ posterior: [Double], prior: [Double]) {
            let c = voices.classes, told = voices.told
            var place = [Int](repeating: -1, count: labelled.count), known = place
            for (k, i) in numbers.enumerated() { place[i] = k }
            for (task, label) in fast { known[task] = label }
            let contexts = [Int](repeating: 0, count: labelled.count)
            voices.learn(
                steps: 2, prior: prior, contexts: contexts, tasks: labelled.indices.filter { labelled[$0] }
            ) { i, likelihood in
                for z in 0..<c {
                    likelihood[z] =
                        place[i] < 0
                        ? (z == known[i] ? 0 : -.infinity)
                        : log(posterior[place[i] * c + z]) - prior[z] - told[i * c + z]
                }
            }
        }
    }

    /// Tasks on which three workers or more agree and nobody differs: they keep their class while the workers are learned,
    /// so that blocks of workers with one or two labels cannot drift from what they all say. Their posteriors are those of
    /// what was learned. The others are `open`.
    fileprivate struct Anchored {
        let open: LabelStore
        /// [classes]: how many tasks stand fast.
        private(set) var tasks: [Double]
        /// Which they are, with their classes.
        private(set) var fast: [(task: Int, label: Int)] = []
        /// [worker, label, class]: what their labels count; empty where there are none.
        private var counts: [Double] = []

        var isEmpty: Bool { counts.isEmpty }

        init(none labels: LabelStore) {
            open = labels
            tasks = [Double](repeating: 0, count: labels.classCount)
        }

        init(_ labels: LabelStore) {
            let classes = labels.classCount
            var tasks = [Double](repeating: 0, count: classes), counts: [Double] = []
            var rows: (tasks: [Int32], workers: [Int32], labels: [Int32]) = ([], [], [])
            var kept: Int32 = 0
            for task in 0..<labels.taskCount {
                let own = Int(labels.start[task])..<Int(labels.start[task + 1])
                let first = own.isEmpty ? 0 : labels.label[own.lowerBound]
                guard own.count >= 3, labels.label[own].allSatisfy({ $0 == first }) else {
                    for e in own {
                        rows.tasks.append(kept)
                        rows.workers.append(labels.cell[e] / Int32(classes))
                        rows.labels.append(labels.label[e])
                    }
                    kept += 1
                    continue
                }
                if counts.isEmpty { counts = [Double](repeating: 0, count: labels.workerCount * classes * classes) }
                fast.append((task, Int(first)))
                tasks[Int(first)] += 1
                for e in own { counts[Int(labels.cell[e]) * classes + Int(first)] += 1 }
            }
            self.tasks = tasks
            self.counts = counts
            open =
                counts.isEmpty
                ? labels
                : LabelStore(
                    tasks: rows.tasks, workers: rows.workers, labels: rows.labels, taskCount: Int(kept),
                    workerCount: labels.workerCount, classCount: classes)
        }

        /// The open tasks' rows of an array of all tasks.
        func open(of rows: [Double], _ classes: Int) -> [Double] {
            if fast.isEmpty { return rows }
            var out: [Double] = []
            out.reserveCapacity(rows.count - fast.count * classes)
            var next = 0
            for each in fast {
                out += rows[next * classes..<each.task * classes]
                next = each.task + 1
            }
            return out + rows[(next * classes)...]
        }

        func added(to more: [Double]) -> [Double] {
            if counts.isEmpty { return more }
            var sum = more
            for at in sum.indices { sum[at] += counts[at] }
            return sum
        }
    }

    private static func prior(
        _ posterior: [Double], and fixed: [Double], classes: Int, smoothing: Double
    ) -> [Double] {
        var sums = fixed.map { $0 + smoothing }
        for first in stride(from: 0, to: posterior.count, by: classes) {
            for c in 0..<classes { sums[c] += posterior[first + c] }
        }
        let total = sums.reduce(0, +)
        return total > 0 ? sums.map { $0 / total } : sums.map { _ in 1 / Double(classes) }
    }
}
