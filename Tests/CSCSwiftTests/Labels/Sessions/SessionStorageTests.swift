import CSCSwift
import Foundation
import Testing

/// A storage in memory: what a database has to do, and no more.
final class MemoryStorage: RefitStorage {
    var records: [SessionRecord] = []
    var kept: SessionSnapshot?
    var refits: [Int: [UInt8]] = [:]
    var end: SessionMark { records.last?.mark ?? .start }
    let notice: String? = nil

    func place(of number: Int) -> String { "memory:\(number)" }
    func read(after mark: SessionMark, _ body: (SessionRecord) throws(CSCError) -> Void) throws(CSCError) {
        var last = mark
        for record in records.dropFirst(mark.count) {
            guard record.follows(last) else {
                throw .damaged(path: place(of: record.number), reason: "does not follow")
            }
            try body(record)
            last = record.mark
        }
    }
    func append(_ records: [SessionRecord]) throws(CSCError) { self.records += records }
    func snapshot() -> SessionSnapshot? { kept }
    func keep(_ snapshot: SessionSnapshot) throws(CSCError) { kept = snapshot }
    func refit(number: Int) -> [UInt8]? { refits[number] }
}

@Suite("Storage of live sessions")
final class SessionStorageTests {
    private let root = NSTemporaryDirectory() + "cafe-storage-\(UUID().uuidString)"
    private func folder() -> String { root + "/\(UUID().uuidString)" }

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private let tasks = (0..<30).map { LabelingTask(id: "t\($0)", context: $0 % 2) }
    private let people = (0..<6).map { LabelingWorker(id: "w\($0)", cost: $0 == 0 ? 0.5 : 1) }

    private func create(
        _ folder: String, method: AssignmentMethod = .bbta, explore: Int = 0, budget: Double = 100
    ) throws -> LabelSession {
        try LabelSession.create(
            folder: folder, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"], workers: people,
            options: .init(method: method, budget: budget, explore: explore, seed: 9), clock: { 1000 })
    }

    private func open(_ folder: String) throws -> LabelSession {
        try LabelSession(opening: folder, wait: 0, clock: { 1000 })
    }

