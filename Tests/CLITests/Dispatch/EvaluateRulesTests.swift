import Foundation
import Testing

/// One table, one game; intervals over what is random; errors and scenarios as people and programs read them.
@Suite struct EvaluateRulesTests {
    private static func train(_ run: String, _ keys: String...) throws {
        let small = [
            "episodes.tasks=[20]", "episodes.workers=[8]", "episodes.tasksFixed=20", "episodes.workersFixed=8",
            "ppo.numEnvs=2", "evaluationEpisodes=1", "reward.variant=share",
        ]
        let outcome = try EvaluateTests.runAll(
            ["train", "--out", run, "--iterations", "1", "--quiet", "--threads", "1"]
                + (small + keys).flatMap { ["--set", $0] })
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test("all rows play by the rules of the trained run; runs of different rules share no table")
    func oneGame() throws {
        let folder = TestFolder()
        try Self.train(folder.file("elapsed"), "game.payment=elapsed")
        try Self.train(folder.file("pairs"), "game.teamCap=2")
        let size = ["--tasks", "40", "--workers", "15", "--episodes", "4"]
        func revenue(_ policies: String) throws -> ([String: Any], [String: [String: Any]]) {
            let outcome = try EvaluateTests.runAll(["evaluate", "--policy", policies, "--json", "-"] + size)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let file = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
            return (file, RecordedOrdersTests.policies(file))
        }
        let usual = try revenue("nearest").1["nearest"]?["mean"] as? Double ?? 0
        let (file, rows) = try revenue("nearest,\(folder.file("elapsed"))")
        #expect((file["game"] as? [String: Any])?["payment"] as? String == "elapsed")
        #expect(rows["nearest"]?["mean"] as? Double ?? 99 < 0.9 * usual)
        let shown = try EvaluateTests.runAll(["evaluate", "--policy", "nearest,\(folder.file("pairs"))"] + size)
        #expect(shown.output.contains("rules game.teamCap=2"))
        let mixed = try EvaluateTests.runAll(
            ["evaluate", "--policy", "\(folder.file("elapsed")),\(folder.file("pairs"))"] + size)
        #expect(mixed.status != 0 && mixed.errors.contains("different rules"))
        let scale = try EvaluateTests.run("scale", "--policy", folder.file("pairs"), "--workers", "10")
        #expect(scale.status != 0 && scale.errors.contains("game.teamCap=2"))
    }

    @Test("where runs are random, differences are paired by run; else by episode")
    func pairs() throws {
        let file = try RecordedOrdersTests.json(
            "--tasks", "30", "--workers", "10", "--policy", "greedy,nearest,both=greedy+nearest", "--seeds", "3,4",
            "--episodes", "5")
        let rows = RecordedOrdersTests.policies(file)
        func apart(_ name: String) -> [String: Any] { rows[name]?["minus_first"] as? [String: Any] ?? [:] }
        #expect(apart("nearest")["interval_over"] as? String == "episodes" && apart("nearest")["pairs"] as? Int == 10)
        #expect(apart("both")["interval_over"] as? String == "seeds" && apart("both")["pairs"] as? Int == 2)
        let means = try ["greedy", "both"].map { try #require(rows[$0]?["seed_means"] as? [Double]) }
        let differences = zip(means[1], means[0]).map { $0 - $1 }
        let mean = (differences[0] + differences[1]) / 2
        let half = 12.706204736 * abs(differences[0] - differences[1]) / 2
        let interval = try #require(apart("both")["ci95"] as? [Double])
        #expect(abs(interval[0] - (mean - half)) < 1e-6 && abs(interval[1] - (mean + half)) < 1e-6)
    }

    @Test("money of any unit can be read in the table")
    func tinyMoney() throws {
        let folder = TestFolder()
        try "base: chengdu\npay: {low: 0.0000001, high: 0.00000016}\n".write(
            toFile: folder.file("tiny.yaml"), atomically: true, encoding: .utf8)
        for command in [["evaluate", "--policy", "coalition,nearest"], ["compare", "--slow-episodes", "0"]] {
            let outcome = try EvaluateTests.runAll(
                command + [
                    "--scenario", folder.file("tiny.yaml"), "--tasks", "40", "--workers", "15", "--episodes", "4",
                ])
            let row = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("nearest") })
            let revenue = try #require(Double(row.split(separator: " ")[1]))
            #expect(revenue > 1e-7 && revenue < 1e-4, "\(row)")
        }
    }

    @Test("--details adds a table")
    func details() throws {
        let outcome = try EvaluateTests.run(
            "evaluate", "--tasks", "30", "--workers", "10", "--policy", "coalition", "--episodes", "2", "--details")
        #expect(outcome.status == 0 && outcome.output.contains("travel min") && outcome.output.contains("busy"))
    }

    @Test("with JSON on standard output an error is JSON too")
    func errorsAsJSON() throws {
        func error(_ arguments: [String]) throws -> [String: Any] {
            let outcome = try EvaluateTests.runAll(arguments)
            #expect(outcome.status != 0 && !outcome.errors.isEmpty)
            let file = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            return file?["error"] as? [String: Any] ?? [:]
        }
        let folder = TestFolder()
        let path = try RecordedOrdersTests.write(
            "task,user,time,lat,lon\n1,2,2017-05-01 08:00:00,95,10\n", "tasks.csv", folder)
        let row = try error(["evaluate", "--orders", path, "--policy", "greedy", "--json", "-"])
        #expect(row["code"] as? String == "row" && row["line"] as? Int == 2 && row["column"] as? String == "lat")
        #expect(row["file"] as? String == path && (row["message"] as? String)?.contains("95") == true)
        #expect(try error(["evaluate", "--json", "-"])["code"] as? String == "usage")
        #expect(
            try error(["evaluate", "--policy", "cafe-haiku", "--json=-"])["message"] as? String ?? "" != "")
        let plain = try EvaluateTests.run("evaluate", "--policy", "cafe-haiku")
        #expect(plain.output == "" && plain.errors.contains("did you mean 'cafe-haikou'"))
    }

    @Test("scenario files: errors with line and wanted shape, a byte order mark, comments, odd shifts")
    func scenarios() throws {
        let folder = TestFolder()
        func evaluate(_ text: String) throws -> EvaluateTests.Outcome {
            let path = try RecordedOrdersTests.write(text, "mine.yaml", folder)
            return try EvaluateTests.run(
                "evaluate", "--scenario", path, "--tasks", "20", "--workers", "5", "--episodes", "1", "--policy",
                "greedy")
        }
        let wrong = try evaluate("base: chengdu\n\nspeed: fast\n")
        #expect(wrong.status == 1 && wrong.errors.contains("mine.yaml:3: key 'speed'"), "\(wrong.errors)")
        #expect(wrong.errors.contains("such as {low: 15, high: 25}"))
        #expect(
            try evaluate("base: chengdu\nspeed:\n  low: 9\n  hihg: 3\n").errors.contains(
                "mine.yaml:4: key 'speed.hihg'"))
        #expect(try evaluate("\u{FEFF}base: chengdu\nskills: 2\n").status == 0)
        let long = try evaluate("base: chengdu\nhorizon: 1440\n")
        #expect(long.status == 0 && long.errors.contains("the last shift ends at minute 140"), "\(long.errors)")
        let printed = try EvaluateTests.run("scenarios", "chengdu")
        #expect(printed.output.contains("# speed of a worker (km/h)\nspeed:"))
        #expect(try evaluate(printed.output).status == 0)
        #expect(try EvaluateTests.run("--version").output.hasPrefix("0."))
    }
}
