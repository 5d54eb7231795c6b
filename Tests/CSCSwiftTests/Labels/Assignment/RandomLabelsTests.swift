import CSCSwift
import Testing

/// The usual baseline as a session uses it.
@Suite("Random assignment, live")
struct RandomLabelsTests {
    @Test("following decisions gives the same future, through declines, joins, corrections and more tasks")
    func journal() throws {
        var first = AssignmentMethod.random.assigner(
            taskContexts: [0, 0, 0, 0, 0, 0, 0, 0], workerCosts: [1, 2, 1], classes: 3, budget: 60, seed: 5)
        var second = first
        var waiting: [Assignment] = [], asked: Set<[Int]> = []
        var stream = RandomStream(seed: 2, purpose: .test)
        for round in 0..<60 {
            if round == 10 { #expect(first.addWorker(cost: 0.5) == second.addWorker(cost: 0.5)) }
            if round == 20 {
                first.addTasks(contexts: [0, 1])
                second.addTasks(contexts: [0, 1])
            }
            if let pair = first.next(available: round % 2 == 0 ? [0, 2] : nil) {
                let isNew = asked.insert([pair.task, pair.worker]).inserted
                #expect(isNew && (round % 2 == 1 || [0, 2].contains(pair.worker)))
                try second.apply(pair)
                waiting.append(pair)
            }
            guard waiting.count > 2 else { continue }
            let pair = waiting.removeFirst()
            if stream.unit() < 0.2 {
                try first.decline(task: pair.task, worker: pair.worker)
                try second.decline(task: pair.task, worker: pair.worker)
            } else {
                let label = stream.index(below: 3)
                try first.record(task: pair.task, worker: pair.worker, label: label)
                try second.record(task: pair.task, worker: pair.worker, label: label)
                if round % 7 == 0 {
                    try first.correct(task: pair.task, worker: pair.worker, label: 1)
                    try second.correct(task: pair.task, worker: pair.worker, label: 1)
                }
            }
        }
        #expect(asked.count > 25 && first.budget == second.budget && first.answers == second.answers)
        #expect(first.labels == second.labels && first.confidence == second.confidence)
        for _ in 0..<5 {
            let (a, b) = (first.next(available: nil), second.next(available: nil))
            #expect(a == b)
        }
    }

    @Test("every task has its n-th label before any has another; the majority is the label")
    func balanced() throws {
        var engine = AssignmentMethod.random.assigner(
            taskContexts: [Int](repeating: 0, count: 10), workerCosts: [1, 1, 1, 1, 1], classes: 2, budget: 37, seed: 1)
        var counts = [Int](repeating: 0, count: 10)
        while let pair = engine.next() {
            counts[pair.task] += 1
            #expect(counts.max()! - counts.min()! <= 1)
            #expect(pair.probability == 1 / Double(5 - counts[pair.task] + 1))
            try engine.record(task: pair.task, worker: pair.worker, label: pair.task % 2)
        }
        #expect(counts.reduce(0, +) == 37 && engine.budget.free == 0)
        #expect(engine.labels == (0..<10).map { $0 % 2 })
        #expect(engine.confidence.allSatisfy { $0 > 0.7 && $0 < 1 })
        #expect(throws: CSCError.self) { try engine.setGold([(task: 0, label: 1)]) }
    }
}
