/// One thing to be labelled.
public struct LabelingTask: Sendable, Hashable, Codable {
    /// The name it has in the user's files.
    public var id: String
    /// Its kind: an index into the table's `contexts`.
    public var context: Int
    /// The true class, where it is known: an index into the table's `classes`. Used for scoring, never by an assigner.
    public var truth: Int?

    /// A task; without a context it belongs to the first.
    public init(id: String, context: Int = 0, truth: Int? = nil) {
        self.id = id
        self.context = context
        self.truth = truth
    }
}

/// Someone who can be asked.
public struct LabelingWorker: Sendable, Hashable, Codable {
    /// The name that the worker has in the user's files.
    public var id: String
    /// What one label of this worker costs, in the unit of the budget.
    public var cost: Double

    /// A worker; `cost` is checked where the worker is put to use.
    public init(id: String, cost: Double = 1) {
        self.id = id
        self.cost = cost
    }
}

/// One recorded answer, as indices into a table.
public struct Label: Sendable, Hashable, Codable {
    /// i: an index into the table's `tasks`.
    public var task: Int32
    /// j: an index into the table's `workers`.
    public var worker: Int32
    /// The class, 0 ..< number of classes.
    public var label: Int32

    /// Worker j's label of task i; traps where an index does not fit 32 bits.
    public init(task: Int, worker: Int, label: Int) {
        self.task = Int32(task)
        self.worker = Int32(worker)
        self.label = Int32(label)
    }
}

/// Tasks, workers and the labels that some workers gave to some tasks: what the readers produce and the aggregators take.
public struct LabelTable: Sendable, Hashable {
    /// The N tasks, those without labels included.
    public var tasks: [LabelingTask]
    /// The K workers, those without labels included.
    public var workers: [LabelingWorker]
    /// Names of the contexts; at least one.
    public var contexts: [String]
    /// Names of the classes; at least two.
    public var classes: [String]
    /// At most one for each (task, worker).
    public var labels: [Label]
    /// What models say of these tasks and classes; nil: nothing.
    public var soft: SoftLabels?

    /// O(tasks + labels).
    /// - Precondition: every index is in range.
    public init(
        tasks: [LabelingTask], workers: [LabelingWorker], contexts: [String] = ["all"], classes: [String] = ["0", "1"],
        labels: [Label]
    ) {
        precondition(classes.count >= 2, "LabelTable: \(classes.count) classes, at least 2 are needed")
        for task in tasks {
            precondition(
                contexts.indices.contains(task.context) && (task.truth.map(classes.indices.contains) ?? true),
                "LabelTable: \(task) with \(contexts.count) contexts and \(classes.count) classes")
        }
        for label in labels {
            precondition(
                tasks.indices.contains(Int(label.task)) && workers.indices.contains(Int(label.worker))
                    && classes.indices.contains(Int(label.label)),
                "LabelTable: \(label) with \(tasks.count) tasks, \(workers.count) workers, \(classes.count) classes")
        }
        self.tasks = tasks
        self.workers = workers
        self.contexts = contexts
        self.classes = classes
        self.labels = labels
    }
}

/// What every worker would answer on every task: [tasks x workers], row-major. The stage on which assigners are
/// replayed.
public struct LabelMatrix: Sendable, Hashable {
    /// No label is known for this pair.
    public static let missing: Int32 = -1

    /// The N tasks: the rows.
    public internal(set) var tasks: [LabelingTask]
    /// The K workers: the columns.
    public let workers: [LabelingWorker]
    /// Names of the contexts, which tasks refer to by index.
    public let contexts: [String]
    /// Names of the classes, which entries and truths refer to by index.
    public let classes: [String]
    /// Row-major [tasks x workers]: a class or `missing`.
    public internal(set) var entries: [Int32]

    /// O(tasks * workers).
    ///
    /// - Precondition: `entries` holds tasks x workers values, each a class or `missing`.
    public init(
        tasks: [LabelingTask], workers: [LabelingWorker], contexts: [String], classes: [String], entries: [Int32]
    ) {
        precondition(
            entries.count == tasks.count * workers.count,
            "LabelMatrix: \(entries.count) entries for \(tasks.count) tasks x \(workers.count) workers")
        precondition(
            entries.allSatisfy { $0 >= LabelMatrix.missing && $0 < Int32(classes.count) },
            "LabelMatrix: an entry is outside -1 ..< \(classes.count)")
        self.tasks = tasks
        self.workers = workers
        self.contexts = contexts
        self.classes = classes
        self.entries = entries
    }

    /// The table as a matrix, pairs without a label `missing`. O(tasks x workers).
    public init(_ table: LabelTable) {
        var entries = [Int32](repeating: LabelMatrix.missing, count: table.tasks.count * table.workers.count)
        for label in table.labels { entries[Int(label.task) * table.workers.count + Int(label.worker)] = label.label }
        self.init(
            tasks: table.tasks, workers: table.workers, contexts: table.contexts, classes: table.classes,
            entries: entries)
    }

    /// The label of one pair, `nil` where it is missing. O(1).
    public subscript(task: Int, worker: Int) -> Int? {
        let entry = entries[task * workers.count + worker]
        return entry == LabelMatrix.missing ? nil : Int(entry)
    }

    /// The contexts of the tasks, in order: what assigners take. O(tasks).
    public var taskContexts: [Int] { tasks.map(\.context) }
    /// Whether every pair has a label. O(tasks x workers).
    public var isComplete: Bool { !entries.contains(LabelMatrix.missing) }
    /// The labels that are there, task by task. O(tasks x workers).
    public var table: LabelTable {
        var labels: [Label] = []
        for task in tasks.indices {
            for worker in workers.indices {
                if let label = self[task, worker] { labels.append(Label(task: task, worker: worker, label: label)) }
            }
        }
        return LabelTable(tasks: tasks, workers: workers, contexts: contexts, classes: classes, labels: labels)
    }

    /// The share of tasks with known truth on which `labels` (one class per task) is right; `nil` if none is known.
    /// O(tasks).
    public func accuracy(of labels: [Int]) -> Double? {
        precondition(labels.count == tasks.count, "accuracy: \(labels.count) labels for \(tasks.count) tasks")
        var right = 0, known = 0
        for (task, label) in zip(tasks, labels) {
            guard let truth = task.truth else { continue }
            known += 1
            right += label == truth ? 1 : 0
        }
        return known == 0 ? nil : Double(right) / Double(known)
    }

    /// Each worker's share of right labels over all tasks with known truth (the paper's "true accuracy", Fig. 1 and
    /// 4); NaN for a worker without such a label. O(tasks x workers).
    public func workerAccuracies(context: Int? = nil) -> [Double] {
        var right = [Double](repeating: 0, count: workers.count), known = right
        for (i, task) in tasks.enumerated() where context == nil || task.context == context {
            guard let truth = task.truth else { continue }
            for j in workers.indices {
                guard let label = self[i, j] else { continue }
                known[j] += 1
                right[j] += label == truth ? 1 : 0
            }
        }
        return zip(right, known).map { $0 / $1 }
    }
}
