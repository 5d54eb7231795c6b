import CSCSwift
import Foundation
import Testing

@Suite("Labels brought into a session")
final class SessionImportTests {
    private let root = NSTemporaryDirectory() + "cafe-import-\(UUID().uuidString)"
    private func folder() -> String { root + "/\(UUID().uuidString)" }

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private let tasks = (0..<10).map { LabelingTask(id: "t\($0)", context: $0 % 2) }
    private let people = [
        LabelingWorker(id: "ann", cost: 1), LabelingWorker(id: "bob", cost: 0.5), LabelingWorker(id: "cy", cost: 0),
    ]

    private func create(
        _ folder: String, method: AssignmentMethod = .bbta, budget: Double = 20, explore: Int = 0
    ) throws -> LabelSession {
        try LabelSession.create(
            folder: folder, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"], workers: people,
            options: .init(method: method, budget: budget, explore: explore, seed: 5), clock: { 1000 })
    }

    private func open(_ folder: String) throws -> LabelSession {
        try LabelSession(opening: folder, wait: 0, clock: { 1000 })
    }

    private func table(_ rows: [String], header: String = "task,worker,label") throws -> CSVReader {
        try CSVReader(text: ([header] + rows).joined(separator: "\n") + "\n", name: "old.csv")
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    private func label(_ question: LabelSession.Question) -> String {
        (question.task.utf8.reduce(0) { $0 + Int($1) } + question.worker.utf8.count) % 3 == 0 ? "yes" : "no"
    }

    /// Asks and answers to the end: the decisions.
    private func play(_ session: LabelSession, _ steps: Int = 30) throws -> [LabelSession.Question] {
        var asked: [LabelSession.Question] = []
        for _ in 0..<steps {
            guard let question = try session.next(workers: session.workers.map(\.id)) else { break }
            asked.append(question)
            try session.record(task: question.task, worker: question.worker, label: label(question))
        }
        return asked
    }

    private let rows = [
        "t0,ann,yes", "t0,bob,yes", "t0,cy,no", "t1,ann,no", "t2,bob,yes", "t2,ann,no", "t3,cy,yes", "t3,ann,yes",
        "t4,dee,no", "t4,bob,no",
    ]

    @Test(
        "imported labels are votes; opened again, in one table or several, the session decides the same",
        arguments: [0, 2], AssignmentMethod.allCases)
    func replay(explore: Int, method: AssignmentMethod) throws {
        let once = folder(), twice = folder()
        let first = try create(once, method: method, explore: explore)
        let second = try create(twice, method: method, explore: explore)
        let report = try first.importLabels(try table(rows), paid: false, joiningAt: 2)
        #expect(report.new == rows.count && report.known == 0 && report.joined == [LabelingWorker(id: "dee", cost: 2)])
        // The newcomer first, so that everything stands in the same order as in the one table.
        try second.join(LabelingWorker(id: "dee", cost: 2))
        #expect(try second.importLabels(try table(Array(rows[..<3])), paid: false).new == 3)
        #expect(try second.importLabels(try table(rows), paid: false).known == 3)
        #expect(first.labelCount == rows.count && second.labelCount == rows.count)
        #expect(first.answers == second.answers)
        #expect(first.answers[0].label == "yes" && first.answers[0].labels == 3)
        #expect(first.budget.spent == 0)
        #expect(first.table.labels.count == rows.count)
        let reopened = folder()
        try FileManager.default.createDirectory(atPath: reopened, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: once + "/journal.tsv", toPath: reopened + "/journal.tsv")
        let third = try open(reopened)
        #expect(third.options.method == method)
        #expect(third.answers == first.answers && third.table == first.table && third.budget == first.budget)
        let decisions = try play(first)
        #expect(decisions.count > 10)
        #expect(try play(second) == decisions)
        #expect(try play(third) == decisions)
        let imported = Set(rows.map { $0.split(separator: ",").prefix(2).joined(separator: " ") })
        #expect(imported.isDisjoint(with: decisions.map { "\($0.task) \($0.worker)" }))
        #expect(third.answers == first.answers)
    }

    @Test(
        "in between questions too, a session opened anew at every step is the one that stays open",
        arguments: AssignmentMethod.allCases)
    func mixed(method: AssignmentMethod) throws {
        let path = folder()
        let stays = try create(folder(), method: method, explore: 1)
        _ = try create(path, method: method, explore: 1)
        for (number, row) in rows.enumerated() {
            let again = try open(path)
            for session in [stays, again] {
                _ = try session.importLabels(try table([row]), paid: number % 2 == 0, joiningAt: 1, badRows: .skip)
            }
            #expect(try play(again, 1) == play(stays, 1), "row \(number)")
            #expect(again.answers == stays.answers)
            #expect(again.budget == stays.budget)
        }
        #expect(stays.labelCount >= 16)
    }

    @Test("paid labels are spent, and only what is free can be; nothing of a refused table is kept")
    func money() throws {
        let path = folder()
        let session = try create(path, budget: 3)
        #expect(try session.importLabels(try table(["t0,ann,yes", "t0,bob,no", "t1,cy,no"]), paid: true).new == 3)
        #expect(session.budget.spent == 1.5)
        let dear = message {
            _ = try session.importLabels(try table(["t1,ann,yes", "t2,ann,no", "t5,zoe,no"]), paid: true, joiningAt: 1)
        }
        #expect(dear == "these 3 labels cost 3, more than is free of the budget (1.5); nothing was imported")
        #expect(session.workers.count == 3 && session.labelCount == 3)
        #expect(try session.importLabels(try table(["t1,ann,yes", "t2,ann,no"]), paid: false).new == 2)
        #expect(session.budget.spent == 1.5 && session.budget.free == 1.5)
    }

    @Test("each refusal names file, line, the right column and the value, and says that nothing was kept")
    func refusals() throws {
        let session = try create(folder())
        let question = try #require(try session.next(workers: ["ann"]))
        let other = try #require(try session.next(workers: ["bob"]))
        try session.decline(task: other.task, worker: "bob")
        func refused(_ row: String) throws -> String {
            let text = message { _ = try session.importLabels(try table(["t9,cy,no", row]), paid: false) }
            #expect(session.labelCount == 0)
            #expect(text.hasSuffix("; nothing of this file was imported"))
            return text
        }
        #expect(try refused("t99,ann,no").contains("old.csv:3: column 'task' is 't99': there is no task 't99'"))
        #expect(try refused("t8,anne,no").contains("old.csv:3: column 'worker' is 'anne': there is no worker"))
        #expect(try refused("t8,ann,maybe").contains("old.csv:3: column 'label' is 'maybe': 'maybe' is not a class"))
        #expect(try refused("\(question.task),ann,no").contains("record the answer instead"))
        #expect(
            message { try session.record(task: other.task, worker: "bob", label: "no") }.contains(
                "label import takes it"))
        #expect(try refused("t9,cy,yes").contains("old.csv:3: column 'label' is 'yes': line 2 says 'no'"))
        #expect(try refused("t9,cy").contains("old.csv:3: column 'label' is ''"))
        let skipped = try session.importLabels(
            try table(
                ["u1,cy,no", "t9,cy,no", "t9,cy,no", "t9,cy,yes", "t8,ann,no"], header: "Item,ANNOTATOR,answer"),
            paid: false, badRows: .skip)
        #expect(skipped.new == 2 && skipped.known == 1 && skipped.badRows.skipped == 2)
        #expect("\(skipped.badRows.reasons[0])".contains("column 'Item' is 'u1'"))
        #expect(session.labelCount == 2)
    }

