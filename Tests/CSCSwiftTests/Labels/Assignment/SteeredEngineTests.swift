import CSCSwift
import Foundation
import Testing

/// The engines' answers to what a running study does: each against an engine to which it never happened.
@Suite("Engines steered")
struct SteeredEngineTests {
    private let contexts = (0..<12).map { $0 % 2 }

    private func bbta(_ explore: Int = 0, workers: Int = 5, seed: UInt64 = 3) -> BBTA {
        BBTA(
            taskContexts: contexts, workers: workers, classes: 3,
            options: .init(explore: explore, budget: 1000, seed: seed))
    }

    private func label(_ pair: Assignment, _ shift: Int = 0) -> Int { (pair.task + 2 * pair.worker + shift) % 3 }

    @Test("in the exploration, weights follow the losses also after adaptive steps")
    func weightsInExploration() throws {
        // Worker 4 is away during the exploration; adaptive steps come before that worker's exploration answers.
        var engine = bbta(1)
        let present = [0, 1, 2, 3]
        while let pair = engine.next(available: present), pair.exploration {
            try engine.record(task: pair.task, worker: pair.worker, label: label(pair))
        }
        for _ in 0..<12 {
            guard let pair = engine.next(available: present) else { break }
            try engine.record(task: pair.task, worker: pair.worker, label: label(pair))
        }
        #expect(engine.contextAppearances.allSatisfy { $0 > 0 })
        for _ in 0..<2 {
            let next = engine.next(available: [4])
            let pair = try #require(next)
            #expect(pair.exploration)
            try engine.record(task: pair.task, worker: 4, label: 1)
        }
        for s in 0..<2 {
            let losses = engine.losses(context: s), weights = engine.weights(context: s)
            let eta = ExponentialWeights.rate(appearances: engine.contextAppearances[s], arms: 5)
            let least = losses.min() ?? 0
            for (loss, weight) in zip(losses, weights) {
                #expect(abs(weight - exp(-eta * (loss - least))) < 1e-12)
            }
            // And the votes: the confidence of each task of the context is that of these weights.
            let total = weights.reduce(0, +)
            for task in contexts.indices where contexts[task] == s {
                var sums = [0.0, 0, 0]
                for answer in engine.answers where Int(answer.task) == task {
                    sums[Int(answer.label)] += weights[Int(answer.worker)]
                }
                sums.sort()
                #expect(abs(engine.confidence[task] - (sums[2] - sums[1]) / total) < 1e-12, "task \(task)")
            }
        }
    }

    @Test("a context whose only appearance was declined has weights of 1 again")
    func weightsAfterDecline() throws {
        var engine = bbta(1)
        while let pair = engine.next(available: [0, 1, 2, 3]), pair.exploration {
            try engine.record(task: pair.task, worker: pair.worker, label: label(pair))
            if engine.exploredAll(4) { break }
        }
        guard let pair = engine.next(available: [0, 1, 2, 3]) else { return }
        #expect(!pair.exploration)
        try engine.decline(task: pair.task, worker: pair.worker)
        let s = contexts[pair.task]
        #expect(engine.contextAppearances[s] == 0)
        #expect(engine.weights(context: s) == [1, 1, 1, 1, 1])
    }

    @Test("a correction right after the answer leaves the losses and votes of the right answer")
    func correctedAtOnce() throws {
        for seed in 0..<8 {
            var right = bbta(1, seed: UInt64(seed)), corrected = right
            for step in 0..<45 {
                guard let pair = right.next(available: nil) else { break }
                #expect(corrected.next(available: nil) == pair)
                let truth = label(pair, step % 5 == 0 ? 1 : 0)
                try right.record(task: pair.task, worker: pair.worker, label: truth)
                let slip = step % 4 == 3 ? (truth + 1) % 3 : truth
                try corrected.record(task: pair.task, worker: pair.worker, label: slip)
                try corrected.correct(task: pair.task, worker: pair.worker, label: truth)
                for s in 0..<2 {
                    for (a, b) in zip(right.losses(context: s), corrected.losses(context: s)) {
                        #expect(abs(a - b) < 1e-9, "seed \(seed), step \(step)")
                    }
                }
                #expect(right.answers == corrected.answers)
            }
        }
    }

