import CSCSwift
import Foundation
import Testing

/// Sessions whose workers, or models, have families.
@Suite("Live sessions: families")
final class SessionFamilyTests {
    private let root = NSTemporaryDirectory() + "cafe-family-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private static let classes = ["a", "b", "c"]

    /// Five people who are right in 70 % of cases on their own, and four models who always say the same, which is right in
    /// 55 % and else the next class.
    private func study(seed: UInt64, families: [LabelFamily]) throws -> (accuracy: Double, confidence: Double) {
        var stream = RandomStream(seed: seed, purpose: .test)
        let truth = (0..<250).map { _ in stream.index(below: 3) }
        let answers = truth.map { truth -> [Int] in
            let sheet = stream.unit() < 0.55 ? truth : (truth + 1) % 3
            return (0..<5).map { _ in stream.unit() < 0.7 ? truth : (truth + 1 + stream.index(below: 2)) % 3 }
                + [Int](repeating: sheet, count: 4)
        }
        let names = (0..<9).map { "w\($0)" }
        let session = try LabelSession.create(
            storage: MemoryStorage(), tasks: truth.indices.map { LabelingTask(id: "\($0)") }, classes: Self.classes,
            workers: names.map { LabelingWorker(id: $0) }, options: .init(budget: 1250, seed: seed),
            families: families, clock: { 1000 })
        while let question = try session.next(workers: names) {
            let label = answers[Int(question.task)!][Int(question.worker.dropFirst())!]
            try session.record(task: question.task, worker: question.worker, label: Self.classes[label])
        }
        let found = session.answers
        let right = truth.indices.count(where: { found[$0].label == Self.classes[truth[$0]] })
        return (Double(right) / 250, found.reduce(0) { $0 + $1.confidence } / 250)
    }

    @Test("models that always say the same: named as a family, labels are better and posteriors honest")
    func told() throws {
        let family = [LabelFamily(name: "llm", members: (5..<9).map { "w\($0)" })]
        var told = (accuracy: 0.0, excess: 0.0), untold = told
        for seed in UInt64(1)...3 {
            let with = try study(seed: seed, families: family), without = try study(seed: seed, families: [])
            told = (told.accuracy + with.accuracy / 3, told.excess + (with.confidence - with.accuracy) / 3)
            untold = (
                untold.accuracy + without.accuracy / 3, untold.excess + (without.confidence - without.accuracy) / 3
            )
        }
        #expect(told.accuracy > untold.accuracy + 0.05, "told \(told), untold \(untold)")
        #expect(told.excess < untold.excess - 0.05 && abs(told.excess) < 0.06, "told \(told), untold \(untold)")
    }

    @Test("a plan supposes that a family is right and wrong together, and pays it as one voice")
    func plans() {
        func accuracy(_ families: [Int]?) -> Double {
            LabelPlan(
                taskContexts: [Int](repeating: 0, count: 100), workerCosts: [Double](repeating: 1, count: 5),
                assumption: .uniform(0.7...0.7), families: families
            ).simulate(budgets: [500], runs: 20, seed: 3)[0].accuracy
        }
        let alone = accuracy(nil), pair = accuracy([0, 0, -3, -4, -5]), all = accuracy([0, 0, 0, 0, 0])
        // A majority of five of .7 is right in .837 of cases, one of them in .7.
        #expect(abs(alone - 0.837) < 0.03 && abs(all - 0.7) < 0.03, "\(alone) \(all)")
        #expect(pair < alone - 0.01 && pair > all + 0.05, "\(pair)")
        #expect(accuracy([-1, -2, -3, -4, -5]) == alone)
    }

    @Test("a comparison of methods hands the families to those who have a use for them")
    func comparison() throws {
        var stream = RandomStream(seed: 4, purpose: .test)
        var table = LabelTable(
            tasks: (0..<200).map { LabelingTask(id: "\($0)") }, workers: (0..<8).map { LabelingWorker(id: "\($0)") },
            contexts: ["all"], classes: ["no", "yes"], labels: [])
        for task in 0..<200 {
            let truth = stream.index(below: 2), sheet = stream.unit() < 0.55 ? truth : 1 - truth
            for worker in 0..<8 {
                let own = stream.unit() < 0.75 ? truth : 1 - truth
                table.labels.append(Label(task: task, worker: worker, label: worker < 4 ? own : sheet))
            }
        }
        let store = LabelStore(table)
        let families = [-1, -2, -3, -4, 0, 0, 0, 0]
        let blind = AggregatorComparison(store, methods: [.pooled, .majority])
        let told = AggregatorComparison(store, families: families, methods: [.pooled, .majority])
        func entry(_ compared: AggregatorComparison, _ method: AggregationMethod) throws -> AggregatorComparison.Entry {
            try #require(compared.entries.first { $0.method == method })
        }
        #expect(try entry(told, .majority).evidence == entry(blind, .majority).evidence)
        #expect(try entry(told, .pooled).result.posterior != entry(blind, .pooled).result.posterior)
    }

    private func truth(_ task: String) -> String { (Int(task.dropFirst()) ?? 0) % 3 == 0 ? "yes" : "no" }

