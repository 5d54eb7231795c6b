internal import CSCSwift
internal import GRDB
internal import Synchronization

/// A study in memory: its settings and its session. Confined to the `CommitQueue`.
final class Study {
    /// Whether questions are given.
    enum State: String, Sendable { case open, paused, closed }

    let serial: Int64
    let id: String
    let name: String
    let cost: Double
    let instructions: String
    let isOpen: Bool
    let completionURL: String?
    let created: Double
    var state: State
    let session: LabelSession
    /// How many labels each worker gave.
    var given: [String: Int] = [:]
    /// How many labels there are.
    var labels = 0
    /// At how many labels the next point of the history is due.
    var nextPoint = 1
    /// How many events there were at the latest snapshot.
    var snapshotAt = 0
    /// Whether a snapshot of it is being written by another thread.
    let isBeingKept = Atomic(false)
    /// The second of the machine's steady clock before which no snapshot is tried, because one could not be kept.
    let keepsFrom = Atomic(0)
    /// How many events there were when the last refit took effect, or when the study was opened: whoever opens it next
    /// infers again for each refit after the snapshot.
    var refitAt = 0
    /// Whether a refit of its model is under way on another thread.
    let isRefitting = Atomic(false)
    /// The mean confidence of the last refit; nil before the first one since the study was opened.
    var meanConfidence: Double?

    /// Whether opening the study from its latest snapshot would take long: many events to follow, or a refit of many labels.
    var isSnapshotDue: Bool {
        Self.isSnapshotDue(events: session.eventCount, snapshotAt: snapshotAt, refitAt: refitAt)
    }

    /// The same, of a study of so many events. Where there are few, following all takes less time than a person notices.
    static func isSnapshotDue(events: Int, snapshotAt: Int, refitAt: Int) -> Bool {
        events - snapshotAt >= max(few, events / 40) || (events >= few && refitAt > snapshotAt)
    }
    /// So many events are followed in no time.
    static let few = 20_000

    /// - Parameter row: of the table `studies`.
    init(_ row: Row, _ session: LabelSession) {
        serial = row["serial"]
        id = row["id"]
        name = row["name"]
        cost = row["cost"]
        instructions = row["instructions"]
        isOpen = row["join_mode"] == "open"
        completionURL = row["completion_url"]
        created = row["created"]
        state = State(rawValue: row["state"] as String) ?? .closed
        self.session = session
        let table = session.table
        labels = table.labels.count
        for label in table.labels { given[table.workers[Int(label.worker)].id, default: 0] += 1 }
    }
}

/// Sent from the queue's thread to another that is the only one to use it then.
struct Sent<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// All studies of a server, by their ids. Everything here runs inside operations of the `CommitQueue`.
final class StudyBook: @unchecked Sendable {  // confined to the queue
    private var open: [String: Study] = [:]
    let clock: ServiceClock
    let tokens: Tokens
    /// Runs a refit on another thread and hands it to `install`; nil while nobody does.
    var refits: (@Sendable (Sent<DueRefit>) -> Void)?

    init(clock: ServiceClock, tokens: Tokens) {
        self.clock = clock
        self.tokens = tokens
    }

    /// The study of this id, opened if it was not.
    /// - Throws: `Problem` 404; 500 where its events are damaged.
    func study(_ id: String, _ context: CommitContext) throws -> Study {
        if let known = open[id] { return known }
        guard
            let row = try Row.fetchOne(context.database, sql: "SELECT * FROM studies WHERE id = ?", arguments: [id])
        else { throw Problem.missing("there is no study '\(id)'") }
        let storage = try storage(row["serial"], id, context)
        let session: LabelSession
        do throws(CSCError) {
            session = try LabelSession(storage: storage, takesSnapshots: false, clock: { [clock] in clock.now })
        } catch { throw Problem(error) }
        let study = Study(row, session)
        study.snapshotAt = min(session.eventCount, context.snapshots.count(study: study.serial))
        study.refitAt = session.eventCount
        if let last = session.outstanding.last?.askedAt { clock.notBefore(last) }
        open[id] = study
        try infersAside(study, context)
        return study
    }

    /// Whether this study is the one in memory: it is dropped when a batch in which it wrote fails.
    func isOpen(_ study: Study) -> Bool { open[study.id] === study }

    /// The storage of a study whose session is dropped from memory if a batch in which it wrote fails.
    private func storage(_ serial: Int64, _ id: String, _ context: CommitContext) throws -> DatabaseStorage {
        try DatabaseStorage(study: serial, context) { [unowned self] in
            context.onRollback { self.open[id] = nil }
        }
    }

    /// The ids of all studies, in the order of their making.
    func ids(_ context: CommitContext) throws -> [String] {
        try String.fetchAll(context.database, sql: "SELECT id FROM studies ORDER BY serial")
    }

