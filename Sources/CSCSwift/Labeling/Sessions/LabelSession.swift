internal import Foundation

/// A live labelling session: who is asked about what next, and what has been answered, kept in a folder.
///
/// ```swift
/// let session = try LabelSession.create(
///     folder: "animals", tasks: tasks, contexts: ["photos"], classes: ["cat", "dog"],
///     workers: [LabelingWorker(id: "ann"), LabelingWorker(id: "bob")], options: .init(budget: 200))
/// while let question = try session.next(workers: ["ann", "bob"]) {
///     let label = ask(question.worker, question.task)
///     try session.record(task: question.task, worker: question.worker, label: label)
/// }
/// for answer in session.answers { print(answer.task, answer.label ?? "?", answer.confidence) }
/// ```
///
/// Each decision (with the probability of its draw) and each answer is on the disk before the call returns; opening the
/// folder again replays the journal through the same engine (`BBTA`), to the same state bit for bit. The budget is
/// hard: what answers have cost and outstanding questions may cost never exceeds it. One process at a time has a
/// session open. Not for use from several threads at once.
public final class LabelSession {
    /// What a session is started with.
    public struct Options: Sendable, Hashable {
        /// What all labels together may cost.
        public var budget: Double
        /// N': how many tasks of each context everyone labels first. 0 unless all workers are known at the start.
        public var explore: Int
        /// How the next task is chosen.
        public var score: ExponentialWeights.Score
        /// Decides the exploration tasks, every draw and every tie.
        public var seed: UInt64

        /// A budget, and the letter's score without exploration unless said; `create` checks them.
        public init(budget: Double, explore: Int = 0, score: ExponentialWeights.Score = .margin, seed: UInt64 = 0) {
            self.budget = budget
            self.explore = explore
            self.score = score
            self.seed = seed
        }
    }

    /// A decision: ask this worker about this task.
    public struct Question: Sendable, Hashable {
        /// The task's name.
        public let task: String
        /// The worker's name.
        public let worker: String
        /// With which probability this worker was drawn for the task.
        public let probability: Double
        /// Whether it belongs to the exploration phase, in which everyone labels the same few tasks.
        public let exploration: Bool
        /// When it was asked, in seconds since 1970.
        public let askedAt: Double
    }

    /// The present estimate for one task.
    public struct Answer: Sendable, Hashable {
        /// The task's name.
        public let task: String
        /// The class with the largest weighted vote; nil while the task has no label.
        public let label: String?
        /// How sure the engine is, in [0, 1]: the margin between the two largest weighted votes.
        public let confidence: Double
        /// How many labels the task has.
        public let labels: Int

        /// An estimate put together elsewhere, for instance with an aggregator's label.
        public init(task: String, label: String?, confidence: Double, labels: Int) {
            self.task = task
            self.label = label
            self.confidence = confidence
            self.labels = labels
        }
    }

    /// What `record` did.
    public enum Recorded: String, Sendable, Hashable {
        /// The label is new and on the disk.
        case new
        /// The same answer had been recorded before; nothing was changed.
        case known
    }

    /// What the session was started with, as the journal has it.
    public let options: Options
    /// The tasks in their order.
    public let tasks: [LabelingTask]
    /// Names of the contexts, which tasks refer to by index.
    public let contexts: [String]
    /// Names of the classes: the labels that `record` takes.
    public let classes: [String]
    /// The workers in the order in which they joined.
    public private(set) var workers: [LabelingWorker] = []
    /// What was found and mended on opening, if anything: a torn last line.
    public var notice: String? { journal.notice }

    private enum Fate: Equatable { case asked, answered(Int), declined, expired }
    private struct Pair {
        var question: Question
        var fate: Fate
        let line: Int
    }

    private let journal: SessionJournal
    private let clock: () -> Double
    private let taskIndex: [String: Int]
    private let classIndex: [String: Int]
    private var workerIndex: [String: Int] = [:]
    private var engine: BBTA?
    private var pairs: [UInt64: Pair] = [:]
    private var outstandingKeys: Set<UInt64> = []
    private var labelCounts: [Int]
    private var failure: CSCError?

