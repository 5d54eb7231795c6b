import CSCSwift
import Foundation
import Testing

@Suite("What label tables mean")
final class LabelVocabularyTests {
    private let root = NSTemporaryDirectory() + "cafe-tables-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func write(_ text: String, _ name: String) throws -> String {
        try text.write(toFile: root + "/" + name, atomically: true, encoding: .utf8)
        return root + "/" + name
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test("-1 in a matrix is missing only where it is no class")
    func minusOne() throws {
        let coding = try write("task,truth,a,b\n1,-1,-1,1\n2,1,1,1\n3,1,1,-1\n4,-1,-1,\n", "coding.csv")
        let (matrix, missing) = try LabelMatrix.read(wideCSV: coding)
        #expect(matrix.classes == ["-1", "1"] && missing.empty == 1 && missing.value == nil && missing.count == 0)
        #expect(matrix[0, 0] == 0 && matrix[0, 1] == 1 && matrix.tasks.map(\.truth) == [0, 1, 1, 0])
        #expect(missing.sentence == "1 label missing: 1 empty")
        // Without truths: labels of one class and -1 are two classes, labels of two classes and -1 are not three.
        let bare = try LabelMatrix.read(wideCSV: try write("task,a,b\n1,-1,1\n2,1,-1\n", "bare.csv"))
        #expect(bare.matrix.classes == ["-1", "1"] && bare.missing.sentence == nil)
        let marked = try LabelMatrix.read(wideCSV: try write("task,truth,a,b\n1,0,-1,1\n2,1,1,0\n", "marked.csv"))
        #expect(marked.matrix.classes == ["0", "1"] && marked.missing.sentence == "1 label missing: 1 '-1'")
        #expect(marked.matrix[0, 0] == nil)
        // Truths say what the classes are.
        let truths = try LabelMatrix.read(wideCSV: try write("task,truth,a\n1,0,-1\n2,1,1\n", "truths.csv"))
        #expect(truths.matrix.classes == ["0", "1"] && truths.missing.count == 1)
        // Said explicitly, a word is missing, and nothing else is.
        let said = try LabelMatrix.read(wideCSV: coding, missing: "1")
        #expect(said.matrix.classes.first == "-1" && said.missing.sentence == "5 labels missing: 1 empty, 4 '1'")
        let word = try write("task,a,b\n1,NA,x\n2,y,NA\n3,-1,x\n", "word.csv")
        #expect(try LabelMatrix.read(wideCSV: word, missing: "NA").matrix.classes == ["-1", "x", "y"])
        let wide = try write(try LabelMatrix(wideCSV: coding).wideCSV, "again.csv")
        #expect(try LabelMatrix(wideCSV: wide) == matrix)
    }