    private func table(_ rows: [String]) throws -> CSVReader {
        try CSVReader(text: (["task,worker,label"] + rows).joined(separator: "\n") + "\n", name: "rows")
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    /// Some steps of everything that can happen; returns the questions.
    @discardableResult
    private func play(_ session: LabelSession, _ steps: Range<Int>) throws -> [LabelSession.Question] {
        var asked: [LabelSession.Question] = []
        for step in steps {
            let round = try session.ask(workers: nil, count: 2)
            asked += round.asked
            if step == 5 { try session.join(LabelingWorker(id: "late", cost: 2)) }
            if step == 8 { try session.setBudget(80) }
            if step == 10 { try session.addTasks([("new", "x"), ("newer", "z")]) }
            if step == 12 { try session.bar("w3") }
            if step == 20 { try session.unbar("w3") }
            for (index, question) in session.outstanding.enumerated() where index < 2 {
                let label = (question.task.utf8.count + question.worker.utf8.reduce(step) { $0 + Int($1) }) % 3 == 0
                switch (step + index) % 7 {
                case 3: try session.decline(question: question.id)
                case 5: try session.expire(olderThan: 0)
                default: try session.record(question: question.id, label: label ? "yes" : "no")
                }
            }
            if step % 6 == 5, let row = session.table.labels.last {
                try session.correct(
                    task: session.tasks[Int(row.task)].id, worker: session.workers[Int(row.worker)].id,
                    label: step % 12 == 5 ? "yes" : "no")
            }
        }
        return asked
    }

    private func equal(_ a: LabelSession, _ b: LabelSession) -> Bool {
        a.answers == b.answers && a.outstanding == b.outstanding && a.budget == b.budget && a.table == b.table
            && a.options == b.options && a.tasks == b.tasks && a.contexts == b.contexts && a.workers == b.workers
            && a.barredWorkers == b.barredWorkers
    }

    @Test("a batch that was not written whole is dropped as a whole, wherever it was cut")
    func atomicBatch() throws {
        let path = folder()
        let rows = (0..<12).map { "t\($0),w\($0 % 5),\($0 % 2 == 0 ? "yes" : "no")" }
        let before: Data
        let mark: Data
        do {
            let session = try create(path)
            try session.record(question: try #require(try session.next(workers: ["w1"])).id, label: "yes")
            before = try Data(contentsOf: URL(fileURLWithPath: path + "/journal.tsv"))
            mark = try Data(contentsOf: URL(fileURLWithPath: path + "/journal.end"))
            #expect(try session.importLabels(try table(rows), paid: true).new == 12)
        }
        let journal = URL(fileURLWithPath: path + "/journal.tsv"), end = URL(fileURLWithPath: path + "/journal.end")
        let whole = try Data(contentsOf: journal), last = try Data(contentsOf: end)
        for cut in stride(from: before.count, to: whole.count, by: 7) {
            try whole.prefix(cut).write(to: journal)
            try mark.write(to: end)
            let session = try open(path)
            #expect(session.labelCount == 1, "cut at \(cut)")
            #expect((session.notice != nil) == (cut > before.count))
            #expect(session.budget.spent == 1)
            #expect(try session.importLabels(try table(rows), paid: true).new == 12)
        }
        // Acknowledged, it may not be cut: refused, naming the line.
        let lines = whole.split(separator: 10)
        try Data(lines.dropLast(3).joined(separator: [10]) + [10]).write(to: journal)
        try last.write(to: end)
        #expect(message { _ = try open(path) }.contains("journal.tsv:\(lines.count - 2): damaged"))
    }

    @Test("a journal whose journal.end is gone says that lines cut off would not be noticed")
    func endGone() throws {
        let path = folder()
        do {
            let session = try create(path)
            try session.record(question: try #require(try session.next(workers: ["w1"])).id, label: "yes")
        }
        try FileManager.default.removeItem(atPath: path + "/journal.end")
        #expect(try open(path).notice?.contains("lines cut off from the end") == true)
        #expect(try open(path).notice == nil)  // it is written anew
    }

    @Test("the same session in memory and in a folder", arguments: AssignmentMethod.allCases)
    func anyStorage(method: AssignmentMethod) throws {
        let memory = MemoryStorage()
        let inMemory = try LabelSession.create(
            storage: memory, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"], workers: people,
            options: .init(method: method, budget: 100, explore: 1, seed: 9), clock: { 1000 })
        let path = folder()
        let inFolder = try create(path, method: method, explore: 1)
        #expect(try play(inMemory, 0..<30) == play(inFolder, 0..<30))
        #expect(equal(inMemory, inFolder))
        let again = try LabelSession(storage: memory, clock: { 1000 })
        #expect(equal(again, inMemory))
        #expect(
            message {
                _ = try LabelSession.create(
                    storage: memory, tasks: tasks, contexts: ["x", "y"], classes: ["a", "b"], workers: [],
                    options: .init(budget: 1))
            }.contains("there is a session already"))
    }

    @Test(
        "from a snapshot a session stands as after following everything, bit for bit, and goes on alike",
        arguments: [(AssignmentMethod.bbta, 0), (.bbta, 1), (.pooled, 0), (.pooled, 2)])
    func snapshots(method: AssignmentMethod, explore: Int) throws {
        let path = folder()
        let stays = try create(folder(), method: method, explore: explore)
        do {
            let session = try create(path, method: method, explore: explore)
            for part in 0..<5 {
                #expect(try play(session, 5 * part..<5 * part + 3) == play(stays, 5 * part..<5 * part + 3))
                if part == 2 { try session.takeSnapshot() }
                #expect(try play(session, 5 * part + 3..<5 * part + 5) == play(stays, 5 * part + 3..<5 * part + 5))
            }
        }
        let plain = folder()
        try FileManager.default.createDirectory(atPath: plain, withIntermediateDirectories: true)
        for name in ["journal.tsv", "journal.end"] {
            try FileManager.default.copyItem(atPath: path + "/" + name, toPath: plain + "/" + name)
        }
        let short = try open(path), long = try open(plain)
        #expect(FileManager.default.fileExists(atPath: path + "/snapshot"))
        #expect(equal(short, long) && equal(short, stays))
        let rest = try play(stays, 25..<45)
        #expect(rest.count > 10)
        #expect(try play(short, 25..<45) == rest)
        #expect(try play(long, 25..<45) == rest)
        #expect(equal(short, long) && equal(short, stays))
    }

    @Test("a damaged, foreign or older snapshot changes nothing, and damage of the journal below it is found")
    func damagedSnapshots() throws {
        let path = folder()
        let answers: [LabelSession.Answer]
        do {
            let session = try create(path, method: .pooled)
            try play(session, 0..<10)
            try session.takeSnapshot()
            try play(session, 10..<14)
            answers = session.answers
        }
        let file = URL(fileURLWithPath: path + "/snapshot"), whole = try Data(contentsOf: file)
        for at in stride(from: 0, to: whole.count, by: max(1, whole.count / 60)) {
            var bad = whole
            bad[at] ^= 4
            try bad.write(to: file)
            #expect(try open(path).answers == answers, "byte \(at)")
            try whole.prefix(at).write(to: file)
            #expect(try open(path).answers == answers, "cut at \(at)")
        }
        let other = folder()
        do {
            let session = try create(other, method: .pooled, explore: 1)
            try play(session, 0..<10)
            try session.takeSnapshot()
        }
        try Data(contentsOf: URL(fileURLWithPath: other + "/snapshot")).write(to: file)
        #expect(try open(path).answers == answers)
        try whole.write(to: file)
        #expect(try open(path).answers == answers)
        let journal = URL(fileURLWithPath: path + "/journal.tsv")
        var bad = try Data(contentsOf: journal)
        let at = bad.count / 3
        bad[at] ^= 1
        try bad.write(to: journal)
        let line = bad.prefix(at).count(where: { $0 == 10 }) + 1
        #expect(message { _ = try open(path) }.contains("journal.tsv:\(line): damaged"))
    }

    @Test("long sessions take snapshots by themselves")
    func automatic() throws {
        let path = folder()
        let many = (0..<500).map { LabelingTask(id: "t\($0)") }
        do {
            let session = try LabelSession.create(
                folder: path, tasks: many, classes: ["no", "yes"], workers: people, options: .init(budget: 5000))
            let rows = (0..<2500).map { "t\($0 / 5),w\($0 % 5),\($0 % 3 == 0 ? "yes" : "no")" }
            #expect(try session.importLabels(try table(rows), paid: true).new == 2500)
        }
        #expect(FileManager.default.fileExists(atPath: path + "/snapshot"))
        #expect(try open(path).labelCount == 2500)
    }

    @Test("every event's text is read as it was written")
    func events() throws {
        let events: [SessionEvent] = [
            .joined(worker: "a", cost: 0.1),
            .joined(worker: "*1/2", cost: 1, family: "*1/2"),
            .asked(task: "t", worker: "a", probability: 1 / 3, exploration: true, at: 5),
            .answered(task: "t", worker: "a", label: "yes", at: 6), .declined(task: "t", worker: "a", at: 7),
            .expired(task: "t", worker: "a", at: 8), .offered(task: "t", worker: "a", at: 9),
            .imported(task: "t", worker: "a", label: "no", paid: true, at: 10),
            .gold(task: "t", label: "no", at: 11, first: 4), .budget(limit: 12.5, at: 12),
            .added(task: "u", context: "x", at: 13, first: 9), .barred(worker: "a", at: 14),
            .unbarred(worker: "a", at: 15), .corrected(task: "t", worker: "a", label: "*1/2", at: 16),
            .set(.lease, value: 600, at: 17), .set(.maxOpen, value: nil, at: 18),
        ]
        for event in events { #expect(SessionEvent(text: SessionEvent.text(event)) == event) }
        for (index, text) in SessionEvent.texts(events).enumerated() {
            #expect(SessionEvent(text: text) == events[index])
        }
        for text in ["", "ask", "ask\tt\ta\t0.5\tdraw", "ask\tt\ta\tnan\tdraw\t5", "budget\tinf\t5", "set\tsize\t1\t2"]
        {
            #expect(SessionEvent(text: text) == nil, "\(text)")
        }
    }
}
