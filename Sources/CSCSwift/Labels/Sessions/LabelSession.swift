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
/// folder again replays the journal through the same engine (`AssignmentMethod`), to the same state bit for bit. The budget is
/// hard: what answers have cost and outstanding questions may cost never exceeds it. One process at a time has a
/// session open. Not for use from several threads at once.
public final class LabelSession {
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

    let taskIndex: [String: Int]
    let classIndex: [String: Int]
    private(set) var workerIndex: [String: Int] = [:]
    let journal: SessionJournal
    let clock: () -> Double
    /// The class of each task that an expert knows.
    var gold: [Int: Int] = [:]
    var engine: (any LabelAssigner)?
    private(set) var pairs: [UInt64: Pair] = [:]
    private(set) var outstandingKeys: Set<UInt64> = []
    private(set) var labelCounts: [Int]
    private var failure: CSCError?

    // MARK: Beginning

    /// Starts a session in a new folder and opens it.
    ///
    /// `workers` may be empty if nothing is explored: workers can join at any time. Truths of tasks are not kept; `gold`
    /// are tasks whose class an expert knows, for a method that has a use for them.
    /// - Throws: `CSCError` where the folder has a session already, a name is used twice, empty or holds control
    ///   characters, there are fewer than two classes or no tasks, or an amount of money cannot be counted
    ///   (`LabelBudget.check`).
    public static func create(
        folder: String, tasks: [LabelingTask], contexts: [String] = ["all"], classes: [String],
        workers: [LabelingWorker], options: Options, gold: [(task: String, label: String)] = [],
        clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) -> LabelSession {
        var head = SessionHead()
        head.options = options
        head.tasks = tasks
        head.contexts = contexts
        head.classes = classes
        head.workers = workers
        head.gold = gold
        try head.check()
        try LabelBudget.check(options.budget, "the budget")
        for worker in workers { try LabelBudget.check(worker.cost, "the price of worker '\(worker.id)'") }
        try SessionJournal.create(folder: folder, lines: head.lines(startedAt: clock()))
        return try LabelSession(opening: folder, clock: clock)
    }

    /// Seconds since 1970 now.
    public static func now() -> Double { Date().timeIntervalSince1970.rounded(.down) }