    // MARK: Beginning

    /// Starts a session in a new folder and opens it.
    ///
    /// `workers` may be empty if nothing is explored: workers can join at any time. Truths of tasks are not kept.
    /// - Throws: `CSCError` where the folder has a session already, a name is used twice, empty or holds control
    ///   characters, there are fewer than two classes or no tasks, or the budget is negative.
    public static func create(
        folder: String, tasks: [LabelingTask], contexts: [String] = ["all"], classes: [String],
        workers: [LabelingWorker], options: Options, clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) -> LabelSession {
        try checkNames(tasks.map(\.id), "task")
        try checkNames(contexts, "context")
        try checkNames(classes, "class")
        try checkNames(workers.map(\.id), "worker")
        for task in tasks where !contexts.indices.contains(task.context) {
            throw .invalid("task '\(task.id)' has context number \(task.context) of \(contexts.count)")
        }
        guard !tasks.isEmpty else { throw .invalid("a session needs at least one task") }
        guard classes.count >= 2 else { throw .invalid("a session needs at least two classes to choose from") }
        guard options.budget >= 0, options.budget < 9e12 else {
            throw .invalid("the budget \(options.budget) is not between 0 and 9e12")
        }
        guard options.explore >= 0 && (options.explore == 0 || !workers.isEmpty) else {
            throw .invalid("exploring \(options.explore) tasks a context needs the workers at the start")
        }
        for worker in workers { try checkCost(worker.cost) }
        let exploration = options.explore > 0
        if exploration {
            var sizes = [Int](repeating: 0, count: contexts.count)
            for task in tasks { sizes[task.context] += 1 }
            let first = sizes.reduce(0) { $0 + min($1, options.explore) }
            let price = Double(first) * workers.reduce(0) { $0 + $1.cost }
            guard price <= options.budget else {
                throw .invalid(
                    "exploring \(first) tasks with everyone costs \(price), more than the budget \(options.budget)")
            }
        }
        var lines = [
            ["session", "1", "\(options.seed)", "\(options.budget)", "\(options.explore)", scoreName(options.score)]
                + classes
        ]
        lines.append(["contexts"] + contexts)
        for task in tasks { lines.append(["task", task.id, "\(task.context)"]) }
        for worker in workers { lines.append(["worker", worker.id, "\(worker.cost)"]) }
        lines.append(["start", "\(clock())"])
        try SessionJournal.create(folder: folder, lines: lines)
        return try LabelSession(opening: folder, clock: clock)
    }

    /// Seconds since 1970 now.
    public static func now() -> Double { Date().timeIntervalSince1970.rounded(.down) }

    /// Opens the session in `folder`, waiting up to `wait` seconds while another process has it open.
    /// - Throws: `CSCError.damaged` naming file and line where the journal is not as it was written.
    public init(opening folder: String, wait: Double = 10, clock: @escaping () -> Double = LabelSession.now)
        throws(CSCError)
    {
        let journal = try SessionJournal(folder: folder, wait: wait)
        var head = Head()
        var events: [([Substring], Int)] = []
        try journal.replay { (fields, line) throws(CSCError) in
            if head.isComplete {
                events.append((fields, line))
            } else if !head.take(fields) {
                throw journal.damaged("is not part of a session's beginning")
            }
        }
        guard head.isComplete else { throw journal.damaged("is the last, but the session's beginning is not complete") }
        self.journal = journal
        self.clock = clock
        options = head.options
        tasks = head.tasks
        contexts = head.contexts
        classes = head.classes
        taskIndex = Dictionary(uniqueKeysWithValues: head.tasks.enumerated().map { ($1.id, $0) })
        classIndex = Dictionary(uniqueKeysWithValues: head.classes.enumerated().map { ($1, $0) })
        labelCounts = [Int](repeating: 0, count: head.tasks.count)
        if !head.workers.isEmpty { found(head.workers) }
        for (fields, line) in events {
            do throws(CSCError) {
                try follow(fields, line)
            } catch {
                throw .damaged(path: "\(journal.path):\(line)", reason: error.description)
            }
        }
    }

