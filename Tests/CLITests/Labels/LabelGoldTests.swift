import Foundation
import Testing

/// Gold labels and stopping early, through the program.
@Suite("cafe-cli label: gold and early stopping")
struct LabelGoldTests {
    private let folder = TestFolder()

    private func run(_ arguments: String...) throws -> CommandLineTool.Result {
        try CommandLineTool.run(["label"] + arguments)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        return folder.file(name)
    }

    /// Twelve tasks, every third "yes".
    private func tasks() throws -> String {
        try write("tasks.csv", "task,truth\n" + (0..<12).map { "t\($0),\($0 % 3 == 0 ? "yes" : "no")\n" }.joined())
    }

    private func begin(_ options: String...) throws -> String {
        let session = folder.file("session")
        let result = try CommandLineTool.run(
            ["label", "init", session, "--tasks", try tasks(), "--classes", "yes,no", "--budget", "60"] + options)
        #expect(result.status == 0, "\(result.errors)")
        return session
    }

    @Test("with BBTA both are refused, in init, plan, replay and gold")
    func bandit() throws {
        let tasks = try tasks()
        let start = ["label", "init", folder.file("s"), "--tasks", tasks, "--classes", "yes,no", "--budget", "9"]
        for more in [["--method", "bbta", "--gold", tasks], ["--method", "bbta", "--stop-at", "0.9"]] {
            let refused = try CommandLineTool.run(start + more)
            #expect(refused.status == 64 && refused.errors.contains("only with the method pooled"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("s")), "nothing half-written")
        let plan = try run("plan", "--method", "bbta", "--gold", "3")
        #expect(plan.status == 64 && plan.errors.contains("--gold: only with the method pooled"))
        let matrix = try write("m.csv", "task,truth,a,b\nx,0,0,0\ny,1,1,1\n")
        let replay = try run("replay", "--matrix", matrix, "--methods", "random,bbta", "--stop-at", "0.9")
        #expect(replay.status == 64 && replay.errors.contains("--stop-at: only with the method pooled"))
        let range = try run("plan", "--method", "pooled", "--stop-at", "0.4")
        #expect(range.status == 64 && range.errors.contains("above 0.5"))
        let session = try begin("--workers", "a,b", "--method", "bbta")
        let late = try run("gold", session, "--task", "t0", "--class", "yes")
        #expect(late.status == 1 && late.errors.contains("go with the method pooled"))
    }

    @Test("gold at the start and later: believed, harmless twice, an error where it contradicts")
    func gold() throws {
        let known = try write("gold.csv", "task,class\nt0,yes\nt1,no\nt2,\nt0,yes\n")
        let session = try begin("--workers", "a,b,c", "--method", "pooled", "--gold", known)
        #expect(try run("labels", session).output.contains("t0,") == true)
        let again = try run("gold", session, "--file", known, "--json")
        #expect(again.output == "{\"gold\":0,\"known\":3,\"allGold\":2,\"settled\":2}\n", "\(again.errors)")
        let one = try run("gold", session, "--task", "t3", "--class", "yes")
        #expect(one.output == "gold: 1; 3 of 12 tasks settled (3 gold)\n", "\(one.errors)")
        let twice = try run("gold", session, "--task", "t3", "--class", "yes")
        #expect(twice.status == 0 && twice.output.contains("gold: 0, 1 known already"))
        let other = try run("gold", session, "--task", "t3", "--class", "no")
        #expect(other.status == 1 && other.errors.contains("task 't3' is gold already, 'yes'; 'no' was not taken"))
        // A file with one bad row changes nothing, and the row is named.
        let before = try folder.read("session/journal.tsv")
        for (rows, sentence) in [
            ("t4,no\nt3,no\n", "bad.csv:3: column 'class' is 'no': task 't3' is gold already"),
            ("t4,no\nt99,no\n", "bad.csv:3: column 'task' is 't99': there is no task 't99'"),
            ("t4,no\nt5,maybe\n", "bad.csv:3: column 'class' is 'maybe'"),
            ("t4,no\nt4,yes\n", "bad.csv:3: column 'class' is 'yes': task 't4' is gold already, 'no'"),
            ("t4,\n", "no class of any task"),
        ] {
            let bad = try run("gold", session, "--file", try write("bad.csv", "task,class\n" + rows))
            #expect(bad.status == 1 && bad.errors.contains(sentence), "\(bad.errors)")
        }
        #expect(try folder.read("session/journal.tsv") == before)
        // Nobody is asked about gold.
        for _ in 0..<20 {
            let next = try object(try run("next", session, "--count", "2", "--json").output)
            for question in next["questions"] as? [[String: Any]] ?? [] {
                #expect(!["t0", "t1", "t3"].contains(question["task"] as? String))
            }
        }
        let status = try object(try run("status", session, "--json").output)
        #expect(status["gold"] as? Int == 3 && status["settled"] as? Int == 3 && status["stopAt"] is NSNull)
        let wrong = try run(
            "init", folder.file("w"), "--tasks", try tasks(), "--classes", "yes,no", "--budget", "9",
            "--method", "pooled", "--gold", try write("w.csv", "task,class\nt0,yes\nt0,no\n"))
        #expect(
            wrong.status == 1 && wrong.errors.contains("w.csv:3: column 'class' is 'no': an earlier row says 'yes'"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("w")))
    }

