/// UCI's original data files as labelling tasks: ionosphere, Wisconsin breast cancer (original), Pima Indians diabetes.
public struct UCIDataset: Sendable, Hashable {
    /// "ionosphere", "breast" or "pima".
    public let name: String
    /// [rows x features], as in the file; rows with a missing value are left out.
    public let features: [[Double]]
    /// 0 or 1: bad/good, benign/malignant, no/yes.
    public let classes: [Int]
    /// How many rows had a missing value.
    public let incompleteRows: Int

    /// Reads one of the three files, told apart by their number of columns (35, 11, 9). Throws `CSCError` naming file,
    /// line, column and value.
    public init(path: String) throws(CSCError) {
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
    public func tasks(contexts: Int, seed: UInt64 = 0) throws(CSCError) -> [LabelingTask] {
        guard contexts >= 1, contexts <= features.count else {
            throw .invalid("\(contexts) contexts for \(features.count) instances")
        }
        let clusters = KMeans.cluster(KMeans.standardized(features), k: contexts, seed: seed).assignments
        return zip(clusters, classes).enumerated().map { row, pair in
            LabelingTask(id: "\(name)-\(row + 1)", context: pair.0, truth: pair.1)
        }
    }

    /// The letter's number of contexts and workers for this set [rec]: S = 3, 4, 5 and K = 30, 40, 50.
    public var setting: (contexts: Int, workers: Int) {
        switch name {
        case "ionosphere": (3, 30)
        case "breast": (4, 40)
        default: (5, 50)
        }
    }
}

extension LabelMatrix {
    /// Reads a wide matrix: columns of the task, its context and its truth under any of the names of `LabelFiles` (truth
    /// also as `answer`), then one column a worker, the header naming the worker. Context and truth may be absent; an empty cell, or -1 in a file that has
    /// no class of that name, is a missing label. Throws `CSCError` naming file, line, column and value.
    public init(wideCSV path: String) throws(CSCError) {
        let reader = try CSVReader(path: path)
        let task = try reader.column(LabelFiles.taskNames)
        let context = try reader.optionalColumn(LabelFiles.contextNames)
        let truth = try reader.optionalColumn(LabelFiles.truthNames + ["answer"])
        let columns = reader.names.indices.filter { $0 != task && $0 != context && $0 != truth }
        guard !columns.isEmpty else { throw .table(path: path, reason: "has no column of a worker") }
        var tasks: [LabelingTask] = [], cells: [[String?]] = [], truths: [String?] = []
        var contexts: [String] = [], seen: [String: Int] = [:], ids: Set<String> = []
        func cell(_ column: Int?) throws(CSCError) -> String? {
            guard let column, !reader.isEmpty(column) else { return nil }
            let text = try reader.string(column)
            return text == "-1" ? nil : text
        }
        while try reader.next() {
            let id = try reader.string(task)
            guard ids.insert(id).inserted else { throw reader.error(task, "occurs a second time") }
            let name = try cell(context) ?? "all"
            if seen[name] == nil {
                seen[name] = contexts.count
                contexts.append(name)
            }
            tasks.append(LabelingTask(id: id, context: seen[name]!))
            truths.append(try cell(truth))
            var row: [String?] = []
            for column in columns { row.append(try cell(column)) }
            cells.append(row)
        }
        guard !tasks.isEmpty else { throw .table(path: path, reason: "has no rows") }
        let names = Set(cells.joined().compactMap { $0 } + truths.compactMap { $0 })
        var classes = names.sorted { (Int($0) ?? .max, $0) < (Int($1) ?? .max, $1) }
        for name in ["0", "1"] where classes.count < 2 && !classes.contains(name) { classes.append(name) }
        let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        for i in tasks.indices { tasks[i].truth = truths[i].map { index[$0]! } }
        self.init(
            tasks: tasks, workers: columns.map { LabelingWorker(id: reader.names[$0]) }, contexts: contexts,
            classes: classes,
            entries: cells.joined().map { $0.map { Int32(index[$0]!) } ?? LabelMatrix.missing })
    }

    /// The matrix in the form that `init(wideCSV:)` reads.
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