    private func found(_ first: [LabelingWorker]) {
        workers = first
        for (index, worker) in first.enumerated() { workerIndex[worker.id] = index }
        engine = BBTA(
            taskContexts: tasks.map(\.context), workers: first.count, classes: classes.count,
            options: BBTA.Options(
                explore: options.explore, score: options.score, budget: options.budget,
                workerCosts: first.map(\.cost), seed: options.seed))
    }

    private func follow(_ fields: [Substring], _ line: Int) throws(CSCError) {
        let bad = CSCError.invalid("line \(line) is not an event of this session")
        switch fields.first {
        case "join":
            guard fields.count == 3, let cost = Double(fields[2]) else { throw bad }
            try admit(LabelingWorker(id: String(fields[1]), cost: cost))
        case "ask":
            guard fields.count == 6, let task = taskIndex[String(fields[1])],
                let worker = workerIndex[String(fields[2])], let probability = Double(fields[3]),
                let time = Double(fields[5])
            else { throw bad }
            let assignment = Assignment(
                task: task, worker: worker, probability: probability, exploration: fields[4] == "explore")
            try engine?.apply(assignment)
            note(assignment, time, line)
        case "answer", "decline", "expire":
            guard fields.count >= 4, let task = taskIndex[String(fields[1])],
                let worker = workerIndex[String(fields[2])]
            else { throw bad }
            if fields[0] == "answer" {
                guard fields.count == 5, let label = classIndex[String(fields[3])] else { throw bad }
                try settle(task, worker, .answered(label))
            } else {
                try settle(task, worker, fields[0] == "decline" ? .declined : .expired)
            }
        default: throw bad
        }
    }

    // MARK: Workers

    /// Lets a worker in, from now on. The name must be new.
    public func join(_ worker: LabelingWorker) throws(CSCError) {
        try ready()
        try Self.checkNames([worker.id], "worker")
        try Self.checkCost(worker.cost)
        guard workerIndex[worker.id] == nil else { throw .invalid("worker '\(worker.id)' has joined already") }
        try admit(worker)
        try write([["join", worker.id, "\(worker.cost)"]])
    }

    private func admit(_ worker: LabelingWorker) throws(CSCError) {
        if engine == nil {
            found([worker])
        } else {
            workerIndex[worker.id] = workers.count
            workers.append(worker)
            _ = engine?.addWorker(cost: worker.cost)
        }
    }

    // MARK: Asking and recording

    /// The next question for one of `workers` (those who are there now), or nil: `reason` says why then. The price of
    /// the answer is set aside from the budget until it is recorded, declined or expired.
    /// - Throws: `CSCError.invalid` for a worker who has not joined, with the nearest name that has.
    public func next(workers names: [String]) throws(CSCError) -> Question? {
        try ready()
        var present: [Int] = []
        for name in names { present.append(try worker(name)) }
        guard !present.isEmpty, let assignment = engine?.next(available: present) else { return nil }
        let time = clock()
        let question = note(assignment, time, journal.lineCount + 1)
        try write([
            [
                "ask", question.task, question.worker, "\(question.probability)",
                assignment.exploration ? "explore" : "draw", "\(time)",
            ]
        ])
        return question
    }

    /// Takes the answer to an outstanding question. The same answer again changes nothing.
    /// - Throws: `CSCError.invalid` where the names are unknown, the worker was not asked, the question was withdrawn, or
    ///   another answer was recorded before: the first one stands.
    @discardableResult
    public func record(task: String, worker: String, label: String) throws(CSCError) -> Recorded {
        try ready()
        guard let index = classIndex[label] else {
            throw .invalid(
                "'\(label)' is not a class of this session (\(classes.joined(separator: ", ")))"
                    + Spelling.hint(for: label, among: classes))
        }
        let (i, j, pair) = try asked(task, worker)
        switch pair.fate {
        case .asked: break
        case .answered(index): return .known
        case .answered(let first):
            throw .invalid(
                "worker '\(worker)' has answered '\(classes[first])' on task '\(task)' already; "
                    + "the first answer stands and '\(label)' was not recorded")
        case .declined, .expired: throw withdrawn(task, worker, pair.fate)
        }
        try settle(i, j, .answered(index))
        try write([["answer", task, worker, label, "\(clock())"]])
        return .new
    }

