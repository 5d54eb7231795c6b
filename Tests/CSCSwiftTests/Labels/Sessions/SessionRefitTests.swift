import CSCSwift
import Foundation
import Testing

/// Sessions whose model is inferred anew aside, while questions and answers go on.
@Suite("Refits aside")
struct SessionRefitTests {
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.path + "/refit-" + UUID().uuidString
    }

    private static func session(_ folder: String, workers: Int = 5, seed: UInt64 = 3) throws -> LabelSession {
        try LabelSession.create(
            folder: folder, tasks: (0..<60).map { LabelingTask(id: "t\($0)", context: $0 % 3) },
            contexts: ["x", "y", "z"], classes: ["a", "b", "c"],
            workers: (0..<workers).map { LabelingWorker(id: "w\($0)") },
            options: .init(method: .pooled, budget: 1000, seed: seed), clock: { 100 })
    }

    /// What a worker says of a task: mostly right, by the names alone.
    private static func label(_ question: LabelSession.Question, _ chance: inout RandomStream) -> String {
        let truth = (Int(question.task.dropFirst()) ?? 0) % 3
        return ["a", "b", "c"][chance.unit() < 0.7 ? truth : Int(chance.unit() * 3)]
    }

    private static func opened(_ folder: String, usesSnapshot: Bool) throws -> LabelSession {
        try LabelSession(
            storage: try JournalFolder(opening: folder, wait: 0, usesSnapshot: usesSnapshot), clock: { 100 })
    }

    @Test("done by the call at which it is due it decides and finds what inference at once does")
    func atOnce() throws {
        let folders = [Self.folder(), Self.folder()]
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
        let inline = try Self.session(folders[0]), aside = try Self.session(folders[1])
        try aside.inferAside(true)
        var one = RandomStream(seed: 5, purpose: .labelAssignment), two = one
        for _ in 0..<200 {
            let first = try #require(try inline.next(workers: ["w0", "w1", "w2", "w3", "w4"]))
            let second = try #require(try aside.next(workers: ["w0", "w1", "w2", "w3", "w4"]))
            try #require(first.task == second.task && first.worker == second.worker)
            try inline.record(task: first.task, worker: first.worker, label: Self.label(first, &one))
            try aside.record(task: second.task, worker: second.worker, label: Self.label(second, &two))
        }
        #expect(inline.answers == aside.answers)
        #expect(aside.pooledRefit == nil && aside.eventCount > inline.eventCount + 5)
    }

    @Test(
        "whenever it takes effect, and whatever happens meanwhile, the records lead to the same state",
        arguments: [1, 2, 3, 4] as [UInt64])
    func replay(seed: UInt64) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var session = try Self.session(folder, seed: seed)
        try session.inferAside(true)
        session.finishesRefits = false
        session.takesSnapshots = false
        var chance = RandomStream(seed: seed, purpose: .labelAssignment)
        var running: (refit: Pooled.Refit, wait: Int)?
        var installed = 0, corrected = 0, answered: [LabelSession.Question] = [], reopened = 0
        for step in 0..<260 {
            if let question = try session.next(workers: session.workers.map(\.id)) {
                if chance.unit() < 0.05 {
                    try session.decline(question: question.id)
                } else {
                    try session.record(question: question.id, label: Self.label(question, &chance))
                    answered.append(question)
                }
            }
            if step % 40 == 20 { try session.join(LabelingWorker(id: "late\(step)")) }
            if step == 130 { try session.addTasks((0..<5).map { (task: "more\($0)", context: "new") }) }
            if step == 90 { _ = try session.setGold(CSVReader(text: "task,truth\nt7,a\n", name: "gold")) }
            if chance.unit() < 0.1, let old = answered.last {
                corrected += try session.correct(task: old.task, worker: old.worker, label: "c") == .new ? 1 : 0
            }
            if running == nil, let due = session.pooledRefit { running = (due, Int(chance.unit() * 9)) }
            if var now = running {
                now.wait -= 1
                running = now
                if now.wait < 0 {
                    now.refit.run()
                    installed += try session.install(now.refit) ? 1 : 0
                    running = nil
                }
            }
            if step % 37 == 36 {
                let answers = session.answers, mean = session.meanConfidence, events = session.eventCount
                let findings = session.findings, due = session.pooledRefit?.number
                if step % 2 == 0 { try session.takeSnapshot() }
                session = try Self.session(folder + "/\(step)", seed: 9)  // lets go of the folder
                session = try Self.opened(folder, usesSnapshot: step % 2 == 0)
                #expect(session.answers == answers && session.meanConfidence == mean && session.eventCount == events)
                #expect(session.findings == findings && session.pooledRefit?.number == due)
                session.finishesRefits = false
                session.takesSnapshots = false
                running = nil
                reopened += 1
            }
        }
        #expect(installed > 5 && corrected > 3 && reopened == 7)
        #expect(session.meanConfidence.map { $0 > 0.4 && $0 <= 1 } == true)
        let sure = session.answers.filter { $0.labels > 0 }
        let mean = sure.reduce(0) { $0 + $1.confidence } / Double(sure.count)
        #expect(abs((session.meanConfidence ?? 0) - mean) < 1e-9)
        // From a snapshot, from the records alone, and from the session itself: the same questions follow.
        try session.takeSnapshot()
        var asked: [[LabelSession.Question]] = []
        for usesSnapshot in [true, false] {
            let copy = Self.folder()
            try FileManager.default.copyItem(atPath: folder, toPath: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            asked.append(try Self.questions(try Self.opened(copy, usesSnapshot: usesSnapshot)))
        }
        asked.append(try Self.questions(session))
        #expect(asked[0] == asked[1] && asked[1] == asked[2] && asked[0].count == 20)
    }

    /// Twenty more questions.
    private static func questions(_ session: LabelSession) throws -> [LabelSession.Question] {
        try session.ask(workers: nil, count: 20).asked
    }

    @Test("one that the session has given up is not installed; a program without a second thread does what is due")
    func givenUp() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var session = try Self.session(folder)
        try session.inferAside(true)
        session.finishesRefits = false
        var chance = RandomStream(seed: 8, purpose: .labelAssignment)
        func answer(_ session: LabelSession) throws {
            let question = try #require(try session.next(workers: ["w0", "w1", "w2"]))
            try session.record(question: question.id, label: Self.label(question, &chance))
        }
        while session.pooledRefit == nil { try answer(session) }
        var refit = try #require(session.pooledRefit)
        try session.addTasks([(task: "one", context: "x")])
        refit.run()
        let events = session.eventCount, bytes = session.stateBytes
        #expect(try !session.install(refit))
        #expect(session.eventCount == events && session.stateBytes == bytes && session.pooledRefit == nil)
        while session.pooledRefit == nil { try answer(session) }
        session = try Self.session(folder + "/other")
        session = try Self.opened(folder, usesSnapshot: false)
        #expect(session.pooledRefit != nil)
        try answer(session)
        #expect(session.pooledRefit == nil)
    }

    /// A session in memory that has been played for a while, with what its refits found.
    private static func played(seed: UInt64) throws -> (storage: MemoryStorage, session: LabelSession) {
        let storage = MemoryStorage()
        let session = try LabelSession.create(
            storage: storage, tasks: (0..<60).map { LabelingTask(id: "t\($0)", context: 0) }, classes: ["a", "b", "c"],
            workers: (0..<5).map { LabelingWorker(id: "w\($0)") },
            options: .init(method: .pooled, budget: 1000, seed: 3), clock: { 100 })
        (session.finishesRefits, session.takesSnapshots) = (false, false)
        try session.inferAside(true)
        var chance = RandomStream(seed: seed, purpose: .labelAssignment)
        for _ in 0..<100 {
            let question = try #require(try session.next(workers: session.workers.map(\.id)))
            try session.record(question: question.id, label: label(question, &chance))
            guard var refit = session.pooledRefit else { continue }
            let due = refit
            refit.run()
            storage.refits[refit.number] = refit.bytes
            let done = try #require(refit.bytes.flatMap { due.done(by: $0) })
            #expect(done.meanConfidence == refit.meanConfidence && done.bytes == refit.bytes)
            // Whichever of the two takes effect, the state is the same.
            let copies = try [refit, done].map { result in
                let copy = MemoryStorage()
                (copy.records, copy.refits) = (storage.records, storage.refits)
                let other = try LabelSession(storage: copy, takesSnapshots: false, clock: { 100 })
                other.finishesRefits = false
                #expect(try other.install(result))
                return other
            }
            #expect(copies[0].stateBytes == copies[1].stateBytes)
            #expect(try session.install(done))
        }
        return (storage, session)
    }

    @Test("what a refit found is kept: whoever follows the records takes it and comes to the same state")
    func kept() throws {
        let (storage, session) = try Self.played(seed: 5)
        #expect(storage.refits.count > 3 && session.endedRefits == storage.refits.count)
        func followed(_ refits: [Int: [UInt8]]) throws -> LabelSession {
            let copy = MemoryStorage()
            (copy.records, copy.refits) = (storage.records, refits)
            let session = try LabelSession(storage: copy, takesSnapshots: false, clock: { 100 })
            #expect(copy.kept == nil)  // opening keeps no snapshot where it is told not to
            return session
        }
        let taken = try followed(storage.refits), inferred = try followed([:])
        #expect(taken.answers == session.answers && inferred.answers == session.answers)
        #expect(taken.stateBytes == inferred.stateBytes)
        // Bytes that are not whole, or of another refit, are not used.
        let damaged = storage.refits.mapValues { Array($0.dropLast(9)) }
        #expect(try followed(damaged).stateBytes == inferred.stateBytes)
        let shifted = Dictionary(uniqueKeysWithValues: storage.refits.map { ($0.key + 1, $0.value) })
        #expect(try followed(shifted).stateBytes == inferred.stateBytes)
        // Those of other answers are: so nothing was inferred again.
        let strange = try followed(Self.played(seed: 6).storage.refits)
        #expect(strange.answers != session.answers)
    }
}
