import CSCSwift
import Foundation
import Testing

/// What a study with paid people asks of a session: late answers, lapsed questions, leases, caps, corrections.
@Suite("Running studies")
final class SessionStudyTests {
    private let root = NSTemporaryDirectory() + "cafe-study-\(UUID().uuidString)"
    private func folder() -> String { root + "/\(UUID().uuidString)" }

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// A clock that tests set.
    private final class Clock: @unchecked Sendable { var time = 1000.0 }
    private let clock = Clock()

    private func create(
        _ folder: String, tasks: Int = 6, workers: [LabelingWorker] = ["a", "b", "c"].map { LabelingWorker(id: $0) },
        _ options: LabelSession.Options
    ) throws -> LabelSession {
        let clock = clock
        return try LabelSession.create(
            folder: folder, tasks: (0..<tasks).map { LabelingTask(id: "t\($0)", context: $0 % 2) },
            contexts: ["x", "y"], classes: ["no", "yes"], workers: workers, options: options, clock: { clock.time })
    }

    private func open(_ folder: String) throws -> LabelSession {
        let clock = clock
        return try LabelSession(opening: folder, wait: 0, clock: { clock.time })
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    private func table(_ rows: [String]) throws -> CSVReader {
        try CSVReader(text: (["task,worker,label"] + rows).joined(separator: "\n") + "\n", name: "rows")
    }

    /// What must be the same after opening a session again.
    private func expectSame(_ path: String, _ session: LabelSession, _ place: String) throws {
        let copy = folder()
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try? FileManager.default.removeItem(atPath: copy + "/snapshot")
        let again = try open(copy)
        #expect(
            again.answers == session.answers && again.outstanding == session.outstanding
                && again.budget == session.budget && again.table == session.table && again.options == session.options
                && again.report == session.report, "\(place)")
        let names = session.workers.map(\.id)
        #expect(again.blockReason(workers: names) == session.blockReason(workers: names), "\(place)")
    }