    /// Withdraws an outstanding question because the worker will not answer; its price is free again, and this worker is
    /// not asked about this task again. A second time changes nothing.
    @discardableResult
    public func decline(task: String, worker: String) throws(CSCError) -> Recorded {
        try ready()
        let (i, j, pair) = try asked(task, worker)
        switch pair.fate {
        case .declined, .expired: return .known
        case .answered(let label):
            throw .invalid("worker '\(worker)' has answered '\(classes[label])' on task '\(task)' already")
        case .asked: break
        }
        try settle(i, j, .declined)
        try write([["decline", task, worker, "\(clock())"]])
        return .new
    }

    /// Withdraws every question that has been outstanding for at least so many seconds; returns them, oldest first.
    @discardableResult
    public func expire(olderThan seconds: Double) throws(CSCError) -> [Question] {
        try ready()
        let time = clock()
        let old = outstanding.filter { time - $0.askedAt >= seconds }
        guard !old.isEmpty else { return [] }
        var events: [[String]] = []
        for question in old {
            try settle(taskIndex[question.task] ?? -1, workerIndex[question.worker] ?? -1, .expired)
            events.append(["expire", question.task, question.worker, "\(time)"])
        }
        try write(events)
        return old
    }

    // MARK: State

    /// Questions that have been asked and neither answered nor withdrawn, oldest first.
    public var outstanding: [Question] {
        outstandingKeys.compactMap { pairs[$0] }.sorted { $0.line < $1.line }.map(\.question)
    }

    /// The budget and what has become of it.
    public var budget: LabelBudget { engine?.budget ?? LabelBudget(limit: options.budget) }

    /// How many labels have been recorded.
    public var labelCount: Int { labelCounts.reduce(0, +) }

    /// The present estimate for each task, by the engine's weighted votes.
    public var answers: [Answer] {
        let labels = engine?.labels, confidence = engine?.confidence
        return tasks.indices.map { task in
            Answer(
                task: tasks[task].id, label: labelCounts[task] == 0 ? nil : labels.map { classes[$0[task]] },
                confidence: confidence?[task] ?? 0, labels: labelCounts[task])
        }
    }

    /// The labels so far, for the aggregators.
    public var table: LabelTable {
        LabelTable(
            tasks: tasks, workers: workers, contexts: contexts, classes: classes, labels: engine?.answers ?? [])
    }

    /// Why `next` gives nothing to these workers now: a sentence.
    public func reason(workers names: [String]) -> String {
        let budget = budget
        let costs = names.compactMap { workerIndex[$0] }.map { workers[$0].cost }
        guard let cheapest = costs.min() else { return "none of these workers has joined" }
        if budget.free < cheapest {
            return budget.committed > 0
                ? "what is left of the budget (\(budget.free)) is less than a label costs; "
                    + "\(outstandingKeys.count) questions are outstanding"
                : "the budget is spent: what is left (\(budget.free)) is less than a label costs"
        }
        return "these workers have been asked about every task that is open to them"
    }

    // MARK: Parts

    private func ready() throws(CSCError) { if let failure { throw failure } }

    /// Appends; after a failed write the memory is ahead of the disk, so the session refuses to go on.
    private func write(_ events: [[String]]) throws(CSCError) {
        do throws(CSCError) {
            try journal.append(events)
        } catch {
            failure = .invalid("the session must be opened again, because a write failed: \(error)")
            throw error
        }
    }

    private func worker(_ name: String) throws(CSCError) -> Int {
        if let index = workerIndex[name] { return index }
        throw .invalid(
            "there is no worker '\(name)' in this session" + Spelling.hint(for: name, among: workers.map(\.id)))
    }

