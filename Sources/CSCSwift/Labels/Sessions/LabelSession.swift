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
/// session again follows the stored events through the same engine (`AssignmentMethod`), from the latest snapshot on, to
/// the same state bit for bit. The budget is hard: what answers have cost and outstanding questions may cost never exceeds
/// it. One process at a time has a session open. Not for use from several threads at once.
public final class LabelSession {
    /// What the session was started with; the budget, the lease and the cap of open questions as they are now.
    public internal(set) var options: Options
    /// The tasks in their order.
    public internal(set) var tasks: [LabelingTask]
    /// Names of the contexts, which tasks refer to by index.
    public internal(set) var contexts: [String]
    /// Names of the classes: the labels that `record` takes.
    public let classes: [String]
    /// The workers in the order in which they joined.
    public internal(set) var workers: [LabelingWorker] = []
    /// What was found and repaired on opening, if anything: a truncated last line.
    public var notice: String? { storage.notice }
    /// Whether snapshots are taken by themselves: after long replays and every so many events. On unless set; a service
    /// turns it off and calls `takeSnapshot` when it has time.
    public var takesSnapshots = true
    /// Whether a refit that is due in a session that infers aside (`inferAside`) is done by the call that wrote last. On
    /// unless set; a service turns it off and does them on another thread.
    package var finishesRefits = true

    let storage: any SessionStorage
    let clock: () -> Double
    var taskIndex: NameIndex
    var workerIndex = NameIndex()
    /// The class of each task that an expert knows.
    var gold: [Int: Int] = [:]
    /// What models say of the tasks; nil: nothing.
    public internal(set) var soft: SoftLabels?
    /// Workers, or models, whose errors go together: those of the beginning in their order, then those that were founded
    /// by somebody who joined. Who is in none is alone.
    public internal(set) var families: [LabelFamily] = []
    /// Which workers are not asked any more.
    var barred: [Bool] = []
    var engine: (any LabelAssigner)?
    var ledger: SessionLedger
    /// How many events came after the latest snapshot.
    var sinceSnapshot = 0
    private var failure: CSCError?

    // MARK: Beginning

    /// Starts a session in a new folder and opens it. O(tasks + workers + gold).
    ///
    /// `workers` may be empty if nothing is explored: workers can join at any time. Truths of tasks are not kept; `gold`
    /// are tasks whose class an expert knows, for a method that has a use for them; `soft` is what models say of these
    /// tasks and classes, for the method pooled: each model is one more worker who has answered, and costs nothing. `families` are
    /// workers, or models, whose errors go together, for the method pooled: on one task a family counts as one voice, and a
    /// second of it is the last to be asked. Families that `soft` has by numbers are kept too, named by their models.
    /// - Throws: `CSCError` where the folder has a session already, a name is used twice, empty or holds control
    ///   characters, there are fewer than two classes or no tasks, an amount of money cannot be counted
    ///   (`LabelBudget.check`), or a family names somebody who does not exist, somebody twice, or workers and models.
    public static func create(
        folder: String, tasks: [LabelingTask], contexts: [String] = ["all"], classes: [String],
        workers: [LabelingWorker], options: Options, gold: [(task: String, label: String)] = [],
        soft: SoftLabels? = nil, families: [LabelFamily] = [], clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) -> LabelSession {
        let head = try SessionHead(
            options: options, tasks: tasks, contexts: contexts, classes: classes, workers: workers, gold: gold,
            soft: soft, families: families)
        return try begin(head, in: try JournalFolder(creating: folder), clock)
    }

