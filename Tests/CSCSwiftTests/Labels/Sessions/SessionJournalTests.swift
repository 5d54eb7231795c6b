import CSCSwift
import Foundation
import Testing

@Suite("Journals of live sessions")
final class SessionJournalTests {
    private let root = NSTemporaryDirectory() + "cafe-journal-\(UUID().uuidString)"
    private func folder() -> String { root + "/\(UUID().uuidString)" }

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func open(_ folder: String) throws -> LabelSession { try LabelSession(opening: folder, wait: 0) }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("a journal of the first version opens to the state in which it was left")
    func firstVersion() throws {
        let path = folder()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.oldJournal.write(toFile: path + "/journal.tsv", atomically: true, encoding: .utf8)
        let session = try open(path)
        #expect(session.answers.map(\.label) == ["yes", "no", "no", nil])
        let third: Double = 1 / 3
        let margins: [Double] = [0.5, third, third, 0]
        #expect(session.answers.map(\.confidence) == margins)
        #expect(session.budget.spent == 2 && session.budget.committed == 0 && session.budget.limit == 6)
        #expect(session.outstanding.map(\.task) == ["t4"] && session.outstanding.map(\.worker) == ["bob"])
        #expect(session.workers.map(\.cost) == [1, 1e-7, 0.5])
        #expect(session.options == .init(method: .bbta, budget: 6, explore: 0, score: .margin, seed: 3))
        #expect(try session.next(workers: ["ann"]) != nil)
    }

    @Test("a session of pooled keeps the version it began with, and its inference", arguments: [1, 2])
    func pooledVersions(version: Int) throws {
        let path = folder()
        var options = LabelSession.Options(budget: 200)
        options.pooledVersion = version
        let names = (0..<6).map { "w\($0)" }
        var session: LabelSession? = try LabelSession.create(
            folder: path, tasks: (0..<50).map { LabelingTask(id: "t\($0)") }, contexts: ["all"],
            classes: ["no", "yes"], workers: names.map { LabelingWorker(id: $0) }, options: options)
        for n in 0..<150 {
            guard let question = try session?.next(workers: names) else { break }
            try session?.record(
                task: question.task, worker: question.worker, label: n * n % 7 < 3 ? "no" : "yes")
        }
        #expect(session?.findings?.contains("by held-out labels") == (version == 2))
        let journal = try String(contentsOfFile: path + "/journal.tsv", encoding: .utf8)
        #expect(journal.contains("\nmethod\tpooled\t2") == (version == 2))
        let copy = path + "-copy", answers = session?.answers
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        func next(_ session: LabelSession?) throws -> [String] {  // without the moment of asking
            try session?.ask(workers: nil, count: 20).asked.map { "\($0.id) \($0.task) \($0.worker)" } ?? []
        }
        let asked = try next(session)
        session = nil  // a folder has one session at a time
        let again = try open(copy)
        #expect(again.options.pooledVersion == version && again.answers == answers)
        #expect(try next(again) == asked && asked.count == 20)
    }

    @Test("a beginning that no session has is refused, though its checksums are right")
    func strangeBeginnings() throws {
        func opened(_ lines: [String]) throws -> String {
            let path = folder()
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            var chain: UInt64 = 0
            var text = ""
            for (index, line) in lines.enumerated() {
                chain = ContentHash.sipHash(Array(line.utf8), k0: chain, k1: UInt64(index + 1))
                let digits = String(chain, radix: 16)
                text += line + "\t" + String(repeating: "0", count: 16 - digits.count) + digits + "\n"
            }
            try text.write(toFile: path + "/journal.tsv", atomically: true, encoding: .utf8)
            return message { _ = try open(path) }
        }
        let good = [
            "session\t1\t3\t6.0\t0\tmargin\tno\tyes", "contexts\ta", "task\tt1\t0", "worker\tann\t1.0", "start\t5.0",
        ]
        #expect(try opened(good) == "no error")
        func with(_ index: Int, _ line: String) throws -> String {
            var lines = good
            lines[index] = line
            return try opened(lines)
        }
        let score = try with(0, "session\t1\t3\t6.0\t0\tmargins\tno\tyes")
        #expect(score.contains("journal.tsv:1: damaged: line 1 names the score 'margins'"))
        #expect(score.hasSuffix("did you mean 'margin'?"))
        #expect(try with(0, "session\t1\t3\tnan\t0\tmargin\tno\tyes").contains("the budget, nan"))
        #expect(try with(0, "session\t1\tx\t6.0\t0\tmargin\tno\tyes").contains("line 1 has a seed"))
        #expect(try with(0, "session\t3\t3\t6.0\t0\tmargin\tno\tyes").contains("line 1 is not part"))
        #expect(try with(0, "session\t1\t3\t6.0\t0\tmargin\tno\tno").contains("two of class 'no'"))
        #expect(try with(2, "task\tt1\t1").contains("context number 1 of 1"))
        #expect(try with(3, "worker\tann\t-1.0").contains("price of worker 'ann'"))
        #expect(try with(1, "task\tt1\t0").contains("journal.tsv:5: damaged"))
        #expect(try opened(Array(good.dropLast())).contains("beginning is not complete"))
        #expect(try opened(good + ["ask\tt1\tann\t1.0\tguess\t5.0"]).contains("journal.tsv:6: damaged"))
    }

    /// Written by the first version of the program: one label of 1e-7 (free then), a decline, two expiries, a newcomer.
    private static let oldJournal = """
        session\t1\t3\t6.0\t0\tmargin\tno\tyes\t56e92351339e4669
        contexts\ta\tb\t356e282088b6faee
        task\tt1\t0\tc23ad2cfe5833819
        task\tt2\t1\t8b699406ef936977
        task\tt3\t0\t238c61927f857289
        task\tt4\t1\tdac859535e2e9122
        worker\tann\t1.0\t4a26d06feb72dde2
        worker\tbob\t1e-07\t4df2b306655eab68
        start\t1795391427.0\t89e255cd927739d2
        ask\tt1\tann\t0.5\tdraw\t1795391428.0\t7e154be01249dd2a
        ask\tt2\tann\t0.5\tdraw\t1795391428.0\t2de41be59d2a19b2
        ask\tt3\tbob\t0.5\tdraw\t1795391428.0\t49b5a5cbe3072af1
        answer\tt1\tann\tyes\t1795391429.0\t6d64ab74076852ba
        join\tcy\t0.5\t524bcaf88b452431
        ask\tt4\tcy\t1.0\tdraw\t1795391430.0\t48d64ffe33926966
        ask\tt1\tcy\t0.5\tdraw\t1795391431.0\t1fee8b4dceb76225
        ask\tt2\tbob\t0.5\tdraw\t1795391431.0\t83e83cbccfc75408
        ask\tt3\tcy\t0.5\tdraw\t1795391431.0\t11f4f395a89957dd
        answer\tt3\tbob\tno\t1795391432.0\tf4b357389b7e9aad
        answer\tt2\tann\tno\t1795391433.0\tdba2fcb301c8ae04
        decline\tt2\tbob\t1795391434.0\tbde4d2aec8cbfde7
        expire\tt4\tcy\t1795391436.0\t57ba7f822fd22142
        expire\tt1\tcy\t1795391436.0\te7d5e77102ac8146
        expire\tt3\tcy\t1795391436.0\tc8b5e171b59cd444
        ask\tt4\tbob\t0.5\tdraw\t1795391436.0\t3faeacf4f145d7c0

        """
}