    private func asked(_ task: String, _ worker: String) throws(CSCError) -> (Int, Int, Pair) {
        guard let i = taskIndex[task] else {
            throw .invalid(
                "there is no task '\(task)' in this session" + Spelling.hint(for: task, among: tasks.lazy.map(\.id)))
        }
        let j = try self.worker(worker)
        guard let pair = pairs[Self.key(i, j)] else {
            throw .invalid("worker '\(worker)' was not asked about task '\(task)'")
        }
        return (i, j, pair)
    }

    private func withdrawn(_ task: String, _ worker: String, _ fate: Fate) -> CSCError {
        let how = fate == .declined ? "was declined" : "has expired"
        return .invalid("the question to worker '\(worker)' about task '\(task)' \(how); the answer was not recorded")
    }

    private static func key(_ task: Int, _ worker: Int) -> UInt64 { UInt64(task) << 32 | UInt64(worker) }

    @discardableResult
    private func note(_ assignment: Assignment, _ time: Double, _ line: Int) -> Question {
        let question = Question(
            task: tasks[assignment.task].id, worker: workers[assignment.worker].id,
            probability: assignment.probability, exploration: assignment.exploration, askedAt: time)
        let key = Self.key(assignment.task, assignment.worker)
        pairs[key] = Pair(question: question, fate: .asked, line: line)
        outstandingKeys.insert(key)
        return question
    }

    private func settle(_ task: Int, _ worker: Int, _ fate: Fate) throws(CSCError) {
        if case .answered(let label) = fate {
            try engine?.record(task: task, worker: worker, label: label)
            labelCounts[task] += 1
        } else {
            try engine?.decline(task: task, worker: worker)
        }
        let key = Self.key(task, worker)
        pairs[key]?.fate = fate
        outstandingKeys.remove(key)
    }

    private static func checkNames(_ names: [String], _ what: String) throws(CSCError) {
        var seen: Set<String> = []
        for name in names {
            guard !name.isEmpty else { throw .invalid("a \(what) has no name") }
            guard name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
                throw .invalid("the name of \(what) '\(name)' holds a tab, a line end or another control character")
            }
            guard seen.insert(name).inserted else { throw .invalid("there are two of \(what) '\(name)'") }
        }
    }

    private static func checkCost(_ cost: Double) throws(CSCError) {
        guard cost >= 0, cost < 9e12 else { throw .invalid("a cost of \(cost) a label is not between 0 and 9e12") }
    }

    static func scoreName(_ score: ExponentialWeights.Score) -> String {
        score == .margin ? "margin" : "least-confidence"
    }

    /// The lines with which a journal begins.
    private struct Head {
        var options = Options(budget: 0)
        var classes: [String] = []
        var contexts: [String] = []
        var tasks: [LabelingTask] = []
        var workers: [LabelingWorker] = []
        var isComplete = false

        /// Takes a line; false where it does not belong here.
        mutating func take(_ fields: [Substring]) -> Bool {
            switch fields[0] {
            case "session":
                guard classes.isEmpty, fields.count >= 8, fields[1] == "1", let seed = UInt64(fields[2]),
                    let budget = Double(fields[3]), let explore = Int(fields[4])
                else { return false }
                options = Options(
                    budget: budget, explore: explore, score: fields[5] == "margin" ? .margin : .leastConfidence,
                    seed: seed)
                classes = fields[6...].map(String.init)
            case "contexts": contexts = fields.dropFirst().map(String.init)
            case "task":
                guard fields.count == 3, let context = Int(fields[2]), contexts.indices.contains(context) else {
                    return false
                }
                tasks.append(LabelingTask(id: String(fields[1]), context: context))
            case "worker":
                guard fields.count == 3, let cost = Double(fields[2]) else { return false }
                workers.append(LabelingWorker(id: String(fields[1]), cost: cost))
            case "start": isComplete = !classes.isEmpty && !tasks.isEmpty
            default: return false
            }
            return !classes.isEmpty
        }
    }
}
