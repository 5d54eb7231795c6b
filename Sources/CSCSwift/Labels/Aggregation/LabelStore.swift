/// Recorded labels in compressed rows, task by task: what the aggregators compute on.
///
/// Representation: task i owns the entries `start[i] ..< start[i + 1]` of `label` and of `cell`, which is
/// `worker * classes + label`: one index into every table an aggregator keeps. 8 bytes per label.
public struct LabelStore: Sendable {
    /// N: how many tasks there are, those without labels included.
    public let taskCount: Int
    /// K: how many workers there are, those without labels included.
    public let workerCount: Int
    /// C >= 2: how many classes there are.
    public let classCount: Int
    let start: [Int32]
    let cell: [Int32]
    let label: [Int32]
    /// What models say of the tasks, for methods that listen (`AggregationMethod.takesSoft`); nil: nothing.
    public var soft: SoftLabels? {
        didSet {
            precondition(
                soft.map { $0.taskCount == taskCount && $0.classCount == classCount } ?? true,
                "LabelStore.soft: of \(soft?.taskCount ?? 0) tasks and \(soft?.classCount ?? 0) classes")
        }
    }

    /// How many labels there are.
    public var labelCount: Int { cell.count }

    /// The labels of a table. O(labels + tasks).
    public init(_ table: LabelTable) {
        self.init(
            count: table.labels.count, taskCount: table.tasks.count, workerCount: table.workers.count,
            classCount: table.classes.count
        ) { (table.labels[$0].task, table.labels[$0].worker, table.labels[$0].label) }
        soft = table.soft
    }

    /// The labels `tasks[e], workers[e], labels[e]`, in any order. O(labels + tasks).
    /// - Precondition: arrays of one length, every index in range, fewer than 2^31 labels and table cells.
    public init(
        tasks: [Int32], workers: [Int32], labels: [Int32], taskCount: Int, workerCount: Int, classCount: Int
    ) {
        precondition(
            tasks.count == workers.count && tasks.count == labels.count,
            "LabelStore: \(tasks.count) tasks, \(workers.count) workers, \(labels.count) labels")
        self.init(count: tasks.count, taskCount: taskCount, workerCount: workerCount, classCount: classCount) {
            (tasks[$0], workers[$0], labels[$0])
        }
    }

    private init(
        count: Int, taskCount: Int, workerCount: Int, classCount: Int, _ entry: (Int) -> (Int32, Int32, Int32)
    ) {
        let limit = Int(Int32.max)
        precondition(
            count <= limit && workerCount * classCount <= limit && taskCount * classCount <= limit && classCount >= 2,
            "LabelStore: \(count) labels, \(taskCount) tasks, \(workerCount) workers, \(classCount) classes")
        var start = [Int32](repeating: 0, count: taskCount + 1)
        for index in 0..<count {
            let (task, worker, label) = entry(index)
            precondition(
                task >= 0 && task < taskCount && worker >= 0 && worker < workerCount && label >= 0
                    && label < classCount,
                "LabelStore: entry (\(task), \(worker), \(label)) of "
                    + "\(taskCount) tasks, \(workerCount) workers, \(classCount) classes")
            start[Int(task) + 1] += 1
        }
        for task in 0..<taskCount { start[task + 1] += start[task] }
        var next = start
        var cells = [Int32](repeating: 0, count: count)
        var labels = cells
        let classes = Int32(classCount)
        for index in 0..<count {
            let (task, worker, label) = entry(index)
            let at = Int(next[Int(task)])
            next[Int(task)] += 1
            cells[at] = worker * classes + label
            labels[at] = label
        }
        self.taskCount = taskCount
        self.workerCount = workerCount
        self.classCount = classCount
        self.start = start
        cell = cells
        label = labels
    }

    /// The labels of one task as (worker, label), in the order in which they were given. O(labels of the task).
    public func labels(of task: Int) -> [(worker: Int, label: Int)] {
        (Int(start[task])..<Int(start[task + 1])).map { (Int(cell[$0]) / classCount, Int(label[$0])) }
    }

    /// The labels worker by worker: worker j owns `start[j] ..< start[j + 1]` of `answer = task * classes + label`.
    /// O(labels + workers).
    func byWorker() -> (start: [Int32], answer: [Int32]) {
        let classes = Int32(classCount)
        var starts = [Int32](repeating: 0, count: workerCount + 1)
        for cell in cell { starts[Int(cell / classes) + 1] += 1 }
        for worker in 0..<workerCount { starts[worker + 1] += starts[worker] }
        var next = starts
        var answers = [Int32](repeating: 0, count: cell.count)
        for task in 0..<taskCount {
            for index in Int(start[task])..<Int(start[task + 1]) {
                let worker = Int(cell[index] / classes)
                answers[Int(next[worker])] = Int32(task) * classes + label[index]
                next[worker] += 1
            }
        }
        return (starts, answers)
    }
}

extension LabelTable {
    /// Whether an aggregator can compute on this table: its arrays are counted before they are asked for. O(1).
    ///
    /// - Parameters:
    ///   - method: the aggregator that is to compute.
    ///   - path: the file of labels, which the sentence names.
    /// - Throws: `CSCError.table` where a text that is no class, such as a free answer, makes so many classes that the
    ///   method's tables leave 32 bits or take more than half of the memory.
    public func checkSize(for method: AggregationMethod, labels path: String) throws(CSCError) {
        let (n, k, c) = (tasks.count, workers.count, classes.count)
        let limit = Int(Int32.max)
        let hint =
            "the column of labels has \(Terminal.counted(c, "different value")): does it hold free text? "
            + "A class is one of few"
        let cells = [Limits.product([n, c]), Limits.product([k, c]), labels.count]
        guard cells.allSatisfy({ $0 ?? .max <= limit }) else {
            throw .table(
                path: path,
                reason: "\(hint); \(method.rawValue) takes fewer than 2^31 pairs of a worker or a task and a class "
                    + "(\(k) workers, \(n) tasks)")
        }
        let matrices = [.dawidSkene, .dawidSkeneML, .twoStage, .oneCoin, .bcc].contains(method)
        do throws(CSCError) {
            try Limits.checkMemory([n, c], bytes: 32, "\(method.rawValue)'s votes for \(n) tasks")
            if matrices {
                try Limits.checkMemory(
                    [k, c, c], bytes: 16, "\(method.rawValue)'s confusion matrices of \(k) workers, \(c) x \(c) each,")
            }
        } catch {
            throw .table(path: path, reason: "\(hint). \(error)")
        }
    }
}
