import Foundation
import Testing

/// `--soft`: what models say of tasks, through the program.
@Suite("cafe-cli label: soft labels")
struct LabelSoftTests: LabelFolder {
    let folder = TestFolder()

    /// Thirty tasks, every third "yes": two workers, one right three times in four, the other always; a model in between.
    private func tables() throws -> (labels: String, truth: String, soft: String) {
        var labels = "task,worker,label\n", truth = "task,truth\n", soft = "task,model,yes,no\n"
        for task in 0..<30 {
            let right = task % 3 == 0 ? "yes" : "no", wrong = right == "yes" ? "no" : "yes"
            truth += "t\(task),\(right)\n"
            labels += "t\(task),ann,\(task % 4 == 0 ? wrong : right)\n"
            if task % 2 == 0 { labels += "t\(task),bob,\(right)\n" }
            let yes = (task % 5 == 4 ? wrong : right) == "yes" ? 0.9 : 0.1
            soft += "t\(task),gpt,\(yes),\(1 - yes)\n"
        }
        return (try write(labels, "labels.csv"), try write(truth, "truth.csv"), try write(soft, "soft.csv"))
    }

    @Test("aggregate: the model's weight and accuracy are shown, the methods that do not listen named")
    func aggregate() throws {
        let (labels, truth, soft) = try tables()
        let shown = try label(
            "aggregate", "--labels", labels, "--truth", truth, "--soft", soft, "--method", "mv,ds,pooled")
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains("0.800 of 30") && shown.output.contains("not heard by mv"), "\(shown.output)")
        let result = try label(
            "aggregate", "--labels", labels, "--truth", truth, "--soft", soft, "--method", "pooled", "--json", "-")
        let methods = try #require(try object(result.output)["methods"] as? [String: Any])
        let pooled = try #require(methods["pooled"] as? [String: Any])
        let models = try #require(pooled["models"] as? [[String: Any]])
        #expect(models[0]["model"] as? String == "gpt" && models[0]["accuracy"] as? Double == 0.8)
        let weight = try #require(models[0]["weight"] as? Double)
        #expect(weight > 0.1 && weight < 2)
        let family = try write("worker,family\ngpt,llm\nann,llm\n", "families.csv")
        let both = try label(
            "aggregate", "--labels", labels, "--soft", soft, "--families", family, "--method", "pooled")
        #expect(both.status == 1 && both.errors.contains("workers with labels too"), "\(both.errors)")
    }

    @Test("bad tables are refused naming file, line, column and value")
    func hostile() throws {
        let (labels, _, _) = try tables()
        for (text, parts) in [
            ("task,model,yes,no\nt0,gpt,0.9,0.2\n", ["bad.csv:2", "sum to 1.1"]),
            ("task,model,yes,no\nt0,gpt,0.9,0.1\nt1,gpt,1.5,-0.5\n", ["bad.csv:3", "column 'yes' is '1.5'"]),
            ("task,model,yes,no\nt0,gpt,nan,1\n", ["bad.csv:2", "'nan'"]),
            ("task,model,yes,no\nt0,gpt,,1\n", ["bad.csv:2", "empty"]),
            ("task,model,yes,no\nt0,gpt,x,1\n", ["bad.csv:2", "'x'"]),
            (
                "task,model,yes,no\nt0,gpt,0.5,0.5\nt0,gpt,0.5,0.5\n",
                ["bad.csv:3", "line 2 is of the same task and model"]
            ),
            ("task,model,yes,no\nt0,ann,0.5,0.5\n", ["bad.csv:2", "count twice"]),
            ("task,model,yes,maybe\nt0,gpt,0.5,0.5\n", ["no column for the class 'no'"]),
            ("task,model,yes\nt0,gpt,1\n", ["a column a class"]),
            ("model,yes,no\ngpt,1,0\n", ["task"]),
            ("task,model,yes,no\n", ["no rows"]),
            ("task,yes,no,yes\nt0,1,0,0\n", ["yes"]),
        ] {
            let bad = try write(text, "bad.csv")
            let result = try label("aggregate", "--labels", labels, "--soft", bad, "--method", "pooled")
            #expect(result.status == 1, "\(text): \(result.output)")
            for part in parts { #expect(result.errors.contains(part), "\(text): \(result.errors)") }
        }
        let (_, _, soft) = try tables()
        let deaf = try label("aggregate", "--labels", labels, "--soft", soft, "--method", "mv,glad")
        #expect(deaf.status == 64 && deaf.errors.contains("--soft: only with"))
        let tasks = try write("task\nt0\n", "few.csv")
        let stranger = try label(
            "init", folder.file("s"), "--tasks", tasks, "--classes", "yes,no", "--budget", "9", "--soft", soft)
        #expect(stranger.status == 1 && stranger.errors.contains("there is no such task"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("s")))
        let bandit = try label(
            "init", folder.file("s"), "--tasks", tasks, "--classes", "yes,no", "--budget", "9", "--soft", soft,
            "--method",
            "bbta")
        #expect(bandit.status == 64 && bandit.errors.contains("only with --method pooled"))
    }

    @Test("a session starts with the model's labels, says what it has found out, and replay listens")
    func session() throws {
        let (labels, truth, soft) = try tables()
        let session = folder.file("s")
        let begun = try label(
            "init", session, "--tasks", truth, "--classes", "yes,no", "--budget", "40", "--workers", "ann,bob",
            "--soft", soft)
        #expect(begun.status == 0 && begun.output.contains("1 model"), "\(begun.errors)")
        #expect(try label("labels", session).output.contains("t0,yes,"))
        for _ in 0..<3 {
            let next = try object(try label("next", session, "--json").output)
            let question = try #require((next["questions"] as? [[String: Any]])?.first)
            let task = try #require(question["task"] as? String), worker = try #require(question["worker"] as? String)
            let right = (Int(task.dropFirst()) ?? 0) % 3 == 0 ? "yes" : "no"
            #expect(try label("record", session, "--task", task, "--worker", worker, "--label", right).status == 0)
        }
        let status = try label("status", session).output
        #expect(
            status.contains("soft labels of gpt: 30 tasks, weight ") && status.contains("have an answer"), "\(status)")
        let json = try object(try label("status", session, "--json").output)
        #expect(((json["models"] as? [[String: Any]])?.first?["tasks"] as? Int) == 30)
        #expect(try label("labels", session, "--method", "ds").status == 0)
        #expect(try label("check", session).status == 0)
        let replay = try label(
            "replay", "--labels", labels, "--truth", truth, "--soft", soft, "--recorded-only", "--methods",
            "pooled,random",
            "--aggregate", "session,ds", "--budgets", "1", "--runs", "2")
        #expect(replay.status == 0, "\(replay.errors)")
        let deaf = try label(
            "replay", "--labels", labels, "--truth", truth, "--soft", soft, "--recorded-only", "--methods", "random")
        #expect(deaf.status == 64 && deaf.errors.contains("--soft: only with"))
    }
}
