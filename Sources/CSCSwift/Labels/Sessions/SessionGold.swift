/// Gold labels: the class of a task as an expert knows it, given to a session whose method has a use for it.
extension LabelSession {
    /// How many tasks have a gold label. O(1).
    public var goldCount: Int { gold.count }

    /// The gold label of a task; nil where it has none. O(1).
    public func goldLabel(of task: String) -> String? {
        taskIndex.find(task).flatMap { gold[$0] }.map { classes[$0] }
    }

    /// The gold label of each task, [N]; nil where it has none. O(N).
    public var goldLabels: [String?] { tasks.indices.map { gold[$0].map { classes[$0] } } }

    /// How many tasks are not asked about as things stand, because their class is known or certain enough. O(N C).
    public var settledCount: Int { engine.map { $0.settled.count(where: { $0 }) } ?? gold.count }

    /// Takes an expert's label of a task. The same class again changes nothing.
    /// O((labels + K S) kinds + N C): everything is inferred again.
    /// - Throws: `CSCError.invalid` where the names are unknown, the task has another gold label, or the method has no use
    ///   for it.
    @discardableResult
    public func setGold(task: String, label: String) throws(CSCError) -> Recorded {
        try ready()
        try options.method.checkTakesGold()
        let known: (task: Int, label: Int)
        do throws(Refusal) { known = (try index(ofTask: task), try index(ofLabel: label)) } catch {
            throw error.error
        }
        if let first = gold[known.task] {
            guard first == known.label else { throw .invalid(otherGold(task, first, label)) }
            return .known
        }
        try keepGold([known])
        return .new
    }

    /// Takes an expert's labels from a table with the columns task and truth (or gold, label, class: the names of
    /// `LabelFiles`), all of it or nothing, in one write. Rows without a class are skipped; what is known already
    /// changes nothing. O(rows), and everything is inferred again once.
    /// - Throws: `CSCError` naming file, line, column and value, or saying that the method has no use for it.
    public func setGold(_ table: CSVReader) throws(CSCError) -> TableReport {
        try ready()
        try options.method.checkTakesGold()
        var report = TableReport()
        var fresh: [(task: Int, label: Int)] = []
        var all = gold
        let rows = try LabelFiles.readGold(table) { (row, columns, task, label) throws(CSCError) in
            let i: Int
            let value: Int
            do throws(Refusal) { i = try self.index(ofTask: task) } catch {
                throw row.error(columns.task, error.sentence)
            }
            do throws(Refusal) { value = try self.index(ofLabel: label) } catch {
                throw row.error(columns.label, error.sentence)
            }
            if let first = all[i] {
                guard first == value else {
                    throw row.error(columns.label, self.otherGold(task, first, label))
                }
                report.known += 1
            } else {
                all[i] = value
                fresh.append((i, value))
            }
        }
        guard rows > 0 else {
            throw .table(path: table.path, reason: "there is no class of any task in it")
        }
        try keepGold(fresh)
        report.new = fresh.count
        return report
    }

    /// Takes gold labels found to be new: the engine first, then the disk, in one write whose lines carry the number of
    /// the first, so that a replay infers again as often as this did.
    private func keepGold(_ known: [(task: Int, label: Int)]) throws(CSCError) {
        guard !known.isEmpty else { return }
        try takeGold(known)
        let first = nextNumber, time = clock()
        try write(
            known.map { .gold(task: tasks[$0.task].id, label: classes[$0.label], at: time, first: first) })
    }

    func takeGold(_ known: [(task: Int, label: Int)]) throws(CSCError) {
        try engine?.setGold(known)
        for (task, label) in known { gold[task] = label }
    }

    private func otherGold(_ task: String, _ first: Int, _ label: String) -> String {
        "task '\(task)' is gold already, '\(classes[first])'; '\(label)' was not taken"
    }

    /// Whether these workers could still be asked about tasks that are settled. O(N workers).
    func settledStandsInTheWay(of who: [Int]) -> Bool {
        guard let settled = engine?.settled else { return false }
        return settled.indices.contains { task in
            settled[task] && who.contains { ledger.status(task, $0) == nil }
        }
    }
}

extension AssignmentMethod {
    /// Checks `takesGold`.
    /// - Throws: `CSCError.invalid` where the method has no use for gold labels and does not stop early.
    public func checkTakesGold() throws(CSCError) {
        guard !takesGold else { return }
        throw .invalid(
            "gold labels and stopping early go with the method pooled: \(rawValue) has no posterior to stop at and "
                + "no use for a known class")
    }
}

extension LabelFiles {
    /// Calls `body` with the rows of a table of known classes: task, and truth, gold, label or class. Rows without a
    /// class are skipped. Returns how many had one.
    static func readGold(
        _ table: CSVReader,
        _ body: (CSVReader, (task: Int, label: Int), String, String) throws(CSCError) -> Void
    ) throws(CSCError) -> Int {
        let columns = (
            task: try table.column(taskNames), label: try table.column(truthNames + ["label", "class"])
        )
        var count = 0
        while try table.next() {
            if table.isEmpty(columns.label) { continue }
            try body(table, columns, try table.string(columns.task), try table.string(columns.label))
            count += 1
        }
        return count
    }

    /// Reads a table of known classes for a new session: `init`'s tasks and classes. A repeated row counts once.
    /// O(tasks + size of the file).
    /// - Throws: `CSCError` naming file, line, column and value where a task or class is not the session's, or a row
    ///   contradicts an earlier one.
    public static func readGold(
        _ path: String, tasks: [LabelingTask], classes: [String]
    ) throws(CSCError) -> [(task: String, label: String)] {
        let names = Set(tasks.map { ExactName($0.id) })
        var seen: [ExactName: String] = [:]
        var list: [(task: String, label: String)] = []
        let table = try CSVReader(path: path)
        let rows = try readGold(table) { (row, columns, task, label) throws(CSCError) in
            guard names.contains(ExactName(task)) else {
                throw row.error(
                    columns.task,
                    "there is no such task"
                        + Spelling.hint(for: task, among: tasks.lazy.prefix(10_000).map(\.id)))
            }
            guard classes.contains(where: { ExactName.same($0, label) }) else {
                throw row.error(
                    columns.label,
                    "this is not one of the classes (\(Terminal.list(classes)))"
                        + Spelling.hint(for: label, among: classes))
            }
            if let first = seen.updateValue(label, forKey: ExactName(task)) {
                guard ExactName.same(first, label) else {
                    throw row.error(columns.label, "an earlier row says '\(first)' of the same task")
                }
            } else {
                list.append((task, label))
            }
        }
        guard rows > 0 else { throw .table(path: path, reason: "there is no class of any task in it") }
        return list
    }
}
