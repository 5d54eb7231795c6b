import Benchmark
import CSCSwift
import Foundation

/// Labels of a one-coin crowd: 8,000 by 164 workers on 800 tasks.
final class CrowdCase {
    static let count = 8000
    private let tasks, workers, labels: [Int32]
    private let truth: [Int?]
    private let store: LabelStore
    private var accuracy = 0.0

    init() {
        var stream = RandomStream(seed: 6, purpose: .labelModel)
        let skill = (0..<164).map { _ in stream.uniform(0.5, 0.95) }
        let truth = (0..<800).map { _ in stream.index(below: 2) }
        var (tasks, workers, labels) = ([Int32](), [Int32](), [Int32]())
        for label in 0..<Self.count {
            let (task, worker) = (label % 800, (label % 800 + label / 800 * 16) % 164)
            tasks.append(Int32(task))
            workers.append(Int32(worker))
            labels.append(Int32(stream.unit() < skill[worker] ? truth[task] : 1 - truth[task]))
        }
        (self.tasks, self.workers, self.labels) = (tasks, workers, labels)
        self.truth = truth
        store = LabelStore(
            tasks: tasks, workers: workers, labels: labels, taskCount: 800, workerCount: 164, classCount: 2)
    }

    func vote() {
        accuracy =
            MajorityVote.aggregate(tasks: tasks, labels: labels, taskCount: 800, classCount: 2).accuracy(truth: truth)
            ?? 0
    }

    func dawidSkene() {
        var model = DawidSkene(options: EMOptions(maxIterations: 20, tolerance: 0))
        accuracy = model.fitPredict(store).accuracy(truth: truth) ?? 0
    }

    func glad() {
        var model = GLAD(options: EMOptions(maxIterations: 3, tolerance: 0))
        accuracy = model.fitPredict(store).accuracy(truth: truth) ?? 0
    }

    var isRight: Bool { accuracy > 0.75 }
}

/// BBTA: 200 tasks, 20 workers, 2 contexts, 15 labels per task.
final class AssignmentCase {
    private var steps = 0

    func play() {
        var engine = BBTA(taskContexts: (0..<200).map { $0 % 2 }, workers: 20, options: .init(budget: 3000, seed: 1))
        var stream = RandomStream(seed: 7, purpose: .labelModel)
        steps = 0
        while let pair = engine.next(available: nil) {
            let label = stream.unit() < 0.8 ? pair.task % 2 : 1 - pair.task % 2
            guard (try? engine.record(task: pair.task, worker: pair.worker, label: label)) != nil else { break }
            steps += 1
        }
    }

    var isRight: Bool { steps == 3000 }
}

func labels() {
    for (name, method) in [
        ("majority-vote", CrowdCase.vote), ("dawid-skene-20", CrowdCase.dawidSkene), ("glad-3", CrowdCase.glad),
    ] as [(String, @Sendable (CrowdCase) -> () -> Void)] {
        Case.register("\(name)-8000-labels-1t", [Work.units(0).metric, Gate.wrong]) {
            let crowd = CrowdCase()
            return Case(work: .units(Double(CrowdCase.count)), body: method(crowd), check: { crowd.isRight })
        }
    }
    Case.register("bbta-200-by-20-steps-1t", [Work.units(0).metric, Gate.wrong]) {
        let data = AssignmentCase()
        return Case(work: .units(3000), body: data.play, check: { data.isRight })
    }
}
