import Foundation
import Testing

/// A study with paid people, through the program.
@Suite("cafe-cli label, a running study")
struct LabelStudyTests: LabelFolder {
    let folder = TestFolder()

    private func begin(_ more: String..., tasks: Int = 4, workers: String = "a,b") throws -> String {
        let rows = (1...tasks).map { "t\($0)\n" }.joined()
        let table = try write("task\n" + rows, "tasks.csv")
        let session = folder.file("study")
        let started = try CommandLineTool.run(
            ["label", "init", session, "--tasks", table, "--classes", "-1,1", "--workers", workers, "--budget", "8"]
                + more)
        #expect(started.status == 0, "\(started.errors)")
        return session
    }

    /// Runs a line of the shell, `$cafe` being the program.
    private func shell(_ line: String) throws -> (status: Int32, output: String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "cafe='\(CommandLineTool.path)'; cd '\(folder.path)'; " + line]
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test("next twice gives the same question, with the same id; values that begin with '-' are values")
    func twice() throws {
        let session = try begin()
        let first = try object(try label("next", session, "--workers", "a", "--json").output)
        let second = try object(try label("next", session, "--workers", "a", "--json").output)
        func id(_ answer: [String: Any]) -> Int? { (answer["questions"] as? [[String: Any]])?.first?["id"] as? Int }
        #expect(id(first) != nil && id(first) == id(second))
        #expect((second["questions"] as? [[String: Any]])?.first?["again"] as? Bool == true)
        #expect(try label("next", session, "--workers", "a").output.contains("(again: asked "))
        let recorded = try label("record", session, "--question", "\(id(first) ?? 0)", "--label", "-1")
        #expect(recorded.status == 0 && recorded.output.hasPrefix("recorded 1"), "\(recorded)")
        #expect(
            try label("next", session, "--workers", "a", "--count", "2", "--max-open", "1").output
                .contains("as many questions open as a worker may have (1)"))
        let refused = try label(
            "init", folder.file("s"), "--tasks", folder.file("tasks.csv"), "--classes", "a,b", "--budget", "-5")
        #expect(refused.status == 64 && refused.errors.contains("-5.0, is not between 0 and 9e12"), "\(refused.errors)")
    }

    @Test("an unknown name is said and passed over; when nobody has joined the code says so")
    func unknown() throws {
        let session = try begin()
        let some = try label("next", session, "--workers", "newbie,a", "--json")
        #expect(some.status == 0 && some.errors.contains("there is no worker 'newbie'"))
        let answer = try object(some.output)
        #expect(answer["unknown"] as? [String] == ["newbie"] && (answer["questions"] as? [Any])?.count == 1)
        let none = try label("next", session, "--workers", "newbie", "--json")
        let code = try object(none.output)["code"] as? String
        #expect(none.status == 3 && code == "nobody")
    }

    @Test("three workers let a question lapse; the study goes on, and the late answer is taken")
    func lapses() throws {
        let session = try begin("--lease", "10m", tasks: 1)
        let asked = try object(try label("next", session, "--workers", "a", "--json").output)
        #expect((asked["questions"] as? [Any])?.count == 1)
        #expect(try label("set", session, "--lease", "1s").output.contains("lapse after 1 s"))
        sleep(2)
        let status = try object(try label("status", session, "--json").output)
        #expect((status["outstanding"] as? [Any])?.isEmpty == true && status["free"] as? Double == 8)
        let late = try label("record", session, "--task", "t1", "--worker", "a", "--label", "1")
        #expect(late.status == 0 && late.output.contains("spent 1"), "\(late.errors)")
        #expect(try label("set", session, "--lease", "none").output.contains("do not lapse"))
        _ = try label("next", session, "--workers", "b")
        let again = try label("next", session, "--workers", "b", "--expire-after", "0")
        #expect(again.status == 0 && again.output.contains("expired: task t1, worker b\nask b about t1"), "\(again)")
    }

    @Test("a question that nobody saw, because standard output failed, is withdrawn")
    func unseen() throws {
        let session = try begin()
        let (status, text) = try shell("$cafe label next study --workers a --json > /dev/full")
        #expect(
            status == 1 && text.contains("standard output: cannot be written") && text.contains("withdrawn"), "\(text)")
        let after = try object(try label("status", session, "--json").output)
        #expect((after["outstanding"] as? [Any])?.isEmpty == true && after["committed"] as? Double == 0)
        #expect(try label("next", session, "--workers", "a").status == 0)
    }

    @Test("an import that the disk has no room for, or that is killed, keeps nothing")
    func allOrNothing() throws {
        let session = try begin("--max-open", "3", tasks: 3000)
        let rows = (1...3000).map { "t\($0),a,1\n" }.joined()
        _ = try write("task,worker,label\n" + rows, "old.csv")
        let (status, text) = try shell("trap '' XFSZ; ulimit -f 180; $cafe label import study old.csv")
        #expect(status == 1 && text.contains("cannot be written"), "\(status) \(text)")
        #expect(try object(try label("status", session, "--json").output)["labels"] as? Int == 0)
        for delay in [0.01, 0.03, 0.05, 0.08, 0.12] {
            _ = try shell("$cafe label import study old.csv & sleep \(delay); kill -9 $!; wait")
            let labels = try object(try label("status", session, "--json").output)["labels"] as? Int
            #expect(labels == 0 || labels == 3000)
        }
        #expect(try label("import", session, folder.file("old.csv")).status == 0)
        #expect(try object(try label("status", session, "--json").output)["labels"] as? Int == 3000)
        #expect(try label("check", session).output.contains("3000 labels: whole"))
    }

    @Test("with --json errors are JSON with a code")
    func errors() throws {
        let session = try begin()
        func code(_ arguments: String...) throws -> String? {
            let result = try CommandLineTool.run(["label"] + arguments + ["--json"])
            #expect(result.status != 0)
            let error = try object(result.output)["error"] as? [String: Any]
            #expect((error?["message"] as? String)?.isEmpty == false)
            return error?["code"] as? String
        }
        #expect(try code("record", session, "--task", "t9", "--worker", "a", "--label", "1") == "unknown-task")
        #expect(try code("record", session, "--task", "t1", "--worker", "z", "--label", "1") == "unknown-worker")
        #expect(try code("record", session, "--task", "t1", "--worker", "a", "--label", "2") == "unknown-class")
        #expect(try code("record", session, "--task", "t1", "--worker", "a", "--label", "1") == "not-asked")
        #expect(try code("record", session, "--question", "77", "--label", "1") == "unknown-question")
        #expect(try code("status", folder.file("nowhere")) == "file")
        #expect(try code("budget", session, "-3") == "usage")
        #expect(try code("budget", session, "1e13") == "usage")
    }

    @Test("a study is steered: budget, tasks, workers, correction, report")
    func steered() throws {
        let session = try begin()
        #expect(try label("budget", session, "+2").output.hasPrefix("budget 10:"))
        #expect(try label("budget", session, "12").output.hasPrefix("budget 12:"))
        let more = try write("{\"id\": \"n1\"}\n{\"id\": \"n2\"}\n", "more.jsonl")
        let added = try label("tasks", session, "add", more, "--columns", "task=id")
        #expect(added.output == "added 2; 6 tasks in 1 context\n", "\(added)")
        #expect(try label("workers", session, "add", "c,d", "--cost", "0.5").output == "added 2; 4 workers\n")
        let asked = try object(try label("next", session, "--workers", "c", "--json").output)
        #expect((asked["questions"] as? [Any])?.count == 1)
        #expect(try label("workers", session, "bar", "c").output.contains("worker c\nbarred 1; 4 workers, 1 barred"))
        #expect(try label("next", session, "--workers", "c").status == 3)
        #expect(try label("workers", session, "bar", "cc").errors.contains("did you mean 'c'?"))
        #expect(try label("workers", session, "unbar", "c").status == 0)
        let table = try write("HITId,WorkerId,Answer.x\nt1,a,1\nt1,b,1\nt1,d,-1\n", "turk.csv")
        let columns = "task=HITId,worker=WorkerId,label=Answer.x"
        #expect(try label("import", session, table, "--spent", "--columns", columns).output.hasPrefix("imported 3"))
        let corrected = try label("correct", session, "--task", "t1", "--worker", "d", "--label", "1")
        #expect(corrected.output == "corrected 1\n", "\(corrected)")
        #expect(try label("labels", session, "--raw", "-").output.contains("t1,d,1"))
        let report = try label("report", session, "--out", "-").output
        #expect(report.contains("\nd,1,0.5,") && report.hasPrefix("worker,labels,pay,"))
        #expect(try label("report", session, "--by-context").output.contains("paid 2.5; spent 2.5, free"))
        #expect(try label("check", session, "--json").output.contains("\"labels\":3"))
    }

    @Test("a matrix of classes -1 and 1 is replayed as it stands, and what is missing is said")
    func minusOne() throws {
        let matrix = try write("task,truth,a,b\n1,-1,-1,-1\n2,1,1,1\n3,-1,-1,-1\n", "matrix.csv")
        let result = try label(
            "replay", "--matrix", matrix, "--methods", "random", "--runs", "2", "--budget-per-task", "2")
        #expect(
            result.status == 0 && !result.errors.contains("missing") && result.output.contains("1.0000"), "\(result)")
        let said = try label(
            "replay", "--matrix", matrix, "--missing", "-1", "--methods", "random", "--runs", "2", "--budget-per-task",
            "2")
        #expect(said.errors.contains("4 labels missing: 4 '-1'"), "\(said)")
    }

    @Test("truths that no label has, and tables that are none, are said")
    func tables() throws {
        let labels = try write("task,worker,label\n1,a,1\n1,b,0\n2,a,0\n", "labels.csv")
        let float = try write("task,truth\n1,1.0\n2,0.0\n", "float.csv")
        let result = try label("aggregate", "--labels", labels, "--truth", float, "--method", "mv")
        #expect(result.status == 0 && result.errors.contains("is taken as the labels' class"), "\(result)")
        let other = try write("task,truth\n1,yes\n2,no\n", "other.csv")
        let refused = try label("aggregate", "--labels", labels, "--truth", other, "--method", "mv")
        #expect(refused.status == 1 && refused.errors.contains("no truth is a class that a label has"))
        #expect(try label("aggregate", "--labels", try write("PAR1xx", "x.parquet")).errors.contains("Parquet"))
    }
}
