/// Reads label tables: `task,worker,label` rows, and optionally the tasks' contexts and truths.
///
/// Ids and labels may be any text. Columns go by any of these names (case, blanks, `-` and `_` do not count):
///
/// | column | also |
/// |---|---|
/// | task | item, question, example, object, instance, unit, task id, orig id |
/// | worker | annotator, performer, rater, labeler, user, coder, worker id, amazon worker id |
/// | label | answer, response, class, vote, annotation, value |
/// | truth | gold, gold label, ground truth, true label, label, class |
/// | context | type, topic, category, domain, subtask |
public struct LabelFiles: Sendable {
    /// Accepted names of the task's column, the preferred one first; so with the other lists.
    public static let taskNames = [
        "task", "item", "question", "example", "object", "instance", "unit", "task_id", "item_id", "orig_id",
    ]
    /// Accepted names of the worker's column.
    public static let workerNames = [
        "worker", "annotator", "performer", "rater", "labeler", "user", "coder", "worker_id", "annotator_id",
        "amazon_worker_id", "!amt_worker_ids",
    ]
    /// Accepted names of the label's column.
    public static let labelNames = ["label", "answer", "response", "class", "vote", "annotation", "value"]
    /// Accepted names of the truth's column; a truth file's may also be called "label" or "class".
    public static let truthNames = ["truth", "gold", "gold_label", "ground_truth", "true_label"]
    /// Accepted names of the context's column.
    public static let contextNames = ["context", "type", "topic", "category", "domain", "subtask"]

    /// The columns of a table of labels, as `--columns` calls them.
    public static let meanings = ["task", "worker", "label"]

    /// What to do when a worker gave a task two different labels.
    public enum Contradictions: String, Sendable, CaseIterable, Codable {
        /// Keep the label that stands first in the file.
        case first
        /// Keep the one that stands last.
        case last
        /// Throw an error that names the row.
        case fail
    }

    /// What a reading met besides the labels.
    public struct Report: Sendable, Equatable {
        /// Rows of labels read.
        public var rows = 0
        /// Rows equal to an earlier one, left out.
        public var duplicates = 0
        /// Rows that gave a pair another label than an earlier row did.
        public var contradictions = 0
        /// A sentence on each of the first five contradictions.
        public var contradictionExamples: [String] = []
        /// Rows that could not be read and were skipped.
        public var badRows = CSVReader.Report()
        /// Truths of tasks that have no label and are in no tasks file; left out.
        public var truthsWithoutLabels = 0
        /// Sentences on what was read and may not be meant: classes that look like missing values or differ in case only,
        /// truths that no label has, truths taken for the class of the same number. To be shown.
        public var warnings: [String] = []
    }

    /// The layout of the labels' file; the other files share its separator and comment mark and have a header.
    public var format: CSVFormat
    /// What to do with rows of the labels' file that cannot be read; in the other files they are errors.
    public var badRows: CSVReader.BadRows
    /// What to do when a worker gave a task two different labels.
    public var contradictions: Contradictions

    /// A reader of tables of this layout.
    public init(
        format: CSVFormat = CSVFormat(), badRows: CSVReader.BadRows = .fail, contradictions: Contradictions = .first
    ) {
        self.format = format
        self.badRows = badRows
        self.contradictions = contradictions
    }

