import Foundation
import Testing

/// The commands that scripts rely on, run as a user runs them.
@Suite struct EvaluateTests {
    typealias Outcome = CommandLineTool.Result

    /// Runs the cafe-cli that was built beside the tests.
    static func run(_ arguments: String...) throws -> Outcome { try runAll(arguments) }

    static func runAll(_ arguments: [String]) throws -> Outcome { try CommandLineTool.run(arguments) }

    static func temporary(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("cafe-\(UUID())-\(name)").path
    }

    @Test func evaluateWritesTheSameFileAtAnyThreadCount() throws {
        var files: [Data] = []
        for threads in ["1", "2", "7"] {
            let path = Self.temporary("out.json")
            defer { try? FileManager.default.removeItem(atPath: path) }
            let outcome = try Self.run(
                "evaluate", "--scenario", "haikou", "--tasks", "30", "--workers", "15", "--policy", "greedy,coalition",
                "--episodes", "9", "--seed", "7", "--threads", threads, "--json", path)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("coalition"))
            files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        #expect(files[0] == files[1] && files[0] == files[2])
        let root = try JSONSerialization.jsonObject(with: files[0]) as? [String: Any]
        let policies = root?["policies"] as? [String: [String: Any]]
        let greedy = try #require(policies?["greedy"])
        let coalition = try #require(policies?["coalition"])
        #expect(greedy["episodes"] as? Int == 9)
        let mean = try #require(greedy["mean"] as? Double)
        let interval = try #require(greedy["ci95"] as? [Double])
        #expect(interval[0] < mean && mean < interval[1] && greedy["sd"] as? Double ?? 0 > 0)
        #expect(try #require(coalition["mean"] as? Double) > mean)
    }

    @Test func marlEvalHoldsEveryEpisodeOfEveryRun() throws {
        let path = Self.temporary("marl.json")
        defer { try? FileManager.default.removeItem(atPath: path) }
        // One method of two members: each plays its own seed's episodes, so they are those of the members alone.
        let outcome = try Self.run(
            "evaluate", "--tasks", "30", "--workers", "15", "--policy", "greedy,nearest,both=greedy+nearest",
            "--seeds", "3,4", "--episodes", "5", "--threads", "1", "--marl-eval", path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let root = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        let city = (root as? [String: [String: [String: [String: [String: [String: Any]]]]]])?["chengdu"]
        let task = try #require(city?["30 tasks 15 workers"])
        func values(_ policy: String, _ run: String) -> [Double]? {
            task[policy]?[run]?["step_1"]?["revenue"] as? [Double]
        }
        #expect(values("greedy", "seed_3")?.count == 5)
        #expect(values("both", "seed_3") == values("greedy", "seed_3"))
        #expect(values("both", "seed_4") == values("nearest", "seed_4"))
        #expect(values("both", "seed_4") != values("greedy", "seed_4"))
        let unequal = try Self.run("evaluate", "--policy", "both=greedy+nearest", "--seeds", "1,2,3")
        #expect(unequal.status != 0 && unequal.errors.contains("2 runs, but there are 3 seeds"))
    }

    @Test func scaleGivesTheSameDayAtAnyThreadCount() throws {
        var revenues: [[Double]] = []
        for threads in ["1", "2"] {
            let path = Self.temporary("day.json")
            defer { try? FileManager.default.removeItem(atPath: path) }
            let outcome = try Self.run(
                "scale", "--policy", "coalition,cafe-chengdu,nearest", "--workers", "30,60", "--tasks-per-worker", "4",
                "--threads", threads, "--json", path)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let rows = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [[String: Any]]
            )
            #expect(rows.count == 6 && rows.allSatisfy { $0["tasks"] as? Int == 4 * ($0["workers"] as? Int ?? 0) })
            #expect(rows.allSatisfy { $0["peak_bytes"] as? Int ?? 0 > 1_000_000 && $0["sent"] as? Int ?? 0 > 0 })
            revenues.append(rows.compactMap { $0["revenue"] as? Double })
        }
        #expect(revenues[0] == revenues[1] && revenues[0].count == 6)
        let wrong = try Self.run("scale", "--workers", "10,x")
        #expect(wrong.status != 0 && wrong.errors.contains("--workers 10,x"))
    }

