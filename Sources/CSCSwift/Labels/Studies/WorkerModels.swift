/// How simulated workers answer (the paper, section 5.1): each is good at the tasks of one context, drawn uniformly.
public enum WorkerModel: String, Sendable, Hashable, Codable, CaseIterable {
    /// The truth on one context, a uniformly random class on the others.
    case spammerHammer = "spammer-hammer"
    /// Right with probability 0.9 on one context, 0.6 on the others.
    case oneCoin = "one-coin"
    /// 0.9 on one context, 0.3 on another, 0.6 on the rest.
    case malicious = "malicious"

    /// The probability of a right answer on a context, given which the worker is good and which bad at.
    public func accuracy(context: Int, good: Int, bad: Int, classes: Int) -> Double {
        switch self {
        case .spammerHammer: context == good ? 1 : 1 / Double(classes)
        case .oneCoin: context == good ? 0.9 : 0.6
        case .malicious: context == good ? 0.9 : context == bad ? 0.3 : 0.6
        }
    }

    /// A complete matrix of what `workers` such workers answer; a wrong answer is uniform over the other classes.
    /// O(N workers).
    ///
    /// - Precondition: the truth of every task is known.
    public func matrix(
        tasks: [LabelingTask], contexts: [String], classes: [String], workers: Int, seed: UInt64
    ) -> LabelMatrix {
        precondition(tasks.allSatisfy { $0.truth != nil }, "WorkerModel.matrix: a task's truth is not known")
        var stream = RandomStream(seed: seed, purpose: .labelModel)
        var entries = [Int32](repeating: LabelMatrix.missing, count: tasks.count * workers)
        for worker in 0..<workers {
            let good = stream.index(below: contexts.count)
            let bad = (good + 1 + (contexts.count > 1 ? stream.index(below: contexts.count - 1) : 0)) % contexts.count
            for (i, task) in tasks.enumerated() {
                let p = accuracy(context: task.context, good: good, bad: bad, classes: classes.count)
                let truth = task.truth!
                let wrong = (truth + 1 + stream.index(below: classes.count - 1)) % classes.count
                entries[i * workers + worker] = Int32(stream.unit() < p ? truth : wrong)
            }
        }
        return LabelMatrix(
            tasks: tasks, workers: (0..<workers).map { LabelingWorker(id: "w\($0)") }, contexts: contexts,
            classes: classes, entries: entries)
    }
}
