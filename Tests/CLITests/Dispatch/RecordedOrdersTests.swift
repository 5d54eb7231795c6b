import Foundation
import Testing

/// `evaluate` on files as people bring them: what was read is shown, what cannot be meant is refused or warned of.
@Suite struct RecordedOrdersTests {
    /// Orders of several days around a place, in the columns of the Haikou format.
    static func orders(days: Int = 4, perDay: Int = 60, longitude: Double = 110.3, latitude: Double = 20) -> String {
        var text = "order_id,departure_time,start_lng,start_lat,pre_total_fee,normal_time_min\n"
        for order in 0..<days * perDay {
            let (day, number) = (order / perDay, order % perDay)
            text +=
                "\(order),2017-05-\(10 + day) \(10 + number % 2):\(10 + number % 50):00,"
                + "\(longitude + Double(number * 7 % 60) * 0.001),\(latitude + Double(number * 11 % 60) * 0.001),\(20 + number),18\n"
        }
        return text
    }

    static func write(_ text: String, _ name: String, _ folder: TestFolder) throws -> String {
        try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        return folder.file(name)
    }

    static func evaluate(_ arguments: String...) throws -> EvaluateTests.Outcome {
        try EvaluateTests.runAll(["evaluate", "--threads", "1"] + arguments)
    }

    /// The file that `--json` writes.
    static func json(_ arguments: String...) throws -> [String: Any] {
        let outcome = try EvaluateTests.runAll(["evaluate", "--threads", "1", "--json", "-"] + arguments)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }

    static func policies(_ file: [String: Any]) -> [String: [String: Any]] {
        file["policies"] as? [String: [String: Any]] ?? [:]
    }

    @Test(
        "flags that choose among orders are refused without orders",
        arguments: [
            ["--days", "abc"], ["--from", "99:99"], ["--part", "7/2"], ["--terms", "foo"], ["--cut", "bar"],
            ["--format", "gowalla-la"], ["--workers-file", "w.csv"], ["--zone", "UTC"], ["--columns", "x=a"],
            ["--units", "m"],
            ["--skip-bad-rows"],
        ])
    func flagsWithoutOrders(flags: [String]) throws {
        for command in [["evaluate", "--policy", "greedy"], ["generate", "--out", "never-written"]] {
            let outcome = try EvaluateTests.runAll(command + flags)
            #expect(outcome.status != 0 && outcome.errors.contains("\(flags[0]) says how --orders are read"))
        }
        #expect(!FileManager.default.fileExists(atPath: "never-written"))
    }

