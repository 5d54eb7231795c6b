import CSCSwift
import Foundation
import Testing

/// Gold labels in a live session: the journal leads to the same state, whatever was interrupted.
@Suite("Live sessions: gold")
final class SessionGoldTests {
    private let root = NSTemporaryDirectory() + "cafe-gold-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func truth(_ task: String) -> String { (Int(task.dropFirst()) ?? 0) % 3 == 0 ? "yes" : "no" }

    private func create(_ name: String, workers: [String], gold: [(task: String, label: String)] = []) throws
        -> LabelSession
    {
        try LabelSession.create(
            folder: root + "/" + name, tasks: (0..<20).map { LabelingTask(id: "t\($0)", context: $0 % 2) },
            contexts: ["x", "y"], classes: ["no", "yes"], workers: workers.map { LabelingWorker(id: $0) },
            options: .init(method: .pooled, budget: 90, stopAt: 0.97, seed: 6), gold: gold, clock: { 1000 })
    }

    private func open(_ name: String) throws -> LabelSession {
        try LabelSession(opening: root + "/" + name, wait: 0, clock: { 1000 })
    }

    /// Asks and answers; one in five answers is wrong.
    private func play(_ session: LabelSession, _ rounds: Int) throws {
        for round in 0..<rounds {
            guard let question = try session.next(workers: session.workers.map(\.id)) else { return }
            let right = truth(question.task), wrong = right == "yes" ? "no" : "yes"
            try session.record(task: question.task, worker: question.worker, label: round % 5 == 4 ? wrong : right)
        }
    }

    private func table(_ rows: [String]) throws -> CSVReader {
        try CSVReader(text: "task,truth\n" + rows.joined(separator: "\n") + "\n", name: "gold")
    }

    private func same(_ one: LabelSession, _ other: LabelSession) {
        #expect(one.answers == other.answers && one.budget == other.budget)
        #expect(one.goldCount == other.goldCount && one.settledCount == other.settledCount)
    }

    @Test("a session with gold, told at the start, one by one and by table, opens to the same state and future")
    func replay() throws {
        for (name, first) in [("known", ["a", "b", "c", "d"]), ("joining", [])] {
            let live = try create(name, workers: first, gold: [("t0", "yes"), ("t7", "no")])
            #expect(try live.setGold(task: "t3", label: "yes") == .new)  // before anyone has joined, in the second
            for worker in ["a", "b", "c", "d"] where first.isEmpty { try live.join(LabelingWorker(id: worker)) }
            try play(live, 25)
            let report = try live.setGold(try table(["t1,no", "t6,yes", "t0,yes", "t4,"]))
            #expect(report.new == 2 && report.known == 1)
            try play(live, 10)
            #expect(try live.setGold(task: "t1", label: "no") == .known)
            #expect(try live.setGold(task: "t2", label: "no") == .new)
            _ = try live.setGold(try table(["t5,no"]))
            try play(live, 5)
            #expect(live.goldCount == 7 && live.settledCount >= 7)
            for task in ["t0", "t1", "t2", "t3", "t5", "t6", "t7"] {
                let answer = try #require(live.answers.first { $0.task == task })
                #expect(answer.confidence == 1 && answer.label == truth(task))
            }
            let journal = root + "/" + name + "/journal.tsv"
            let before = try String(contentsOfFile: journal, encoding: .utf8)
            #expect(throws: CSCError.self) { try live.setGold(task: "t1", label: "yes") }
            #expect(throws: CSCError.self) { try live.setGold(try self.table(["t8,no", "t2,yes"])) }
            #expect(try String(contentsOfFile: journal, encoding: .utf8) == before)
            let copy = root + "/copy-" + name
            try FileManager.default.copyItem(atPath: root + "/" + name, toPath: copy)
            let again = try open("copy-" + name)
            same(live, again)
            for _ in 0..<12 {  // the future is the same too
                try play(live, 1)
                try play(again, 1)
            }
            same(live, again)
        }
    }

    @Test("a table cut off in the middle of its write, then told again: still the same state")
    func torn() throws {
        let live = try create("torn", workers: ["a", "b", "c"])
        try play(live, 20)
        _ = try live.setGold(try table(["t0,yes", "t1,no", "t2,no"]))
        let folder = root + "/cut"
        try FileManager.default.copyItem(atPath: root + "/torn", toPath: folder)
        try FileManager.default.removeItem(atPath: folder + "/journal.end")  // it lags behind what was being written
        let text = try String(contentsOfFile: folder + "/journal.tsv", encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
        let kept = lines.dropLast(2).joined(separator: "\n") + "\n" + lines[lines.count - 2].prefix(11)
        try kept.write(toFile: folder + "/journal.tsv", atomically: true, encoding: .utf8)
        let mended = try open("cut")
        #expect(mended.notice != nil && mended.goldCount == 1)
        let report = try mended.setGold(try table(["t0,yes", "t1,no", "t2,no"]))
        #expect(report.new == 2 && report.known == 1)
        try play(mended, 5)
        try FileManager.default.copyItem(atPath: folder, toPath: root + "/again")
        same(mended, try open("again"))
    }

    @Test("the bandit takes neither gold nor a posterior to stop at")
    func refused() throws {
        func start(_ options: LabelSession.Options, _ gold: [(task: String, label: String)]) throws {
            _ = try LabelSession.create(
                folder: root + "/no", tasks: [LabelingTask(id: "t0")], classes: ["no", "yes"], workers: [],
                options: options, gold: gold)
        }
        #expect(throws: CSCError.self) { try start(.init(method: .bbta, budget: 3, stopAt: 0.9), []) }
        #expect(throws: CSCError.self) { try start(.init(method: .bbta, budget: 3), [("t0", "yes")]) }
        for gold in [[("t9", "yes")], [("t0", "maybe")], [("t0", "yes"), ("t0", "yes")]] {
            #expect(throws: CSCError.self) { try start(.init(method: .pooled, budget: 3), gold) }
        }
        #expect(throws: CSCError.self) { try start(.init(method: .pooled, budget: 3, stopAt: 0.5), []) }
        #expect(!FileManager.default.fileExists(atPath: root + "/no/journal.tsv"))
        try start(.init(method: .bbta, budget: 3), [])
        let session = try open("no")
        #expect(throws: CSCError.self) { try session.setGold(task: "t0", label: "yes") }
        var engine = BBTA(taskContexts: [0], workers: 1, options: .init(budget: 3))
        #expect(throws: CSCError.self) { try engine.setGold([(task: 0, label: 1)]) }
        #expect(engine.settled == [false])
    }
}