    /// Starts a session in an empty storage; otherwise as the other `create`. O(tasks + workers + gold).
    /// - Throws: as the other `create`; `CSCError.invalid` where the storage is not empty.
    public static func create(
        storage: any SessionStorage, tasks: [LabelingTask], contexts: [String] = ["all"], classes: [String],
        workers: [LabelingWorker], options: Options, gold: [(task: String, label: String)] = [],
        soft: SoftLabels? = nil, families: [LabelFamily] = [], clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) -> LabelSession {
        guard storage.end == .start else { throw .invalid("\(storage.place(of: 1)): there is a session already") }
        let head = try SessionHead(
            options: options, tasks: tasks, contexts: contexts, classes: classes, workers: workers, gold: gold,
            soft: soft, families: families)
        return try begin(head, in: storage, clock)
    }

    private static func begin(
        _ head: SessionHead, in storage: any SessionStorage, _ clock: @escaping () -> Double
    ) throws(CSCError) -> LabelSession {
        let lines = head.lines(startedAt: clock()).map { $0.joined(separator: "\t") }
        try storage.append(SessionRecord.chain(lines, after: .start))
        var read = SessionHead()
        for line in lines { try read.take(line.split(separator: "\t", omittingEmptySubsequences: false)) }
        return LabelSession(read, storage, clock)
    }

    /// Seconds since 1970 now.
    public static func now() -> Double { Date().timeIntervalSince1970.rounded(.down) }

    /// Opens the session in `folder`, waiting up to `wait` seconds while another process has it open. O(events since the
    /// latest snapshot + state).
    /// - Throws: `CSCError.damaged` naming file and line where the journal is not as it was written.
    public convenience init(
        opening folder: String, wait: Double = 10, clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) {
        try self.init(storage: try JournalFolder(opening: folder, wait: wait), clock: clock)
    }

    /// Opens the session that a storage holds. O(events since the latest snapshot + state).
    /// - Parameters:
    ///   - storage: where the records are kept.
    ///   - takesSnapshots: the property of that name from the start on: where it is off, opening keeps none either.
    ///   - clock: the time now, in seconds since 1970.
    /// - Throws: `CSCError.damaged` with the place of the first record that is not as it was written.
    public convenience init(
        storage: any SessionStorage, takesSnapshots: Bool = true, clock: @escaping () -> Double = LabelSession.now
    ) throws(CSCError) {
        if let snapshot = storage.snapshot(), let state = SessionImage(decoding: snapshot.state) {
            self.init(state, storage, clock)
            self.takesSnapshots = takesSnapshots
            try catchUp(after: snapshot.mark)
            return
        }
        var head = SessionHead()
        var events: [(SessionEvent, Int)] = []
        try storage.read(after: .start) { record throws(CSCError) in
            if head.isComplete {
                events.append((try Self.event(record, storage), record.number))
                return
            }
            do throws(CSCError) {
                try head.take(record.text.split(separator: "\t", omittingEmptySubsequences: false))
            } catch {
                throw .damaged(
                    path: storage.place(of: record.number), reason: "line \(record.number) \(error)")
            }
        }
        guard head.isComplete else {
            throw .damaged(
                path: storage.place(of: storage.end.count),
                reason: "line \(storage.end.count) is the last, but the session's beginning is not complete")
        }
        self.init(head, storage, clock)
        self.takesSnapshots = takesSnapshots
        let began = now()
        try follow(events)
        snapshotIfWorthwhile(after: events.count, seconds: now() - began)
    }

    /// A session at its beginning.
    private init(_ head: SessionHead, _ storage: any SessionStorage, _ clock: @escaping () -> Double) {
        self.storage = storage
        self.clock = clock
        options = head.options
        tasks = head.tasks
        contexts = head.contexts
        classes = head.classes
        soft = head.soft
        families = head.families
        taskIndex = NameIndex(head.tasks.map(\.id))
        ledger = SessionLedger(tasks: head.tasks.count, workers: head.workers.count)
        for known in head.gold {  // checked by the head
            if let task = taskIndex.find(known.task) { gold[task] = classIndex(known.label) }
        }
        if !head.workers.isEmpty { startEngine(head.workers) }
    }

