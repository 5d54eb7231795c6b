import CSCSwift
import Testing

@Suite("Workers who answer alike")
struct AlikeWorkersTests {
    /// Everybody's labels of 300 tasks, three of ten of class 1: eight workers, of whom the second gives the first one's
    /// answer with this probability.
    private func made(copying: Double, seed: UInt64) -> (store: LabelStore, truth: [Int]) {
        var stream = RandomStream(seed: seed, purpose: .test)
        var tasks: [Int32] = [], workers: [Int32] = [], labels: [Int32] = [], truth: [Int] = []
        for task in 0..<300 {
            let z = stream.unit() < 0.3 ? 1 : 0
            truth.append(z)
            var first = 0
            for worker in 0..<8 {
                let right = worker < 2 ? 0.6 : 0.65 + 0.03 * Double(worker)
                var answer = stream.unit() < right ? z : 1 - z
                if worker == 0 { first = answer }
                if worker == 1 && stream.unit() < copying { answer = first }
                tasks.append(Int32(task))
                workers.append(Int32(worker))
                labels.append(Int32(answer))
            }
        }
        let store = LabelStore(
            tasks: tasks, workers: workers, labels: labels, taskCount: 300, workerCount: 8, classCount: 2)
        return (store, truth)
    }

    @Test("one who copies another is found: as though the two had been named as a family", arguments: 1...4)
    func copies(seed: Int) {
        let store = made(copying: 0.85, seed: UInt64(seed)).store
        var finds = HierarchicalBayes(), told = HierarchicalBayes(families: [0, 0, 1, 2, 3, 4, 5, 6])
        #expect(finds.fitPredict(store).posterior == told.fitPredict(store).posterior)
        #expect(finds.findings?.contains("1 pair of workers answer alike") == true)
        #expect(told.findings?.contains("alike") == false)
    }

    @Test("who only agrees because both are right is not", arguments: 1...4)
    func independent(seed: Int) {
        var bayes = HierarchicalBayes()
        _ = bayes.fitPredict(made(copying: 0, seed: UInt64(seed)).store)
        #expect(bayes.findings?.contains("alike") == false)
    }

    @Test("live: a copier and the copied are one voice, and the state is that of a journal, refits aside or not")
    func live() throws {
        let (store, truth) = made(copying: 0.95, seed: 3)
        let answers = (0..<300).map { Dictionary(uniqueKeysWithValues: store.labels(of: $0)) }
        for isAside in [false, true] {
            var live = Pooled(taskContexts: [Int](repeating: 0, count: 300), workers: 8, options: .init(seed: 4))
            live.setRefitsAside(isAside)
            var journal = live
            func refit(_ engine: inout Pooled) throws {
                guard var refit = engine.refit else { return }
                refit.run()
                try engine.install(refit)
            }
            for n in 0..<300 * 6 {
                guard let pair = live.next() else { break }
                try journal.apply(pair)
                let label = answers[pair.task][pair.worker]!
                try live.record(task: pair.task, worker: pair.worker, label: label)
                try journal.record(task: pair.task, worker: pair.worker, label: label)
                if n % 50 == 49 {
                    try refit(&live)
                    try refit(&journal)
                }
            }
            #expect(live.findings.contains("1 pair of workers answer alike"))
            #expect(live.labels == journal.labels && live.confidence == journal.confidence)
            let right = zip(live.labels, truth).count(where: { $0 == $1 })
            #expect(right > 270, "\(right) of 300")
            for task in stride(from: 0, to: 300, by: 30) {
                let p = live.calibrated(of: task)
                #expect(abs(p[0] + p[1] - 1) < 1e-12 && live.confidence[task] == p[live.labels[task]])
            }
        }
    }
}
