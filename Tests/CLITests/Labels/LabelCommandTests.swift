import Foundation
import Testing

/// What a first user met: each of these failed once.
@Suite("cafe-cli label, as a first user uses it")
struct LabelCommandTests: LabelFolder {
    let folder = TestFolder()

    /// A session of 8 tasks in 2 contexts.
    private func begin(
        _ name: String = "study", workers: String = "ann,bob", budget: String = "10"
    ) throws -> String {
        var rows = "task,context\n"
        for task in 1...8 { rows += "t\(task),\(task % 2)\n" }
        let tasks = try write(rows, "tasks.csv")
        let started = try label(
            "init", folder.file(name), "--tasks", tasks, "--classes", "no,yes", "--workers", workers, "--budget", budget
        )
        #expect(started.status == 0, "\(started.errors)")
        return folder.file(name)
    }

    /// Refused as a misuse: exit status 64, nothing on standard output, these words in the sentence.
    private func refused(_ words: String, _ arguments: String...) throws {
        let result = try CommandLineTool.run(["label"] + arguments)
        #expect(result.status == 64 && result.output.isEmpty, "\(arguments): \(result)")
        #expect(result.errors.contains(words), "\(arguments): \(result.errors)")
    }

    @Test("before any label, plan SESSION is no worse than unknown workers are")
    func planBeforeLabels() throws {
        let session = try begin()
        let plan = try object(try label("plan", session, "--json").output)
        #expect((plan["assumed"] as? String)?.contains("0.55-0.9") == true)
        let points = try #require(plan["points"] as? [[String: Any]])
        #expect(points.compactMap { $0["budget"] as? Double } == [8, 16])
        for point in points { #expect(point["accuracy"] as? Double ?? 0 > 0.65) }
    }

    @Test("plan at the edges: a budget below one label, one task, one worker")
    func planEdges() throws {
        let nothing = try label("plan", "--tasks", "1", "--workers", "1", "--budgets", "0.5,1,7")
        #expect(nothing.status == 0)
        #expect(nothing.output.hasPrefix("1 task, 1 worker, 1000 runs; accuracies drawn from 0.55-0.9\n"))
        #expect(nothing.output.contains("where nothing is bought, the accuracy is that of guessing among 2 classes"))
        #expect(nothing.output.contains("everyone on everything costs 1; more than that buys nothing"))
        let cells = nothing.output.split(separator: "\n").dropFirst(2).prefix(3).map { $0.split(separator: " ") }
        try #require(cells.allSatisfy { $0.count == 4 })
        #expect(cells.map { $0[1] } == ["0.0", "1.0", "1.0"])
        #expect(abs((Double(cells[0][2]) ?? 0) - 0.5) < 0.07)
        #expect(cells[1][2...] == cells[2][2...])
    }

    @Test("options that do not apply or make no sense are refused in a sentence")
    func nonsense() throws {
        let session = try begin()
        try refused("--tasks: a session has its own", "plan", session, "--tasks", "5")
        try refused("--workers, --cost: a session has its own", "plan", session, "--workers", "5", "--cost", "2")
        try refused("--cost, nan", "plan", "--cost", "nan")
        try refused("--cost, inf", "plan", "--cost", "inf")
        try refused("--budgets names no amount", "plan", "--budgets", ",")
        try refused("--budgets, -1", "plan", "--budgets=-1")
        try refused("'--runs <runs>': a whole number from 1 to", "plan", "--runs", "0")
        try refused("'nan' is not a number of seconds", "next", session, "--expire-after", "nan")
        try refused("'-1' is not a number of seconds", "next", session, "--expire-after=-1")
        try refused("--wait nan", "status", session, "--wait", "nan")
        try refused("--cost goes with --join", "next", session, "--cost", "2")
        try refused("--join needs --workers", "next", session, "--join")
        try refused("--cost, -1", "next", session, "--workers", "cy", "--join", "--cost=-1")
        try refused("--cost, nan", "next", session, "--workers", "cy", "--join", "--cost", "nan")
        try refused("somebody twice", "next", session, "--workers", "ann,ann")
        try refused("a name is empty", "next", session, "--workers", "ann,,bob")
        try refused("--skip-bad-rows goes with --file", "record", session, "--skip-bad-rows")
        let tasks = folder.file("tasks.csv")
        for budget in ["nan", "-1", "inf"] {
            try refused(
                "--budget", "init", folder.file("s"), "--tasks", tasks, "--classes", "a,b", "--budget=\(budget)")
        }
        let labels = try write("task,worker,label\nt1,a,yes\n", "labels.csv")
        try refused("'--threads <threads>': a whole number", "replay", "--labels", labels, "--threads=-3")
        try refused("--model: only with --uci", "replay", "--labels", labels, "--model", "one-coin")
        try refused("--tasks: only with --labels", "replay", "--matrix", labels, "--tasks", tasks)
        try refused("did you mean 'optkg'?", "replay", "--labels", labels, "--methods", "random,optgk-")
        try refused("did you mean 'crowdsense'?", "replay", "--labels", labels, "--methods", "crowd")
        try refused("only bbta and bbta-lc have an N'", "replay", "--labels", labels, "--methods", "random:3")
        try refused("'--workers <workers>': a whole number from 0 to", "aggregate", "--labels", labels, "--workers=-1")
        let known = try label("next", session, "--workers", "ann", "--join", "--cost", "2")
        #expect(known.status == 1 && known.errors.contains("worker 'ann' has joined already, at a price of 1 a label"))
        #expect(try label("next", session, "--workers", "ann", "--join", "--cost", "1").status == 0)
    }

    @Test("money that cannot be counted in millionths is refused, not rounded to nothing")
    func smallMoney() throws {
        let session = try begin()
        try refused("the smallest unit of money", "next", session, "--workers", "cy", "--join", "--cost", "0.0000004")
        let workers = try write("worker,cost\nann,1\nbob,0.0000001\n", "workers.csv")
        let result = try label(
            "init", folder.file("s"), "--tasks", folder.file("tasks.csv"), "--classes", "a,b", "--budget", "3",
            "--workers-file", workers)
        #expect(result.status == 1)
        #expect(result.errors.contains("workers.csv:3: column 'cost' is '0.0000001'"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("s")))
    }

    @Test("who joins by a next that asks nothing has not joined")
    func joinIsUndone() throws {
        let session = try begin(budget: "2")
        let journal = try folder.read("study/journal.tsv")
        let dear = try label("next", session, "--workers", "cy", "--join", "--cost", "50")
        #expect(dear.status == 3 && dear.output.contains("cy did not join"), "\(dear)")
        let unknown = try label("next", session, "--workers", "cy,zoe", "--join", "--cost", "x")
        #expect(unknown.status == 64)
        let bad = try label("next", session, "--workers", "cy,\u{7}", "--join")
        #expect(bad.status == 1 && bad.errors.contains("control character"), "\(bad)")
        #expect(try folder.read("study/journal.tsv") == journal)
        let status = try object(try label("status", session, "--json").output)
        #expect(status["workers"] as? [String] == ["ann", "bob"])
        #expect(try label("next", session, "--workers", "cy", "--join", "--cost", "0.5").status == 0)
    }

    @Test("next says by its exit status and a code that there is nothing to ask")
    func nothingToAsk() throws {
        let session = try begin(workers: "ann", budget: "2.5")
        #expect(try label("next", session, "--count", "2").status == 0)
        let aside = try label("next", session, "--json")
        #expect(aside.status == 3)
        #expect(try object(aside.output)["code"] as? String == "budget-set-aside")
        for number in 0..<2 {
            let outstanding =
                try object(try label("status", session, "--json").output)["outstanding"] as? [[String: Any]]
            let task = try #require(outstanding?.first?["task"] as? String, "\(number)")
            #expect(try label("record", session, "--task", task, "--worker", "ann", "--label", "no").status == 0)
        }
        let spent = try label("next", session)
        #expect(spent.status == 3)
        #expect(
            spent.output == "nothing to ask: what is left of the budget (0.5) is less than the cheapest label (1)\n")
        #expect(try object(try label("next", session, "--json").output)["code"] as? String == "budget-spent")
        let rich = try begin("rich", workers: "ann", budget: "100")
        #expect(try label("next", rich, "--count", "8").status == 0)
        let all = try label("next", rich, "--json")
        #expect(all.status == 3)
        #expect(try object(all.output)["code"] as? String == "all-asked")
    }