    @Test(
        "options that belong to others are refused",
        arguments: [
            (["--bound-episodes", "2"], "--bounds"), (["--annealing-moves", "9"], "--bounds"),
            (["--lookahead", "futures=2"], "NAME:lookahead"), (["--seed", "1", "--seeds", "1,2"], "both"),
            (["--seeds", "1,1"], "named twice"), (["--seeds", "1,"], "no list"), (["--days", "-1"], "--days"),
            (["--episodes", "-1"], "--episodes -1"), (["--threads", "-1"], "--threads -1"),
            (["--tasks", "0"], "--tasks 0"),
            (["--workers", "0"], "--workers 0"),
        ])
    func optionsThatCannotApply(options: [String], words: String) throws {
        let outcome = try EvaluateTests.runAll(
            ["evaluate", "--policy", "greedy", "--episodes", "1"].dropLast(2) + options)
        #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test("a file of one's own is one episode: its numbers, no interval, a price that is tuned on it")
    func ownFile() throws {
        let folder = TestFolder()
        let day = folder.file("day")
        #expect(try EvaluateTests.run("generate", "--tasks", "30", "--workers", "10", "--out", day).status == 0)
        let tasks = day + "/tasks.csv"
        let outcome = try Self.evaluate("--orders", tasks, "--policy", "coalition,greedy")
        #expect(outcome.status == 0 && outcome.output.contains("30 tasks, 10 workers, one episode, seed 7"))
        #expect(outcome.output.contains("prices were tuned on this very episode"))
        #expect(!outcome.output.contains("["), "no interval: \(outcome.output)")
        let file = try Self.json("--orders", tasks, "--policy", "coalition,greedy")
        #expect(file["tasks"] as? Int == 30 && file["workers"] as? Int == 10 && file["episodes"] as? Int == 1)
        let coalition = try #require(Self.policies(file)["coalition"])
        #expect((coalition["ci95"] as? [Any])?.allSatisfy { $0 is NSNull } == true)
        #expect(coalition["price"] is Double && coalition["price_tuned_on"] as? String == "the evaluated episode")
        for option in [
            ["--tasks", "20"], ["--workers", "5"], ["--episodes", "10"], ["--days", "0-3"], ["--part", "1/2"],
            ["--from", "08:00"], ["--terms", "file"], ["--cut", "by-day"], ["--zone", "UTC"],
        ] {
            let refused = try EvaluateTests.runAll(["evaluate", "--orders", tasks, "--policy", "greedy"] + option)
            #expect(refused.status != 0 && refused.errors.contains(option[0]), "\(option) \(refused.errors)")
        }
    }

    @Test("files without tasks or workers are refused")
    func emptyFiles() throws {
        let folder = TestFolder()
        let tasks = "release,x,y,skill,workload,expected,deadline,pay,penalty_rate\n"
        let workers = "x,y,skills,speed,reach,shift_start,shift_end\n"
        let path = try Self.write(tasks, "tasks.csv", folder)
        _ = try Self.write(workers + "0,0,0,0.5,10,0,100\n", "workers.csv", folder)
        let none = try Self.evaluate("--orders", path, "--policy", "greedy")
        #expect(none.status != 0 && none.errors.contains("tasks.csv: it holds no task"))
        let evolved = try EvaluateTests.run(
            "evolve", "--orders", path, "--out", folder.file("run"), "--generations", "1")
        #expect(evolved.status == 1 && evolved.errors.contains("it holds no task"), "\(evolved.errors)")
        _ = try Self.write(tasks + "0,1,1,0,10,20,30,1,0.1\n", "tasks.csv", folder)
        _ = try Self.write(workers, "workers.csv", folder)
        let nobody = try Self.evaluate("--orders", path, "--policy", "greedy")
        #expect(nobody.status != 0 && nobody.errors.contains("workers.csv: it holds no worker"))
    }

    @Test("what was read is shown before anything is computed, and is in the JSON")
    func summary() throws {
        let folder = TestFolder()
        let path = try Self.write(Self.orders(), "o.csv", folder)
        let arguments = [
            "--orders", path, "--scenario", "haikou", "--tasks", "20", "--workers", "9", "--episodes", "2",
        ]
        let outcome = try EvaluateTests.runAll(["evaluate", "--policy", "coalition", "--days", "1-2"] + arguments)
        for words in [
            "240 orders (haikou-orders)", "2017-05-10 to 2017-05-13: 4 days", "names no zone",
            "longitude 110.3000 to 110.3590",
            "medians: fare 50, duration 18.0 min", "are drawn from 'haikou'",
            "tuned on other draws from the same orders",
        ] {
            #expect(outcome.output.contains(words), "\(words): \(outcome.output)")
        }
        let run = try EvaluateTests.runAll(
            ["evaluate", "--policy", "greedy,coalition", "--days", "1-2", "--json", "-"] + arguments)
        let file = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(
            file["file"] as? String == path && file["days"] as? String == "1-2"
                && file["terms"] as? String == "scenario")
        #expect((file["window"] as? [String: Any])?["minutes"] as? Double == 90)
        let coalition = try #require(Self.policies(file)["coalition"])
        let apart = try #require(coalition["minus_first"] as? [String: Any])
        #expect(apart["policy"] as? String == "greedy" && (apart["ci95"] as? [Double])?.count == 2)
        let details = try #require(coalition["details"] as? [String: Any])
        let served = try #require(details["served"] as? Double)
        #expect(served > 0 && served <= 1 && details["mean_travel_minutes"] as? Double ?? 0 > 0)
    }

    @Test("episodes that hold all orders have no interval")
    func sharedOrders() throws {
        let folder = TestFolder()
        let path = try Self.write(Self.orders(days: 1), "o.csv", folder)
        let outcome = try Self.evaluate(
            "--orders", path, "--scenario", "haikou", "--tasks", "500", "--workers", "9", "--episodes", "3", "--policy",
            "greedy,nearest")
        #expect(outcome.output.contains("60 tasks, 9 workers") && !outcome.output.contains("["), "\(outcome.output)")
        #expect(outcome.output.contains("all episodes hold the same"))
        let some = try Self.evaluate(
            "--orders", path, "--scenario", "haikou", "--tasks", "30", "--workers", "9", "--episodes", "3", "--policy",
            "greedy,nearest")
        #expect(some.output.contains("any two share some 50 %") && some.output.contains("["))
    }

    @Test("nobody in reach is said: swapped columns, another city, metres, km/h")
    func nobodyInReach() throws {
        let folder = TestFolder()
        let path = try Self.write(Self.orders(longitude: 9.2, latitude: 45.5), "o.csv", folder)
        func workers(_ longitude: Double, _ latitude: Double) throws -> EvaluateTests.Outcome {
            let file = try Self.write("lng,lat\n\(longitude),\(latitude)\n", "w.csv", folder)
            return try Self.evaluate(
                "--orders", path, "--workers-file", file, "--tasks", "20", "--workers", "5", "--episodes", "1",
                "--policy",
                "greedy")
        }
        #expect(try workers(9.22, 45.52).errors == "")
        let swapped = try workers(45.52, 9.22).errors
        #expect(swapped.contains("swapped in one of the files") && swapped.contains("no worker can reach any task"))
        let other = try workers(2.35, 48.85).errors
        #expect(other.contains("is it the same city?") && other.contains("no worker can reach any task"))

        let tasks = "release,x,y,skill,workload,expected,deadline,pay,penalty_rate\n"
        let people = "x,y,skills,speed,reach,shift_start,shift_end\n"
        func own(_ task: String, _ worker: String) throws -> String {
            _ = try Self.write(people + worker + "\n", "workers.csv", folder)
            let path = try Self.write(tasks + task + "\n", "tasks.csv", folder)
            let outcome = try Self.evaluate("--orders", path, "--policy", "greedy")
            #expect(outcome.status == 0)
            return outcome.errors
        }
        #expect(try own("0,1,1,0,10,20,30,1,0.1", "0,0,0,0.5,10,0,100") == "")
        #expect(try own("0,9000,4000,0,10,20,30,1,0.1", "1000,2000,0,0.5,10,0,100").contains("metres"))
        #expect(try own("0,1,1,0,10,20,30,1,0.1", "0,0,0,30,10,0,100").contains("are speeds km/h?"))
        #expect(try own("0,1,1,1,10,20,30,1,0.1", "0,0,0,0.5,10,0,100").contains("no worker has the skill"))
        #expect(try own("50,1,1,0,10,20,30,1,0.1", "0,0,0,0.5,10,0,40").contains("nobody is on shift"))
        #expect(
            try own("0,104.06,30.67,0,10,20,30,1,0.1", "104.07,30.68,0,0.5,10,0,100").contains("are x and y degrees?"))
    }

