/// Tables of models' class probabilities: `task,worker,CLASS,CLASS,...`, a row a task and model, a column a class.
///
/// The model's column goes by `model` too, and may be absent where there is one model, which is called "model" then.
/// Every other column is a class and holds its probability; a row sums to 1 within `SoftLabels.tolerance`.
extension LabelFiles {
    /// Accepted names of the column that names the model.
    public static let modelNames = ["model"] + workerNames

    /// Reads such a table for tasks, classes and workers that are known: a session's, or a replay's. O(size of the file).
    /// - Throws: `CSCError` naming file, line, column and value: a task that does not exist, a model of a worker's name, a
    ///   column that is no class, a class without a column, no probability, a row that does not sum to 1 or that there is
    ///   already.
    public static func readSoft(
        _ path: String, tasks: [LabelingTask], classes: [String], workers: [LabelingWorker]
    ) throws(CSCError) -> SoftLabels {
        let index = Dictionary(tasks.enumerated().map { (ExactName($1.id), $0) }) { first, _ in first }
        let table = try SoftTable(path, workers: Set(workers.map { ExactName($0.id) })) {
            (row, column, name) throws(CSCError) in
            guard let known = index[ExactName(name)] else {
                throw row.error(
                    column, "there is no such task" + Spelling.hint(for: name, among: tasks.prefix(10_000).map(\.id)))
            }
            return known
        }
        var place: [Int] = []
        for name in table.classes {
            guard let at = classes.firstIndex(where: { ExactName.same($0, name) }) else {
                throw .table(
                    path: path,
                    reason: "the column '\(name)' is not one of the classes (\(Terminal.list(classes)))"
                        + Spelling.hint(for: name, among: classes))
            }
            place.append(at)
        }
        if let missing = classes.first(where: { name in !table.classes.contains { ExactName.same($0, name) } }) {
            throw table.lacks(missing)
        }
        return try table.labels(place: place, classes: classes.count, tasks: tasks.count)
    }
}

/// The rows of a table of class probabilities, before its classes have numbers.
struct SoftTable {
    let path: String
    /// The columns' names.
    let classes: [String]
    private(set) var models: [String] = []
    /// The task's number, the model's, and the probabilities by column.
    private(set) var rows: [(task: Int, model: Int, probabilities: [Double])] = []

    /// - Parameters:
    ///   - path: the table.
    ///   - workers: the names that no model may have.
    ///   - number: the number of a task of this name; throws where there can be none.
    init(
        _ path: String, workers: Set<ExactName>,
        number: (_ row: CSVReader, _ column: Int, _ task: String) throws(CSCError) -> Int
    ) throws(CSCError) {
        self.path = path
        let table = try CSVReader(path: path)
        let task = try table.column(LabelFiles.taskNames)
        let model = try table.optionalColumn(LabelFiles.modelNames)
        let columns = table.names.indices.filter { $0 != task && $0 != model }
        classes = columns.map { table.names[$0] }
        guard columns.count >= 2 else {
            throw .table(
                path: path,
                reason: "class probabilities have a column a class, at least two besides task and worker; there are "
                    + table.names.joined(separator: ", "))
        }
        if let twice = classes.indices.first(where: { k in
            classes[..<k].contains { ExactName.same($0, classes[k]) }
        }) {
            throw .table(path: path, reason: "there are two columns '\(classes[twice])'")
        }
        struct Place: Hashable {
            let task: Int
            let model: Int
        }
        var names: [ExactName: Int] = [:]
        var seen: [Place: Int] = [:]
        while try table.next() {
            let id = try table.string(task)
            guard !id.isEmpty else { throw table.error(task, "a name is wanted") }
            let i = try number(table, task, id)
            var name = "model"
            if let model {
                name = try table.string(model)
                do throws(CSCError) { try LabelSession.checkName(name, "model") } catch {
                    throw table.error(model, "\(error)")
                }
            }
            guard !workers.contains(ExactName(name)) else {
                throw table.error(
                    model ?? task, "worker '\(name)' has labels too, and would count twice: leave one of them out")
            }
            let known = names[ExactName(name)] ?? models.count
            if known == models.count {
                names[ExactName(name)] = known
                models.append(name)
            }
            if let line = seen.updateValue(table.line, forKey: Place(task: i, model: known)) {
                throw table.error(task, "line \(line) is of the same task and model")
            }
            var probabilities: [Double] = []
            for column in columns { probabilities.append(try table.double(column, in: 0...1)) }
            if let reason = SoftLabels.fault(probabilities, classes: columns.count) {
                throw table.error(columns[0], "\(reason) (task '\(id)')")
            }
            rows.append((i, known, probabilities))
        }
        guard !rows.isEmpty else { throw .table(path: path, reason: "there are no rows in it") }
    }

    /// The error that a class has no column.
    func lacks(_ name: String) -> CSCError {
        .table(path: path, reason: "there is no column for the class '\(name)', but \(Terminal.list(classes))")
    }

    /// The rows, column k being class `place[k]`; classes without a column have the probability 0.
    func labels(place: [Int], classes count: Int, tasks: Int) throws(CSCError) -> SoftLabels {
        try SoftLabels(
            models: models,
            rows: rows.map { row in
                var all = [Double](repeating: 0, count: count)
                for (k, p) in row.probabilities.enumerated() { all[place[k]] = p }
                return (row.task, row.model, all)
            }, taskCount: tasks, classCount: count)
    }
}
