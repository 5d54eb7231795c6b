import CSCSwift
import Foundation
import Testing

/// BBTA from 256 workers on, where draws go through the sampler.
@Suite("BBTA with many workers")
struct ManyWorkersTests {
    @Test("each decision and probability is the definition's", arguments: [0, 1])
    func agreesWithNaive(explore: Int) throws {
        let matrix = toyMatrix(tasks: 12, workers: 300, contexts: 2, seed: 5)
        let contexts = matrix.taskContexts
        var engine = BBTA(
            taskContexts: contexts, workers: 300,
            options: .init(explore: explore, budget: Double(600 * explore + 700), seed: 3))
        var naive = NaiveBBTA(contexts: contexts, workers: 300, classes: 2)
        for _ in 0..<600 * explore {
            let a = try ask(&engine)
            try engine.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            naive.y[a.task][a.worker] = matrix[a.task, a.worker]!
        }
        let majorities = engine.labels
        naive.explore(engine.explorationTasks) { majorities[$0] }
        var losses = 0, bins = [Double](repeating: 0, count: 10)
        var stream = RandomStream(seed: 1, purpose: .test)
        while let a = engine.next() {
            let least = contexts.indices.filter { naive.open[$0] }.map { naive.score[$0] }.min()!
            #expect(naive.score[a.task] < least + 1e-12)
            let p = naive.probabilities(a.task)
            #expect(abs(p[a.worker] / a.probability - 1) < 1e-11)
            bins[min(9, Int((p[..<a.worker].reduce(0, +) + stream.unit() * p[a.worker]) * 10))] += 1
            let label = matrix[a.task, a.worker]!
            try engine.record(task: a.task, worker: a.worker, label: label)
            let charged =
                engine.losses(context: contexts[a.task])[a.worker]
                > naive.losses[contexts[a.task]][a.worker] + 1e-9
            losses += charged ? 1 : 0
            naive.step(a.task, a.worker, p: a.probability, label: label, tieBroken: charged ? -1 : label)
            for (x, y) in zip(engine.confidence, naive.score) { #expect(abs(x - y) < 1e-12) }
            for (x, y) in zip(engine.labels, naive.vote) where y != nil { #expect(x == y) }
        }
        for s in 0..<2 {
            for (x, y) in zip(engine.losses(context: s), naive.losses[s]) { #expect(abs(x - y) < 1e-9 * (1 + y)) }
            for (x, y) in zip(engine.weights(context: s), naive.weights(s)) { #expect(abs(x - y) < 1e-12) }
        }
        let chi = bins.reduce(0) { $0 + ($1 - 70) * ($1 - 70) / 70 }
        #expect(losses > 50 && chi < 9 + 4 * 18.0.squareRoot(), "\(losses) losses, chi-square \(chi)")
    }

    @Test("a journal of a workforce that grows past the threshold leads to the same state, bit for bit")
    func journal() throws {
        let matrix = toyMatrix(tasks: 40, workers: 270, contexts: 2, seed: 4)
        var first = BBTA(
            taskContexts: matrix.taskContexts, workers: 250, options: .init(explore: 0, budget: 900, seed: 9))
        var second = first, waiting: [Assignment] = [], asked: Set<[Int]> = []
        var stream = RandomStream(seed: 1, purpose: .test)
        for round in 0..<800 {
            if round % 20 == 10 && first.workerCount < 270 {
                #expect(first.addWorker() == second.addWorker())
            }
            if round == 500 || round == 560 {  // one who leaves and comes back: the pass over all in between
                first.setPresent(round == 560, worker: 3)
                second.setPresent(round == 560, worker: 3)
            }
            if let a = first.next(available: round % 7 == 0 ? Array(0..<40) : nil) {
                #expect(asked.insert([a.task, a.worker]).inserted && (a.worker != 3 || round < 500 || round >= 560))
                waiting.append(a)
                try second.apply(a)
            }
            if waiting.count == 3 {
                let a = waiting.removeFirst(), decline = stream.unit() < 0.1, label = matrix[a.task, a.worker]!
                if decline {
                    try first.decline(task: a.task, worker: a.worker)
                    try second.decline(task: a.task, worker: a.worker)
                } else {
                    try first.record(task: a.task, worker: a.worker, label: label)
                    try second.record(task: a.task, worker: a.worker, label: label)
                }
            }
        }
        #expect(first.workerCount == 270 && first.confidence == second.confidence && first.labels == second.labels)
        for s in 0..<2 { #expect(first.losses(context: s) == second.losses(context: s)) }
        for _ in 0..<50 {  // and the future is the same too
            let a = try ask(&first), b = try ask(&second)
            #expect(a == b)
            try first.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            try second.record(task: b.task, worker: b.worker, label: matrix[b.task, b.worker]!)
        }
    }
}