    private func create(
        _ name: String, families: [LabelFamily] = [], workers: [String] = ["a", "b", "c", "d"],
        models: [String] = [], method: AssignmentMethod = .pooled
    ) throws -> LabelSession {
        let tasks = (0..<60).map { LabelingTask(id: "t\($0)", context: $0 % 2) }
        let rows = models.indices.flatMap { model in
            tasks.indices.map { task in
                let yes = truth("t\(task)") == "yes" ? 0.9 : 0.2
                return (task: task, model: model, probabilities: [1 - yes, yes])
            }
        }
        return try LabelSession.create(
            folder: root + "/" + name, tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"],
            workers: workers.map { LabelingWorker(id: $0) }, options: .init(method: method, budget: 300, seed: 6),
            soft: models.isEmpty ? nil : try SoftLabels(models: models, rows: rows, taskCount: 60, classCount: 2),
            families: families, clock: { 1000 })
    }

    private func play(_ session: LabelSession, _ rounds: Int) throws {
        for round in 0..<rounds {
            guard let question = try session.next(workers: session.workers.map(\.id)) else { return }
            let right = truth(question.task), wrong = right == "yes" ? "no" : "yes"
            try session.record(task: question.task, worker: question.worker, label: round % 5 == 4 ? wrong : right)
        }
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("the journal alone and a snapshot lead to the same families, state and future", arguments: [false, true])
    func reopened(aside: Bool) throws {
        let name = "s\(aside)"
        let live = try create(
            name, families: [.init(name: "gpt", members: ["m1", "m2"]), .init(name: "llm", members: ["b", "c"])],
            models: ["m1", "m2", "m3"])
        #expect(live.soft?.families == [0, 0, -3], "\(live.soft?.families ?? [])")
        if aside { try live.inferAside(true) }
        try play(live, 30)
        // Into a family that there is, into a new one while a refit may be under way, alone, and not at all.
        live.finishesRefits = false
        try play(live, 12)
        try live.join(LabelingWorker(id: "e"), family: "llm")
        try live.join([LabelingWorker(id: "f"), LabelingWorker(id: "g")], family: "new")
        try live.join(LabelingWorker(id: "h"))
        live.finishesRefits = true
        _ = try live.ask(workers: [], joining: [LabelingWorker(id: "i", cost: 1000)], family: "new")
        try play(live, 45)
        let expected = [
            LabelFamily(name: "gpt", members: ["m1", "m2"]), LabelFamily(name: "llm", members: ["b", "c", "e"]),
            LabelFamily(name: "new", members: ["f", "g"]),
        ]
        #expect(live.families == expected, "\(live.families)")
        let copy = root + "/copy-" + name
        try live.takeSnapshot()
        try FileManager.default.copyItem(atPath: root + "/" + name, toPath: copy)
        var states: [[UInt8]] = [], futures: [[LabelSession.Answer]] = []
        for (usesSnapshot, number) in [(false, 1), (false, 2), (true, 3)] {
            let path = copy + "-\(number)"
            try FileManager.default.copyItem(atPath: copy, toPath: path)
            let again = try LabelSession(
                storage: try JournalFolder(opening: path, wait: 0, usesSnapshot: usesSnapshot), clock: { 1000 })
            #expect(again.families == expected && again.answers == live.answers && again.models == live.models)
            #expect(again.copy().families == expected)
            states.append(again.stateBytes)
            try play(again, 20)
            futures.append(again.answers)
        }
        // Who follows the journal has not looked whom to ask: the same state but for the notes of the last search.
        #expect(states[0] == states[1], "two who follow the journal")
        #expect(states[2] == live.stateBytes, "who opens the snapshot")
        try play(live, 20)
        #expect(futures == [live.answers, live.answers, live.answers])
    }

    @Test("a family counts from the first answer on: whoever joins one is heard as those who began in it")
    func joined() throws {
        func studied(_ path: String, _ begin: (String) throws -> LabelSession) throws -> LabelSession {
            let session = try begin(path)
            let names = ["a", "b", "c", "d"]
            for task in 0..<20 {
                let rows = names.map { "t\(task),\($0),\($0 == "a" ? "yes" : "no")" }
                let table = try CSVReader(
                    text: "task,worker,label\n" + rows.joined(separator: "\n") + "\n", name: "rows")
                _ = try session.importLabels(table, paid: false)
            }
            return session
        }
        let begun = try studied("begun") {
            try self.create($0, families: [.init(name: "x", members: ["b", "c", "d"])])
        }
        let joined = try studied("joined") {
            let session = try self.create($0, workers: ["a"])
            try session.join(["b", "c", "d"].map { LabelingWorker(id: $0) }, family: "x")
            return session
        }
        let alone = try studied("alone") { try self.create($0) }
        #expect(joined.families == begun.families)
        #expect(zip(joined.answers, begun.answers).allSatisfy { abs($0.confidence - $1.confidence) < 1e-9 })
        #expect(alone.answers[0].confidence > begun.answers[0].confidence + 0.01, "three who copy say more than one")
    }

    @Test("a session without families has the journal that it always had, byte for byte")
    func recorded() throws {
        let tasks = [("t0", 0), ("t1", 1), ("t2", 0)].map { LabelingTask(id: $0, context: $1) }
        let session = try LabelSession.create(
            folder: root + "/old", tasks: tasks, contexts: ["x", "y"], classes: ["no", "yes"],
            workers: [LabelingWorker(id: "ann"), LabelingWorker(id: "bob", cost: 0.5)],
            options: .init(budget: 9, stopAt: 0.9, seed: 6), gold: [("t1", "yes")],
            soft: try SoftLabels(
                models: ["gpt"], rows: [(0, 0, [0.25, 0.75]), (2, 0, [0.5, 0.5])], taskCount: 3, classCount: 2),
            clock: { 1_796_126_987 })
        try session.join(LabelingWorker(id: "cyd", cost: 2))
        // As written by the program before there were families.
        let before = """
            session\t2\t6\t9.0\t0\tmargin\tno\tyes\t1ddfb7f8f3980d6f
            method\tpooled\t2\t7457d43c3eff592a
            stop\t0.9\t42310fa4f0c80afc
            contexts\tx\ty\tb7162d5935e735c5
            task\tt0\t0\t27f28016c7b85f0f
            task\tt1\t1\tb1e6cba19dd482aa
            task\tt2\t0\t3206e5de45bd4a9c
            gold\tt1\tyes\t8167a9a524b07f22
            models\tgpt\tdd64065747bc386a
            soft\tt0\t0\t0.25\t0.75\t5a25ca7c7a988c34
            soft\tt2\t0\t0.5\t0.5\t2509a0b75197a9f1
            worker\tann\t1.0\t26eecb76f1f6ec78
            worker\tbob\t0.5\t6a0a778d82aeff6c
            start\t1796126987.0\te93322b2d76d5f67
            join\tcyd\t2.0\tf2dde0747f38183a

            """
        #expect(try String(contentsOfFile: root + "/old/journal.tsv", encoding: .utf8) == before)
    }

    @Test("families of models: named, or by the numbers of the soft labels, which go by their members' names")
    func models() throws {
        let soft = try SoftLabels(
            models: ["m1", "m2", "m3"], rows: (0..<3).map { (0, $0, [0.2, 0.8]) }, taskCount: 1, classCount: 2)
        func begin(_ soft: SoftLabels, _ families: [LabelFamily]) throws -> LabelSession {
            try LabelSession.create(
                storage: MemoryStorage(), tasks: [LabelingTask(id: "t")], classes: ["no", "yes"], workers: [],
                options: .init(budget: 3), soft: soft, families: families, clock: { 1000 })
        }
        let numbered = try begin(soft.families([4, 1, 4]), [])
        #expect(numbered.families == [LabelFamily(name: "m1+m3", members: ["m1", "m3"])])
        #expect(numbered.soft?.families == [0, -2, 0])
        let named = try begin(soft.families([4, 1, 4]), [LabelFamily(name: "x", members: ["m1", "m3"])])
        #expect(named.families.map(\.name) == ["x"] && named.soft == numbered.soft)
        #expect(try begin(soft, []).families.isEmpty)
    }

    @Test("what does not fit is refused in a sentence, and nothing is begun")
    func refusals() throws {
        for (families, part) in [
            ([LabelFamily(name: "x", members: ["a", "e"])], "the family 'x': there is no worker or model 'e'"),
            ([LabelFamily(name: "x", members: ["a", "a"])], "the family 'x': 'a' is named twice"),
            (
                [LabelFamily(name: "x", members: ["a"]), LabelFamily(name: "y", members: ["b", "a"])],
                "'a' is in the family 'x' already"
            ),
            (
                [LabelFamily(name: "x", members: ["a"]), LabelFamily(name: "x", members: ["b"])],
                "there are two of family 'x'"
            ),
            ([LabelFamily(name: "x", members: [])], "the family 'x' has nobody in it"),
            ([LabelFamily(name: "", members: ["a"])], "a family has no name"),
            ([LabelFamily(name: "x\ty", members: ["a"])], "control character"),
            (
                [LabelFamily(name: "x", members: ["a", "m1"])],
                "the family of model 'm1' has workers with labels too; a family is of models or of workers"
            ),
        ] {
            let found = message { _ = try self.create("bad", families: families, models: ["m1"]) }
            #expect(found.contains(part), "\(found)")
        }
        let bandit = message {
            _ = try self.create("bad", families: [LabelFamily(name: "x", members: ["a", "b"])], method: .bbta)
        }
        #expect(bandit.contains("families go with the method pooled"), "\(bandit)")
        #expect(!FileManager.default.fileExists(atPath: root + "/bad"))
        let session = try create("s", families: [.init(name: "gpt", members: ["m1"])], models: ["m1"])
        let before = session.stateBytes
        let mixed = message { try session.join(LabelingWorker(id: "e"), family: "gpt") }
        #expect(mixed.contains("a family is of models or of workers"), "\(mixed)")
        #expect(message { try session.join(LabelingWorker(id: "e"), family: "") }.contains("has no name"))
        #expect(session.stateBytes == before && session.workers.count == 4)
    }
}
