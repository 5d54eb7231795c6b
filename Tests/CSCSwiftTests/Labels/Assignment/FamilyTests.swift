import CSCSwift
import Foundation
import Testing

@Suite("Families of workers")
struct FamilyTests {
    /// Six people who are right in 70 % of cases on their own, and five who share one answer sheet that is right in 60 %.
    private func made(seed: UInt64) -> (matrix: LabelMatrix, families: [Int]) {
        var stream = RandomStream(seed: seed, purpose: .test)
        let tasks = (0..<400).map { LabelingTask(id: "t\($0)", truth: stream.index(below: 3)) }
        func coin(_ accuracy: Double, _ truth: Int) -> Int {
            stream.unit() < accuracy ? truth : (truth + 1 + stream.index(below: 2)) % 3
        }
        var entries: [Int32] = []
        for task in tasks {
            let sheet = coin(0.6, task.truth!)
            for worker in 0..<11 {
                entries.append(
                    Int32(worker < 6 ? coin(0.7, task.truth!) : stream.unit() < 0.95 ? sheet : coin(0.6, task.truth!)))
            }
        }
        let matrix = LabelMatrix(
            tasks: tasks, workers: (0..<11).map { LabelingWorker(id: "w\($0)") }, contexts: ["all"],
            classes: ["a", "b", "c"], entries: entries)
        return (matrix, (0..<11).map { $0 < 6 ? -1 - $0 : 7 })
    }

    @Test("one answer sheet counts once: told of it, the model is right and not fooled by five equal voices")
    func answerSheet() throws {
        let (matrix, families) = made(seed: 4)
        let store = LabelStore(matrix.table), truth = matrix.tasks.map(\.truth)
        var plain = HierarchicalBayes(), told = HierarchicalBayes(families: families)
        let without = try #require(plain.fitPredict(store).accuracy(truth: truth))
        let result = told.fitPredict(store)
        let with = try #require(result.accuracy(truth: truth))
        #expect(without < 0.75 && with > 0.85 && with > without + 0.1, "\(with) with families, \(without) without")
        // The same families by other numbers, and no families at all by numbers of their own: the same bits.
        var renamed = HierarchicalBayes(families: families.map { $0 < 0 ? $0 - 5 : 1 })
        #expect(renamed.fitPredict(store).posterior == result.posterior)
        var alone = HierarchicalBayes(families: Array(0..<11))
        #expect(alone.fitPredict(store).posterior == plain.fitPredict(store).posterior)
    }

    @Test("asking: a second voice of a family is the last to be asked about a task")
    func asking() throws {
        let (matrix, families) = made(seed: 5)
        func accuracy(_ families: [Int]?) throws -> (Double, twice: Int) {
            var method = Pooled(
                taskContexts: matrix.taskContexts, workers: 11, classes: 3,
                options: .init(families: families, seed: 2))
            for _ in 0..<400 * 4 {
                guard let pair = method.next() else { break }
                try method.record(task: pair.task, worker: pair.worker, label: matrix[pair.task, pair.worker]!)
            }
            let twice = Dictionary(grouping: method.answers.filter { $0.worker >= 6 }, by: \.task)
                .values.count(where: { $0.count > 1 })
            return (matrix.accuracy(of: method.labels)!, twice)
        }
        let told = try accuracy(families), untold = try accuracy(nil)
        #expect(told.twice < untold.twice / 4, "\(told.twice) tasks with two of the family, \(untold.twice) untold")
        #expect(told.0 > untold.0, "\(told.0), untold \(untold.0)")
    }

    @Test("a family table names workers; who is not in it is alone")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("family-\(UUID()).csv").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let workers = ["a", "b", "c", "d"].map { LabelingWorker(id: $0) }
        try "worker,family\na,llm\nc,llm\nd,\n".write(toFile: path, atomically: true, encoding: .utf8)
        let families = try LabelFiles.readFamilies(path, workers: workers)
        #expect(families[0] == families[2] && Set(families).count == 3)
        try "worker,family\na,llm\na,llm\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CSCError.self) { try LabelFiles.readFamilies(path, workers: workers) }
        try "worker,family\nx,llm\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: CSCError.self) { try LabelFiles.readFamilies(path, workers: workers) }
    }

    @Test("crews: the text, and models at a hundredth of the price that err together need people beside them")
    func crews() throws {
        let people = try LabelCrew(text: "people=12@1:0.7-0.9"),
            models = try LabelCrew(text: "model=4@0.01:0.75-0.8:0.9")
        #expect(people == LabelCrew(name: "people", count: 12, price: 1, accuracy: 0.7...0.9))
        #expect(models.correlation == 0.9 && models.price == 0.01)
        for bad in [
            "people", "x=0@1:0.5-0.6", "x=1@1:0.6-0.5", "x=1@-1:0.5-0.6", "x=1@1:0.5-0.6:2", "=1@1:0.5-0.6",
            "x=1@1:0.5",
        ] {
            #expect(throws: CSCError.self) { try LabelCrew(text: bad) }
        }
        func accuracy(_ crews: [LabelCrew]) -> Double {
            LabelPlan(tasks: 100, crews: crews, classCount: 2).simulate(budgets: [150], runs: 20, seed: 3)[0].accuracy
        }
        let alone = accuracy([models]), without = accuracy([people]), both = accuracy([people, models])
        #expect(alone < 0.84, "models that err together: \(alone)")
        #expect(both > alone + 0.03 && both > without + 0.01, "both \(both), models \(alone), people \(without)")
    }
}
