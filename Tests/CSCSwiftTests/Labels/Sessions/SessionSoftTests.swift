import CSCSwift
import Foundation
import Testing

/// Sessions that were started with what models say of the tasks.
@Suite("Live sessions: soft labels")
final class SessionSoftTests {
    private let root = NSTemporaryDirectory() + "cafe-soft-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private static let count = 60

    /// Every third task is "yes"; the model is sure and right on the first forty, and undecided on the last twenty.
    private func model(tasks: [LabelingTask]) throws -> SoftLabels {
        try SoftLabels(
            models: ["gpt"],
            rows: tasks.indices.map { task in
                let yes = task >= 40 ? 0.5 : truth("t\(task)") == "yes" ? 0.9 : 0.1
                return (task, 0, [1 - yes, yes])
            }, taskCount: tasks.count, classCount: 2)
    }

    private func truth(_ task: String) -> String { (Int(task.dropFirst()) ?? 0) % 3 == 0 ? "yes" : "no" }

    private func create(
        _ name: String, workers: [String] = ["a", "b", "c", "d"], method: AssignmentMethod = .pooled
    ) throws -> LabelSession {
        let tasks = (0..<Self.count).map { LabelingTask(id: "t\($0)", context: $0 % 2) }
        return try LabelSession.create(
            folder: root + "/" + name, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"],
            workers: workers.map { LabelingWorker(id: $0) }, options: .init(method: method, budget: 200, seed: 6),
            soft: try model(tasks: tasks), clock: { 1000 })
    }

    private func play(_ session: LabelSession, _ rounds: Int) throws {
        for round in 0..<rounds {
            guard let question = try session.next(workers: session.workers.map(\.id)) else { return }
            let right = truth(question.task), wrong = right == "yes" ? "no" : "yes"
            try session.record(task: question.task, worker: question.worker, label: round % 5 == 4 ? wrong : right)
        }
    }

    @Test("before anybody is asked the labels are the model's, and questions go where it is undecided")
    func first() throws {
        let session = try create("s")
        #expect(session.answers[3].label == "yes" && session.answers[4].label == "no")
        #expect(session.answers[3].confidence > 0.6 && session.answers[3].labels == 0)
        let before = try #require(session.models.first)
        #expect(before.name == "gpt" && before.tasks == 60 && before.weight == 0.5 && before.quality.labels == 0)
        var asked: Set<String> = []
        for _ in 0..<20 {
            let question = try #require(try session.next(workers: ["a", "b", "c", "d"]))
            asked.insert(question.task)
            try session.record(task: question.task, worker: question.worker, label: truth(question.task))
        }
        #expect(asked.allSatisfy { (Int($0.dropFirst()) ?? 0) >= 40 }, "\(asked.sorted())")
        try play(session, 100)
        let after = try #require(session.models.first)
        #expect(after.quality.labels > 30, "\(after)")
        #expect(try #require(after.weight) > 0.5, "it is always right where it says something: \(after)")
    }

    @Test("the journal and the snapshot lead to the same state and future, with gold, newcomers and new tasks")
    func replay() throws {
        for (name, people) in [("known", ["a", "b", "c", "d"]), ("joining", [])] {
            let live = try create(name, workers: people)
            for worker in ["a", "b", "c", "d"] where people.isEmpty { try live.join(LabelingWorker(id: worker)) }
            try play(live, 30)
            try live.setGold(task: "t3", label: "yes")
            try live.addTasks([("new", "x"), ("other", "z")])
            try live.join(LabelingWorker(id: "e"))
            try live.inferAside(true)
            try play(live, 45)
            let copy = root + "/copy-" + name
            try live.takeSnapshot()
            try FileManager.default.copyItem(atPath: root + "/" + name, toPath: copy)
            for usesSnapshot in [false, true] {
                let again = try LabelSession(
                    storage: try JournalFolder(opening: copy, wait: 0, usesSnapshot: usesSnapshot), clock: { 1000 })
                #expect(
                    again.answers == live.answers && again.models == live.models, "\(name), snapshot \(usesSnapshot)")
                guard usesSnapshot else { continue }
                try play(live, 5)
                try play(again, 5)
                #expect(again.answers == live.answers && again.stateBytes == live.stateBytes, "the future is the same")
            }
        }
    }

    @Test("what does not fit is refused, and nothing is begun")
    func refusals() throws {
        #expect(throws: CSCError.self) { try self.create("bandit", method: .bbta) }
        #expect(throws: CSCError.self) { try self.create("twice", workers: ["a", "gpt"]) }
        for name in ["bandit", "twice"] { #expect(!FileManager.default.fileExists(atPath: root + "/" + name)) }
        let session = try create("s")
        #expect(throws: CSCError.self) { try session.join(LabelingWorker(id: "gpt")) }
        let table = try CSVReader(text: "task,worker,label\nt0,gpt,yes\n", name: "labels")
        #expect(throws: CSCError.self) { try session.importLabels(table, paid: false, joiningAt: 1) }
        #expect(session.workers.count == 4)
    }
}
