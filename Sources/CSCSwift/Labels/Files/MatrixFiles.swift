/// UCI's original data files as labelling tasks: ionosphere, Wisconsin breast cancer (original), Pima Indians diabetes.
package struct UCIDataset: Sendable, Hashable {
    /// "ionosphere", "breast" or "pima".
    package let name: String
    /// [rows x features], as in the file; rows with a missing value are left out.
    package let features: [[Double]]
    /// 0 or 1: bad/good, benign/malignant, no/yes.
    package let classes: [Int]
    /// How many rows had a missing value.
    package let incompleteRows: Int

    /// Reads one of the three files, distinguished by their number of columns (35, 11, 9). Throws `CSCError` naming
    /// file, line, column and value.
    package init(path: String) throws(CSCError) {
        let reader = try CSVReader(path: path, format: CSVFormat(separator: .comma, header: .absent))
        let width = reader.names.count
        let first: Int, last = width - 1
        switch width {
        case 35: (name, first) = ("ionosphere", 0)
        case 11: (name, first) = ("breast", 1)  // column 1 is the patient's number
        case 9: (name, first) = ("pima", 0)
        default:
            throw .table(
                path: path, reason: "has \(width) columns; ionosphere has 35, Wisconsin breast cancer 11, pima 9")
        }
        let values = name == "ionosphere" ? ["b", "g"] : name == "breast" ? ["2", "4"] : ["0", "1"]
        var features: [[Double]] = [], classes: [Int] = [], incomplete = 0
        while try reader.next() {
            let label = try reader.string(last)
            guard let index = values.firstIndex(of: label) else {
                throw reader.error(last, "is not a class of \(name): \(values.joined(separator: " or "))")
            }
            var row: [Double] = [], complete = true
            for column in first..<last {
                if try reader.string(column) == "?" {
                    complete = false
                } else {
                    row.append(try reader.double(column))
                }
            }
            if complete {
                features.append(row)
                classes.append(index)
            } else {
                incomplete += 1
            }
        }
        guard !features.isEmpty else { throw .table(path: path, reason: "has no complete row") }
        self.features = features
        self.classes = classes
        incompleteRows = incomplete
    }

    /// The instances as tasks: contexts by k-means on standardised features, truth from the class.
    package func tasks(contexts: Int, seed: UInt64 = 0) throws(CSCError) -> [LabelingTask] {
        guard contexts >= 1, contexts <= features.count else {
            throw .invalid("\(contexts) contexts for \(features.count) instances")
        }
        let clusters = KMeans.cluster(KMeans.standardized(features), k: contexts, seed: seed).assignments
        return zip(clusters, classes).enumerated().map { row, pair in
            LabelingTask(id: "\(name)-\(row + 1)", context: pair.0, truth: pair.1)
        }
    }

    /// The paper's number of contexts and workers for this set [rec]: S = 3, 4, 5 and K = 30, 40, 50.
    package var setting: (contexts: Int, workers: Int) {
        switch name {
        case "ionosphere": (3, 30)
        case "breast": (4, 40)
        default: (5, 50)
        }
    }
}

extension LabelMatrix {
    /// What in a wide file stood for a label that is not there.
    public struct Missing: Sendable, Hashable {
        /// How many cells of workers are empty.
        public var empty = 0
        /// The word that was taken as missing, where there is one, and how many cells hold it.
        public var value: String?
        /// How many cells hold `value`.
        public var count = 0

        /// Sentences on truths and classes that may not be what is meant.
        public var warnings: [String] = []

        /// For people: what was taken as missing; nil where every label is there.
        package var sentence: String? {
            guard empty + count > 0 else { return nil }
            var parts: [String] = []
            if empty > 0 { parts.append("\(empty) empty") }
            if let value, count > 0 { parts.append("\(count) '\(value)'") }
            return "\(Terminal.counted(empty + count, "label")) missing: \(parts.joined(separator: ", "))"
        }
    }

    /// Reads a wide matrix; `Missing` says what was taken as missing and what may not be meant. See `init(wideCSV:missing:)`.
    package static func read(wideCSV path: String, missing: String? = nil, columns: ColumnMapping = .init())
        throws(CSCError) -> (matrix: LabelMatrix, missing: Missing)
    {
        var format = CSVFormat()
        format.columns = columns
        let rows = try WideRows(try CSVReader(path: path, format: format))
        var report = Missing()
        report.value = missing ?? rows.minusOne
        let number = report.value.flatMap { Double($0) }
        func isMissing(_ text: String) -> Bool {
            report.value.map { ExactName.same($0, text) || number != nil && Double(text) == number } ?? false
        }
        var truths = rows.truths.map { $0.flatMap { isMissing($0) ? nil : $0 } }
        var cells: [String?] = []
        cells.reserveCapacity(rows.cells.count)
        for cell in rows.cells {
            guard let cell else {
                report.empty += 1
                cells.append(nil)
                continue
            }
            if isMissing(cell) { report.count += 1 }
            cells.append(isMissing(cell) ? nil : cell)
        }
        try Self.match(&truths, to: cells, path, &report)
        let names = Set((cells + truths).compactMap { $0.map(ExactName.init) })
        var classes = names.sorted { (Int($0.text) ?? .max, $0) < (Int($1.text) ?? .max, $1) }
        for name in ["0", "1"].map(ExactName.init) where classes.count < 2 && !classes.contains(name) {
            classes.append(name)
        }
        let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        var tasks = rows.tasks
        for i in tasks.indices { tasks[i].truth = truths[i].flatMap { index[ExactName($0)] } }
        let matrix = LabelMatrix(
            tasks: tasks, workers: rows.workers.map { LabelingWorker(id: $0) }, contexts: rows.contexts,
            classes: classes.map(\.text),
            entries: cells.map { $0.flatMap { index[ExactName($0)] }.map { Int32($0) } ?? LabelMatrix.missing })
        return (matrix, report)
    }

