import CSCSwift
import Foundation
import Testing

@Suite("Label files")
final class LabelFilesTests {
    private let root = NSTemporaryDirectory() + "cafe-labels-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func file(_ text: String) throws -> String {
        let path = root + "/\(UUID().uuidString).csv"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("any ids, aliases, repeated and contradictory rows, truths, numeric order of classes")
    func reading() throws {
        let labels = try file(
            "annotator,Question,ANSWER\nann,q1,10\nbob,q1,2\nann,q1,10\nann,q2,2\nbob,q1,10\nbob,q1,10\n\"c, d\",q2,9\n"
        )
        let truth = try file("item,gold\nq2,2\nq1,10\nq9,2\n")
        let (table, report) = try LabelFiles().read(labels: labels, truth: truth)
        #expect(table.tasks.map(\.id) == ["q1", "q2"])
        #expect(table.workers.map(\.id) == ["ann", "bob", "c, d"])
        #expect(table.classes == ["2", "9", "10"])
        #expect(table.tasks.map(\.truth) == [2, 0])
        #expect(table.labels.map(\.label) == [2, 0, 0, 1])
        #expect(report.rows == 7)
        #expect(report.duplicates == 2)
        #expect(report.contradictions == 1)
        #expect(
            report.contradictionExamples == ["line 6: '10', but worker 'bob' gave task 'q1' the label '2' in line 3"])
        #expect(report.truthsWithoutLabels == 1)
        let last = try LabelFiles(contradictions: .last).read(labels: labels).table
        #expect(last.labels.map(\.label) == [2, 2, 0, 1])
        #expect(
            message { _ = try LabelFiles(contradictions: .fail).read(labels: labels) }
                .hasSuffix(":6: column 'label' is '10': worker 'bob' gave task 'q1' the label '2' in line 3"))
    }

    @Test("a tasks file fixes the tasks, their contexts and truths; unknown tasks are named with the nearest known one")
    func tasksFile() throws {
        let tasks = try file("task,context,truth\nt-10,news,yes\nt-20,sport,\nt-30,news,no\n")
        let (table, _) = try LabelFiles().read(
            labels: try file("task,worker,label\nt-30,w,no\nt-10,w,maybe\n"), tasks: tasks)
        #expect(table.tasks.map(\.id) == ["t-10", "t-20", "t-30"])
        #expect(table.contexts == ["news", "sport"])
        #expect(table.tasks.map(\.context) == [0, 1, 0])
        #expect(table.classes == ["maybe", "no", "yes"])
        #expect(table.tasks.map(\.truth) == [2, nil, 1])
        let unknown = try file("task,worker,label\nt-11,w,no\n")
        #expect(message { _ = try LabelFiles().read(labels: unknown, tasks: tasks) }.contains("did you mean 't-10'?"))
        let twice = try file("task,context\na,x\na,y\n")
        #expect(message { _ = try LabelFiles().readTasks(twice) }.contains(":3: column 'task' is 'a'"))
        let (list, contexts, classes) = try LabelFiles().readTasks(tasks)
        #expect(list.count == 3 && contexts == ["news", "sport"] && classes == ["no", "yes"])
    }

    @Test("bad rows fail naming line and column, or are skipped and counted")
    func badRows() throws {
        let bad = try file("task,worker,label\na,w,1\nb,,1\nc\nd,w,0\n")
        #expect(message { _ = try LabelFiles().read(labels: bad) }.contains(":3: column 'worker' is ''"))
        let (table, report) = try LabelFiles(badRows: .skip).read(labels: bad)
        #expect(table.labels.count == 2)
        #expect(report.badRows.skipped == 2)
        let empty = try file("task,worker,label\n")
        #expect(message { _ = try LabelFiles().read(labels: empty) }.contains("no labels"))
        let headerless = LabelFiles(format: CSVFormat(separator: .blanks, header: .absent))
        #expect(try headerless.read(labels: file("0 1  1\n2 1 0\n")).table.labels.count == 2)
        let other = try file("task,worker,score\n1,2,3\n")
        #expect(
            message { _ = try LabelFiles().read(labels: other) }.contains("no column 'label' ('answer', 'response'"))
    }

    private static let data = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("../shared/data/labels").standardized.path

    /// Published and checked accuracies (expected over ties where the majority ties).
    static let anchors: [(set: String, method: AggregationMethod, accuracy: Double)] = [
        ("rte", .majority, 0.8969), ("rte", .dawidSkene, 0.9275),
        ("d_jn-product", .majority, 0.897), ("d_jn-product", .weighted, 0.897), ("d_jn-product", .dawidSkene, 0.940),
        ("d_jn-product", .glad, 0.928),
        ("d_sentiment", .majority, 0.932), ("d_sentiment", .weighted, 0.951), ("d_sentiment", .dawidSkene, 0.960),
        ("d_sentiment", .glad, 0.948),
        ("bluebird", .majority, 0.7593), ("bluebird", .dawidSkene, 0.8981),
        ("dog", .majority, 0.8222), ("dog", .dawidSkene, 0.8426),
        ("web", .majority, 0.7307), ("web", .dawidSkene, 0.8255),
        ("CF", .majority, 0.8822), ("CF", .dawidSkene, 0.83),
        ("ZenCrowd_us", .majority, 0.8615), ("ZenCrowd_us", .dawidSkene, 0.8211),
    ]

    @Test(
        "recorded sets meet the published accuracies to 0.005 (needs ../shared/data, skipped where it is absent)",
        .enabled(if: FileManager.default.fileExists(atPath: LabelFilesTests.data), "there is no ../shared/data"),
        arguments: Set(LabelFilesTests.anchors.map(\.set)).sorted())
    func recordedSets(set: String) throws {
        let folder = Self.data + "/" + set
        let (table, _) = try LabelFiles().read(labels: folder + "/label.csv", truth: folder + "/truth.csv")
        let store = LabelStore(table)
        for anchor in Self.anchors where anchor.set == set {
            var model = anchor.method.aggregator()
            let accuracy = try #require(model.fitPredict(store).expectedAccuracy(truth: table.tasks.map(\.truth)))
            #expect(abs(accuracy - anchor.accuracy) <= 0.005, "\(set) \(anchor.method): \(accuracy)")
        }
    }
}