    /// Reads labels and, where given, a tasks file (`task`, optionally `context` and `truth`), a truth file (`task`,
    /// `truth`) and a table of models' class probabilities (see `readSoft`).
    ///
    /// Without a tasks file, tasks that a model alone speaks of come after those of the labels. Every class that a label
    /// has must have a column of probabilities.
    /// With a tasks file the tasks are its tasks, in its order, and a label of any other task is an error. Without, they
    /// are numbered as they first occur. Workers are numbered as they first occur. Classes are all labels and truths that
    /// occur, whole numbers in numeric order, otherwise in the order of their bytes. O(rows).
    /// - Throws: `CSCError` naming file, line, column and value.
    public func read(
        labels path: String, tasks tasksPath: String? = nil, truth truthPath: String? = nil,
        soft softPath: String? = nil
    ) throws(CSCError) -> (table: LabelTable, report: Report) {
        var report = Report()
        var tasks = Names()
        var workers = Names()
        var classes = Names()
        var contexts = Names()
        var taskContext: [Int] = []
        var truth: [Int: Int] = [:]
        if let tasksPath {
            try readTasks(tasksPath, &tasks, &contexts, &taskContext, &classes, &truth)
        }
        let declared = tasks.list.count

        let table = try JSONLines.table(path, format: format)
        let columns = try Self.columns(table, format)
        var entries: [Label] = []
        var lines: [Int32] = []
        report.badRows = try table.forEachRow(badRows: badRows) { row throws(CSCError) in
            let task = try self.name(row, columns.task)
            let worker = try self.name(row, columns.worker)
            let label = try self.name(row, columns.label)
            let taskIndex: Int
            if declared > 0 {
                guard let known = tasks.find(task) else {
                    throw row.error(
                        columns.task,
                        "the tasks file has no such task" + Spelling.hint(for: task, among: tasks.list.prefix(10_000)))
                }
                taskIndex = known
            } else {
                taskIndex = tasks.intern(task)
            }
            entries.append(Label(task: taskIndex, worker: workers.intern(worker), label: classes.intern(label)))
            lines.append(Int32(truncatingIfNeeded: row.line))
        }
        report.rows = entries.count
        guard !entries.isEmpty else {
            let skipped = report.badRows.skipped
            throw .table(
                path: path,
                reason: "there are no labels in it"
                    + (skipped > 0
                        ? ": \(Terminal.counted(skipped, "row")) cannot be read, the first: \(report.badRows.reasons[0])"
                        : ""))
        }
        let given = classes.list
        let kept = try self.distinct(entries, lines, tasks, workers, classes, path, &report)
        var soft: SoftTable?
        var softClasses: [Int] = []
        if let softPath {
            soft = try SoftTable(softPath, workers: Set(workers.list.map(ExactName.init))) {
                (row, column, name) throws(CSCError) in
                if let known = tasks.find(name) { return known }
                guard declared == 0 else {
                    throw row.error(
                        column,
                        "the tasks file has no such task" + Spelling.hint(for: name, among: tasks.list.prefix(10_000)))
                }
                return tasks.intern(name)
            }
            for name in soft?.classes ?? [] { softClasses.append(classes.intern(name)) }
            let told = Set(softClasses)
            if let soft, let lacking = entries.first(where: { !told.contains(Int($0.label)) }) {
                throw soft.lacks(classes.list[Int(lacking.label)])
            }
        }

        if let truthPath {
            try readTruth(truthPath, tasks, &classes, &truth, &report)
        }
        report.warnings += LabelVocabulary.suspicions(given)
        let fit = try LabelVocabulary.match(
            truths: truth, names: classes.list, given: Set(entries.map { Int($0.label) } + softClasses),
            path: truthPath ?? tasksPath ?? path)
        truth = fit.truths
        report.warnings += fit.warnings
        if report.truthsWithoutLabels > 0, truth.isEmpty, let truthPath {
            report.warnings.append(
                "\(truthPath): none of its \(Terminal.counted(report.truthsWithoutLabels, "task")) is a task of the labels, "
                    + "such as '\(tasks.list[0])'; no accuracy can be told")
        }
        let names = classes.without(fit.unused)
        var result = Self.table(kept, tasks, workers, contexts, taskContext, names, truth)
        if let soft {
            let rank = names.sorted().rank
            result.soft = try soft.labels(
                place: softClasses.map { rank[$0] }, classes: result.classes.count, tasks: result.tasks.count)
        }
        return (result, report)
    }

    /// Reads a tasks file alone: `task`, optionally `context` and `truth`. Classes are the truths that occur. O(rows).
    /// - Parameters:
    ///   - path: the tasks file.
    ///   - allowed: for a session: the only truths there may be, and names are such as its journal can hold.
    /// - Throws: `CSCError` naming file, line, column and value of the first bad row.
    public func readTasks(_ path: String, classes allowed: [String]? = nil) throws(CSCError) -> (
        tasks: [LabelingTask], contexts: [String], classes: [String]
    ) {
        var tasks = Names()
        var contexts = Names()
        var classes = Names()
        var taskContext: [Int] = []
        var truth: [Int: Int] = [:]
        try readTasks(path, allowed: allowed, &tasks, &contexts, &taskContext, &classes, &truth)
        let order = classes.sorted()
        let list = tasks.list.enumerated().map { index, id in
            LabelingTask(id: id, context: taskContext[index], truth: truth[index].map { order.rank[$0] })
        }
        return (list, contexts.list.isEmpty ? ["all"] : contexts.list, order.names)
    }

