import CSCSwift
import Foundation
import Testing

@Suite("Live sessions")
final class SessionTests {
    private let root = NSTemporaryDirectory() + "cafe-session-\(UUID().uuidString)"
    private func folder() -> String { root + "/\(UUID().uuidString)" }

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private let tasks = (0..<12).map { LabelingTask(id: "t\($0)", context: $0 % 2) }
    private let people = [LabelingWorker(id: "ann", cost: 1), LabelingWorker(id: "bob", cost: 0.7)]

    private func create(_ folder: String, budget: Double = 30, explore: Int = 1) throws -> LabelSession {
        try LabelSession.create(
            folder: folder, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes", "both"], workers: people,
            options: .init(budget: budget, explore: explore, seed: 4), clock: { 1000 })
    }

    private func open(_ folder: String, at time: Double = 1000) throws -> LabelSession {
        try LabelSession(opening: folder, wait: 0, clock: { time })
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    private func label(_ question: LabelSession.Question) -> String {
        ["no", "yes", "both"][(question.task.count + question.task.utf8.reduce(0) { $0 + Int($1) }) % 3]
    }

    /// One step of a little script: questions, answers, a refusal, an expiry and a newcomer.
    private func step(_ number: Int, _ session: LabelSession) throws -> [LabelSession.Question] {
        if number == 9 { try session.join(LabelingWorker(id: "cy", cost: 0.2)) }
        if number == 15 { try session.expire(olderThan: 0) }
        var asked: [LabelSession.Question] = []
        let present = number % 3 == 0 ? ["ann", "bob"] : session.workers.map(\.id)
        for _ in 0..<2 { if let question = try session.next(workers: present) { asked.append(question) } }
        if number % 5 != 2, let first = session.outstanding.first {
            if number % 4 == 3 {
                try session.decline(task: first.task, worker: first.worker)
            } else {
                try session.record(task: first.task, worker: first.worker, label: label(first))
            }
        }
        #expect(session.budget.spent + session.budget.committed <= session.budget.limit + 1e-9)
        return asked
    }

    @Test("a session opened anew at every step decides as one that stays open, to the last bit")
    func replay() throws {
        let stays = try create(folder())
        let path = folder()
        _ = try create(path)
        for number in 0..<40 {
            let expected = try step(number, stays)
            let reopened = try open(path)
            #expect(try step(number, reopened) == expected, "step \(number)")
            #expect(reopened.answers == stays.answers)
            #expect(reopened.outstanding == stays.outstanding)
            #expect(reopened.budget == stays.budget)
        }
        #expect(stays.labelCount > 10)
        #expect(stays.table == (try open(path)).table)
    }

    @Test("cut anywhere in its last line, the journal opens as before that event, says so, and goes on")
    func torn() throws {
        let path = folder()
        var before: [LabelSession.Answer] = []
        var question: LabelSession.Question?
        var earlier = Data()  // journal.end as it was when the last line had not been acknowledged
        do {
            let session = try create(path)
            for number in 0..<6 { _ = try step(number, session) }
            question = session.outstanding.first
            before = session.answers
            let asked = try #require(question)
            earlier = try Data(contentsOf: URL(fileURLWithPath: path + "/journal.end"))
            try session.record(task: asked.task, worker: asked.worker, label: "both")
        }
        let file = path + "/journal.tsv"
        let end = URL(fileURLWithPath: path + "/journal.end")
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        let last = try Data(contentsOf: end)
        let start = try #require(whole.dropLast().lastIndex(of: 10)) + 1
        let asked = try #require(question)
        for cut in start..<whole.count {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: file))
            try earlier.write(to: end)
            let session = try open(path)
            if cut > start {
                #expect(session.notice?.contains("not written whole") == true)
            } else {
                #expect(session.notice == nil)
            }
            #expect(session.answers == before)
            #expect(try session.record(task: asked.task, worker: asked.worker, label: "both") == .new)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == whole)
        #expect(try Data(contentsOf: end) == last)
        #expect(try open(path).notice == nil)
    }