    /// A session as a snapshot has it.
    private init(_ image: SessionImage, _ storage: any SessionStorage, _ clock: @escaping () -> Double) {
        self.storage = storage
        self.clock = clock
        options = image.options
        tasks = zip(image.taskNames, image.taskContexts).map { LabelingTask(id: $0, context: $1) }
        contexts = image.contexts
        classes = image.classes
        taskIndex = NameIndex(image.taskNames)
        workers = zip(image.workerNames, image.workerCosts).map { LabelingWorker(id: $0, cost: $1) }
        workerIndex = NameIndex(image.workerNames)
        gold = Dictionary(zip(image.goldTasks, image.goldLabels)) { first, _ in first }
        soft = image.soft
        families = image.families
        barred = image.barred
        engine = image.engine
        ledger = image.ledger
    }

    /// The state of another session, over another storage.
    init(copying other: LabelSession, _ storage: any SessionStorage, clock: @escaping () -> Double) {
        self.storage = storage
        self.clock = clock
        options = other.options
        tasks = other.tasks
        contexts = other.contexts
        classes = other.classes
        taskIndex = other.taskIndex
        workers = other.workers
        workerIndex = other.workerIndex
        gold = other.gold
        soft = other.soft
        families = other.families
        barred = other.barred
        engine = other.engine
        ledger = other.ledger
        takesSnapshots = false
    }

    private func catchUp(after mark: SessionMark) throws(CSCError) {
        var events: [(SessionEvent, Int)] = []
        try storage.read(after: mark) { record throws(CSCError) in
            events.append((try Self.event(record, storage), record.number))
        }
        let began = now()
        try follow(events)
        snapshotIfWorthwhile(after: events.count, seconds: now() - began)
    }

    private static func event(_ record: SessionRecord, _ storage: any SessionStorage) throws(CSCError) -> SessionEvent {
        guard let event = SessionEvent(text: record.text) else {
            throw .damaged(
                path: storage.place(of: record.number), reason: "line \(record.number) is not an event of this session")
        }
        return event
    }

    private func now() -> Double { Date().timeIntervalSinceReferenceDate }

    func startEngine(_ first: [LabelingWorker]) {
        workers = first
        workerIndex = NameIndex(first.map(\.id))
        barred = [Bool](repeating: false, count: first.count)
        if ledger.openCount.count < first.count { ledger.addWorker() }
        engine = options.method.assigner(
            taskContexts: tasks.map(\.context), workerCosts: first.map(\.cost), classes: classes.count,
            budget: options.budget, explore: options.explore, score: options.score, gold: gold,
            stopAt: options.stopAt, families: numbers(of: first), soft: soft, seed: options.seed)
        if options.pooledVersion == 1, let pooled = engine as? Pooled { engine = pooled.ofFirstVersion() }
        if options.refitsAside { withPooled { $0.setRefitsAside(true) } }
    }

    // MARK: Writing

    func ready() throws(CSCError) { if let failure { throw failure } }

    /// How many records the session has, those of its beginning included. O(1).
    public var eventCount: Int { storage.end.count }

    /// The number of the record that the next event will be.
    var nextNumber: Int { storage.end.count + 1 }

    /// Appends a batch; after a failed write the memory is ahead of the storage, so the session refuses to go on.
    func write(_ events: [SessionEvent]) throws(CSCError) {
        guard !events.isEmpty else { return }
        do throws(CSCError) {
            try storage.append(SessionRecord.chain(SessionEvent.texts(events), after: storage.end))
        } catch {
            failure = .invalid("the session must be opened again, because a write failed: \(error)")
            throw error
        }
        if options.refitsAside, finishesRefits, var refit = pooledRefit {
            refit.run()
            try install(refit)
        }
        snapshotIfWorthwhile(after: events.count, seconds: 0)
    }

    /// The class of this name.
    func classIndex(_ name: String) -> Int? { classes.firstIndex { ExactName.same($0, name) } }
}
