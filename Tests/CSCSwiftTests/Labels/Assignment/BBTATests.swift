import CSCSwift
import Foundation
import Testing

/// The next assignment; fails the test if there is none.
func ask<Engine: LabelAssigner>(_ engine: inout Engine) throws -> Assignment {
    let next = engine.next()
    return try #require(next)
}

@Suite("BBTA")
struct BBTATests {
    @Test("each decision and probability is the definition's", arguments: [(2, 0), (2, 1), (3, 1), (4, 2)])
    func agreesWithNaive(classes: Int, explore: Int) throws {
        let matrix = toyMatrix(tasks: 30, workers: 7, contexts: 2, classes: classes, seed: 5)
        let contexts = matrix.taskContexts
        var engine = BBTA(
            taskContexts: contexts, workers: 7, classes: classes, options: .init(explore: explore, budget: 180, seed: 3)
        )
        var naive = NaiveBBTA(contexts: contexts, workers: 7, classes: classes)
        for _ in 0..<2 * explore * 7 {
            let a = try ask(&engine)
            #expect(a.exploration && a.probability == 1)
            try engine.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            naive.y[a.task][a.worker] = matrix[a.task, a.worker]!
        }
        #expect(Set(engine.explorationTasks).count == 2 * explore)
        let majorities = engine.labels
        naive.explore(engine.explorationTasks) { majorities[$0] }
        for task in engine.explorationTasks {  // the majority is one of the most frequent labels
            let counts = (0..<classes).map { c in naive.y[task].filter { $0 == c }.count }
            #expect(counts[majorities[task]] == counts.max()!)
        }
        var steps = 0, losses = 0
        while let a = engine.next() {
            steps += 1
            let least = contexts.indices.filter { naive.open[$0] }.map { naive.score[$0] }.min()!
            let first = contexts.indices.first { naive.open[$0] && naive.score[$0] <= least + 1e-12 }!
            #expect(a.task == first || abs(naive.score[a.task] - least) < 1e-13)
            let p = naive.probabilities(a.task)
            #expect(abs(p[a.worker] - a.probability) < 1e-12)
            let label = matrix[a.task, a.worker]!
            try engine.record(task: a.task, worker: a.worker, label: label)
            // Where the vote was tied the engine's coin decided: read it off the loss that it charged.
            let before = naive.losses[contexts[a.task]][a.worker]
            let charged = engine.losses(context: contexts[a.task])[a.worker] > before + 1e-9
            losses += charged ? 1 : 0
            naive.step(a.task, a.worker, p: a.probability, label: label, tieBroken: charged ? -1 : label)
            for s in 0..<2 {
                for (x, y) in zip(engine.losses(context: s), naive.losses[s]) { #expect(abs(x - y) < 1e-9) }
            }
            for (x, y) in zip(engine.confidence, naive.score) { #expect(abs(x - y) < 1e-12) }
            for (x, y) in zip(engine.labels, naive.vote) where y != nil { #expect(x == y) }
        }
        #expect(steps == 180 - 14 * explore && losses > 5)
        #expect(engine.budget.spent == 180 && engine.budget.free == 0)
    }

    @Test("two steps by hand")
    func byHand() throws {
        var engine = BBTA(taskContexts: [0, 0], workers: 2, options: .init(explore: 0, budget: 4, seed: 1))
        let a = try ask(&engine)
        #expect(a.task == 0 && a.probability == 0.5)  // all weights equal, both scores 0: the first task
        try engine.record(task: 0, worker: a.worker, label: 1)
        #expect(engine.labels[0] == 1 && engine.confidence == [0.5, 0])
        let b = try ask(&engine)
        #expect(b.task == 1 && b.probability == 0.5)
        try engine.record(task: 1, worker: b.worker, label: 0)
        let c = try ask(&engine)  // both 0.5: the first; only the other worker is left
        #expect(c.task == 0 && c.worker == 1 - a.worker && c.probability == 1)
        try engine.record(task: 0, worker: c.worker, label: 0)  // a tie: the coin decides whether that is a loss
        let loss = engine.losses(context: 0)[c.worker]
        #expect(loss == (engine.labels[0] == 1 ? 1 : 0) || (loss == 1 && engine.confidence[0] > 0))
        if loss == 1 {  // w = exp(-sqrt(ln 2 / 6)) for the loser, 1 for the other
            let w = exp(-(log(2.0) / 6).squareRoot())
            #expect(abs(engine.confidence[0] - (1 - w) / (1 + w)) < 1e-15)
            #expect(engine.labels[0] == 1)
        } else {
            #expect(engine.confidence[0] == 0)
        }
    }

    @Test("a third class that nobody uses changes nothing")
    func binaryIsMulticlass() throws {
        let matrix = toyMatrix(tasks: 40, workers: 9, contexts: 3, seed: 8)
        var runs: [[Assignment]] = [], confidences: [[Double]] = []
        for classes in [2, 3] {
            var engine = BBTA(
                taskContexts: matrix.taskContexts, workers: 9, classes: classes, options: .init(budget: 300, seed: 2))
            var decisions: [Assignment] = []
            while let a = engine.next() {
                decisions.append(a)
                try engine.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            }
            runs.append(decisions)
            confidences.append(engine.confidence)
        }
        // Ties with no label at all may fall on the unused class; they carry no loss, so the runs agree throughout.
        #expect(runs[0] == runs[1])
        #expect(confidences[0] == confidences[1])
    }

    @Test("costs, declines, leaving and joining never break the budget", arguments: [1, 2, 3] as [UInt64])
    func hardBudget(seed: UInt64) throws {
        let matrix = toyMatrix(tasks: 25, workers: 6, contexts: 2, seed: seed)
        var engine = BBTA(
            taskContexts: matrix.taskContexts, workers: 6,
            options: .init(budget: 31.7, workerCosts: [0.1, 0.35, 1, 0.7, 0.2, 2.5], seed: seed))
        var stream = RandomStream(seed: seed, purpose: .test, index: 1)
        var outstanding: [Assignment] = [], declined: Set<[Int]> = [], asked: Set<[Int]> = []
        for round in 0..<600 {
            if round == 50 {
                let joined = engine.addWorker(cost: 0.3)
                #expect(joined == 6)
            }
            if round % 40 == 7 { engine.setPresent(false, worker: 1) }
            if round % 40 == 27 { engine.setPresent(true, worker: 1) }
            let away = round % 40 >= 7 && round % 40 < 27
            if stream.unit() < 0.6, let a = engine.next(available: round % 3 == 0 ? [0, 1, 3] : nil) {
                #expect(!(away && a.worker == 1))
                #expect(round % 3 != 0 || [0, 1, 3].contains(a.worker))
                let new = asked.insert([a.task, a.worker]).inserted
                #expect(new, "no pair is asked twice")
                outstanding.append(a)
            } else if !outstanding.isEmpty {
                let a = outstanding.remove(at: stream.index(below: outstanding.count))
                if stream.unit() < 0.2 {
                    try engine.decline(task: a.task, worker: a.worker)
                    declined.insert([a.task, a.worker])
                } else {
                    let label = a.worker < 6 ? matrix[a.task, a.worker]! : matrix.tasks[a.task].truth!
                    try engine.record(task: a.task, worker: a.worker, label: label)
                }
            }
            #expect(engine.budget.spent + engine.budget.committed <= 31.7 + 1e-9)
            #expect(engine.outstandingPairs.count == outstanding.count)
        }
        #expect(engine.answers.count == asked.count - declined.count - outstanding.count)
        #expect(engine.budget.free < 2.5 && declined.count > 3)
    }

    @Test("following a journal gives the same state, bit for bit")
    func journal() throws {
        let matrix = toyMatrix(tasks: 30, workers: 8, contexts: 2, seed: 4)
        let options = BBTA.Options(budget: 200, seed: 9)
        var first = BBTA(taskContexts: matrix.taskContexts, workers: 8, options: options)
        var second = first
        var waiting: [Assignment] = []
        for _ in 0..<100 {
            if let a = first.next() {
                waiting.append(a)
                try second.apply(a)
            }
            if waiting.count == 3 {
                let a = waiting.removeFirst()
                try first.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
                try second.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            }
        }
        #expect(first.confidence == second.confidence && first.labels == second.labels)
        for s in 0..<2 { #expect(first.losses(context: s) == second.losses(context: s)) }
        while let a = first.next() {  // and the future is the same too
            let b = second.next()
            #expect(b == a)
            try first.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            try second.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
        }
        #expect(first.confidence == second.confidence)
    }

    @Test("no task, one worker, all ties, an exhausted pool")
    func corners() throws {
        var empty = BBTA(taskContexts: [], workers: 3, options: .init(budget: 10))
        let none = empty.next()
        #expect(none == nil && empty.labels.isEmpty)

        var single = BBTA(taskContexts: [0, 1, 0], workers: 1, options: .init(budget: 10))
        var asked = 0
        while let a = single.next() {
            try single.record(task: a.task, worker: 0, label: a.task % 2)
            asked += 1
        }
        // The pool ends before the budget.
        #expect(asked == 3 && single.labels == [0, 1, 0] && single.budget.spent == 3)

        let ties = BBTA(taskContexts: [Int](repeating: 0, count: 2000), workers: 2, options: .init(budget: 0, seed: 6))
        let ones = ties.labels.reduce(0, +)
        #expect(abs(ones - 1000) < 100, "a tie is broken by a fair coin: \(ones) of 2000")
        var broke = ties
        let nothing = broke.next()
        #expect(nothing == nil, "no budget, no assignment")
    }

    @Test("bad records are refused and change nothing")
    func refusals() throws {
        var engine = BBTA(taskContexts: [0, 0], workers: 2, options: .init(explore: 0, budget: 4))
        let a = try ask(&engine)
        #expect(throws: CSCError.self) { try engine.record(task: a.task, worker: 1 - a.worker, label: 0) }
        #expect(throws: CSCError.self) { try engine.record(task: a.task, worker: a.worker, label: 2) }
        #expect(throws: CSCError.self) { try engine.record(task: 7, worker: 0, label: 0) }
        try engine.record(task: a.task, worker: a.worker, label: 0)
        #expect(throws: CSCError.self) { try engine.record(task: a.task, worker: a.worker, label: 0) }
        #expect(throws: CSCError.self) { try engine.apply(a) }
        #expect(engine.answers == [Label(task: a.task, worker: a.worker, label: 0)])
    }
}
