internal import Foundation

/// What each worker of a session did, earned and is worth.
public struct SessionReport: Sendable, Equatable {
    /// One worker.
    public struct Row: Sendable, Equatable {
        /// The worker's name.
        public let worker: String
        /// How many labels are recorded or imported.
        public var labels = 0
        /// What the labels that were paid from the budget cost.
        public var pay = 0.0
        /// How many questions are outstanding, lapsed without an answer, were declined, and were answered late.
        public var open = 0, lapsed = 0, declined = 0, late = 0
        /// Whether the worker is barred.
        public var isBarred = false
        /// The median of the seconds from question to answer; nil without an answer to a question.
        public var medianSeconds: Double?
        /// How often the worker is right, as the others tell.
        public var quality = WorkerQuality(labels: 0, right: 0)
        /// The same in each context.
        public var contexts: [WorkerQuality] = []
    }

    /// The workers in the order of joining.
    public let workers: [Row]
    /// Names of the contexts of `Row.contexts`.
    public let contexts: [String]
    /// What all workers together were paid. O(workers).
    public var pay: Double { workers.reduce(0) { $0 + $1.pay } }
}

extension LabelSession {
    /// Pay, labels, time and quality of each worker.
    ///
    /// Quality does not rest on a worker's own word: a label counts as right with the probability of its class by gold or,
    /// without, by the labels that *others* gave to the task, weighed by accuracies that one-coin Dawid-Skene finds. Labels
    /// of tasks that nobody else labelled say nothing and do not count. O(labels C + iterations labels C).
    public var report: SessionReport {
        var list = workers.enumerated().map { index, worker in
            var row = SessionReport.Row(worker: worker.id)
            row.isBarred = barred[index]
            return row
        }
        var seconds = [[Double]](repeating: [], count: workers.count)
        for entry in 0..<ledger.count {
            let j = Int(ledger.worker[entry])
            switch ledger.status(of: entry) {
            case .asked: list[j].open += 1
            case .declined: list[j].declined += 1
            case .expired, .offered: list[j].lapsed += 1
            case .answered:
                list[j].labels += 1
                if ledger.isPaid(entry) { list[j].pay += workers[j].cost }
                if ledger.isLate(entry) { list[j].late += 1 }
                if !ledger.isImported(entry) {
                    seconds[j].append(max(0, ledger.answeredAt[entry] - ledger.askedAt[entry]))
                }
            }
        }
        let right = sharesRight()
        for j in list.indices {
            list[j].medianSeconds = Self.median(seconds[j])
            list[j].contexts = contexts.indices.map {
                WorkerQuality(labels: right.counts[$0 * workers.count + j], right: right.sums[$0 * workers.count + j])
            }
            list[j].quality = WorkerQuality(
                labels: list[j].contexts.reduce(0) { $0 + $1.labels },
                right: list[j].contexts.reduce(0) { $0 + $1.right })
        }
        return SessionReport(workers: list, contexts: contexts)
    }

    private static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted(), middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// [context, worker]: how many labels can be judged by others, and how many of them are right in expectation.
    private func sharesRight() -> (counts: [Int], sums: [Double]) {
        var counts = [Int](repeating: 0, count: contexts.count * workers.count)
        var sums = [Double](repeating: 0, count: counts.count)
        let table = table
        guard !table.labels.isEmpty else { return (counts, sums) }
        let store = LabelStore(table)
        var model = OneCoin()
        let fitted = model.fitPredict(store).workerQualities(store)[0]
        let others = Double(classes.count - 1)
        let weights = fitted.map { quality in  // log odds of an answer, by the mean of Beta(1 + right, 1 + wrong)
            let right = (1 + quality.right) / (2 + Double(quality.labels))
            return log(max(0.01, right) * others / max(0.01, 1 - right))
        }
        var byTask = [[Label]](repeating: [], count: tasks.count)
        for label in table.labels { byTask[Int(label.task)].append(label) }
        for (task, labels) in byTask.enumerated() where !labels.isEmpty {
            var votes = [Double](repeating: 0, count: classes.count)
            for label in labels { votes[Int(label.label)] += weights[Int(label.worker)] }
            for label in labels {
                let cell = tasks[task].context * workers.count + Int(label.worker), own = Int(label.label)
                if let known = gold[task] {
                    counts[cell] += 1
                    sums[cell] += known == own ? 1 : 0
                } else if labels.count > 1 {
                    var rest = votes
                    rest[own] -= weights[Int(label.worker)]
                    let top = rest.max() ?? 0, total = rest.reduce(0) { $0 + exp($1 - top) }
                    counts[cell] += 1
                    sums[cell] += exp(rest[own] - top) / total
                }
            }
        }
        return (counts, sums)
    }
}