    @Test(
        "a late answer is taken while its price is free: recorded, in a table, imported and paid",
        arguments: AssignmentMethod.allCases, [0, 1])
    func late(method: AssignmentMethod, explore: Int) throws {
        let path = folder()
        let session = try create(path, .init(method: method, budget: 12, explore: explore, seed: 2))
        let asked = try session.ask(workers: nil, count: 6).asked
        #expect(try session.expire(olderThan: 0) == asked)
        #expect(session.budget.committed == 0)
        #expect(try session.record(question: asked[0].id, label: "yes") == .new)
        #expect(try session.record(question: asked[0].id, label: "yes") == .known)
        #expect(message { try session.record(question: asked[0].id, label: "no") }.contains("the first answer stands"))
        let rows = asked[1...2].map { "\($0.task),\($0.worker),no" }
        #expect(try session.record(try table(rows)).new == 2)
        let imported = "\(asked[3].task),\(asked[3].worker),yes"
        #expect(try session.importLabels(try table([imported]), paid: true).new == 1)
        #expect(try session.importLabels(try table([imported]), paid: true).known == 1)
        #expect(session.budget.spent == 4 && session.budget.committed == 0 && session.labelCount == 4)
        try expectSame(path, session, "late")
        // What is left of the budget is given away: then a late answer is refused, and says why.
        while try session.next(workers: ["a", "b", "c"]) != nil {}
        let free = session.budget.free
        if free < 1 {
            #expect(
                message { try session.record(question: asked[4].id, label: "yes") }.contains("is not free any more"))
        }
        try expectSame(path, session, "at the end")
    }

    @Test("late answers of one table together may not cost more than is free")
    func lateTogether() throws {
        let session = try create(folder(), .init(budget: 3, seed: 2))
        let asked = try session.ask(workers: nil, count: 3).asked
        try session.expire(olderThan: 0)
        try session.setBudget(2)
        let rows = asked.map { "\($0.task),\($0.worker),no" }
        #expect(message { _ = try session.record(try table(rows)) }.contains("is not free any more"))
        #expect(session.labelCount == 0)
        #expect(try session.record(try table(Array(rows[..<2]))).new == 2)
    }

    @Test(
        "three workers who let everything lapse do not end a study with its budget left",
        arguments: AssignmentMethod.allCases, [0, 1])
    func offeredAgain(method: AssignmentMethod, explore: Int) throws {
        let path = folder()
        let session = try create(path, tasks: 4, .init(method: method, budget: 12, explore: explore, seed: 3))
        // Everyone is asked about everything and answers nothing.
        var first: [LabelSession.Question] = []
        while let question = try session.next(workers: ["a", "b", "c"]) {
            first.append(question)
            try session.expire(olderThan: 0)
            if first.count == 12 { break }
        }
        #expect(Set(first.map { [$0.task, $0.worker] }).count == 12)
        try expectSame(path, session, "all lapsed")
        // Each is asked again, answers, and the budget is spent to the end.
        var answered = 0
        for _ in 0..<20 {
            clock.time += 5
            guard let question = try session.next(workers: ["c", "a", "b"]) else { break }
            try session.record(question: question.id, label: answered % 2 == 0 ? "yes" : "no")
            answered += 1
            if answered % 4 == 1 { try expectSame(path, session, "answer \(answered)") }
        }
        #expect(answered == 12 && session.budget.free == 0)
        #expect(session.blockReason(workers: nil) == .budgetSpent)
    }

    @Test("what lapsed comes after what was never asked, and who declined is not asked again")
    func lastChance() throws {
        let session = try create(folder(), tasks: 2, workers: [LabelingWorker(id: "a")], .init(budget: 9, seed: 1))
        let first = try #require(try session.next(workers: ["a"]))
        try session.expire(olderThan: 0)
        let second = try #require(try session.next(workers: ["a"]))
        #expect(second.task != first.task)
        try session.decline(question: second.id)
        let third = try #require(try session.next(workers: ["a"]))
        #expect(third.task == first.task && third.id != first.id)
        try session.record(question: third.id, label: "no")
        #expect(try session.next(workers: ["a"]) == nil)
        #expect(session.blockReason(workers: ["a"]) == .allAsked)
    }

    @Test("an outstanding question is given again, with its id, before anything new")
    func again() throws {
        let path = folder()
        let session = try create(path, .init(budget: 12, seed: 4))
        let first = try session.ask(workers: ["a"])
        #expect(first.asked.count == 1 && first.again == 0)
        #expect(try session.ask(workers: ["a"]).asked == first.asked)
        let lines = session.eventCount
        #expect(try open(copied(path)).ask(workers: ["a"]).asked == first.asked)
        #expect(try session.ask(workers: ["a"]).again == 1)
        #expect(session.eventCount == lines)
        let more = try session.ask(workers: ["a"], count: 3)
        #expect(more.asked.count == 3 && more.again == 1 && more.asked[0] == first.asked[0])
        #expect(try session.ask(workers: ["b"]).again == 0)
        #expect(try session.ask(workers: nil).again == 0)
        #expect(try session.ask(workers: ["a"], again: false).again == 0)
        try session.record(question: first.asked[0].id, label: "yes")
        #expect(try session.ask(workers: ["a"]).asked[0].id == more.asked[1].id)
    }

    private func copied(_ path: String) throws -> String {
        let copy = folder()
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        return copy
    }

    @Test("caps hold: the session's own and the call's; the code says so")
    func caps() throws {
        let path = folder()
        let session = try create(path, .init(budget: 12, seed: 4, maxOpen: 2))
        let round = try session.ask(workers: ["a", "b"], count: 9)
        #expect(round.asked.count == 4 && round.blockReason == .maxOpen)
        for worker in ["a", "b"] { #expect(round.asked.count { $0.worker == worker } == 2) }
        #expect(try session.ask(workers: ["c"], count: 9, maxOpen: 1).asked.count == 1)
        #expect(try session.ask(workers: nil, count: 9).asked.count == 1)  // c's second
        #expect(session.blockReason(workers: nil) == .maxOpen)
        try session.set(.maxOpen, to: 3)
        #expect(try session.ask(workers: ["a"], count: 9).asked.count == 3)
        try session.set(.maxOpen, to: nil)
        #expect(try session.ask(workers: ["a"], count: 5).asked.count == 5)
        try expectSame(path, session, "caps")
        #expect(message { try session.set(.maxOpen, to: 0) }.contains("at least 1"))
        #expect(message { try session.set(.maxOpen, to: 1.5) }.contains("whole number"))
    }

    @Test("questions lapse by their lease, whoever looks")
    func leases() throws {
        let path = folder()
        let session = try create(path, .init(budget: 12, seed: 4, lease: 60))
        let first = try #require(try session.ask(workers: ["a"]).asked.first)
        clock.time += 59
        #expect(try session.lapse().isEmpty)
        #expect(try session.ask(workers: ["a"]).asked == [first])
        #expect(session.age(of: first) == 59)
        clock.time += 1
        let next = try session.ask(workers: ["a"])
        #expect(next.expired == [first] && next.asked.first?.task != first.task && next.again == 0)
        #expect(try session.record(question: first.id, label: "yes") == .new)
        try session.set(.lease, to: nil)
        clock.time += 1e6
        #expect(try session.lapse().isEmpty)
        #expect(session.outstandingCount == 1)
        try session.set(.lease, to: 5)
        #expect(try session.lapse().count == 1)
        try expectSame(path, session, "lease")
        #expect(message { try session.set(.lease, to: 0) }.contains("above 0"))
        #expect(message { _ = try create(folder(), .init(budget: 1, lease: -5)) }.contains("above 0"))
    }

    @Test("each worker is judged by the own price: money that may come free is not 'all-asked'")
    func codes() throws {
        let people = [LabelingWorker(id: "a"), LabelingWorker(id: "b", cost: 3), LabelingWorker(id: "z", cost: 0)]
        let session = try create(folder(), tasks: 3, workers: people, .init(budget: 5, seed: 1))
        #expect(try session.ask(workers: ["a"], count: 3).asked.count == 3)
        #expect(try session.ask(workers: ["z"], count: 3).asked.count == 3)
        let everyone = try session.ask(workers: nil)
        #expect(everyone.asked.isEmpty && everyone.blockReason == .budgetSetAside)
        #expect(everyone.reason?.contains("the cheapest label (3); 3 is set aside for 6 outstanding questions") == true)
        #expect(session.blockReason(workers: ["a"]) == .allAsked)
        #expect(session.reason(workers: ["a"]).contains("3 questions of theirs are outstanding"))
        for question in session.outstanding { try session.record(question: question.id, label: "no") }
        #expect(session.blockReason(workers: nil) == .budgetSpent)  // 2 is free, b costs 3
        try session.setBudget(6)
        #expect(try session.ask(workers: nil).asked.map(\.worker) == ["b"])
        #expect(session.blockReason(workers: []) == .nobody)
        try session.bar("a")
        #expect(session.blockReason(workers: ["a"]) == .barred)
        #expect(try session.ask(workers: ["a"]).blockReason == .barred)
    }

    @Test(
        "a study is steered: budget, tasks, workers, corrections; opened again it stands the same",
        arguments: AssignmentMethod.allCases, [0, 1])
    func steering(method: AssignmentMethod, explore: Int) throws {
        let path = folder()
        let session = try create(path, .init(method: method, budget: 8, explore: explore, seed: 6))
        func work(_ label: (LabelSession.Question) -> String) throws -> Int {
            var count = 0
            while let question = try session.next(workers: session.workers.map(\.id)) {
                try session.record(question: question.id, label: label(question))
                count += 1
            }
            return count
        }
        let truth: (LabelSession.Question) -> String = { $0.task.hasSuffix("1") ? "yes" : "no" }
        #expect(try work(truth) == 8)
        try expectSame(path, session, "spent")
        #expect(message { try session.setBudget(7) }.contains("8 is spent and 0 set aside"))
        #expect(message { try session.setBudget(8.0000001) }.contains("millionths"))
        try session.setBudget(20)
        #expect(try session.addTasks(try CSVReader(text: "task,context\nn1,x\nn2,z\nt0,x\n")).new == 2)
        #expect(session.contexts == ["x", "y", "z"] && session.tasks.count == 8)
        #expect(
            message { _ = try session.addTasks(try CSVReader(text: "task,context\nt0,y\n")) }.contains("context 'x'"))
        #expect(message { _ = try session.addTasks(try CSVReader(text: "task\nn3\n")) }.contains("no column 'context'"))
        try expectSame(path, session, "tasks")
        let held = try session.ask(workers: ["b"], count: 2).asked
        #expect(try session.bar("b") == held)
        #expect(try session.bar("b").isEmpty)
        #expect(session.barredWorkers.map(\.id) == ["b"])
        try session.join(LabelingWorker(id: "d"))
        try expectSame(path, session, "workers")
        var asked: [String] = []
        _ = try work { question in
            asked.append(question.worker)
            return truth(question)
        }
        #expect(!asked.contains("b") && asked.count == 12 && session.budget.free == 0)
        #expect(session.answers.filter { $0.task.hasPrefix("n") }.allSatisfy { $0.labels > 0 })
        #expect(try session.unbar("b") == .new)
        #expect(try session.unbar("b") == .known)
        #expect(message { try session.bar("bb") }.contains("there is no worker 'bb'"))
        let row = try #require(session.table.labels.first)
        let (task, worker) = (session.tasks[Int(row.task)].id, session.workers[Int(row.worker)].id)
        let other = row.label == 0 ? "yes" : "no"
        #expect(try session.correct(task: task, worker: worker, label: other) == .new)
        #expect(try session.correct(task: task, worker: worker, label: other) == .known)
        #expect(session.table.labels.first { $0.task == row.task && $0.worker == row.worker }?.label != row.label)
        #expect(session.labelCount == 20)
        #expect(message { try session.correct(task: task, worker: "q", label: other) }.contains("no worker 'q'"))
        #expect(try session.record(task: task, worker: worker, label: other) == .known)
        try expectSame(path, session, "corrected")
    }

    @Test("gold and new tasks with pooled; a method without posterior says what it refuses")
    func refusals() throws {
        let bandit = try create(folder(), .init(method: .bbta, budget: 8, seed: 6))
        #expect(message { try bandit.setGold(task: "t0", label: "yes") }.contains("bbta has no posterior"))
        let path = folder()
        let pooled = try create(path, .init(method: .pooled, budget: 30, stopAt: 0.9, seed: 6))
        try pooled.addTasks([("n", "x")])
        try pooled.setGold(task: "n", label: "yes")
        #expect(pooled.goldLabel(of: "n") == "yes" && pooled.goldLabels.last == "yes")
        for _ in 0..<12 {
            guard let question = try pooled.next(workers: ["a", "b", "c"]) else { break }
            #expect(question.task != "n")
            try pooled.record(question: question.id, label: "no")
        }
        try expectSame(path, pooled, "gold")
    }

    @Test("the report: pay, lapses, median time, quality by the word of others")
    func report() throws {
        let people = ["a", "b", "c"].map { LabelingWorker(id: $0, cost: $0 == "a" ? 2 : 1) }
        let session = try create(folder(), tasks: 10, workers: people, .init(budget: 100, seed: 6))
        let start = clock.time
        while let question = try session.next(workers: ["a", "b", "c"]) {
            clock.time += question.worker == "a" ? 30 : 10
            if question.worker == "c" && question.task == "t3" {
                try session.decline(question: question.id)
            } else {
                let truth = question.task.hasSuffix("2") ? "yes" : "no"
                let wrong = question.worker == "c"
                try session.record(question: question.id, label: wrong == (truth == "yes") ? "no" : "yes")
            }
        }
        #expect(clock.time > start)
        #expect(try session.importLabels(try table(["t3,c,yes"]), paid: false).new == 1)
        let report = session.report
        #expect(report.workers.map(\.labels) == [10, 10, 10])
        #expect(report.workers.map(\.pay) == [20, 10, 9] && report.pay == 39)
        #expect(report.workers.map(\.declined) == [0, 0, 1])
        #expect(report.workers.map(\.medianSeconds) == [30, 10, 10])
        let quality = report.workers.map(\.quality)
        #expect(quality[0].accuracy! > 0.8 && quality[1].accuracy! > 0.8 && quality[2].accuracy! < 0.3)
        #expect(quality[0].labels == 10 && quality[0].lower < quality[0].accuracy!)
        #expect(report.workers[0].contexts.map(\.labels) == [5, 5])
    }

    @Test("names that look the same and differ in bytes are different tasks and workers")
    func exactNames() throws {
        let composed = "caf\u{e9}", decomposed = "cafe\u{301}"
        let path = folder()
        let clock = clock
        let session = try LabelSession.create(
            folder: path, tasks: [LabelingTask(id: composed), LabelingTask(id: decomposed)],
            classes: [composed, decomposed], workers: [LabelingWorker(id: composed), LabelingWorker(id: decomposed)],
            options: .init(budget: 10), clock: { clock.time })
        while let question = try session.next(workers: [composed, decomposed]) {
            try session.record(question: question.id, label: question.worker)
        }
        #expect(session.labelCount == 4 && session.budget.spent == 4)
        #expect(session.table.labels.map(\.label).filter { $0 == 0 }.count == 2)
        try expectSame(path, session, "names")
    }
}