    @Test("adopted labels can be corrected: as though the right ones had been adopted")
    func correctedAdoption() throws {
        let rows = (0..<12).flatMap { task in (0..<4).map { Label(task: task, worker: $0, label: (task + $0) % 3) } }
        var right = bbta(1), corrected = right
        var wrong = rows
        for index in stride(from: 0, to: wrong.count, by: 5) { wrong[index].label = (wrong[index].label + 1) % 3 }
        try right.adopt(rows.map { ($0, false) })
        try corrected.adopt(wrong.map { ($0, false) })
        for row in rows { try corrected.correct(task: Int(row.task), worker: Int(row.worker), label: Int(row.label)) }
        for s in 0..<2 { #expect(right.losses(context: s) == corrected.losses(context: s)) }
        #expect(right.labels == corrected.labels && right.confidence == corrected.confidence)
    }

    @Test("a pair withdrawn and forgotten, or taken up again, leaves no trace")
    func forgotten() throws {
        var plain = bbta(), other = plain
        for step in 0..<20 {
            guard let pair = plain.next(available: nil) else { break }
            try other.apply(pair)
            try other.decline(task: pair.task, worker: pair.worker)
            try other.forget(task: pair.task, worker: pair.worker)
            #expect(other.isOpen(task: pair.task, worker: pair.worker))
            try other.reinstate(pair)
            #expect(other.budget == plain.budget)
            try plain.record(task: pair.task, worker: pair.worker, label: label(pair))
            try other.record(task: pair.task, worker: pair.worker, label: label(pair))
            #expect(other.confidence == plain.confidence && other.labels == plain.labels, "step \(step)")
        }
    }

    @Test("tasks added before anything is asked are tasks from the start; later ones keep what is known")
    func addedTasks() throws {
        var whole = bbta(),
            grown = BBTA(
                taskContexts: Array(contexts[..<7]), workers: 5, classes: 3,
                options: .init(explore: 0, budget: 1000, seed: 3))
        grown.addTasks(contexts: Array(contexts[7...]))
        for _ in 0..<40 {
            let pair = try ask(&whole)
            #expect(grown.next(available: nil) == pair)
            try whole.record(task: pair.task, worker: pair.worker, label: label(pair))
            try grown.record(task: pair.task, worker: pair.worker, label: label(pair))
        }
        #expect(whole.confidence == grown.confidence)
        let before = grown.confidence, answers = grown.answers
        grown.addTasks(contexts: [2, 0])
        #expect(Array(grown.confidence[..<12]) == before && grown.answers == answers)
        #expect(grown.taskCount == 14 && grown.contextCount == 3)
        let next = try ask(&grown)
        #expect(next.task >= 12)  // nothing is known of them

        var pooled = Pooled(taskContexts: contexts, workers: 5, classes: 3, options: .init(seed: 4))
        for _ in 0..<30 {
            let pair = try ask(&pooled)
            try pooled.record(task: pair.task, worker: pair.worker, label: label(pair))
        }
        let known = pooled.confidence
        pooled.addTasks(contexts: [0, 2, 1])
        #expect(Array(pooled.confidence[..<12]) == known && pooled.taskCount == 15)
        for _ in 0..<20 {
            let pair = try ask(&pooled)
            try pooled.record(task: pair.task, worker: pair.worker, label: label(pair))
        }
        #expect(pooled.answers.contains { $0.task >= 12 })
    }
}

extension BBTA {
    /// Whether so many workers have labelled all exploration tasks.
    fileprivate func exploredAll(_ workers: Int) -> Bool {
        explorationTasks.allSatisfy { task in answers.count { Int($0.task) == task } >= workers }
    }
}
