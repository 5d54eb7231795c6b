internal import Foundation

/// What accuracy a budget buys, by simulating whole sessions with the engine that live sessions use.
public struct LabelPlan: Sendable {
    /// What is assumed of the workers.
    public enum Assumption: Sendable, Hashable {
        /// Each worker's accuracy in each context is drawn uniformly from this range.
        case uniform(ClosedRange<Double>)
        /// [contexts][workers]: drawn from `prior` after as many right and wrong labels as each quality counts, so that
        /// what is not known counts as such.
        case estimated([[WorkerQuality]], prior: BetaDistribution)
        /// Crews of different prices and accuracies, one after the other: the workers of the plan in their order.
        case crews([LabelCrew])
    }

    /// The accuracies that workers are supposed to have where nothing is said of them.
    public static let usualAccuracies = 0.55...0.9
    /// The belief before any label: the beta distribution with the mean and the variance of `usualAccuracies`.
    public static let usualBelief: BetaDistribution = {
        let low = usualAccuracies.lowerBound, high = usualAccuracies.upperBound
        let mean = (low + high) / 2, variance = (high - low) * (high - low) / 12
        let strength = mean * (1 - mean) / variance - 1
        return BetaDistribution(mean * strength, (1 - mean) * strength)
    }()

    /// Accuracy at one budget over the runs.
    public struct Point: Sendable, Hashable {
        /// What all labels together may cost, in the unit of the workers' costs.
        public let budget: Double
        /// The mean share of tasks whose label is right.
        public let accuracy: Double
        /// Its standard error over the runs; 0 for a single run.
        public let standardError: Double
        /// The mean number of labels bought; models' probabilities are none.
        public let labels: Double
    }

    /// The context of each task, [N], 0-based.
    public let taskContexts: [Int]
    /// What a label of each worker costs, [K], in the unit of the budgets; models that give probabilities are no workers.
    public let workerCosts: [Double]
    /// C: how many classes there are.
    public let classCount: Int
    /// What the simulated workers' accuracies are drawn from.
    public let assumption: Assumption
    /// N': how many tasks of each context everyone labels first.
    public let explore: Int
    /// Who decides.
    public let method: AssignmentMethod
    /// How many tasks' class is given as gold beforehand, drawn again in each run; they do not count in the accuracy.
    public let gold: Int
    /// The posterior at which a task is settled; 1: never.
    public let stopAt: Double
    /// The family of each worker, for `pooled`: a crew whose errors go together is one; nil: everyone is alone.
    public private(set) var families: [Int]?
    /// Who gives class probabilities before anybody is asked, in the order in which they are bought.
    private var models: [LabelCrew] {
        if case .crews(let crews) = assumption { crews.filter(\.isModel) } else { [] }
    }

    /// A plan for crews, in one context: what a mix of them buys. O(tasks + workers).
    ///
    /// The probabilities of models (`LabelCrew.model`) are bought first, for all tasks, in the order of the models; one for
    /// which a budget does not reach is left out at that budget. Where there are models alone, a task's label is the class
    /// of their largest sum of log-probabilities.
    /// - Precondition: at least one task and one crew; a model is right at least as often as by guessing.
    public init(tasks: Int, crews: [LabelCrew], classCount: Int = 2, stopAt: Double = 1) {
        let people = crews.filter { !$0.isModel }
        self.init(
            taskContexts: [Int](repeating: 0, count: tasks),
            workerCosts: people.flatMap { [Double](repeating: $0.price, count: $0.count) }, classCount: classCount,
            assumption: .crews(crews), stopAt: stopAt)
        for crew in crews {
            do throws(CSCError) { try crew.check(classes: classCount) } catch {
                preconditionFailure("LabelPlan: \(error)")
            }
        }
        guard people.contains(where: { $0.correlation > 0 }) else { return }
        var alone = people.count
        families = people.enumerated().flatMap { index, crew in
            (0..<crew.count).map { _ -> Int in
                if crew.correlation > 0 { return index }
                alone += 1
                return alone
            }
        }
    }

