/// Answers from a table: to what was asked (`record`), or collected elsewhere (`importLabels`).
///
/// Both read the whole table before they change anything, so a refused row leaves the session as it was; what is new is
/// on the disk in one write.
extension LabelSession {
    /// Takes the answers to outstanding questions from a table `task,worker,label` (the columns' other names as in
    /// `LabelFiles`). Rows that are known already change nothing. O(rows).
    ///
    /// - Parameters:
    ///   - table: the answers, one a row.
    ///   - badRows: what to do with rows that cannot be read or are refused: throw and record nothing, or leave them
    ///     out, count them and record the others.
    /// - Throws: `CSCError` naming file, line, column and value.
    public func record(_ table: CSVReader, badRows: CSVReader.BadRows = .fail) throws(CSCError) -> TableReport {
        try ready()
        var replies: [Reply] = []
        var late = 0
        var report = try self.read(table, badRows, "recorded") { (task, worker, label) throws(Refusal) in
            let reply = try self.reply(task, worker, label, taken: late)
            if reply.outcome == .new {
                replies.append(reply)
                late += reply.price
            }
            return reply.outcome
        }
        try record(replies)
        report.new = replies.count
        return report
    }

    /// Takes labels that were collected elsewhere from a table `task,worker,label` (the columns' other names as in
    /// `LabelFiles`). They need not have been asked for; answers to questions that lapsed or were declined are taken too.
    /// Rows that are known already change nothing. O(rows).
    ///
    /// To the bandit they are labels of pairs that nobody drew: a worker is charged 1 for each that differs from the
    /// plurality of the imported labels of its task (`BBTA.adopt`).
    /// - Parameters:
    ///   - table: the labels, one a row.
    ///   - paid: whether the prices of the labels count as spent.
    ///   - price: what a label of workers who have not joined costs; they join. nil: their labels are refused.
    ///   - badRows: what to do with rows that cannot be read or are refused: throw and import nothing, or leave them
    ///     out, count them and import the others.
    /// - Throws: `CSCError` naming file, line, column and value, or saying that the budget does not suffice.
    public func importLabels(
        _ table: CSVReader, paid: Bool, joiningAt price: Double? = nil, badRows: CSVReader.BadRows = .fail
    ) throws(CSCError) -> TableReport {
        try ready()
        if let price { try LabelBudget.check(price, "the price of those who join") }
        var labels: [Label] = []
        var newcomers: [LabelingWorker] = []
        var newIndex: [ExactName: Int] = [:]
        var report = try self.read(table, badRows, "imported") { (task, worker, label) throws(Refusal) in
            let i = try self.index(ofTask: task)
            let value = try self.index(ofLabel: label)
            var j = self.workerIndex.find(worker) ?? newIndex[ExactName(worker)] ?? -1
            if j < 0 {
                guard let price else { throw try self.stranger(worker) }
                do throws(CSCError) {
                    try LabelSession.checkName(worker, "worker")
                    try self.checkNoModel(worker)
                } catch {
                    throw Refusal(field: .worker, code: "name", reason: "\(error)")
                }
                j = self.workers.count + newcomers.count
                newIndex[ExactName(worker)] = j
                newcomers.append(LabelingWorker(id: worker, cost: price))
            }
            switch j < self.workers.count ? self.ledger.status(i, j) : nil {
            case nil, .declined, .expired, .offered:
                labels.append(Label(task: i, worker: j, label: value))
                return .new
            case .answered(value): return .known
            case .answered(let first): throw self.standing(first, task, worker, label)
            case .asked:
                throw Refusal(
                    field: .task, code: "outstanding",
                    reason: "worker '\(worker)' is being asked about task '\(task)': record the answer instead")
            }
        }
        if paid {
            let all = workers + newcomers
            // Each price is below 9e18 millionths, and a sum may leave 64 bits.
            let sum = labels.reduce(0) { sum, label in
                let (next, overflow) = sum.addingReportingOverflow(LabelBudget.micros(all[Int(label.worker)].cost))
                return overflow ? .max : next
            }
            guard sum <= budget.freeMicros else {
                let price = labels.reduce(0.0) { $0 + all[Int($1.worker)].cost }
                throw .invalid(
                    "these \(Terminal.counted(labels.count, "label")) cost \(Terminal.amount(price)), more "
                        + "than is free of the budget (\(Terminal.amount(budget.free))); nothing was imported")
            }
        }
        try adopt(labels, joining: newcomers, paid: paid)
        report.new = labels.count
        report.joined = newcomers
        return report
    }

    /// Takes labels that nobody asked for, after their workers have joined: one batch.
    private func adopt(_ labels: [Label], joining: [LabelingWorker], paid: Bool) throws(CSCError) {
        var events: [SessionEvent] = []
        for worker in joining {
            try admit(worker)
            events.append(.joined(worker: worker.id, cost: worker.cost))
        }
        let time = clock(), first = nextNumber + events.count
        try adopt(
            labels.enumerated().map { Import(label: $1, paid: paid, number: first + $0, at: time) })
        for label in labels {
            events.append(
                .imported(
                    task: tasks[Int(label.task)].id, worker: workers[Int(label.worker)].id,
                    label: classes[Int(label.label)], paid: paid, at: time))
        }
        try write(events)
    }

    private func stranger(_ worker: String) throws(Refusal) -> Refusal {
        _ = try index(ofWorker: worker)
        return Refusal(field: .worker, code: "unknown-worker", reason: "worker '\(worker)' has not joined")
    }

    /// Reads rows of task, worker, label and asks `take` about each that no earlier row repeats or contradicts.
    private func read(
        _ table: CSVReader, _ badRows: CSVReader.BadRows, _ done: String,
        _ take: (String, String, String) throws(Refusal) -> Recorded
    ) throws(CSCError) -> TableReport {
        let columns = (
            task: try table.column(LabelFiles.taskNames), worker: try table.column(LabelFiles.workerNames),
            label: try table.column(LabelFiles.labelNames)
        )
        struct Place: Hashable {
            let task: ExactName
            let worker: ExactName
        }
        var seen: [Place: (label: String, line: Int)] = [:]
        var report = TableReport()
        var refusals = 0
        do throws(CSCError) {
            report.badRows = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
                let task = try row.string(columns.task), worker = try row.string(columns.worker)
                let label = try row.string(columns.label)
                let place = Place(task: ExactName(task), worker: ExactName(worker))
                if let earlier = seen[place] {
                    guard ExactName.same(earlier.label, label) else {
                        throw row.error(
                            columns.label,
                            "line \(earlier.line) says '\(earlier.label)' of the same task and worker")
                    }
                    report.known += 1
                    return
                }
                do throws(Refusal) {
                    if try take(task, worker, label) == .known { report.known += 1 }
                } catch {
                    let column =
                        switch error.field {
                        case .task: columns.task
                        case .worker: columns.worker
                        case .label: columns.label
                        }
                    refusals += 1
                    throw row.error(column, refusals <= 5 ? error.sentence : error.reason)
                }
                seen[place] = (label, row.line)
            }
        } catch {
            switch error {
            case .row(let path, let line, let column, let value, let reason):
                throw .row(
                    path: path, line: line, column: column, value: value,
                    reason: reason + "; nothing of this file was \(done)")
            case .table(let path, let reason):
                throw .table(path: path, reason: reason + "; nothing of this file was \(done)")
            default: throw error
            }
        }
        return report
    }
}