    @Test("record --file keeps all or nothing; --skip-bad-rows counts what it leaves out")
    func recordFile() throws {
        let session = try begin()
        let next = try object(try label("next", session, "--count", "3", "--json").output)
        let asked = try #require(next["questions"] as? [[String: Any]]).map {
            "\($0["task"] as? String ?? ""),\($0["worker"] as? String ?? "")"
        }
        let rows = asked.map { $0 + ",yes" }
        let file = try write("task,worker,label\n\(rows[0])\nt9,ann,yes\n\(rows[1])\n\(rows[2])\n", "answers.csv")
        let failed = try label("record", session, "--file", file)
        #expect(failed.status == 1)
        #expect(
            failed.errors == "Error: \(file):3: column 'task' is 't9': there is no task 't9' in this session; "
                + "did you mean 't1'?; nothing of this file was recorded\n")
        #expect(try object(try label("status", session, "--json").output)["labels"] as? Int == 0)
        let skipped = try label("record", session, "--file", file, "--skip-bad-rows")
        #expect(skipped.status == 0)
        #expect(skipped.output == "recorded 3, 1 skipped; spent 3, free 7\n")
        #expect(skipped.errors.contains("answers.csv:3: column 'task' is 't9'"))
        let again = try object(try label("record", session, "--file", file, "--skip-bad-rows", "--json").output)
        #expect(again["recorded"] as? Int == 0 && again["known"] as? Int == 3 && again["skipped"] as? Int == 1)
    }

    @Test("labels collected elsewhere come in by import, once")
    func importing() throws {
        let session = try begin()
        let file = try write("Question;rater;Answer\r\nt1;ann;yes\r\nt1;bob;yes\r\nt2;cy;no\r\n", "old.csv")
        let stranger = try label("import", session, file)
        #expect(stranger.status == 1 && stranger.errors.contains("old.csv:4: column 'rater' is 'cy'"), "\(stranger)")
        let free = try label("import", session, file, "--join", "--cost", "0.5")
        #expect(free.output == "imported 3, 1 worker joined; spent 0, free 10\n", "\(free)")
        #expect(try label("import", session, file).output == "imported 0, 3 known already; spent 0, free 10\n")
        let more = try write("task,worker,label\nt3,ann,yes\nt3,cy,yes\n", "more.csv")
        #expect(try label("import", session, more, "--spent").output == "imported 2; spent 1.5, free 8.5\n")
        let raw = try label("labels", session, "--raw", "-")
        #expect(raw.output == "task,worker,label\nt1,ann,yes\nt1,bob,yes\nt2,cy,no\nt3,ann,yes\nt3,cy,yes\n")
        let next = try label("next", session, "--count", "40", "--workers", "ann")
        #expect(next.status == 0 && !next.output.contains("about t1 ") && !next.output.contains("about t3 "))
    }

    @Test("truths in the tasks file that are no classes are refused, naming the cell")
    func truths() throws {
        let tasks = try write("task,gold\na,ja\nb,yes\n", "truths.csv")
        let result = try label(
            "init", folder.file("s"), "--tasks", tasks, "--classes", "ja,nein", "--budget", "3")
        #expect(result.status == 1)
        #expect(
            result.errors.contains("truths.csv:3: column 'gold' is 'yes': this is not one of the classes (ja, nein)"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("s")))
    }

    @Test("a name that a journal cannot hold is refused where it stands")
    func names() throws {
        let tasks = try write("task,context\na,x\n\"b\nc\",x\n", "names.csv")
        let result = try label("init", folder.file("s"), "--tasks", tasks, "--classes", "a,b", "--budget", "3")
        #expect(result.status == 1 && result.errors.contains("names.csv:3: column 'task'"), "\(result)")
        let workers = try write("worker,cost\nann,1\n\"bob\tby\",1\n", "workers.csv")
        let good = try write("task\na\nb\n", "good.csv")
        let other = try label(
            "init", folder.file("s"), "--tasks", good, "--classes", "a,b", "--budget", "3", "--workers-file", workers)
        #expect(other.status == 1 && other.errors.contains("workers.csv:3: column 'worker'"), "\(other)")
        let quoted = try label(
            "init", folder.file("s"), "--tasks", good, "--classes", "ja,\"nein, nie\"", "--budget", "3", "--workers",
            "Ünal,\"Doe, Jane\"")
        #expect(quoted.status == 0, "\(quoted)")
        let next = try label("next", folder.file("s"), "--workers", "\"Doe, Jane\"")
        #expect(next.output == "ask Doe, Jane about a (probability 1.0000)\n")
        let record = try label(
            "record", folder.file("s"), "--task", "a", "--worker", "Doe, Jane", "--label", "nein, nie")
        #expect(record.output == "recorded 1; spent 1, free 2\n", "\(record)")
        #expect(try label("labels", folder.file("s"), "--raw", "-").output.hasSuffix("a,\"Doe, Jane\",\"nein, nie\"\n"))
    }

    @Test("- is standard output for every file that is written, and standard input for every one read")
    func dash() throws {
        let session = try begin()
        let labels = try write(
            "task,worker,label\n"
                + (1...8).flatMap { task in ["a", "b", "c"].map { "t\(task),\($0),yes\n" } }.joined(),
            "labels.csv")
        let truth = try write("task,truth\nt1,yes\nt2,no\n", "truth.csv")
        let replay = ["label", "replay", "--labels", labels, "--truth", truth, "--methods", "random", "--runs", "2"]
        let starts = [
            "--json": "{\n", "--csv": "method,budget", "--plot": "<svg", "--export-matrix": "task,context,truth,a",
        ]
        for (option, start) in starts {
            let result = try CommandLineTool.run(replay + [option, "-"])
            #expect(result.status == 0 && result.output.hasPrefix(start), "\(option): \(result)")
        }
        #expect(!FileManager.default.fileExists(atPath: "-"))
        for option in ["--out", "--raw"] {
            #expect(try label("labels", session, option, "-").output.hasPrefix("task,"), "\(option)")
        }
        for option in ["--json", "--out"] {
            let result = try label("aggregate", "--labels", labels, option, "-")
            #expect(result.status == 0 && result.output.hasPrefix(option == "--json" ? "{" : "task,"), "\(option)")
        }
        let both = try CommandLineTool.run(replay + ["--json", "-", "--csv", "-"])
        #expect(both.status == 64 && both.output.contains("--json and --csv cannot share standard output"))
        try refused("--out and --raw cannot share", "labels", session, "--out", "-", "--raw", "-")
        try refused("--labels and --truth cannot share standard input", "aggregate", "--labels", "-", "--truth", "-")
    }

    @Test("replay's table ends where everyone has labelled everything, and names what a method used itself")
    func replayTable() throws {
        var labels = "task,worker,label\n"
        var truth = "task,truth\n"
        for task in 1...12 {
            truth += "t\(task),\(task % 2)\n"
            for worker in 0..<4 {
                let slip = (worker * task) % 5 / 3
                labels += "t\(task),w\(worker),\((task + slip) % 2)\n"
            }
        }
        let result = try label(
            "replay", "--labels", try write(labels, "l.csv"), "--truth", try write(truth, "t.csv"), "--methods",
            "random,crowdsense", "--runs", "3")
        let lines = result.output.split(separator: "\n")
        #expect(lines[0] == "12 tasks, 4 workers, 3 runs; accuracy: mean ± standard error over the runs")
        let cells = lines.dropFirst().map { $0.split(separator: " ") }
        try #require(cells.count == 4)
        #expect(cells[0].joined(separator: " ") == "labels a task random crowdsense its labels")
        #expect(cells.dropFirst().map { $0[0] } == ["24", "36", "48"])
        // CrowdSense starts with three labels per task, whatever the budget.
        #expect(cells[1].last == "36.0")
    }

    @Test("a journal cut off at a line's end is refused, naming file and line")
    func cutJournal() throws {
        let session = try begin()
        #expect(try label("next", session, "--count", "3").status == 0)
        let lines = try folder.read("study/journal.tsv").split(separator: 10)
        try Data(lines.dropLast(2).joined(separator: [10]) + [10]).write(
            to: URL(fileURLWithPath: session + "/journal.tsv"))
        let result = try label("status", session)
        #expect(result.status == 1)
        #expect(result.errors.contains("journal.tsv:\(lines.count - 1): damaged: line \(lines.count - 1) is missing"))
    }
}