    @Test("a session that stops early ends with status 3, says why, and keeps the rest of the budget")
    func stop() throws {
        let session = try begin(
            "--workers", "a,b,c,d,e", "--method", "pooled", "--stop-at", "0.9", "--gold", try tasks())
        // Every truth is gold: nothing to ask at all.
        let nothing = try run("next", session, "--json")
        let code = try object(nothing.output)["code"] as? String
        #expect(nothing.status == 3 && code == "settled")
        let other = folder.file("other")
        #expect(
            try run(
                "init", other, "--tasks", try tasks(), "--classes", "yes,no", "--budget", "60", "--method", "pooled",
                "--workers", "a,b,c,d,e", "--stop-at", "0.9"
            ).status == 0)
        var end: CommandLineTool.Result
        var answers = 0
        repeat {
            end = try run("next", other, "--count", "4", "--json")
            let asked = try object(end.output)["questions"] as? [[String: Any]] ?? []
            if asked.isEmpty { break }
            let rows = asked.map { question in
                let task = question["task"] as? String ?? "", worker = question["worker"] as? String ?? ""
                return "\(task),\(worker),\((Int(task.dropFirst()) ?? 0) % 3 == 0 ? "yes" : "no")\n"
            }
            answers += rows.count
            let file = try write("answers.csv", "task,worker,label\n" + rows.joined())
            #expect(try run("record", other, "--file", file).status == 0)
        } while answers < 100
        let why = try object(end.output)
        #expect(end.status == 3 && why["code"] as? String == "settled")
        #expect((why["reason"] as? String)?.contains("has reached the posterior 0.9; ") == true)
        let status = try object(try run("status", other, "--json").output)
        #expect(status["settled"] as? Int == 12 && status["stopAt"] as? Double == 0.9)
        let free = status["free"] as? Double ?? 0
        #expect(free > 5 && Double(answers) + free == 60, "\(answers) answers")
        #expect(
            try run("status", other).output.contains(
                "12 of 12 tasks settled (0 gold, the others at a posterior of 0.9)"))
    }

    @Test("plan and replay take both: fewer labels are bought, and gold does not count in the accuracy")
    func simulated() throws {
        func points(_ more: [String]) throws -> [[String: Any]] {
            let plan = try CommandLineTool.run(
                [
                    "label", "plan", "--tasks", "30", "--workers", "8", "--method", "pooled", "--accuracy", "0.8-0.95",
                    "--budgets", "240", "--runs", "10", "--json",
                ] + more)
            #expect(plan.status == 0, "\(plan.errors)")
            return try #require(try object(plan.output)["points"] as? [[String: Any]])
        }
        let full = try points([]), stopped = try points(["--stop-at", "0.95"])
        let known = try points(["--gold", "6", "--explore", "2"])
        let (a, b) = (full[0]["labels"] as? Double ?? 0, stopped[0]["labels"] as? Double ?? 0)
        #expect(a == 240 && b < 0.7 * a, "\(b) labels instead of \(a)")
        let bought = known[0]["labels"] as? Double ?? 0
        #expect(bought == 208, "everyone on all but the six, and on two of those")
        let truth = (0..<40).map { $0 % 2 }
        let rows = truth.enumerated().map { t, y in
            "t\(t),\(y)," + (0..<6).map { w in (t * 7 + w * 3) % 5 == 0 ? "\(1 - y)" : "\(y)" }.joined(separator: ",")
        }
        let matrix = try write("m.csv", "task,truth,a,b,c,d,e,f\n" + rows.joined(separator: "\n") + "\n")
        let csv = folder.file("out.csv")
        let replay = try run(
            "replay", "--matrix", matrix, "--methods", "pooled,random", "--runs", "4", "--gold", "5", "--stop-at",
            "0.9",
            "--csv", csv)
        #expect(replay.status == 0, "\(replay.errors)")
        let last = try #require(
            String(decoding: try folder.read("out.csv"), as: UTF8.self).split(separator: "\n").last {
                $0.hasPrefix("pooled,240")
            })
        let spent = try #require(Double(last.split(separator: ",")[2]))
        #expect(spent < 200, "\(last)")
        let all = try run("replay", "--matrix", matrix, "--methods", "pooled", "--gold", "40")
        #expect(all.status == 1 && all.errors.contains("leave nothing to score"))
    }
}