    /// The studies that are in memory.
    var opened: [Study] { Array(open.values) }

    // MARK: Making

    /// Makes a study: its row, its session and its tasks, all or nothing. Returns the requester's token. O(tasks).
    func create(_ draft: StudyDraft, _ context: CommitContext) throws -> (id: String, token: String) {
        let id = draft.id ?? String(Tokens.make().filter { $0 != "-" && $0 != "_" }.prefix(12)).lowercased()
        let taken = try Int.fetchOne(
            context.database, sql: "SELECT 1 FROM studies WHERE id = ?", arguments: [id])
        if taken != nil { throw Problem.conflict("id-taken", "there is a study '\(id)' already", path: "id") }
        let now = clock.now
        context.onRollback { self.open[id] = nil }
        let token: String
        do {
            token = try context.atomically { database in
                try database.execute(
                    sql: """
                        INSERT INTO studies (id, name, state, join_mode, cost, instructions, completion_url, created)
                        VALUES (?, ?, 'open', ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        id, draft.name, draft.isOpen ? "open" : "invited", draft.cost, draft.instructions,
                        draft.completionURL, now,
                    ])
                let serial = database.lastInsertedRowID
                try begin(draft, serial, id, context)
                try insert(
                    draft.tasks, serial, from: 0,
                    standard: draft.tasks.first { $0.context != nil } == nil ? "all" : nil, database)
                try act(serial, "created", database)
                return try tokens.issue(.requester(study: id), context, at: now)
            }
        } catch let error as CSCError { throw Problem(error) }
        return (id, token)
    }

    private func begin(_ draft: StudyDraft, _ serial: Int64, _ id: String, _ context: CommitContext) throws(CSCError) {
        var contexts: [String] = []
        var index: [String: Int] = [:]
        let tasks = draft.tasks.map { task in
            let name = task.context ?? draft.tasks.first { $0.context != nil }?.context ?? "all"
            if index[name] == nil {
                index[name] = contexts.count
                contexts.append(name)
            }
            return LabelingTask(id: task.id, context: index[name] ?? 0)
        }
        let storage: DatabaseStorage
        do { storage = try self.storage(serial, id, context) } catch {
            throw .file(path: ServerFile.name, reason: "\(error)")
        }
        let options = LabelSession.Options(
            method: draft.method, budget: draft.budget, stopAt: draft.stopAt, seed: draft.seed, lease: draft.lease)
        _ = try LabelSession.create(
            storage: storage, tasks: tasks, contexts: contexts, classes: draft.classes, workers: [], options: options,
            gold: draft.gold, clock: { [clock] in clock.now })
    }

    /// Keeps what is shown of tasks. `standard`: the context of those without one; nil: the first that any has.
    private func insert(
        _ tasks: [TaskEntry], _ serial: Int64, from first: Int, standard: String?, _ database: Database
    ) throws {
        let usual = standard ?? tasks.first { $0.context != nil }?.context ?? "all"
        let statement = try database.cachedStatement(
            sql: "INSERT INTO tasks (study, id, position, context, text, image, fields) VALUES (?, ?, ?, ?, ?, ?, ?)")
        for (number, task) in tasks.enumerated() {
            try statement.execute(
                arguments: [
                    serial, task.id, first + number, task.context ?? usual, task.text, task.image, task.fieldsText,
                ])
        }
    }

    private func act(_ serial: Int64, _ kind: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO actions (study, time, kind) VALUES (?, ?, ?)", arguments: [serial, clock.now, kind])
    }

    // MARK: Steering

    /// More tasks, all or none; those that are there already with the same content change nothing. O(tasks + state).
    func addTasks(_ id: String, _ tasks: [TaskEntry], _ context: CommitContext) throws -> (added: Int, known: Int) {
        let study = try study(id, context)
        guard study.state != .closed else { throw closed(study) }
        let usual = study.session.contexts[0]
        var fresh: [TaskEntry] = []
        var seen: Set<String> = []
        let find = try context.database.cachedStatement(
            sql: "SELECT context, text, image, fields FROM tasks WHERE study = ? AND id = ?")
        for (number, task) in tasks.enumerated() {
            let path = "tasks[\(number)].id"
            guard seen.insert(task.id).inserted else { throw Problem.body(path, "'\(task.id)' is there twice") }
            guard let row = try Row.fetchOne(find, arguments: [study.serial, task.id]) else {
                fresh.append(task)
                continue
            }
            let same =
                (task.context ?? usual) == row[0] && task.text == row[1] && task.image == row[2]
                && task.fieldsText == row[3]
            guard same else {
                throw Problem.conflict(
                    "task-taken", "there is a task '\(task.id)' already, with another content", path: path)
            }
        }
        guard !fresh.isEmpty else { return (0, tasks.count) }
        do {
            try context.atomically { database in
                let before = study.session.tasks.count
                try insert(fresh, study.serial, from: before, standard: usual, database)
                try study.session.addTasks(fresh.map { (task: $0.id, context: $0.context ?? usual) })
            }
        } catch let error as CSCError { throw Problem(error, path: "tasks") }
        return (fresh.count, tasks.count - fresh.count)
    }

    /// What experts know, all or nothing. O(N C) once.
    func setGold(
        _ id: String, _ gold: [(task: String, label: String)], _ context: CommitContext
    ) throws -> (added: Int, known: Int) {
        let study = try study(id, context)
        var text = CSVWriter(header: ["task", "truth"])
        for (task, label) in gold { text.append([task, label]) }
        do throws(CSCError) {
            let report = try study.session.setGold(try CSVReader(text: text.text, name: "gold"))
            return (report.new, report.known)
        } catch {
            guard case .row(_, _, _, let value, let reason) = error else { throw Problem(error, path: "gold") }
            let place = gold.first { $0.task == value || $0.label == value }.map { "gold.\($0.task)" } ?? "gold"
            throw Problem.body(place, reason)
        }
    }

    /// Opens, pauses or closes a study; a second time changes nothing.
    func set(_ id: String, _ state: Study.State, _ context: CommitContext) throws {
        let study = try study(id, context)
        guard study.state != state else { return }
        guard study.state != .closed else { throw closed(study) }
        let before = study.state
        try context.database.execute(
            sql: "UPDATE studies SET state = ? WHERE serial = ?", arguments: [state.rawValue, study.serial])
        try act(study.serial, state.rawValue, context.database)
        study.state = state
        context.onRollback { study.state = before }
    }

    /// Another budget.
    func setBudget(_ id: String, _ budget: Double, _ context: CommitContext) throws {
        let study = try study(id, context)
        do throws(CSCError) { try study.session.setBudget(budget) } catch {
            throw Problem.conflict("budget", "\(error)", path: "budget")
        }
    }

    private func closed(_ study: Study) -> Problem {
        .conflict("closed", "the study '\(study.id)' is closed")
    }

    // MARK: Workers

    /// Lets a worker in and makes the token of the link. O(N) where the method looks at all tasks for a newcomer.
    /// - Parameter family: those whose errors go together with this worker's; new or known.
    func join(
        _ id: String, worker: String?, cost: Double?, family: String? = nil, _ context: CommitContext
    ) throws -> (id: String, token: String) {
        let study = try study(id, context)
        guard study.state != .closed else { throw closed(study) }
        let name = worker ?? "guest-" + Tokens.make().prefix(10)
        if study.session.hasJoined(name) {
            throw Problem.conflict("id-taken", "there is a worker '\(name)' already", path: "id")
        }
        do throws(CSCError) {
            try study.session.join(LabelingWorker(id: name, cost: cost ?? study.cost), family: family)
        } catch { throw Problem(error, path: family == nil ? "id" : "family") }
        return (name, try tokens.issue(.worker(study: id, id: name), context, at: clock.now))
    }

    /// Another token for a worker who has joined, for a new link; the old ones go on.
    func link(_ id: String, worker: String, _ context: CommitContext) throws -> String {
        guard try study(id, context).session.hasJoined(worker) else {
            throw Problem.missing("there is no worker '\(worker)' in this study")
        }
        return try tokens.issue(.worker(study: id, id: worker), context, at: clock.now)
    }

    /// Another token for a worker who is known from elsewhere (a platform's id in the link), who joins if new.
    func admit(_ id: String, platformWorker name: String, _ context: CommitContext) throws -> String {
        let study = try study(id, context)
        guard study.session.hasJoined(name) else { return try join(id, worker: name, cost: nil, context).token }
        return try tokens.issue(.worker(study: id, id: name), context, at: clock.now)
    }

    /// Whether somebody is asked no more. A second time changes nothing.
    func bar(_ id: String, worker: String, _ isBarred: Bool, _ context: CommitContext) throws {
        let study = try study(id, context)
        guard study.session.hasJoined(worker) else {
            throw Problem.missing("there is no worker '\(worker)' in this study")
        }
        do throws(CSCError) {
            if isBarred { try study.session.bar(worker) } else { try study.session.unbar(worker) }
        } catch { throw Problem(error) }
    }

    /// Runs the leases of all studies in memory.
    func lapse() throws -> Int {
        var count = 0
        for study in open.values where study.session.outstandingCount > 0 {
            do throws(CSCError) { count += try study.session.lapse().count } catch { throw Problem(error) }
        }
        return count
    }
}