    // MARK: Parts

    /// Names in the order of their first occurrence.
    private struct Names {
        var list: [String] = []
        private var index: [ExactName: Int] = [:]
        /// Those that are no class after all: truths that were taken for another one.
        private var unused: Set<Int> = []

        func find(_ name: String) -> Int? { index[ExactName(name)] }

        mutating func intern(_ name: String) -> Int {
            let name = ExactName(name)
            if let known = index[name] { return known }
            index[name] = list.count
            list.append(name.text)
            return list.count - 1
        }

        func without(_ names: Set<Int>) -> Names {
            var copy = self
            copy.unused = names
            return copy
        }

        /// The names in order, and each old index's place in it.
        func sorted() -> (names: [String], rank: [Int]) {
            let used = list.indices.filter { !unused.contains($0) }
            let numbers = list.map { Int($0) }
            let numeric = used.allSatisfy { numbers[$0] != nil }
            let order = used.sorted {
                if numeric, numbers[$0] != numbers[$1] { return numbers[$0]! < numbers[$1]! }
                return list[$0].utf8.lexicographicallyPrecedes(list[$1].utf8)
            }
            var rank = [Int](repeating: 0, count: list.count)
            for (place, old) in order.enumerated() { rank[old] = place }
            return (order.map { list[$0] }, rank)
        }
    }

    /// Where task, worker and label stand.
    private static func columns(_ table: CSVReader, _ format: CSVFormat) throws(CSCError) -> (
        task: Int, worker: Int, label: Int
    ) {
        if case .absent = format.header, format.columns.isEmpty {
            guard table.names.count == 3 else {
                throw .table(
                    path: table.path,
                    reason: "without a header the columns are task, worker, label, but there are \(table.names.count); "
                        + "say which is which: --columns task=1,worker=2,label=3")
            }
            return (0, 1, 2)
        }
        let task = try table.column(taskNames)
        guard let worker = try table.optionalColumn(workerNames) else {
            do throws(CSCError) { return (task, try table.column(workerNames), 0) } catch {
                guard case .table(let path, let reason) = error, table.names.count > 3 else { throw error }
                throw .table(
                    path: path,
                    reason: reason + "; if each worker has a column, this is a matrix: label replay --matrix reads it")
            }
        }
        return (task, worker, try table.column(labelNames))
    }

    private func name(_ row: CSVReader, _ column: Int) throws(CSCError) -> String {
        let text = try row.string(column)
        guard !text.isEmpty else { throw row.error(column, "a name is wanted") }
        return text
    }

    private func readTasks(
        _ path: String, allowed: [String]? = nil, _ tasks: inout Names, _ contexts: inout Names,
        _ taskContext: inout [Int],
        _ classes: inout Names, _ truth: inout [Int: Int]
    ) throws(CSCError) {
        let table = try JSONLines.table(
            path, format: CSVFormat(separator: format.separator, comment: format.comment))
        let task = try table.column(Self.taskNames)
        let context = try table.optionalColumn(Self.contextNames)
        let gold = try table.optionalColumn(Self.truthNames)
        while try table.next() {
            let id = try name(table, task)
            if allowed != nil {
                for (column, what) in [(Optional(task), "task"), (context, "context")] {
                    guard let column else { continue }
                    let name = try table.string(column)
                    do throws(CSCError) { try LabelSession.checkName(name, what) } catch {
                        throw table.error(column, "\(error)")
                    }
                }
            }
            let index = tasks.intern(id)
            guard index == taskContext.count else { throw table.error(task, "this task stands in an earlier row too") }
            if let context {
                taskContext.append(contexts.intern(try name(table, context)))
            } else {
                taskContext.append(0)
            }
            if let gold, !table.isEmpty(gold) {
                let value = try table.string(gold)
                if let allowed, !allowed.contains(where: { ExactName.same($0, value) }) {
                    throw table.error(
                        gold,
                        "this is not one of the classes (\(Terminal.list(allowed)))"
                            + Spelling.hint(for: value, among: allowed))
                }
                truth[index] = classes.intern(value)
            }
        }
        guard !tasks.list.isEmpty else { throw .table(path: path, reason: "there are no tasks in it") }
    }

