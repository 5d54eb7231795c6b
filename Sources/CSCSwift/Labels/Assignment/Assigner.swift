/// A decision: ask this worker about this task.
public struct Assignment: Sendable, Hashable, Codable {
    /// i: the task's index, 0 ..< N.
    public var task: Int
    /// j: the worker's index, 0 ..< K.
    public var worker: Int
    /// The probability with which the worker was drawn; 1 where nothing was left to chance.
    public var probability: Double
    /// Whether the pair belongs to an exploration phase, in which all workers label a few tasks of each context.
    public var exploration: Bool

    /// A pair to ask, outside an exploration phase unless said.
    public init(task: Int, worker: Int, probability: Double, exploration: Bool = false) {
        self.task = task
        self.worker = worker
        self.probability = probability
        self.exploration = exploration
    }
}

/// Asks one pair at a time and waits for its answer: what a replay needs of a method.
public protocol SequentialAssigner: Sendable {
    /// The next pair to ask, or `nil` at the end.
    mutating func next() -> Assignment?
    /// Takes the answer to the last assignment.
    mutating func record(task: Int, worker: Int, label: Int) throws(CSCError)
    /// The present estimate for each task.
    var labels: [Int] { get }
    /// From now on only these workers may be asked about each task: [N] lists of workers, each in ascending order.
    /// To be called before anything is asked; whoever joins later may be asked about nothing.
    mutating func restrict(to eligible: [[Int32]])
}

/// Decides who is asked about what, one pair at a time, and keeps the answers.
///
/// It does no input or output. Several assignments may be outstanding. The same construction and the same sequence of
/// calls give the same decisions; `apply` follows decisions that were made earlier (a journal) and leaves the assigner
/// in the state, bit for bit, in which `next` would have left it.
public protocol LabelAssigner: SequentialAssigner, Codable {
    /// The next pair to ask, or `nil` if no pair can be asked now: the budget is spent or committed, every task is
    /// done, or no worker of `available` is left for any open task. `nil` for `available` means everyone present.
    mutating func next(available: [Int]?) -> Assignment?
    /// Follows a decision made earlier instead of making one.
    mutating func apply(_ assignment: Assignment) throws(CSCError)
    /// Takes the answer to an outstanding assignment. Throws `CSCError.invalid` if the pair is not outstanding or the
    /// label is not a class.
    mutating func record(task: Int, worker: Int, label: Int) throws(CSCError)
    /// Withdraws an outstanding assignment; its price is free again and this worker is not asked about this task again.
    mutating func decline(task: Int, worker: Int) throws(CSCError)
    /// Takes labels that were collected elsewhere, in this order; `paid` ones count as spent. The state after them does
    /// not depend on how they are spread over calls. Throws `CSCError.invalid`, and nothing is changed, where a pair was
    /// asked or adopted already, something does not exist, or what is paid is not free.
    mutating func adopt(_ labels: [(label: Label, paid: Bool)]) throws(CSCError)
    /// Takes the classes that an expert knows of these tasks, all of them or none. The same class again changes nothing.
    /// Throws `CSCError.invalid`, and nothing is changed, where there is no such task or class, the task has another gold
    /// label, or the method has no use for them.
    mutating func setGold(_ known: [(task: Int, label: Int)]) throws(CSCError)
    /// Takes a withdrawn pair out, as though it had never been asked: the worker may be asked about the task again. Throws
    /// `CSCError.invalid` if the pair was not withdrawn.
    mutating func forget(task: Int, worker: Int) throws(CSCError)
    /// Makes an assignment outstanding that was made earlier, withdrawn, and forgotten since. No random number is drawn.
    /// Throws `CSCError.invalid` if the pair is known or its price is not free.
    mutating func reinstate(_ assignment: Assignment) throws(CSCError)
    /// Takes another label in place of one that was recorded or adopted. Throws `CSCError.invalid` if there is none or the
    /// label is not a class.
    mutating func correct(task: Int, worker: Int, label: Int) throws(CSCError)
    /// New tasks of these contexts, after the others; a context may be new. They take no part in an exploration phase.
    mutating func addTasks(contexts: [Int])
    /// Another limit of the budget. Throws `CSCError.invalid` if that is less than what is spent and committed.
    mutating func setBudget(_ limit: Double) throws(CSCError)
    /// Whether this worker may be asked about this task now, money and presence aside: a pair not asked before of a task
    /// that is open.
    func isOpen(task: Int, worker: Int) -> Bool
    /// A new worker, present at once; returns the worker's index.
    mutating func addWorker(cost: Double) -> Int
    /// Whether a worker may be asked by `next(available: nil)`; leaving keeps the labels already given.
    mutating func setPresent(_ present: Bool, worker: Int)

    /// N: how many tasks there are.
    var taskCount: Int { get }
    /// K: how many workers there are, those who have left included.
    var workerCount: Int { get }
    /// C: how many classes there are.
    var classCount: Int { get }
    /// The present estimate for each task; a task without labels gets a coin's class.
    var labels: [Int] { get }
    /// How sure the method is of each label, in [0, 1]; the scale is the method's own.
    var confidence: [Double] { get }
    /// [N]: whether a task is not asked about as things stand, because its class is known or certain enough.
    var settled: [Bool] { get }
    /// The labels taken so far.
    var answers: [Label] { get }
    /// The budget and what has become of it.
    var budget: LabelBudget { get }
}

extension LabelAssigner {
    /// The next pair among everyone present.
    public mutating func next() -> Assignment? { next(available: nil) }
    /// For methods without a use for gold: refuses it.
    /// - Throws: `CSCError.invalid` always.
    public mutating func setGold(_ known: [(task: Int, label: Int)]) throws(CSCError) {
        throw .invalid("this method has no use for gold labels")
    }
    /// For methods that do not stop early: no task is settled. O(tasks).
    public var settled: [Bool] { [Bool](repeating: false, count: taskCount) }
}

