import CSCSwift
import Foundation
import Testing

/// `Pooled` as a session uses it: prices, gold, a journal, workers who come and go.
@Suite("Pooled, live")
struct PooledLiveTests {
    @Test("following a journal gives the same state, bit for bit, through joins, leaves and declines")
    func journal() throws {
        let matrix = toyMatrix(tasks: 24, workers: 9, contexts: 2, seed: 4)
        var first = AssignmentMethod.pooled.assigner(
            taskContexts: matrix.taskContexts, workerCosts: [1, 2, 1, 0.5, 1, 1, 1], classes: 2, budget: 150,
            explore: 1, gold: [3: matrix.tasks[3].truth!], seed: 9)
        var second = first, waiting: [Assignment] = [], asked: Set<[Int]> = [], declined = 0
        var stream = RandomStream(seed: 1, purpose: .test)
        for round in 0..<240 {
            if round == 40 || round == 90 {
                let joined = (first.addWorker(cost: 0.7), second.addWorker(cost: 0.7))
                #expect(joined.0 == joined.1 && joined.0 == (round == 40 ? 7 : 8))
            }
            if round % 60 == 20 || round % 60 == 45 {
                first.setPresent(round % 60 == 45, worker: 2)
                second.setPresent(round % 60 == 45, worker: 2)
            }
            let away = round % 60 >= 20 && round % 60 < 45
            if let a = first.next(available: round % 3 == 0 ? [0, 2, 3] : nil) {
                #expect(!(away && a.worker == 2) && (round % 3 != 0 || [0, 2, 3].contains(a.worker)))
                let isNew = asked.insert([a.task, a.worker]).inserted
                #expect(isNew, "no pair is asked twice")
                waiting.append(a)
                try second.apply(a)
            }
            if waiting.count >= 3 {
                let a = waiting.removeFirst(), label = matrix[a.task, a.worker]!
                if stream.unit() < 0.15 {
                    declined += 1
                    try first.decline(task: a.task, worker: a.worker)
                    try second.decline(task: a.task, worker: a.worker)
                } else {
                    try first.record(task: a.task, worker: a.worker, label: label)
                    try second.record(task: a.task, worker: a.worker, label: label)
                }
            }
            #expect(first.budget.spent + first.budget.committed <= 150)
        }
        #expect(declined > 5 && first.budget == second.budget && first.answers == second.answers)
        #expect(first.confidence == second.confidence && first.labels == second.labels)
        for _ in 0..<10 {  // and the future is the same too
            let a = first.next(available: nil), b = second.next(available: nil)
            #expect(a == b)
            guard let a else { break }
            try first.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
            try second.record(task: a.task, worker: a.worker, label: matrix[a.task, a.worker]!)
        }
        #expect(first.confidence == second.confidence)
    }

    @Test("the budget is hard, and of two as good the cheaper is asked")
    func prices() throws {
        var stream = RandomStream(seed: 3, purpose: .test)
        let truth = (0..<40).map { _ in stream.index(below: 2) }
        // Four who are right nine times in ten for 1, four of the same for 5, four coins for 0.2.
        let costs: [Double] = (0..<12).map { $0 < 4 ? 1 : $0 < 8 ? 5 : 0.2 }
        var method = Pooled(
            taskContexts: [Int](repeating: 0, count: 40), workers: 12,
            options: .init(budget: 150, workerCosts: costs, seed: 2))
        var counts = [Int](repeating: 0, count: 3)
        while let a = method.next() {
            #expect(method.budget.spent + method.budget.committed <= 150)
            let right = stream.unit() < (a.worker < 8 ? 0.9 : 0.5)
            counts[a.worker / 4] += 1
            try method.record(task: a.task, worker: a.worker, label: right ? truth[a.task] : 1 - truth[a.task])
        }
        let accuracy = Double(zip(method.labels, truth).count(where: { $0 == $1 })) / 40
        #expect(method.budget.free < 5 && accuracy >= 0.9, "\(counts), \(accuracy)")
        #expect(counts[0] > 2 * counts[1], "cheap experts before dear ones: \(counts)")
    }

    @Test("gold is believed, not asked about after the calibration, and tells the truth from its mirror")
    func gold() throws {
        var stream = RandomStream(seed: 8, purpose: .test)
        let truth = (0..<50).map { _ in stream.index(below: 2) }
        // Three of eight are right; five say the opposite: without gold the majority's mirror image wins.
        func answer(_ task: Int, _ worker: Int) -> Int {
            let coin = RandomStream(seed: 5, stream: UInt64(task * 8 + worker))
            var own = coin
            let agrees = own.unit() < 0.9
            return agrees == (worker < 3) ? truth[task] : 1 - truth[task]
        }
        let known = Dictionary(uniqueKeysWithValues: (0..<6).map { ($0, truth[$0]) })
        var accuracies: [Double] = []
        for gold in [[:], known] {
            var method = Pooled(
                taskContexts: [Int](repeating: 0, count: 50), workers: 8,
                options: .init(calibrate: gold.isEmpty ? 0 : 4, gold: gold, seed: 1))
            for _ in 0..<260 {
                guard let a = method.next() else { break }
                #expect(gold[a.task] == nil || a.exploration)
                try method.record(task: a.task, worker: a.worker, label: answer(a.task, a.worker))
            }
            accuracies.append(Double(zip(method.labels, truth).count(where: { $0 == $1 })) / 50)
            for (task, label) in gold { #expect(method.labels[task] == label && method.confidence[task] == 1) }
        }
        #expect(accuracies[0] < 0.3 && accuracies[1] > 0.9, "\(accuracies)")

        // Given late, the same labels turn the result over.
        var late = Pooled(
            taskContexts: [Int](repeating: 0, count: 50), workers: 8, options: .init(calibrate: 0, seed: 1))
        for _ in 0..<260 {
            guard let a = late.next() else { break }
            try late.record(task: a.task, worker: a.worker, label: answer(a.task, a.worker))
        }
        for (task, label) in known.sorted(by: { $0.key < $1.key }) { try late.setGold(task: task, label: label) }
        let accuracy = Double(zip(late.labels, truth).count(where: { $0 == $1 })) / 50
        #expect(accuracy > 0.9, "\(accuracy)")
        #expect(throws: CSCError.self) { try late.setGold(task: 0, label: 1 - truth[0]) }
        #expect(throws: CSCError.self) { try late.setGold(task: 50, label: 0) }
    }

    @Test("what does not follow is refused, and nobody left is said")
    func refusals() throws {
        var method = Pooled(taskContexts: [0, 0], workers: 2, options: .init(budget: 2, seed: 1))
        let a = try ask(&method)
        #expect(throws: CSCError.self) { try method.apply(a) }
        #expect(throws: CSCError.self) { try method.apply(Assignment(task: 5, worker: 0, probability: 1)) }
        #expect(throws: CSCError.self) {
            try method.apply(Assignment(task: 1, worker: 0, probability: 1, exploration: true))
        }
        #expect(throws: CSCError.self) { try method.decline(task: a.task, worker: 1 - a.worker) }
        #expect(throws: CSCError.self) { try method.record(task: a.task, worker: a.worker, label: 2) }
        let own = method.next(available: [a.worker])
        #expect(own?.task == 1 - a.task && own?.worker == a.worker, "the task without an assignment outstanding")
        let none = method.next()
        #expect(none == nil && method.budget.free == 0, "the rest of the budget is committed")
        try method.decline(task: a.task, worker: a.worker)
        let again = try ask(&method)
        #expect(again.worker == 1 - a.worker, "one who declined is not asked about that task again")
    }
}