    private func readTruth(
        _ path: String, _ tasks: Names, _ classes: inout Names, _ truth: inout [Int: Int], _ report: inout Report
    ) throws(CSCError) {
        let table = try JSONLines.table(
            path, format: CSVFormat(separator: format.separator, comment: format.comment))
        let task = try table.column(Self.taskNames)
        let gold = try table.column(Self.truthNames + ["label", "class"])
        while try table.next() {
            if table.isEmpty(gold) { continue }
            guard let index = tasks.find(try name(table, task)) else {
                report.truthsWithoutLabels += 1
                continue
            }
            let value = classes.intern(try table.string(gold))
            if let known = truth[index], known != value {
                throw table.error(gold, "an earlier truth of this task is '\(classes.list[known])'")
            }
            truth[index] = value
        }
    }

    /// Drops repeated rows; what is kept stays in the file's order. O(labels + tasks + workers).
    private func distinct(
        _ entries: [Label], _ lines: [Int32], _ tasks: Names, _ workers: Names, _ classes: Names, _ path: String,
        _ report: inout Report
    ) throws(CSCError) -> [Label] {
        var start = [Int](repeating: 0, count: tasks.list.count + 1)
        for entry in entries { start[Int(entry.task) + 1] += 1 }
        for task in tasks.list.indices { start[task + 1] += start[task] }
        var next = start
        var byTask = [Int32](repeating: 0, count: entries.count)
        for index in entries.indices {
            let task = Int(entries[index].task)
            byTask[next[task]] = Int32(index)
            next[task] += 1
        }
        var result = entries
        var dropped = [Bool](repeating: false, count: entries.count)
        var seen = [Int32](repeating: -1, count: workers.list.count)
        var contradicting: Set<Label> = []
        for task in tasks.list.indices {
            for index in byTask[start[task]..<start[task + 1]] {
                let entry = entries[Int(index)]
                let first = seen[Int(entry.worker)]
                if first < 0 || entries[Int(first)].task != entry.task {
                    seen[Int(entry.worker)] = index
                    continue
                }
                dropped[Int(index)] = true
                if entries[Int(first)].label == entry.label || !contradicting.insert(entry).inserted {
                    report.duplicates += 1
                    continue
                }
                let told = classes.list[Int(entries[Int(first)].label)]
                let reason =
                    "worker '\(workers.list[Int(entry.worker)])' gave task '\(tasks.list[task])' the label '\(told)' "
                    + "in line \(lines[Int(first)])"
                let value = classes.list[Int(entry.label)]
                if contradictions == .fail {
                    throw .row(
                        path: path, line: Int(lines[Int(index)]), column: "label", value: value, reason: reason)
                }
                if contradictions == .last { result[Int(first)].label = entry.label }
                report.contradictions += 1
                if report.contradictionExamples.count < 5 {
                    report.contradictionExamples.append("line \(lines[Int(index)]): '\(value)', but \(reason)")
                }
            }
        }
        return result.indices.filter { !dropped[$0] }.map { result[$0] }
    }

    private static func table(
        _ kept: [Label], _ tasks: Names, _ workers: Names, _ contexts: Names, _ taskContext: [Int], _ classes: Names,
        _ truth: [Int: Int]
    ) -> LabelTable {
        let order = classes.sorted()
        var names = order.names
        if names.count == 1 { names.append(names[0] == "0" ? "1" : "other") }
        return LabelTable(
            tasks: tasks.list.enumerated().map { index, id in
                LabelingTask(
                    id: id, context: taskContext.isEmpty ? 0 : taskContext[index],
                    truth: truth[index].map { order.rank[$0] })
            },
            workers: workers.list.map { LabelingWorker(id: $0) },
            contexts: contexts.list.isEmpty ? ["all"] : contexts.list, classes: names,
            labels: kept.map {
                Label(task: Int($0.task), worker: Int($0.worker), label: order.rank[Int($0.label)])
            })
    }
}
