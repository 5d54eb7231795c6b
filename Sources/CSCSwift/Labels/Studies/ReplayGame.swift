/// One run of a replay: a method asks, a table of answers answers, and the labels are scored at each budget.
struct ReplayGame: Sendable {
    var matrix: LabelMatrix
    /// Labels in all, in ascending order.
    let budgets: [Int]
    /// How labels are read; nil: by the method itself.
    let readings: [AggregationMethod?]
    /// Whether pairs without an answer are not asked.
    let recordedOnly: Bool
    let families: [Int]?
    let soft: SoftLabels?
    let seed: UInt64

    /// Plays a sequential method to the last budget, scoring it at each. A pair that the method must ask in a fixed
    /// order though nobody recorded it is skipped by the method itself (`restrict`).
    func follow<Method: SequentialAssigner>(_ start: Method) -> [Replay.Point] {
        var method = start
        if recordedOnly { method.restrict(to: recorded) }
        let workers = matrix.workers.count
        var points: [Replay.Point] = []
        var labels: [Label] = []
        for budget in budgets {
            while labels.count < budget, let pair = method.next() {
                let label = Int(matrix.entries[pair.task * workers + pair.worker])
                do {
                    try method.record(task: pair.task, worker: pair.worker, label: label)
                } catch {
                    preconditionFailure("a method refused the answer to its own question: \(error)")
                }
                labels.append(Label(task: pair.task, worker: pair.worker, label: label))
            }
            points.append(score(labels, own: method.labels))
        }
        return points
    }

    /// The scores of a method that does not ask one pair at a time: one outcome a budget.
    func matched(_ outcomes: [ThresholdOutcome]) -> [Replay.Point] {
        outcomes.map { score($0.answers, own: $0.labels) }
    }

    /// [N]: the workers who labelled each task. O(N K).
    private var recorded: [[Int32]] {
        let workers = matrix.workers.count
        return matrix.tasks.indices.map { task in
            (0..<Int32(workers)).filter { matrix.entries[task * workers + Int($0)] != LabelMatrix.missing }
        }
    }

    private func score(_ labels: [Label], own: [Int]) -> Replay.Point {
        let isOpen = readings.contains { $0 != nil }
        var store =
            isOpen
            ? LabelStore(
                tasks: labels.map(\.task), workers: labels.map(\.worker), labels: labels.map(\.label),
                taskCount: matrix.tasks.count, workerCount: matrix.workers.count, classCount: matrix.classes.count)
            : nil
        store?.soft = soft
        let accuracies = readings.map { [store] reading -> Double in
            guard let reading, let store else { return matrix.accuracy(of: own)! }
            var aggregator = reading.aggregator(seed: seed, contexts: matrix.taskContexts, families: families)
            return matrix.accuracy(of: aggregator.fitPredict(store).labels)!
        }
        return Replay.Point(accuracy: accuracies, spent: labels.count)
    }
}
