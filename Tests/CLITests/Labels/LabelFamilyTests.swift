import Foundation
import Testing

/// Families in sessions, and models in plans, through the program.
@Suite("cafe-cli label: families")
struct LabelFamilyTests: LabelFolder {
    let folder = TestFolder()

    private func tables() throws -> (tasks: String, soft: String) {
        (
            try write("task\n" + (0..<12).map { "t\($0)\n" }.joined(), "tasks.csv"),
            try write("task,model,yes,no\n" + (0..<12).map { "t\($0),gpt,0.75,0.25\n" }.joined(), "soft.csv")
        )
    }

    private func begin(
        _ session: String, workersFile: String, families: String? = nil, method: String = "pooled"
    ) throws -> CommandLineTool.Result {
        let (tasks, soft) = try tables()
        return try CommandLineTool.run(
            [
                "label", "init", folder.file(session), "--tasks", tasks, "--classes", "yes,no", "--budget", "60",
                "--workers", "zoe", "--workers-file", workersFile, "--method", method,
            ] + (method == "pooled" ? ["--soft", soft] : []) + (families.map { ["--families", $0] } ?? []))
    }

    @Test("families of the workers file and of --families, in status, export and import, and of those who join")
    func session() throws {
        let workers = try write("worker,cost,family\nann,1,llm\nbob,2,\ncyd,1,llm\n", "workers.csv")
        let families = try write("worker,family\nann,llm\nzoe,llm\ngpt,big\nbob,\n", "families.csv")
        let begun = try begin("s", workersFile: workers, families: families)
        #expect(begun.status == 0 && begun.output.contains("1 model, 2 families"), "\(begun.output)\(begun.errors)")
        let session = folder.file("s")
        let journal = try String(contentsOfFile: session + "/journal.tsv", encoding: .utf8)
        #expect(
            journal.contains("\nfamily\tllm\tann\tcyd\tzoe\t") && journal.contains("\nfamily\tbig\tgpt\t"), "\(journal)"
        )
        #expect(
            try label("next", session, "--workers", "dan", "--join", "--family", "llm").output
                .contains("joined: worker dan"))
        #expect(try label("workers", session, "add", "eve,fay", "--family", "new").status == 0)
        let status = try label("status", session).output
        for line in ["family llm: ann, cyd, zoe, dan\n", "family big: gpt\n", "family new: eve, fay\n"] {
            #expect(status.contains(line), "\(status)")
        }
        let json = try object(try label("status", session, "--json").output)
        let listed = try #require(json["families"] as? [[String: Any]])
        #expect(listed.map { $0["family"] as? String } == ["llm", "big", "new"])
        #expect(listed[0]["members"] as? [String] == ["ann", "cyd", "zoe", "dan"])
        #expect(try label("check", session).status == 0)
        #expect(try label("labels", session, "--method", "pooled").status == 0)
        let plan = try label("plan", session, "--runs", "3", "--budgets", "10")
        #expect(
            plan.output.contains("the members of a family are right and wrong together"),
            "\(plan.output)\(plan.errors)")
        let models = try label("next", session, "--workers", "gus", "--join", "--family", "big")
        #expect(models.status == 1 && models.errors.contains("a family is of models or of workers"), "\(models.errors)")
        let late = try label("next", session, "--workers", "ann,bob", "--join", "--family", "llm")
        #expect(late.status == 1 && late.errors.contains("worker 'bob' has joined already, alone"), "\(late.errors)")
        let alone = try label("next", session, "--workers", "ann", "--family", "llm")
        #expect(alone.status == 64 && alone.errors.contains("--family goes with --join"))
    }

    @Test("bad tables are refused naming file, line, column and value, and nothing is begun")
    func hostile() throws {
        let workers = try write("worker,family\nann,llm\nbob,\n", "workers.csv")
        for (text, parts) in [
            ("worker,family\neve,llm\n", ["bad.csv:2", "column 'worker' is 'eve'", "no such worker or model"]),
            ("worker,family\nzoe,llm\nzoe,llm\n", ["bad.csv:3", "column 'worker'", "an earlier row"]),
            (
                "worker,family\nbob,x\nann,other\n",
                ["bad.csv:3", "column 'family' is 'other'", "'ann' is in the family 'llm' already"]
            ),
            (
                "worker,family\ngpt,llm\n",
                ["bad.csv:2", "column 'family' is 'llm'", "the family of model 'gpt' has workers with labels too"]
            ),
            ("worker,kind\nann,llm\n", ["family"]),
        ] {
            let result = try begin("s", workersFile: workers, families: try write(text, "bad.csv"))
            #expect(result.status == 1, "\(text): \(result.output)")
            for part in parts { #expect(result.errors.contains(part), "\(text): \(result.errors)") }
        }
        let bandit = try begin("s", workersFile: workers, method: "bbta")
        #expect(
            bandit.status == 1 && bandit.errors.contains("workers.csv:2: column 'family' is 'llm': families go with"),
            "\(bandit.errors)")
        let plain = try write("worker\nann\n", "plain.csv"), table = try write("worker,family\nann,x\n", "f.csv")
        let option = try begin("s", workersFile: plain, families: table, method: "bbta")
        #expect(option.status == 64 && option.errors.contains("--families: only with --method pooled"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("s")))
    }

    @Test("plan: a model that gives probabilities alone and beside people; what is refused")
    func plan() throws {
        let shown = try label(
            "plan", "--tasks", "40", "--crew", "people=5@1:0.6-0.9", "--crew", "gpt=soft@0.5:1-1", "--budgets", "10,30",
            "--runs", "5")
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains("gpt: 20 for the probabilities of all tasks, paid first"), "\(shown.output)")
        #expect(shown.output.contains("at 30: gpt\n"), "\(shown.output)")
        let alone = try object(
            try label("plan", "--tasks", "40", "--crew", "gpt=soft@0.5:1-1", "--runs", "2", "--json").output)
        let mixes = try #require(alone["mixes"] as? [String: [[String: Double]]])
        #expect(mixes["gpt"]?.map { $0["budget"] } == [20] && mixes["gpt"]?[0]["accuracy"] == 1)
        for (crew, part) in [
            ("gpt=soft@0.5:0.3-0.9", "right at least 0.500 of the time"),
            ("gpt=soft@0.5:0.6-0.9:0", "overconfidence 0"),
            ("gpt=soft@0.5", "NAME=soft@PRICE:LOW-HIGH[:OVERCONFIDENCE]"),
        ] {
            let bad = try label("plan", "--crew", crew)
            #expect(bad.status == 64 && bad.errors.contains(part), "\(bad.errors)")
        }
    }
}
