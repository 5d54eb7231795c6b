internal import CSCSwift

/// The cases of docs/performance.md, section 6.
enum BenchLabels {
    /// Labels of a one-coin crowd: each of `count` labels from a random worker on a random task, every task first once.
    private struct Crowd {
        var tasks: [Int32] = []
        var workers: [Int32] = []
        var labels: [Int32] = []
        var truth: [Int?] = []
        let workerCount: Int

        init(count: Int, workers workerCount: Int, tasks taskCount: Int) {
            self.workerCount = workerCount
            var stream = RandomStream(seed: 6, purpose: .labelModel, index: UInt64(count))
            let skill = (0..<workerCount).map { _ in stream.uniform(0.5, 0.95) }
            truth = (0..<taskCount).map { _ in stream.index(below: 2) }
            var seen = Set<Int>()
            while tasks.count < count {
                let task = tasks.count % taskCount
                let worker = stream.index(below: workerCount)
                guard seen.insert(task * workerCount + worker).inserted else { continue }
                let right = stream.unit() < skill[worker]
                tasks.append(Int32(task))
                workers.append(Int32(worker))
                labels.append(Int32(right ? truth[task]! : 1 - truth[task]!))
            }
        }
    }

    static func run(_ meter: BenchMeter) {
        for (name, crowd) in [
            ("8k", Crowd(count: 8000, workers: 164, tasks: 800)),
            ("1M", Crowd(count: 1_000_000, workers: 1000, tasks: 100_000)),
        ] {
            let count = Double(crowd.labels.count)
            let store = LabelStore(
                tasks: crowd.tasks, workers: crowd.workers, labels: crowd.labels, taskCount: crowd.truth.count,
                workerCount: crowd.workerCount, classCount: 2)
            let vote = MajorityVote.aggregate(
                tasks: crowd.tasks, labels: crowd.labels, taskCount: crowd.truth.count, classCount: 2)
            let voteAccuracy = vote.accuracy(truth: crowd.truth) ?? 0
            meter.measure(
                "crowd/\(name)/majority", work: count, unit: "labels/s", check: (1 - voteAccuracy, voteAccuracy > 0.8)
            ) {
                _ = MajorityVote.aggregate(
                    tasks: crowd.tasks, labels: crowd.labels, taskCount: crowd.truth.count, classCount: 2)
            }
            var model = DawidSkene(options: EMOptions(maxIterations: 20, tolerance: 0))
            let accuracy = model.fitPredict(store).accuracy(truth: crowd.truth) ?? 0
            meter.measure(
                "crowd/\(name)/dawid-skene-20", work: count, unit: "labels/s",
                check: (1 - accuracy, accuracy >= voteAccuracy)
            ) { _ = model.fitPredict(store) }
            var glad = GLAD(options: EMOptions(maxIterations: 3, tolerance: 0))
            let gladAccuracy = glad.fitPredict(store).accuracy(truth: crowd.truth) ?? 0
            meter.measure(
                "crowd/\(name)/glad-3", work: count, unit: "labels/s", check: (1 - gladAccuracy, gladAccuracy > 0.8)
            ) { _ = glad.fitPredict(store) }
        }
    }
}