    /// Opens the session in `folder`, waiting up to `wait` seconds while another process has it open. O(journal).
    /// - Throws: `CSCError.damaged` naming file and line where the journal is not as it was written.
    public init(opening folder: String, wait: Double = 10, clock: @escaping () -> Double = LabelSession.now)
        throws(CSCError)
    {
        let journal = try SessionJournal(folder: folder, wait: wait)
        var head = SessionHead()
        var events: [([Substring], Int)] = []
        try journal.replay { (fields, line) throws(CSCError) in
            if head.isComplete {
                events.append((fields, line))
                return
            }
            do throws(CSCError) { try head.take(fields) } catch { throw journal.damaged("\(error)") }
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
        for known in head.gold { gold[taskIndex[known.task] ?? -1] = classIndex[known.label] }  // checked by the head
        if !head.workers.isEmpty { found(head.workers) }
        var golden: [(task: Int, label: Int)] = []  // those of one call: everything is inferred anew once
        var imports: [(label: Label, paid: Bool)] = []  // one batch: the state depends on their order alone
        for (index, (fields, line)) in events.enumerated() {
            do throws(CSCError) {
                if fields[0] == "import" {
                    imports.append(try imported(fields, line))
                    let isLast = index + 1 == events.count || events[index + 1].0[0] != "import"
                    guard isLast else { continue }
                    try adopt(imports, line)
                    imports = []
                } else if fields[0] == "gold" {
                    golden.append(try known(fields, line))
                    let next = index + 1 < events.count ? events[index + 1].0 : []
                    if next.first == "gold" && next.last == fields.last { continue }
                    try takeGold(golden)
                    golden = []
                } else {
                    try follow(fields, line)
                }
            } catch {
                throw .damaged(path: "\(journal.path):\(line)", reason: error.description)
            }
        }
    }

    private func found(_ first: [LabelingWorker]) {
        workers = first
        for (index, worker) in first.enumerated() { workerIndex[worker.id] = index }
        engine = options.method.assigner(
            taskContexts: tasks.map(\.context), workerCosts: first.map(\.cost), classes: classes.count,
            budget: options.budget, explore: options.explore, score: options.score, gold: gold,
            stopAt: options.stopAt, seed: options.seed)
    }

    // MARK: Following the journal

    private func follow(_ fields: [Substring], _ line: Int) throws(CSCError) {
        let bad = CSCError.invalid("line \(line) is not an event of this session")
        switch fields.first {
        case "join":
            guard fields.count == 3, let cost = Double(fields[2]) else { throw bad }
            try LabelBudget.checkRange(cost, "a price")
            try admit(LabelingWorker(id: String(fields[1]), cost: cost))
        case "ask":
            guard fields.count == 6, let task = taskIndex[String(fields[1])],
                let worker = workerIndex[String(fields[2])], let probability = Double(fields[3]),
                let time = Double(fields[5]), fields[4] == "explore" || fields[4] == "draw"
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
        try check(newcomers: [worker])
        try admit(worker)
        try write([Self.event(joining: worker)])
    }

    /// Whether all of these can join.
    func check(newcomers: [LabelingWorker]) throws(CSCError) {
        try SessionHead.checkNames(newcomers.map(\.id), "worker")
        for worker in newcomers {
            try LabelBudget.check(worker.cost, "the price of worker '\(worker.id)'")
            if let index = workerIndex[worker.id] {
                throw .invalid(
                    "worker '\(worker.id)' has joined already, at a price of \(Terminal.amount(workers[index].cost))")
            }
        }
    }

    private func admit(_ worker: LabelingWorker) throws(CSCError) {
        guard workerIndex[worker.id] == nil else { throw .invalid("worker '\(worker.id)' has joined already") }
        if engine == nil {
            found([worker])
        } else {
            workerIndex[worker.id] = workers.count
            workers.append(worker)
            _ = engine?.addWorker(cost: worker.cost)
        }
    }

    static func event(joining worker: LabelingWorker) -> [String] { ["join", worker.id, "\(worker.cost)"] }

    // MARK: Asking and recording

    /// The next question for one of `workers` (those who are there now), or nil: `reason` says why then. The price of
    /// the answer is set aside from the budget until it is recorded, declined or expired.
    /// - Throws: `CSCError.invalid` for a worker who has not joined, with the nearest name that has.
    public func next(workers names: [String]) throws(CSCError) -> Question? { try ask(workers: names).asked.first }

    /// Up to `count` questions for those who are there now, all on the disk in one write.
    ///
    /// First the questions that have been outstanding for `expiring` seconds are withdrawn, if that is given; then
    /// `joining` are let in. If nothing can be asked, nobody has joined. O(count x workers).
    /// - Parameters:
    ///   - names: who is there now, newcomers aside; nil for everyone who has joined.
    ///   - joining: newcomers, who are there too.
    /// - Throws: `CSCError.invalid`, and nothing is changed, for a worker who has not joined, with the nearest name that
    ///   has, or a newcomer whose name or price will not do.
    public func ask(
        workers names: [String]?, joining: [LabelingWorker] = [], count: Int = 1, expiring seconds: Double? = nil
    ) throws(CSCError) -> Round {
        try ready()
        var present: [Int] = []
        for name in names ?? workers.map(\.id) { present.append(try worker(name)) }
        try check(newcomers: joining)
        var round = Round()
        if let seconds { round.expired = try expire(olderThan: seconds) }
        let before = joining.isEmpty ? nil : (engine, workers, workerIndex)  // a copy of the engine, so only then
        var events: [[String]] = []
        for worker in joining {
            try admit(worker)
            present.append(workers.count - 1)
            events.append(Self.event(joining: worker))
        }
        while round.asked.count < count, !present.isEmpty, let assignment = engine?.next(available: present) {
            let time = clock()
            let question = note(assignment, time, journal.lineCount + events.count + 1)
            round.asked.append(question)
            events.append([
                "ask", question.task, question.worker, "\(question.probability)",
                assignment.exploration ? "explore" : "draw", "\(time)",
            ])
        }
        if round.asked.count < count {
            let there = names.map { $0 + joining.map(\.id) }
            (round.hindrance, round.reason) = (hindrance(workers: there), reason(workers: there))
        }
        if round.asked.isEmpty {
            if let before { (engine, workers, workerIndex) = before }
            return round
        }
        round.joined = joining
        try write(events)
        return round
    }

    /// Takes the answer to an outstanding question. The same answer again changes nothing.
    /// - Throws: `CSCError.invalid` where the names are unknown, the worker was not asked, the question was withdrawn, or
    ///   another answer was recorded before: the first one stands.
    @discardableResult
    public func record(task: String, worker: String, label: String) throws(CSCError) -> Recorded {
        try ready()
        let reply: (label: Label, outcome: Recorded)
        do throws(Refusal) { reply = try self.reply(task, worker, label) } catch { throw .invalid(error.sentence) }
        if reply.outcome == .new { try record([reply.label]) }
        return reply.outcome
    }

    /// Takes answers that `reply` has found to be new, all in one write.
    func record(_ labels: [Label]) throws(CSCError) {
        var events: [[String]] = []
        for label in labels {
            let task = Int(label.task), worker = Int(label.worker), value = Int(label.label)
            try settle(task, worker, .answered(value))
            events.append(["answer", tasks[task].id, workers[worker].id, classes[value], "\(clock())"])
        }
        try write(events)
    }

    /// Withdraws an outstanding question because the worker will not answer; its price is free again, and this worker is
    /// not asked about this task again. A second time changes nothing.
    @discardableResult
    public func decline(task: String, worker: String) throws(CSCError) -> Recorded {
        try ready()
        let i: Int, j: Int
        do throws(Refusal) { (i, j) = try (index(ofTask: task), index(ofWorker: worker)) } catch {
            throw .invalid(error.sentence)
        }
        switch fate(i, j) {
        case nil: throw .invalid(notAsked(task, worker))
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
    /// - Throws: `CSCError.invalid` where that is no number from 0 on.
    @discardableResult
    public func expire(olderThan seconds: Double) throws(CSCError) -> [Question] {
        try ready()
        guard seconds >= 0 else { throw .invalid("questions cannot expire after \(seconds) seconds") }
        let time = clock()
        let old = outstanding.filter { time - $0.askedAt >= seconds }
        var events: [[String]] = []
        for question in old {
            try settle(taskIndex[question.task] ?? -1, workerIndex[question.worker] ?? -1, .expired)
            events.append(["expire", question.task, question.worker, "\(time)"])
        }
        try write(events)
        return old
    }

    /// Takes labels that nobody asked for, after their workers have joined: one write.
    func adopt(_ labels: [Label], joining: [LabelingWorker], paid: Bool) throws(CSCError) {
        var events: [[String]] = []
        for worker in joining {
            try admit(worker)
            events.append(Self.event(joining: worker))
        }
        try adopt(labels.map { ($0, paid) }, journal.lineCount + events.count + 1)
        for label in labels {
            events.append([
                "import", tasks[Int(label.task)].id, workers[Int(label.worker)].id, classes[Int(label.label)],
                paid ? "paid" : "free", "\(clock())",
            ])
        }
        try write(events)
    }

    private func adopt(_ labels: [(label: Label, paid: Bool)], _ line: Int) throws(CSCError) {
        try engine?.adopt(labels)
        for (label, _) in labels {
            let i = Int(label.task), j = Int(label.worker)
            let question = Question(
                task: tasks[i].id, worker: workers[j].id, probability: 0, exploration: false, askedAt: 0)
            pairs[Self.key(i, j)] = Pair(question: question, fate: .answered(Int(label.label)), line: line)
            labelCounts[i] += 1
        }
    }

    // MARK: Parts

    func ready() throws(CSCError) { if let failure { throw failure } }

    /// Appends; after a failed write the memory is ahead of the disk, so the session refuses to go on.
    func write(_ events: [[String]]) throws(CSCError) {
        do throws(CSCError) {
            try journal.append(events)
        } catch {
            failure = .invalid("the session must be opened again, because a write failed: \(error)")
            throw error
        }
    }

    private func worker(_ name: String) throws(CSCError) -> Int {
        do throws(Refusal) { return try index(ofWorker: name) } catch { throw .invalid(error.sentence) }
    }

    static func key(_ task: Int, _ worker: Int) -> UInt64 { UInt64(task) << 32 | UInt64(worker) }

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
}