    /// Turns truths into classes of the labels where they are the same numbers, and says what may not be meant.
    /// - Throws: `CSCError.table` where no truth is a class that a label has.
    private static func match(
        _ truths: inout [String?], to cells: [String?], _ path: String, _ report: inout Missing
    ) throws(CSCError) {
        let given = Set(cells.compactMap { $0.map(ExactName.init) }).sorted()
        report.warnings = LabelVocabulary.suspicions(given.map(\.text), advice: "say --missing VALUE")
        guard !given.isEmpty else { return }
        var names = given
        var index = Dictionary(uniqueKeysWithValues: given.enumerated().map { ($1, $0) })
        var known: [Int: Int] = [:]
        for (task, truth) in truths.enumerated() {
            guard let name = truth.map(ExactName.init) else { continue }
            if index[name] == nil {
                index[name] = names.count
                names.append(name)
            }
            known[task] = index[name]
        }
        let fit = try LabelVocabulary.match(
            truths: known, names: names.map(\.text), given: Set(given.indices), path: path)
        report.warnings += fit.warnings
        for (task, name) in fit.truths { truths[task] = names[name].text }
    }

    /// Reads a wide matrix: columns of the task, its context and its truth under any of the names of `LabelFiles`
    /// (truth also as `answer`), then one column per worker, the header naming the worker. Context and truth may be
    /// absent; an empty cell is a missing label, and so is `missing`, or the number that it is. Where that is nil, -1
    /// is missing in a file in which it is no class: no truth is -1, and labels and truths have two classes besides.
    /// O(size of the file).
    /// - Throws: `CSCError` naming file, line, column and value.
    public init(wideCSV path: String, missing: String? = nil) throws(CSCError) {
        self = try Self.read(wideCSV: path, missing: missing).matrix
    }

    /// The rows of a wide file, as text.
    private struct WideRows {
        var tasks: [LabelingTask] = []
        var truths: [String?] = []
        var cells: [String?] = []
        var contexts: [String] = []
        let workers: [String]

        init(_ reader: CSVReader) throws(CSCError) {
            let task = try reader.column(LabelFiles.taskNames)
            let context = try reader.optionalColumn(LabelFiles.contextNames)
            let truth = try reader.optionalColumn(LabelFiles.truthNames + ["answer"])
            let columns = reader.names.indices.filter { $0 != task && $0 != context && $0 != truth }
            guard !columns.isEmpty else { throw .table(path: reader.path, reason: "has no column of a worker") }
            workers = columns.map { reader.names[$0] }
            var seen: [ExactName: Int] = [:], ids: Set<ExactName> = []
            func cell(_ column: Int?) throws(CSCError) -> String? {
                guard let column, !reader.isEmpty(column) else { return nil }
                return try reader.string(column)
            }
            while try reader.next() {
                let id = try reader.string(task)
                guard ids.insert(ExactName(id)).inserted else { throw reader.error(task, "occurs a second time") }
                let name = try cell(context) ?? "all"
                if seen[ExactName(name)] == nil {
                    seen[ExactName(name)] = contexts.count
                    contexts.append(name)
                }
                tasks.append(LabelingTask(id: id, context: seen[ExactName(name)] ?? 0))
                truths.append(try cell(truth))
                for column in columns { cells.append(try cell(column)) }
            }
            guard !tasks.isEmpty else { throw .table(path: reader.path, reason: "has no rows") }
        }

        /// How -1 is written where it can be no class; nil where it does not occur or is one.
        var minusOne: String? {
            func isMinusOne(_ name: String?) -> Bool { name.flatMap { Double($0) } == -1 }
            guard !truths.contains(where: isMinusOne), let found = cells.first(where: isMinusOne) else { return nil }
            var others: Set<ExactName> = []
            for name in cells + truths {
                guard let name, !isMinusOne(name) else { continue }
                others.insert(ExactName(name))
                if others.count > 1 { return found }
            }
            return nil
        }
    }

    /// The matrix in the form that `init(wideCSV:)` reads. O(tasks * workers).
    public var wideCSV: String {
        var lines = [CSVWriter.line(["task", "context", "truth"] + workers.map(\.id))]
        for (i, task) in tasks.enumerated() {
            let row = workers.indices.map { self[i, $0].map { classes[$0] } ?? "" }
            lines.append(
                CSVWriter.line([task.id, contexts[task.context], task.truth.map { classes[$0] } ?? ""] + row))
        }
        return lines.joined()
    }
}