/// The methods that decide live, by the names that commands and journals use.
public enum AssignmentMethod: String, Sendable, CaseIterable, Codable {
    /// `BBTA`: the BBTA paper's bandit.
    case bbta
    /// `Pooled`: hierarchical Bayes; also called `bayes`.
    case pooled
    /// `RandomLabels`: a random one of the least labelled tasks to a random worker, majority vote.
    case random

    /// The method of a name, or of another name that people know it by (bayes); nil if there is none.
    public init?(name: String) {
        guard let method = Self(rawValue: name == "bayes" ? "pooled" : name) else { return nil }
        self = method
    }

    /// What the method is, in a few words.
    public var summary: String {
        switch self {
        case .bbta: "the BBTA paper's bandit: exponential weights over workers, a context at a time"
        case .pooled:
            "also bayes, the default: hierarchical Bayes over workers and tasks, the least certain task to the worker who "
                + "tells most for the price"
        case .random: "a random one of the least labelled tasks to a random worker, majority vote: the usual baseline"
        }
    }

    /// Whether the method has a use for gold labels and stops asking about a task that is certain enough.
    public var takesGold: Bool { self == .pooled }

    /// The method's state as it was encoded.
    func assigner(from decoder: any Decoder) throws -> any LabelAssigner {
        switch self {
        case .bbta: try BBTA(from: decoder)
        case .pooled: try Pooled(from: decoder)
        case .random: try RandomLabels(from: decoder)
        }
    }

    /// The method at its beginning: the same arguments, the same decisions.
    ///
    /// - Parameters:
    ///   - taskContexts: the context of each task, 0-based.
    ///   - workerCosts: what a label of each worker costs; at least one worker.
    ///   - classes: C >= 2.
    ///   - budget: what all labels together may cost.
    ///   - explore: how many tasks of each context everyone labels first; nil: the method's default; `RandomLabels` has no
    ///     use for it.
    ///   - score: how BBTA reads a task's confidence; `Pooled` has no use for it.
    ///   - gold: the class of tasks that an expert has labelled; BBTA has no use for it.
    ///   - stopAt: a task whose posterior reaches this is not asked about; 1: never; BBTA has no use for it.
    ///   - families: the family of each worker (`Pooled.Options.families`); BBTA has no use for it.
    ///   - soft: what models say of the tasks; only `Pooled` has a use for it.
    ///   - seed: decides every draw and every tie.
    public func assigner(
        taskContexts: [Int], workerCosts: [Double], classes: Int, budget: Double, explore: Int? = nil,
        score: ExponentialWeights.Score = .margin, gold: [Int: Int] = [:], stopAt: Double = 1,
        families: [Int]? = nil, soft: SoftLabels? = nil, seed: UInt64
    ) -> any LabelAssigner {
        switch self {
        case .bbta:
            BBTA(
                taskContexts: taskContexts, workers: workerCosts.count, classes: classes,
                options: .init(
                    explore: explore ?? 1, score: score, budget: budget, workerCosts: workerCosts, seed: seed))
        case .pooled:
            Pooled(
                taskContexts: taskContexts, workers: workerCosts.count, classes: classes,
                options: .init(
                    calibrate: explore, stopAt: stopAt, budget: budget, workerCosts: workerCosts, gold: gold,
                    families: families, seed: seed), soft: soft)
        case .random:
            RandomLabels(
                tasks: taskContexts.count, workerCosts: workerCosts, classes: classes, budget: budget, seed: seed)
        }
    }
}

/// A hard budget: what is spent and what outstanding assignments may still cost never exceeds the limit.
///
/// Amounts are kept as whole millionths of the unit, so that sums are exact.
public struct LabelBudget: Sendable, Hashable, Codable {
    private static let scale = 1_000_000.0
    private var limitMicros: Int
    private var spentMicros = 0
    private var committedMicros = 0

    /// - Precondition: `0 <= limit < 9e12`.
    public init(limit: Double) { limitMicros = LabelBudget.micros(limit) }

    /// What may be spent in all.
    public var limit: Double { Double(limitMicros) / LabelBudget.scale }
    /// What the labels taken so far cost.
    public var spent: Double { Double(spentMicros) / LabelBudget.scale }
    /// What the outstanding assignments will cost.
    public var committed: Double { Double(committedMicros) / LabelBudget.scale }
    /// What is neither spent nor committed.
    public var free: Double { Double(freeMicros) / LabelBudget.scale }

    static func micros(_ amount: Double) -> Int {
        precondition(amount >= 0 && amount < 9e12, "LabelBudget: amount \(amount) is not in [0, 9e12)")
        return Int((amount * scale).rounded())
    }

    var freeMicros: Int { limitMicros - spentMicros - committedMicros }

    /// Another limit.
    /// - Throws: `CSCError.invalid` where it is less than what is spent and committed.
    mutating func setLimit(_ limit: Double) throws(CSCError) {
        let micros = LabelBudget.micros(limit)
        guard micros >= spentMicros + committedMicros else {
            throw .invalid(
                "the budget cannot be \(Terminal.amount(limit)): \(Terminal.amount(spent)) is spent and "
                    + "\(Terminal.amount(committed)) set aside")
        }
        limitMicros = micros
    }

    mutating func commit(_ micros: Int) { committedMicros += micros }
    mutating func release(_ micros: Int) { committedMicros -= micros }
    mutating func spend(_ micros: Int) {
        committedMicros -= micros
        spentMicros += micros
    }
}
