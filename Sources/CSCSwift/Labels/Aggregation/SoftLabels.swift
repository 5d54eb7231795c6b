/// Class probabilities of models: what a classifier or a language model says of tasks, for aggregators and sessions that
/// take a model as one more worker, whose reliability is learnt like anybody's.
///
/// A row is what one model says of one task: C probabilities that sum to 1. Rows are kept by task and model, so results do
/// not depend on the order in which they were given.
public struct SoftLabels: Sendable, Hashable, Codable {
    /// The models' names, in the order of their bytes.
    public let models: [String]
    /// The family of each model, models of one number being one voice; empty: everyone is alone.
    public private(set) var families: [Int] = []
    /// N: how many tasks there are, those without rows included.
    public private(set) var taskCount: Int
    /// C: how many classes there are.
    public let classCount: Int
    /// [rows].
    let task: [Int32]
    let model: [Int32]
    /// [rows, classes].
    let probability: [Double]

    /// How far from 1 the probabilities of a row may sum; they are divided by their sum.
    public static let tolerance = 1e-3

    /// How many rows there are.
    public var count: Int { task.count }

    /// Rows of any order. O(rows (classes + log rows)).
    /// - Parameters:
    ///   - models: the models' names, each once.
    ///   - rows: the task and the model of each row, as indices, and the C probabilities.
    ///   - taskCount: N.
    ///   - classCount: C >= 2.
    /// - Throws: `CSCError.invalid` where an index is out of range, a pair stands twice, or a row's probabilities are not
    ///   C finite numbers in [0, 1] that sum to 1 within `tolerance`.
    public init(
        models: [String], rows: [(task: Int, model: Int, probabilities: [Double])], taskCount: Int, classCount: Int
    ) throws(CSCError) {
        guard Set(models.map(ExactName.init)).count == models.count else { throw .invalid("a model is named twice") }
        let order = models.indices.sorted { ExactName(models[$0]) < ExactName(models[$1]) }
        var rank = [Int](repeating: 0, count: models.count)
        for (place, old) in order.enumerated() { rank[old] = place }
        var keys: [(task: Int, model: Int, row: Int)] = []
        keys.reserveCapacity(rows.count)
        for (number, row) in rows.enumerated() {
            guard (0..<taskCount).contains(row.task), models.indices.contains(row.model) else {
                throw .invalid("row \(number): there is no such task or model")
            }
            if let reason = Self.fault(row.probabilities, classes: classCount) {
                throw .invalid("row \(number): \(reason)")
            }
            keys.append((row.task, rank[row.model], number))
        }
        keys.sort { ($0.task, $0.model) < ($1.task, $1.model) }
        for (a, b) in zip(keys, keys.dropFirst()) where (a.task, a.model) == (b.task, b.model) {
            throw .invalid("row \(max(a.row, b.row)): an earlier row is of the same task and model")
        }
        self.models = order.map { models[$0] }
        self.taskCount = taskCount
        self.classCount = classCount
        task = keys.map { Int32($0.task) }
        model = keys.map { Int32($0.model) }
        var all: [Double] = []
        all.reserveCapacity(rows.count * classCount)
        for key in keys {
            let row = rows[key.row].probabilities, sum = row.reduce(0, +)
            for p in row { all.append(p / sum) }
        }
        probability = all
    }

    /// What is wrong with a row of probabilities, as a sentence's end; nil where nothing is. O(classes).
    static func fault(_ row: [Double], classes: Int) -> String? {
        guard row.count == classes else { return "\(row.count) probabilities for \(classes) classes" }
        if let wrong = row.first(where: { !($0 >= 0 && $0 <= 1) }) { return "\(wrong) is not a probability" }
        let sum = row.reduce(0, +)
        guard abs(sum - 1) <= tolerance else { return "the probabilities sum to \(Terminal.amount(sum)), not to 1" }
        return nil
    }

    /// The same rows, with models of one number as one voice.
    /// - Precondition: one number per model.
    public func families(_ numbers: [Int]) -> SoftLabels {
        precondition(numbers.count == models.count, "SoftLabels: \(numbers.count) families of \(models.count) models")
        var copy = self
        copy.families = Set(numbers).count < numbers.count ? numbers : []
        return copy
    }

    /// The same rows among more tasks, the new ones after the others.
    mutating func addTasks(_ more: Int) { taskCount += more }

    /// What a model says of a task; nil where it says nothing. O(log rows).
    public func probabilities(task: Int, model: Int) -> [Double]? {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if (Int(self.task[middle]), Int(self.model[middle])) < (task, model) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < count, Int(self.task[low]) == task, Int(self.model[low]) == model else { return nil }
        return Array(probability[low * classCount..<(low + 1) * classCount])
    }

    /// How many tasks each model speaks of, [models]. O(rows).
    public var counts: [Int] {
        var counts = [Int](repeating: 0, count: models.count)
        for m in model { counts[Int(m)] += 1 }
        return counts
    }

    /// [N x C]: whether a class is one that some model thinks most probable of the task. O(N C + rows C).
    var favourites: [Bool] {
        var best = [Bool](repeating: false, count: taskCount * classCount)
        for row in 0..<count {
            let own = probability[row * classCount..<(row + 1) * classCount], top = own.max() ?? 0
            for (z, p) in own.enumerated() where p == top { best[Int(task[row]) * classCount + z] = true }
        }
        return best
    }

    /// Each model's share of right answers, its answer being the most probable class (equal ones count by their share):
    /// counted where `truth` knows the task, in expectation under `posterior` elsewhere, on the tasks of `counted`.
    /// [models]: how many tasks, and the expected number of right ones. O(rows C).
    func qualities(posterior: [Double], truth: [Int?]?, counted: [Bool]? = nil) -> [WorkerQuality] {
        var given = [Int](repeating: 0, count: models.count)
        var right = [Double](repeating: 0, count: models.count)
        for row in 0..<count where counted?[Int(task[row])] ?? true {
            let own = Array(probability[row * classCount..<(row + 1) * classCount]), top = own.max() ?? 0
            let tied = Double(own.count(where: { $0 == top })), i = Int(task[row])
            given[Int(model[row])] += 1
            for z in 0..<classCount where own[z] == top {
                let p = truth?[i].map { $0 == z ? 1.0 : 0 } ?? posterior[i * classCount + z]
                right[Int(model[row])] += p / tied
            }
        }
        return zip(given, right).map { WorkerQuality(labels: $0, right: $1) }
    }
}