    @Test("a matrix of floats, truths of other spellings or of other classes, words for what is missing")
    func matrixVocabulary() throws {
        let floats = try write("task,truth,a,b\n1,1,1.0,-1.0\n2,-1,-1.0,-1.0\n3,1,1.0,1.0\n", "floats.csv")
        let (matrix, report) = try LabelMatrix.read(wideCSV: floats)
        #expect(matrix.classes == ["-1.0", "1.0"] && matrix.isComplete && matrix.tasks.map(\.truth) == [1, 0, 1])
        #expect(report.warnings.contains { $0.contains("is taken as the labels' class") })
        // -1.0 is missing where -1 would be.
        let marked = try write("task,truth,a,b\n1,0,-1.0,1.0\n2,1,1.0,0.0\n", "marked-floats.csv")
        let (wide, gaps) = try LabelMatrix.read(wideCSV: marked)
        #expect(wide[0, 0] == nil && gaps.sentence == "1 label missing: 1 '-1.0'" && wide.classes == ["0.0", "1.0"])
        let said = try write("task,truth,a,b\n1,x,x,-1.0\n2,y,y,x\n", "said.csv")
        #expect(try LabelMatrix.read(wideCSV: said, missing: "-1").matrix[0, 1] == nil)
        let other = try write("task,truth,a,b\n1,yes,1,0\n2,no,0,0\n", "other-matrix.csv")
        #expect(
            message { _ = try LabelMatrix.read(wideCSV: other) }.contains("no truth is a class that a label has"))
        let word = try write("task,truth,a,b\n1,yes,yes,NA\n2,no,no,Yes\n", "words.csv")
        let warnings = try LabelMatrix.read(wideCSV: word).missing.warnings
        #expect(warnings.contains { $0.hasPrefix("'NA' is taken as a class") && $0.contains("--missing") })
        #expect(warnings.contains { $0.contains("differ in case only") })
    }

    @Test("a truth of the same number as a class is that class, and it is said; truths of other classes are refused")
    func truths() throws {
        let labels = try write("task,worker,label\n1,a,1\n1,b,0\n2,a,0\n2,b,0\n3,a,1\n", "labels.csv")
        let float = try write("task,truth\n1,1.0\n2,0.0\n3,\n", "float.csv")
        let (table, report) = try LabelFiles().read(labels: labels, truth: float)
        #expect(table.classes == ["0", "1"] && table.tasks.map(\.truth) == [1, 0, nil])
        #expect(report.warnings.count == 1)
        #expect(report.warnings[0].contains("'0.0' is taken as the labels' class '0', and 1 more alike"))
        let tasks = try write("task,truth\n1,1.0\n2,0\n3,1\n", "tasks.csv")
        #expect(try LabelFiles().read(labels: labels, tasks: tasks).table.tasks.map(\.truth) == [1, 0, 1])
        let other = try write("task,truth\n1,yes\n2,no\n", "other.csv")
        #expect(
            message { _ = try LabelFiles().read(labels: labels, truth: other) }
                .contains("no truth is a class that a label has: the truths are 'no', 'yes', the labels '0', '1'"))
        let partly = try write("task,truth\n1,1\n2,two\n", "partly.csv")
        let (some, notes) = try LabelFiles().read(labels: labels, truth: partly)
        #expect(
            some.classes.contains("two")
                && notes.warnings.contains { $0.contains("no label is 'two' of the truths (1 task)") })
        let nobody = try write("task,truth\n1.0,1\n2.0,0\n", "nobody.csv")
        let lost = try LabelFiles().read(labels: labels, truth: nobody).report
        #expect(lost.truthsWithoutLabels == 2 && lost.warnings.contains { $0.contains("none of its 2 tasks") })
    }

    @Test("classes that look like missing values, or differ in case only, are said")
    func suspicions() throws {
        let labels = try write("task,worker,label\n1,a,Yes\n1,b,yes\n2,a,NaN\n2,b,no\n", "odd.csv")
        let warnings = try LabelFiles().read(labels: labels).report.warnings
        #expect(warnings.contains { $0.hasPrefix("'NaN' is taken as a class") })
        #expect(warnings.contains { $0.hasPrefix("'Yes', 'yes' differ in case only") })
        let numbers = try write("task,worker,label\n1,a,1\n1,b,1.0\n2,a,0\n", "numbers.csv")
        let same = try LabelFiles().read(labels: numbers).report.warnings
        #expect(same.contains { $0.hasPrefix("'1', '1.0' are the same number and are 2 classes") })
        let plain = try write("task,worker,label\n1,a,yes\n1,b,no\n", "plain.csv")
        #expect(try LabelFiles().read(labels: plain).report.warnings.isEmpty)
    }

    @Test("names are their bytes: two normal forms are two workers, two tasks, two classes")
    func exactNames() throws {
        let rows =
            "task,worker,label\nt1,\u{e9},x\nt1,e\u{301},y\nu\u{308},a,x\n\u{fc},a,x\nt2,a,caf\u{e9}\nt2,b,cafe\u{301}\n"
        let (table, report) = try LabelFiles().read(labels: try write(rows, "names.csv"))
        #expect(table.workers.count == 4 && table.tasks.count == 4 && table.classes.count == 4)
        #expect(report.contradictions == 0 && report.duplicates == 0 && table.labels.count == 6)
        #expect(report.warnings.contains { $0.contains("look the same") || $0.contains("differ in case only") })
        let matrix = try write("task,\u{e9},e\u{301}\n\u{fc},x,y\nu\u{308},y,x\n", "names-matrix.csv")
        let wide = try LabelMatrix(wideCSV: matrix)
        #expect(wide.tasks.count == 2 && wide.workers.count == 2 && wide.isComplete)
    }

    @Test("columns by --columns: names, numbers, without a header; what is not there is refused")
    func columns() throws {
        func read(_ text: String, _ columns: String, header: CSVFormat.Header = .firstLine) throws -> LabelTable {
            var format = CSVFormat(header: header)
            format.columns = try ColumnMapping(columns)
            return try LabelFiles(format: format).read(labels: try write(text, "mapped.csv")).table
        }
        let turk = "HITId,WorkerId,Title,Answer.x\nh1,w1,a,yes\nh1,w2,a,no\n"
        let table = try read(turk, "task=HITId,worker=WorkerId,label=Answer.x")
        #expect(table.tasks.map(\.id) == ["h1"] && table.workers.count == 2 && table.classes == ["no", "yes"])
        #expect(try read(turk, "task=1,label=4") == table)
        #expect(message { _ = try read(turk, "task=HIT") }.contains("said to be 'HIT', but there is none of that name"))
        let bare = "w1,h1,0.5,yes\nw2,h1,0.7,no\n"
        #expect(try read(bare, "worker=1,task=2,label=4", header: .absent) == table)
        #expect(
            message { _ = try LabelFiles(format: CSVFormat(header: .absent)).read(labels: try write(bare, "bare.csv")) }
                .contains("--columns task=1,worker=2,label=3"))
        #expect(message { _ = try ColumnMapping("task") }.contains("not of the form meaning=column"))
        #expect(message { _ = try ColumnMapping("task=a,task=b") }.contains("named twice"))
        #expect(
            message { try ColumnMapping("tusk=a").check(for: LabelFiles.meanings) }.contains("did you mean 'task'?"))
        #expect(try ColumnMapping("\"label=yes, no\"").column(of: "label") == "yes, no")
        let wide = try write("item,ann,bob,cy\n1,x,y,x\n", "wide.csv")
        #expect(message { _ = try LabelFiles().read(labels: wide) }.contains("this is a matrix"))
    }

    @Test("lines of JSON and arrays of objects are tables; what is no table says what it is")
    func otherFiles() throws {
        let lines =
            "{\"task\": \"t1\", \"annotator\": \"a\", \"answer\": 1}\n\n{\"answer\": 0, \"task\": \"t1\", \"annotator\": \"b\"}\n"
        let table = try LabelFiles().read(labels: try write(lines, "rows.jsonl")).table
        #expect(table.workers.map(\.id) == ["a", "b"] && table.classes == ["0", "1"] && table.labels.count == 2)
        let array = "[{\"data\": {\"task\": 7}, \"worker\": \"a\", \"label\": true}]"
        var format = CSVFormat()
        format.columns = try ColumnMapping("task=data.task")
        let nested = try LabelFiles(format: format).read(labels: try write(array, "rows.json")).table
        #expect(nested.tasks.map(\.id) == ["7"] && nested.classes.contains("true"))
        let torn = try write("{\"task\": 1, \"worker\": 2, \"label\": 3}\n{\"task\": 1,\n", "torn.jsonl")
        #expect(
            message { _ = try LabelFiles().read(labels: torn) }.contains(
                "torn.jsonl:2: this is not a whole JSON object"))
        let lacking = try write(
            "{\"task\": 1, \"worker\": 2, \"label\": 3}\n{\"task\": 1, \"label\": 3}\n", "lacking.jsonl")
        #expect(message { _ = try LabelFiles().read(labels: lacking) }.contains("lacking.jsonl:2"))
        func kind(_ bytes: [UInt8]) -> String { message { _ = try CSVReader(bytes: bytes, name: "x") } }
        #expect(kind(Array("PK\u{3}\u{4}....[Content_Types].xml".utf8)).contains("workbook (xlsx)"))
        #expect(kind(Array("PK\u{3}\u{4}....data.csv".utf8)).contains("compressed"))
        #expect(kind(Array("PAR1....".utf8)).contains("Parquet"))
        #expect(kind(Array("[{\"a\": 1}]".utf8)).contains("this is JSON"))
        #expect(kind(Array("{a},b\n1,2\n".utf8)) == "no error")
        let bad = try write("task,worker,label\n1,a,\n2,b,\n", "empty.csv")
        #expect(
            message { _ = try LabelFiles(badRows: .skip).read(labels: bad) }
                .contains("there are no labels in it: 2 rows cannot be read, the first"))
    }
}