    @Test("lines lost from the end after they were acknowledged are refused, naming file and line")
    func shortened() throws {
        let path = folder()
        do {
            let session = try create(path)
            for number in 0..<6 { _ = try step(number, session) }
        }
        let file = URL(fileURLWithPath: path + "/journal.tsv"), end = URL(fileURLWithPath: path + "/journal.end")
        let whole = try Data(contentsOf: file), mark = try Data(contentsOf: end)
        let lines = whole.split(separator: 10)
        for kept in 1..<lines.count {
            try Data(lines[..<kept].joined(separator: [10]) + [10]).write(to: file)
            #expect(
                message { _ = try open(path) }.contains("journal.tsv:\(kept + 1): damaged: line \(kept + 1) is missing")
            )
            #expect(try Data(contentsOf: end) == mark)
        }
        try whole.dropLast(3).write(to: file)
        #expect(
            message { _ = try open(path) }.contains("journal.tsv:\(lines.count): damaged: line \(lines.count) is not"))
        // A journal of a crash between the two writes has an older one; where it is gone or empty, that is said.
        try whole.write(to: file)
        var lagging = Data("000000000002\t".utf8)
        lagging.append(contentsOf: lines[1].suffix(16))
        lagging.append(10)
        let olderOnes: [Data?] = [nil, Data(), lagging]
        for older in olderOnes {
            try FileManager.default.removeItem(at: end)
            if let older { try older.write(to: end) }
            #expect((try open(path).notice == nil) == (older == lagging))
            #expect(try Data(contentsOf: end) == mark)
        }
        try Data("000000000002\t0123456789abcdef\n".utf8).write(to: end)
        #expect(message { _ = try open(path) }.contains("journal.tsv:2: damaged: line 2 is not the line that"))
        try Data("twelve\n".utf8).write(to: end)
        #expect(message { _ = try open(path) }.contains("journal.end:1: damaged"))
        try mark.write(to: end)
        try FileManager.default.removeItem(at: file)
        #expect(message { _ = try self.create(path) }.contains("journal is gone"))
    }

    @Test("a changed byte, a lost line or two lines changed about are refused, naming file and line")
    func damaged() throws {
        let path = folder()
        do {
            let session = try create(path)
            for number in 0..<6 { _ = try step(number, session) }
        }
        let file = URL(fileURLWithPath: path + "/journal.tsv")
        let whole = try Data(contentsOf: file)
        let ends = whole.indices.filter { whole[$0] == 10 }
        for at in stride(from: 0, to: whole.count, by: 3) where whole[at] != 10 {
            var bad = whole
            bad[at] ^= 1
            if bad[at] == 10 { continue }
            try bad.write(to: file)
            let line = ends.count(where: { $0 < at }) + 1
            #expect(message { _ = try open(path) }.contains("journal.tsv:\(line): damaged"))
        }
        var lines = whole.split(separator: 10)
        lines.remove(at: 5)
        try Data(lines.joined(separator: [10]) + [10]).write(to: file)
        #expect(message { _ = try open(path) }.contains("journal.tsv:6: damaged"))
        lines = whole.split(separator: 10)
        lines.swapAt(lines.count - 2, lines.count - 3)
        try Data(lines.joined(separator: [10]) + [10]).write(to: file)
        #expect(message { _ = try open(path) }.contains("journal.tsv:\(lines.count - 2): damaged"))
        try Data().write(to: file)
        #expect(message { _ = try open(path) }.contains("empty"))
    }

    @Test("recording twice is harmless; whatever else does not fit is refused in a sentence")
    func recording() throws {
        let path = folder()
        let session = try create(path, explore: 0)
        let first = try #require(try session.next(workers: ["ann"]))
        let second = try #require(try session.next(workers: ["bob"]))
        #expect(try session.record(task: first.task, worker: "ann", label: "yes") == .new)
        #expect(try session.record(task: first.task, worker: "ann", label: "yes") == .known)
        #expect(session.labelCount == 1)
        #expect(session.budget.spent == 1 && session.budget.committed == 0.7)
        #expect(
            message { try session.record(task: first.task, worker: "ann", label: "no") }
                == "worker 'ann' has answered 'yes' on task '\(first.task)' already; "
                + "the first answer stands and 'no' was not recorded")
        #expect(
            message { try session.record(task: "t99", worker: "ann", label: "no") }.hasPrefix("there is no task 't99'"))
        #expect(message { _ = try session.next(workers: ["anne"]) }.hasSuffix("did you mean 'ann'?"))
        #expect(message { try session.record(task: "t1", worker: "bib", label: "no") }.hasSuffix("did you mean 'bob'?"))
        #expect(
            message { try session.record(task: "t1", worker: "bob", label: "yess") }.hasSuffix("did you mean 'yes'?"))
        let never = tasks.map(\.id).first { $0 != first.task }!
        #expect(
            message { try session.record(task: never, worker: "ann", label: "no") }
                == "worker 'ann' was not asked about task '\(never)'")
        #expect(try session.decline(task: second.task, worker: "bob") == .new)
        #expect(try session.decline(task: second.task, worker: "bob") == .known)
        #expect(message { try session.record(task: second.task, worker: "bob", label: "no") }.contains("was declined"))
        #expect(message { try session.decline(task: first.task, worker: "ann") }.contains("has answered 'yes'"))
        #expect(session.budget.committed == 0)
        #expect(message { try session.join(LabelingWorker(id: "bob")) }.contains("has joined already"))
        #expect(message { try session.join(LabelingWorker(id: "a\tb")) }.contains("control character"))
        #expect(message { try session.join(LabelingWorker(id: "dee", cost: -1)) }.contains("price"))
        #expect(message { _ = try open(path) }.contains("another process has this session open"))
        withExtendedLifetime(session) {}
    }

    @Test("questions expire, the money is free again, and late answers are taken while it is")
    func expiry() throws {
        let path = folder()
        let question: LabelSession.Question
        do {
            let session = try create(path, budget: 1, explore: 0)
            question = try #require(try session.next(workers: ["ann"]))
            #expect(try session.next(workers: ["ann", "bob"]) == nil)
            #expect(session.reason(workers: ["ann"]).contains("1 is set aside for 1 outstanding question"))
        }
        let later = try open(path, at: 1500)
        #expect(try later.expire(olderThan: 501).isEmpty)
        #expect(try later.expire(olderThan: 500) == [question])
        #expect(later.budget.free == 1)
        let again = try #require(try later.next(workers: ["ann"]))
        #expect(again.task != question.task)
        #expect(
            message { try later.record(task: question.task, worker: "ann", label: "yes") }
                .contains("has expired, and its price (1) is not free any more (0 of the budget is)"))
        try later.decline(task: again.task, worker: "ann")
        #expect(try later.record(task: question.task, worker: "ann", label: "yes") == .new)
        #expect(try later.record(task: question.task, worker: "ann", label: "yes") == .known)
        #expect(later.budget.spent == 1 && later.labelCount == 1)
        #expect(try later.next(workers: ["ann", "bob"]) == nil)
        #expect(later.reason(workers: ["ann"]).hasPrefix("the budget is spent"))
    }

    @Test("sessions that cannot be meant are refused before anything is written")
    func beginnings() throws {
        func create(
            tasks: [LabelingTask] = [LabelingTask(id: "a")], classes: [String] = ["0", "1"],
            workers: [LabelingWorker] = [], budget: Double = 5, explore: Int = 0
        ) -> String {
            let path = folder()
            let text = message {
                _ = try LabelSession.create(
                    folder: path, tasks: tasks, classes: classes, workers: workers,
                    options: .init(budget: budget, explore: explore))
            }
            #expect(FileManager.default.fileExists(atPath: path) == (text == "no error"))
            return text
        }
        #expect(create() == "no error")
        #expect(create(tasks: []).contains("at least one task"))
        #expect(create(tasks: [LabelingTask(id: "a"), LabelingTask(id: "a")]).contains("two of task 'a'"))
        #expect(create(classes: ["1"]).contains("two classes"))
        #expect(create(budget: -1).contains("budget"))
        #expect(create(explore: 1).contains("needs the workers"))
        #expect(create(workers: [LabelingWorker(id: "w", cost: 6)], explore: 1).contains("more than the budget"))
        #expect(create(workers: [LabelingWorker(id: "")]).contains("no name"))
        let path = folder()
        _ = try self.create(path)
        #expect(message { _ = try self.create(path) }.contains("a session in this folder already"))
        #expect(message { _ = try open(folder()) }.contains("no session in this folder"))
    }

    @Test("workers may all join later")
    func joining() throws {
        let path = folder()
        do {
            let session = try LabelSession.create(
                folder: path, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"], workers: [],
                options: .init(budget: 4))
            #expect(message { _ = try session.next(workers: ["ann"]) }.contains("no worker 'ann'"))
            try session.join(LabelingWorker(id: "ann", cost: 2))
            #expect(try session.next(workers: ["ann"]) != nil)
            try session.join(LabelingWorker(id: "bob"))
            #expect(try session.next(workers: ["bob"])?.worker == "bob")
        }
        let session = try open(path)
        #expect(session.workers.map(\.id) == ["ann", "bob"])
        #expect(session.budget.committed == 3)
    }

    @Test("a plan: more budget buys more, better workers buy more, the same bits at any thread count")
    func plan() {
        let contexts = (0..<80).map { $0 % 2 }
        let costs = [Double](repeating: 0.5, count: 10)
        func points(_ range: ClosedRange<Double>) -> [LabelPlan.Point] {
            LabelPlan(taskContexts: contexts, workerCosts: costs, assumption: .uniform(range), explore: 1)
                .simulate(budgets: [40, 120, 320], runs: 12, seed: 3)
        }
        defer { Threads.count = 0 }
        Threads.count = 1
        let one = points(0.55...0.8)
        Threads.count = 3
        #expect(points(0.55...0.8) == one)
        #expect(one[0].accuracy < one[1].accuracy && one[1].accuracy < one[2].accuracy)
        #expect(one.map(\.labels) == [80, 240, 640])
        #expect(points(0.9...1)[1].accuracy > one[1].accuracy)
        let sure = [[WorkerQuality]](
            repeating: [WorkerQuality](repeating: WorkerQuality(labels: 4000, right: 4000), count: 10), count: 2)
        let perfect = LabelPlan(
            taskContexts: contexts, workerCosts: costs, assumption: .estimated(sure, prior: LabelPlan.usualBelief))
        #expect(perfect.simulate(budgets: [120], runs: 4)[0].accuracy > 0.99)
    }

    @Test("before any label a plan expects what unknown workers are worth, and labels change it")
    func planFromNothing() {
        let belief = LabelPlan.usualBelief
        #expect(abs(belief.mean - 0.725) < 1e-12)
        let spread = belief.a * belief.b / ((belief.a + belief.b) * (belief.a + belief.b) * (belief.a + belief.b + 1))
        #expect(abs(spread - 0.35 * 0.35 / 12) < 1e-12)
        func accuracy(_ quality: WorkerQuality) -> Double {
            let rows = [[WorkerQuality]](repeating: [WorkerQuality](repeating: quality, count: 5), count: 1)
            return LabelPlan(
                taskContexts: [Int](repeating: 0, count: 40), workerCosts: [1, 1, 1, 1, 1],
                assumption: .estimated(rows, prior: belief)
            ).simulate(budgets: [40], runs: 50, seed: 1)[0].accuracy
        }
        let unknown = accuracy(WorkerQuality(labels: 0, right: 0))
        #expect(unknown > 0.65 && unknown < 0.8)
        #expect(accuracy(WorkerQuality(labels: 400, right: 390)) > 0.9)
        #expect(accuracy(WorkerQuality(labels: 400, right: 200)) < 0.6)
    }
}