    @Test func generatedFilesAreEvaluated() throws {
        let folder = Self.temporary("day")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try Self.run("generate", "--tasks", "20", "--workers", "10", "--out", folder).status == 0)
        let outcome = try Self.run(
            "evaluate", "--orders", folder + "/tasks.csv", "--policy", "nearest", "--episodes", "1", "--threads", "1")
        #expect(outcome.status == 0 && outcome.output.contains("nearest"), "\(outcome.errors)")
    }

    @Test func aDashIsStandardOutput() throws {
        let outcome = try Self.run(
            "evaluate", "--scenario", "haikou", "--tasks", "10", "--workers", "5", "--policy", "greedy", "--episodes",
            "2", "--json", "-")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(outcome.status == 0 && object?["policies"] != nil, "\(outcome.output)")
    }

    @Test func mistakesAreNamed() throws {
        let policy = try Self.run("evaluate", "--policy", "gredy")
        #expect(policy.status != 0 && policy.errors.contains("did you mean 'greedy'?"))
        let city = try Self.run("evaluate", "--policy", "greedy", "--scenario", "chengdoo")
        #expect(city.status != 0 && city.errors.contains("chengdu"))
    }

    @Test func lookaheadIsAPolicyOfItsOwn() throws {
        let outcome = try Self.run(
            "evaluate", "--tasks", "30", "--workers", "8", "--episodes", "2", "--policy",
            "cafe-chengdu,cafe-chengdu:lookahead", "--lookahead", "futures=4", "--lookahead", "variants=4", "--json",
            "-")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let root = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let policies = try #require(root?["policies"] as? [String: [String: Any]])
        let ahead = try #require(policies["cafe-chengdu:lookahead"])
        #expect((ahead["note"] as? String ?? "").contains("4 futures of 25.0 min, 4 further plans"))
        #expect(ahead["mean"] as? Double ?? 0 > 1)
    }

    @Test func lookaheadMistakesAreNamed() throws {
        func complaint(_ arguments: String...) throws -> String {
            let outcome = try Self.runAll(
                ["evaluate", "--tasks", "5", "--workers", "5", "--episodes", "1"] + arguments)
            #expect(outcome.status != 0)
            return outcome.errors
        }
        #expect(try complaint("coalition:lookahead").contains("'coalition' is none"))
        #expect(
            try complaint("cafe-chengdu:lookahead", "--lookahead", "future=4").contains("did you mean 'futures'"))
        #expect(try complaint("cafe-chengdu:lookahead", "--future-days", "0-3").contains("--orders"))
        // Recorded orders: futures only from other days than those evaluated on.
        let path = Self.temporary("orders.csv")
        defer { try? FileManager.default.removeItem(atPath: path) }
        var text = "order_id,departure_time,arrive_time,start_lng,start_lat,pre_total_fee\n"
        for order in 0..<160 {
            let clock = "\(10 + order / 80):\(10 + order % 40):00"
            let day = "2017-05-0\(1 + order % 4)"
            text += "\(order),\(day) \(clock),\(day) 13:00:00,110.3\(order % 7),20.0\(order % 5),10\n"
        }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let orders = ["--orders", path, "cafe-chengdu:lookahead", "--lookahead", "futures=2"]
        for days in [[], ["--days", "2-3"], ["--days", "1-3", "--future-days", "0-1"], ["--future-days", "0"]] {
            let outcome = try Self.runAll(
                ["evaluate", "--tasks", "5", "--workers", "5", "--episodes", "1"] + orders + days)
            #expect(outcome.status != 0 && outcome.errors.contains("the very orders"), "\(days) \(outcome)")
        }
        let fine = try Self.runAll(
            ["evaluate", "--tasks", "5", "--workers", "5", "--episodes", "1"] + orders
                + ["--days", "2-", "--future-days", "0-1"])
        #expect(fine.status == 0, "\(fine.errors)")
    }

    @Test func policiesPrintsWhatEvaluateReads() throws {
        let path = Self.temporary("policy.yaml")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let list = try Self.run("policies")
        #expect(list.status == 0 && list.output.contains("coalition") && list.output.contains("cafe-chengdu"))
        let file = try Self.run("policies", "cafe-chengdu")
        try file.output.write(toFile: path, atomically: true, encoding: .utf8)
        let json = Self.temporary("out.json")
        defer { try? FileManager.default.removeItem(atPath: json) }
        let outcome = try Self.run(
            "evaluate", "--tasks", "30", "--workers", "15", "--policy", "cafe-chengdu,\(path)", "--episodes", "4",
            "--json", json)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let root = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: json)))
        let policies = (root as? [String: Any])?["policies"] as? [String: [String: Any]]
        #expect(policies?["cafe-chengdu"]?["mean"] as? Double == policies?[path]?["mean"] as? Double)
        #expect(policies?.count == 2)
        let wrong = try Self.run("policies", "cafe-nowhere")
        #expect(wrong.status != 0 && wrong.errors.contains("cafe-chengdu"))
    }

    @Test func scenariosPrintsYAML() throws {
        let outcome = try Self.run("scenarios", "haikou")
        #expect(outcome.status == 0 && outcome.output.contains("workerMix: 0.37"))
    }
}
