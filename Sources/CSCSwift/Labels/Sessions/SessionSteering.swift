/// Steering a running study: every change is an event, nothing that happened is overwritten.
extension LabelSession {
    /// Another budget, more or less than before. O(1).
    /// - Throws: `CSCError.invalid` where it cannot be counted, or is less than what is spent and set aside.
    public func setBudget(_ limit: Double) throws(CSCError) {
        try ready()
        try LabelBudget.check(limit, "the budget")
        try takeBudget(limit)
        try write([.budget(limit: limit, at: clock())])
    }

    /// New tasks, all or none; a context that no task had is new too. Nobody explores them. O(added + state).
    /// - Throws: `CSCError.invalid`, and nothing is changed, where a name is used twice or will not do.
    public func addTasks(_ added: [(task: String, context: String)]) throws(CSCError) {
        try ready()
        guard !added.isEmpty else { throw .invalid("there are no tasks to add") }
        try SessionHead.checkNames(added.map(\.task), "task")
        for (task, context) in added {
            try LabelSession.checkName(context, "context")
            if taskIndex.find(task) != nil { throw .invalid("there is a task '\(task)' in this session already") }
        }
        let first = nextNumber, time = clock()
        take(added)
        try write(added.map { .added(task: $0.task, context: $0.context, at: time, first: first) })
    }

    /// New tasks from a table with the columns task and, where the session has several contexts, context (the columns'
    /// other names as in `LabelFiles`); all of it or nothing. Rows of tasks that are known with the same context change
    /// nothing. O(rows + state).
    /// - Throws: `CSCError` naming file, line, column and value.
    public func addTasks(_ table: CSVReader) throws(CSCError) -> TableReport {
        try ready()
        let task = try table.column(LabelFiles.taskNames)
        let context = try table.optionalColumn(LabelFiles.contextNames)
        guard context != nil || contexts.count == 1 else {
            throw .table(
                path: table.path,
                reason:
                    "there is no column 'context'; the session has \(contexts.count): \(contexts.joined(separator: ", "))"
            )
        }
        var report = TableReport()
        var added: [(task: String, context: String)] = []
        var seen: Set<ExactName> = []
        while try table.next() {
            let name = try table.string(task)
            do throws(CSCError) { try LabelSession.checkName(name, "task") } catch {
                throw table.error(task, "\(error)")
            }
            guard seen.insert(ExactName(name)).inserted else {
                throw table.error(task, "this task stands in an earlier row too; nothing of this file was added")
            }
            var kind = contexts[0]
            if let context {
                kind = try table.string(context)
                do throws(CSCError) { try LabelSession.checkName(kind, "context") } catch {
                    throw table.error(context, "\(error)")
                }
            }
            guard let index = taskIndex.find(name) else {
                added.append((name, kind))
                continue
            }
            let first = contexts[tasks[index].context]
            guard ExactName.same(first, kind) else {
                throw table.error(
                    context ?? task,
                    "task '\(name)' is in this session already, with the context '\(first)'; nothing of this file was added"
                )
            }
            report.known += 1
        }
        guard report.known + added.count > 0 else { throw .table(path: table.path, reason: "there are no tasks in it") }
        if !added.isEmpty { try addTasks(added) }
        report.new = added.count
        return report
    }

    /// Asks a worker nothing any more; outstanding questions lapse, labels keep their say. Returns the questions. A second
    /// time changes nothing. O(open questions + tasks).
    /// - Throws: `CSCError.invalid` for a worker who has not joined, with the nearest name that has.
    @discardableResult
    public func bar(_ name: String) throws(CSCError) -> [Question] {
        let j = try steered(name)
        guard !barred[j] else { return [] }
        let time = clock(), entries = ledger.open.map { Int($0) }.filter { Int(ledger.worker[$0]) == j }
        let questions = entries.map { question($0) }
        for entry in entries { try withdraw(entry, declined: false) }
        bar(j, true)
        try write(
            questions.map { .expired(task: $0.task, worker: $0.worker, at: time) } + [.barred(worker: name, at: time)])
        return questions
    }

    /// Lets a barred worker be asked again. A second time changes nothing. O(tasks).
    /// - Throws: `CSCError.invalid` for a worker who has not joined, with the nearest name that has.
    @discardableResult
    public func unbar(_ name: String) throws(CSCError) -> Recorded {
        let j = try steered(name)
        guard barred[j] else { return .known }
        bar(j, false)
        try write([.unbarred(worker: name, at: clock())])
        return .new
    }

    private func steered(_ name: String) throws(CSCError) -> Int {
        try ready()
        do throws(Refusal) { return try index(ofWorker: name) } catch { throw error.error }
    }

    /// Takes another label in place of a recorded or imported one; its price stays. The same label changes nothing.
    /// O(labels of the context), and a write to the storage.
    ///
    /// The engine stands as though votes and losses had been made with the new label from now on: `BBTA.correct`,
    /// `Pooled.correct`.
    /// - Throws: `CSCError.invalid` where a name is unknown or this worker has no label of this task.
    @discardableResult
    public func correct(task: String, worker: String, label: String) throws(CSCError) -> Recorded {
        try ready()
        let i: Int, j: Int, value: Int
        do throws(Refusal) {
            (i, j, value) = try (index(ofTask: task), index(ofWorker: worker), index(ofLabel: label))
        } catch { throw error.error }
        guard let entry = ledger.find(i, j), case .answered(let first) = ledger.status(of: entry) else {
            throw .invalid("worker '\(worker)' has no label of task '\(task)' that could be corrected")
        }
        guard first != value else { return .known }
        try change(entry, to: value)
        try write([.corrected(task: task, worker: worker, label: label, at: clock())])
        return .new
    }

    /// Another lease or cap of open questions, nil for none.
    /// - Throws: `CSCError.invalid` where it makes no sense.
    public func set(_ setting: SessionSetting, to value: Double?) throws(CSCError) {
        try ready()
        if setting == .maxOpen, let value, Int(exactly: value) == nil {
            throw .invalid("a cap of \(value) open questions: a whole number is wanted")
        }
        let before = options
        do throws(CSCError) { try take(setting, value) } catch {
            options = before
            throw error
        }
        try write([.set(setting, value: value, at: clock())])
    }
}