    /// A plan for tasks with these contexts (0, 1, ...) and workers with these costs per label.
    /// - Parameters:
    ///   - taskContexts: the context of each task, [N].
    ///   - workerCosts: what a label of each worker costs, [K].
    ///   - classCount: C, from 2.
    ///   - assumption: what the workers' accuracies are drawn from.
    ///   - explore: how many tasks of each context everyone labels first.
    ///   - method: who decides.
    ///   - gold: how many tasks' class is given beforehand; with a method that takes gold.
    ///   - stopAt: the posterior at which a task is settled; 1: never.
    ///   - families: the family of each worker, [K], a number from 0 or, for those who are alone, below it, for the method pooled;
    ///     nil: everyone is alone. Members of a family are supposed to be right and wrong together, as far as their accuracies
    ///     allow it, which is the least that a family can tell.
    public init(
        taskContexts: [Int], workerCosts: [Double], classCount: Int = 2, assumption: Assumption, explore: Int = 0,
        method: AssignmentMethod = .pooled, gold: Int = 0, stopAt: Double = 1, families: [Int]? = nil
    ) {
        precondition(
            (gold == 0 && stopAt == 1) || method.takesGold, "LabelPlan: gold or stopping early with \(method.rawValue)")
        precondition(
            gold >= 0 && gold < max(1, taskContexts.count), "LabelPlan: \(gold) gold of \(taskContexts.count) tasks")
        var asksNobody = false
        if case .crews(let crews) = assumption { asksNobody = !crews.isEmpty && crews.allSatisfy(\.isModel) }
        precondition(
            !taskContexts.isEmpty && (!workerCosts.isEmpty || asksNobody) && classCount >= 2,
            "LabelPlan: \(taskContexts.count) tasks, \(workerCosts.count) workers, \(classCount) classes")
        self.taskContexts = taskContexts
        self.workerCosts = workerCosts
        self.classCount = classCount
        self.assumption = assumption
        self.explore = explore
        self.method = method
        self.gold = gold
        self.stopAt = stopAt
        precondition(
            families.map { $0.count == workerCosts.count && method == .pooled } ?? true,
            "LabelPlan: families of \(families?.count ?? 0) workers for \(workerCosts.count), with \(method.rawValue)")
        self.families = families
    }

    /// The accuracy at each budget: each run draws truths (uniformly) and workers, then collects labels up to the largest
    /// budget and scores the present labels on the way. Runs go in parallel; the same seed gives the same bits at any
    /// thread count. O(runs x labels x workers).
    ///
    /// - Parameters:
    ///   - budgets: where the accuracy is asked for, each from 0, in units of the workers' costs; any order.
    ///   - runs: how many runs are played, from 1.
    ///   - seed: of truths, workers and answers, and of the method.
    ///   - played: called after each run, by whichever thread played it.
    /// - Returns: a point for each budget, from the least to the largest.
    public func simulate(
        budgets: [Double], runs: Int = 20, seed: UInt64 = 0, played: (@Sendable () -> Void)? = nil
    ) -> [Point] {
        precondition(runs > 0 && budgets.allSatisfy { $0 >= 0 }, "LabelPlan: \(runs) runs, budgets \(budgets)")
        let budgets = budgets.sorted()
        let results = Threads.map(runs) { run in
            defer { played?() }
            return self.run(run, budgets, seed)
        }
        return budgets.indices.map { index in
            let values = results.map { $0[index].accuracy }
            let mean = values.reduce(0, +) / Double(runs)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let error = runs > 1 ? (squares / Double(runs - 1) / Double(runs)).squareRoot() : 0
            let labels = results.reduce(0) { $0 + $1[index].labels } / Double(runs)
            return Point(budget: budgets[index], accuracy: mean, standardError: error, labels: labels)
        }
    }

    /// What a run draws before anybody is asked, and the stream of the answers.
    private struct Draws {
        let truth: [Int]
        let accuracy: [[Double]]
        let known: [Int: Int]
        let seed: UInt64
        let crews: CrewAnswers
        let models: CrewModels
        let stream: RandomStream

        /// The share of right labels on the tasks that are not gold.
        func score(_ labels: [Int]) -> Double {
            let right = truth.indices.count(where: { labels[$0] == truth[$0] && known[$0] == nil })
            return Double(right) / Double(truth.count - known.count)
        }
    }

    private func run(_ run: Int, _ budgets: [Double], _ seed: UInt64) -> [(accuracy: Double, labels: Double)] {
        var stream = RandomStream(seed: seed, purpose: .labelModel, index: UInt64(run))
        let truth = taskContexts.map { _ in stream.index(below: classCount) }
        let accuracy = drawAccuracies(&stream)
        let draws = Draws(
            truth: truth, accuracy: accuracy, known: GoldDraw.tasks(gold, of: truth, seed: seed, run: run),
            seed: stream.next(),
            crews: CrewAnswers(assumption, families: families, seed: seed, run: run, classes: classCount),
            models: CrewModels(models, truth: truth, classes: classCount, seed: seed, run: run), stream: stream)
        return purchases(budgets).flatMap { play(draws, $0.models, budgets: $0.left) }
    }