    @Test("a pipe is refused, a table of another kind called by its name")
    func pipesAndOtherKinds() throws {
        let folder = TestFolder()
        for path in ["-", "/dev/null"] {
            let outcome = try Self.evaluate("--orders", path, "--policy", "greedy")
            #expect(outcome.status != 0 && outcome.errors.contains("a pipe will not do"), "\(outcome.errors)")
        }
        let json = try Self.write("[{\"departure_time\": \"2017-05-01\"}]\n", "o.json", folder)
        #expect(try Self.evaluate("--orders", json, "--policy", "greedy").errors.contains("this is JSON, not a table"))
    }

    @Test("columns and zone of one's own, in evaluate and in train")
    func columnsAndZone() throws {
        let folder = TestFolder()
        let text = Self.orders().replacingOccurrences(of: "departure_time,start_lng,start_lat", with: "when,east,north")
        let path = try Self.write(text, "o.csv", folder)
        let unnamed = try Self.evaluate("--orders", path, "--policy", "greedy")
        #expect(unnamed.status != 0 && unnamed.errors.contains("--columns"))
        let columns = "release=when,longitude=east,latitude=north"
        let outcome = try Self.evaluate(
            "--orders", path, "--columns", columns, "--zone", "Asia/Shanghai", "--tasks", "20", "--workers", "5",
            "--episodes",
            "1", "--policy", "greedy")
        #expect(
            outcome.status == 0 && outcome.output.contains("release=when") && outcome.output.contains("Asia/Shanghai"))
        let run = folder.file("run")
        let trained = try EvaluateTests.run(
            "train", "--orders", path, "--out", run, "--iterations", "1", "--quiet", "--threads", "1", "--set",
            "episodes.columns=\(columns)", "--set", "episodes.tasks=[20]", "--set", "episodes.workers=[5]", "--set",
            "episodes.tasksFixed=20", "--set", "episodes.workersFixed=5", "--set", "ppo.numEnvs=2", "--set",
            "evaluationEpisodes=1", "--set", "reward.variant=share")
        #expect(trained.status == 0, "\(trained.errors)")
        let wrong = try Self.evaluate("--orders", path, "--columns", columns, "--zone", "Mars", "--policy", "greedy")
        #expect(wrong.status != 0 && wrong.errors.contains("--zone Mars is no zone"))
    }
}