    @Test("a table of answers is recorded whole or not at all; with skipped rows, the rest")
    func answers() throws {
        let path = folder()
        let session = try create(path)
        var asked: [LabelSession.Question] = []
        for _ in 0..<4 { asked.append(try #require(try session.next(workers: ["ann", "bob"]))) }
        let good = asked.map { "\($0.task),\($0.worker),yes" }
        let before = session.budget
        let text = message { _ = try session.record(try table([good[0], good[1], "t0,zoe,yes", good[2]])) }
        #expect(text.contains("old.csv:4: column 'worker' is 'zoe'"))
        #expect(text.hasSuffix("nothing of this file was recorded"))
        #expect(session.labelCount == 0 && session.budget == before)
        try session.record(task: asked[3].task, worker: asked[3].worker, label: "yes")
        let report = try session.record(try table(good + [good[0], "t0,zoe,yes"]), badRows: .skip)
        #expect(report.new == 3 && report.known == 2 && report.badRows.skipped == 1)
        #expect(session.labelCount == 4)
        #expect(try session.record(try table(good)).known == 4)
    }

    @Test("a worker is charged for each imported label that differs from its task's plurality, in any order")
    func charges() throws {
        // 40 tasks of 1 context; worker 2 contradicts workers 0 and 1 on every third, 3 is alone on the rest.
        let contexts = [Int](repeating: 0, count: 40)
        var labels: [(label: Label, paid: Bool)] = []
        for task in 0..<40 {
            if task % 2 == 1 {
                labels.append((Label(task: task, worker: 3, label: 1), false))
                continue
            }
            labels.append((Label(task: task, worker: 2, label: task % 3 == 0 ? 1 : 0), false))
            labels.append((Label(task: task, worker: 0, label: 0), false))
            labels.append((Label(task: task, worker: 1, label: 0), false))
        }
        let expected = Double((0..<40).count(where: { $0 % 6 == 0 }))
        for order in [labels, labels.reversed()] {
            var engine = BBTA(taskContexts: contexts, workers: 4, options: .init(explore: 0, budget: 100, seed: 1))
            try engine.adopt(order)
            #expect(engine.losses(context: 0) == [0, 0, expected, 0])
            #expect(engine.contextAppearances == [labels.count])
            let eta = ExponentialWeights.rate(appearances: labels.count, arms: 4)
            #expect(abs(engine.weights(context: 0)[2] - exp(-eta * expected)) < 1e-12)
            #expect(engine.budget.spent == 0)
            #expect(engine.labels == (0..<40).map { $0 % 2 == 1 ? 1 : 0 })
        }
    }
}