    /// Which models neighbouring budgets buy, and what is left of each: one session for all that buy the same.
    private func purchases(_ budgets: [Double]) -> [(models: [Int], left: [Double])] {
        let prices = models.map { $0.price * Double(taskContexts.count) }
        var found: [(models: [Int], left: [Double])] = []
        for budget in budgets {
            var bought: [Int] = [], left = budget
            for (model, price) in prices.enumerated() where price <= left + 1e-9 {
                bought.append(model)
                left = max(0, left - price)
            }
            if let last = found.indices.last, found[last].models == bought {
                found[last].left.append(left)
            } else {
                found.append((bought, [left]))
            }
        }
        return found
    }

    /// A session with these models, measured where it has spent each of these budgets.
    private func play(_ draws: Draws, _ bought: [Int], budgets: [Double]) -> [(accuracy: Double, labels: Double)] {
        guard !workerCosts.isEmpty else {
            let accuracy = draws.score(draws.models.labels(bought))
            return budgets.map { _ in (accuracy, 0) }
        }
        let (truth, accuracy, crews) = (draws.truth, draws.accuracy, draws.crews)
        var stream = draws.stream
        var engine = method.assigner(
            taskContexts: taskContexts, workerCosts: workerCosts, classes: classCount, budget: budgets.last ?? 0,
            explore: explore, gold: draws.known, stopAt: stopAt, families: families, soft: draws.models.soft(bought),
            seed: draws.seed)
        var points: [(accuracy: Double, labels: Double)] = []
        var count = 0
        func measure() { points.append((draws.score(engine.labels), Double(count))) }
        while let question = engine.next() {
            let price = engine.budget.spent + workerCosts[question.worker]
            while points.count < budgets.count && price > budgets[points.count] + 1e-9 { measure() }
            let draws = (stream.unit(), stream.index(below: classCount - 1))
            let (chance, other) = crews.draws(task: question.task, worker: question.worker, own: draws)
            let right = chance < accuracy[taskContexts[question.task]][question.worker]
            let wrong = (truth[question.task] + 1 + other) % classCount
            do throws(CSCError) {
                try engine.record(
                    task: question.task, worker: question.worker, label: right ? truth[question.task] : wrong)
            } catch {
                preconditionFailure("LabelPlan: an outstanding question was refused: \(error)")
            }
            count += 1
        }
        while points.count < budgets.count { measure() }
        return points
    }

    private func drawAccuracies(_ stream: inout RandomStream) -> [[Double]] {
        let contexts = (taskContexts.max() ?? 0) + 1
        switch assumption {
        case .uniform(let range):
            return (0..<contexts).map { _ in
                workerCosts.map { _ in stream.uniform(range.lowerBound, range.upperBound) }
            }
        case .crews(let crews):
            return (0..<contexts).map { _ in
                crews.filter { !$0.isModel }.flatMap { crew in
                    (0..<crew.count).map { _ in stream.uniform(crew.accuracy.lowerBound, crew.accuracy.upperBound) }
                }
            }
        case .estimated(let rows, let prior):
            return (0..<contexts).map { context in
                workerCosts.indices.map { worker in
                    let quality = rows[context][worker]
                    let wrong = max(0, Double(quality.labels) - quality.right)
                    return BetaDistribution(prior.a + quality.right, prior.b + wrong).quantile(stream.unit())
                }
            }
        }
    }
}

/// The tasks whose class an expert tells in one run of a simulation.
enum GoldDraw {
    /// So many tasks, uniformly, with their class. O(N).
    static func tasks(_ count: Int, of truth: [Int], seed: UInt64, run: Int) -> [Int: Int] {
        guard count > 0 else { return [:] }
        var stream = RandomStream(seed: seed, purpose: .labelGold, index: UInt64(run))
        var order = Array(truth.indices)
        for k in 0..<count { order.swapAt(k, k + stream.index(below: order.count - k)) }
        return Dictionary(uniqueKeysWithValues: order[..<count].map { ($0, truth[$0]) })
    }
}
