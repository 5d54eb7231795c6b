import Foundation
import Testing

/// What all commands that play episodes do alike: options that cannot apply are refused, one file is one episode, nobody
/// in reach is said, and what is printed to go on with is right.
@Suite("Sources of episodes, in every command")
struct SourceOptionTests {
    private static let small = ["--tasks", "20", "--workers", "6"]

    private func run(_ arguments: [String]) throws -> EvaluateTests.Outcome {
        try EvaluateTests.runAll(arguments + ["--threads", "1"])
    }

    /// A folder with a pair of tables of one's own.
    private func instance(_ folder: TestFolder) throws -> String {
        let made = try EvaluateTests.run("generate", "--tasks", "12", "--workers", "6", "--out", folder.file("own"))
        #expect(made.status == 0, "\(made.errors)")
        return folder.file("own/tasks.csv")
    }

    @Test(
        "options that choose among orders are refused without orders",
        arguments: [
            ["compare"], ["fit", "--out", "never-written"], ["replay", "--out", "never-written"],
            ["evolve", "--out", "never-written"], ["evolve", "--scenario", "random", "--out", "never-written"],
        ], [["--days", "0-3"], ["--terms", "file"], ["--from", "08:00"], ["--zone", "UTC"], ["--columns", "x=a"]])
    func withoutOrders(command: [String], flags: [String]) throws {
        let outcome = try run(command + flags)
        #expect(outcome.status == 64 && outcome.errors.contains(flags[0]), "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: "never-written"))
    }

    @Test("a file of one's own is one episode in every command: numbers that cannot be chosen are refused")
    func oneEpisode() throws {
        let folder = TestFolder()
        let path = try instance(folder)
        let own = ["--orders", path]
        for (command, flags) in [
            (["compare"], ["--tasks", "7"]), (["compare"], ["--workers", "7"]), (["compare"], ["--episodes", "4"]),
            (["replay", "--out", "-"], ["--tasks", "7"]), (["replay", "--out", "-"], ["--episode", "3"]),
            (["evolve", "--out", folder.file("e")], ["--set", "settings=7/3"]),
            (["train", "--out", folder.file("t")], ["--set", "episodes.tasks=[7]"]),
        ] {
            let outcome = try run(command + own + flags)
            let name = flags[0] == "--set" ? String(flags[1].prefix { $0 != "=" }) : flags[0]
            #expect(outcome.status == 64 && outcome.errors.contains(name), "\(command) \(outcome)")
            #expect(outcome.errors.contains("is one episode of 12 tasks and 6 workers"), "\(outcome.errors)")
        }
        let fitted = try run(["fit", "--out", folder.file("f")] + own)
        #expect(fitted.status == 64 && fitted.errors.contains("one single episode"), "\(fitted)")
        let compared = try run(["compare"] + own)
        #expect(compared.status == 0, "\(compared.errors)")
        #expect(compared.output.contains("12 tasks, 6 workers, one episode"))
        #expect(compared.output.contains("tuned on this very episode") && !compared.output.contains("["))
    }

    @Test("compare shows no interval where all episodes hold the same orders, and its JSON says what was played")
    func sharedOrders() throws {
        let folder = TestFolder()
        let path = try RecordedOrdersTests.write(RecordedOrdersTests.orders(days: 1), "o.csv", folder)
        let arguments = [
            "compare", "--orders", path, "--tasks", "500", "--workers", "9", "--episodes", "3", "--slow-episodes", "0",
        ]
        let shown = try run(arguments)
        #expect(shown.status == 0 && shown.output.contains("60 tasks, 9 workers, 3 episodes"), "\(shown)")
        #expect(shown.output.contains("all episodes hold the same orders") && !shown.output.contains("["))
        let text = try run(arguments + ["--json", "-"]).output
        let file = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(file["file"] as? String == path && file["window"] is [String: Any] && file["game"] is [String: Any])
        let rule = try #require(RecordedOrdersTests.policies(file)["coalition"])
        #expect(rule["price"] as? Double ?? 0 > 0 && (rule["ci95"] as? [Any])?.first is NSNull)
    }

    @Test("nobody in reach is said before the work by compare, fit, evolve, train and replay")
    func nobodyInReach() throws {
        let folder = TestFolder()
        let path = try RecordedOrdersTests.write(
            RecordedOrdersTests.orders(longitude: 9.2, latitude: 45.5), "o.csv", folder)
        let workers = try RecordedOrdersTests.write(
            "lng,lat\n" + String(repeating: "9.3,47.5\n", count: 4), "w.csv", folder)
        let far = ["--orders", path, "--workers-file", workers]
        for (command, isRefused) in [
            (["compare", "--episodes", "2", "--slow-episodes", "0"] + Self.small, false),
            (["replay", "--policy", "greedy", "--out", folder.file("r.html")] + Self.small, false),
            (["fit", "--out", folder.file("f"), "--generations", "1", "--episodes", "4"] + Self.small, true),
            (["evolve", "--out", folder.file("e"), "--generations", "1", "--set", "settings=20/6"], true),
        ] {
            let outcome = try run(command + far)
            #expect(outcome.errors.contains("no worker can reach any task"), "\(command[0]): \(outcome)")
            #expect((outcome.status != 0) == isRefused, "\(command[0]): \(outcome)")
            #expect(
                outcome.errors.contains(isRefused ? "the plain rule earns nothing" : "no policy earned anything"),
                "\(command[0]): \(outcome.errors)")
        }
        let keys = ["episodes.workersFile=\(workers)", "episodes.tasks=[20]", "episodes.workers=[6]", "ppo.numEnvs=1"]
        let trained = try run(
            ["train", "--orders", path, "--out", folder.file("t"), "--iterations", "1"]
                + keys.flatMap { ["--set", $0] })
        #expect(trained.errors.contains("no worker can reach any task"), "\(trained)")
    }

    @Test("dates without a time of the day are said")
    func datesAlone() throws {
        let folder = TestFolder()
        let text = RecordedOrdersTests.orders().replacing(/\ \d\d:\d\d:00,/, with: " 00:00:00,")
        let path = try RecordedOrdersTests.write(text, "o.csv", folder)
        let outcome = try run(["evaluate", "--orders", path, "--policy", "greedy", "--episodes", "1"] + Self.small)
        #expect(outcome.status == 0 && outcome.errors.contains("all times are 00:00"), "\(outcome)")
    }

    @Test("relocation is refused where nobody could be moved, and its rows say that they play by it")
    func relocation() throws {
        let folder = TestFolder()
        let trained = try run(
            ["train", "--out", folder.file("run"), "--iterations", "1", "--quiet"]
                + [
                    "episodes.tasks=[20]", "episodes.workers=[6]", "episodes.tasksFixed=20", "episodes.workersFixed=6",
                    "ppo.numEnvs=1", "evaluationEpisodes=1",
                ].flatMap { ["--set", $0] })
        #expect(trained.status == 0, "\(trained.errors)")
        let agents = try run(["evaluate", "--relocate", "--episodes", "2", folder.file("run")] + Self.small)
        #expect(agents.status != 0 && agents.errors.contains("without --relocate"), "\(agents)")
        let key = try run(["train", "--out", folder.file("other"), "--set", "game.relocate=true"])
        #expect(key.status != 0 && key.errors.contains("evolve --set relocate=true"), "\(key)")
        let plans = try run(["fit", "--relocate", "--plans", "4", "--out", folder.file("fit")])
        #expect(plans.status != 0 && plans.errors.contains("--plans"), "\(plans)")
        let shown = try run(
            ["evaluate", "--relocate", "--episodes", "3", "--policy", "coalition,cafe", "--details"] + Self.small)
        #expect(shown.status == 0, "\(shown.errors)")
        #expect(shown.output.contains("rules game.relocate=true") && shown.output.contains("moved min"), "\(shown)")
        let plain = try run(["evaluate", "--episodes", "3", "--policy", "coalition,cafe", "--details"] + Self.small)
        #expect(!plain.output.contains("moved"), "\(plain)")
    }

    @Test("compare and replay play by the rules of a trained run, and say so")
    func rulesOfRuns() throws {
        let folder = TestFolder()
        let keys = [
            "episodes.tasks=[20]", "episodes.workers=[6]", "episodes.tasksFixed=20", "episodes.workersFixed=6",
            "ppo.numEnvs=1", "evaluationEpisodes=1", "reward.variant=share", "game.payment=elapsed",
            "game.reroute=true",
        ]
        let trained = try run(
            ["train", "--out", folder.file("run"), "--iterations", "1", "--quiet"] + keys.flatMap { ["--set", $0] })
        #expect(trained.status == 0, "\(trained.errors)")
        let compared = try run(
            ["compare", "--episodes", "3", "--slow-episodes", "0", "--policy", folder.file("run")] + Self.small)
        #expect(compared.status == 0, "\(compared.errors)")
        #expect(compared.output.contains("rules game.payment=elapsed, game.reroute=true"), "\(compared.output)")
        func revenue(_ policies: String) throws -> String {
            let shown = try run(["replay", "--policy", policies, "--out", folder.file("r.html")] + Self.small)
            #expect(shown.status == 0, "\(shown.errors)")
            return String(shown.output.split(separator: "\n")[0])
        }
        #expect(try revenue("nearest") != revenue("nearest,\(folder.file("run"))"))
        let page = String(decoding: try folder.read("r.html"), as: UTF8.self)
        #expect(page.contains("rules game.payment=elapsed"))
    }

    @Test("a run named twice in one row is refused")
    func sameRunTwice() throws {
        for runs in ["greedy+greedy", "runs/a+./runs/a"] {
            let outcome = try run(["evaluate", "--policy", "mine=\(runs)", "--seeds", "1,2"])
            #expect(outcome.status == 64 && outcome.errors.contains("names a run twice"), "\(outcome)")
        }
    }

    @Test("what is wrong in a command's work names that command's help")
    func helpOfTheCommand() throws {
        let outcome = try run(["evaluate", "--policy", "greedy", "--orders", "-"])
        #expect(outcome.status == 64 && outcome.errors.contains("See 'cafe-cli evaluate --help'"), "\(outcome)")
        #expect(!outcome.errors.contains("<subcommand>"))
    }

    @Test("the straight line between places on a line is the way along the axes: the same plans, forecasts and runs")
    func travelIsLookedThrough() throws {
        let folder = TestFolder()
        let text = RecordedOrdersTests.orders().replacing(/,20\.0\d*,/, with: ",20.01,")
        let path = try RecordedOrdersTests.write(text, "o.csv", folder)
        let arguments = ["--orders", path, "--days", "2-", "--episodes", "3", "--json", "-"] + Self.small
        func means(_ more: [String]) throws -> [String: Double] {
            let shown = try run(["evaluate", "--policy", "coalition,cafe,cafe-chengdu"] + arguments + more)
            #expect(shown.status == 0, "\(shown.errors)")
            let file = try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any]
            return RecordedOrdersTests.policies(file ?? [:]).mapValues { $0["mean"] as? Double ?? -1 }
        }
        let (axes, line) = (try means([]), try means(["--travel", "euclidean"]))
        for (name, mean) in axes { #expect(abs(mean - (line[name] ?? 0)) < 1e-9, "\(name)") }
    }

    @Test("an evolution with other travel goes on with it")
    func travelIsKept() throws {
        let folder = TestFolder()
        let keys = ["settings=20/8", "population=4", "forecastEpisodes=2", "referenceEpisodes=4"].flatMap {
            ["--set", $0]
        }
        func evolve(_ name: String, _ generations: Int) throws -> EvaluateTests.Outcome {
            try run(
                ["evolve", "--travel", "euclidean", "--out", folder.file(name), "--generations", "\(generations)"]
                    + keys)
        }
        let whole = try evolve("whole", 3)
        #expect(whole.status == 0 && whole.output.contains("--travel euclidean"), "\(whole)")
        #expect(try evolve("part", 1).status == 0)
        let resumed = try run(["resume", folder.file("part"), "--iterations", "3"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try folder.read("whole/policy.yaml") == folder.read("part/policy.yaml"))
    }

    @Test("the comparison that train prints has the columns, the zone and the units; on one episode no sizes")
    func comparisons() throws {
        let folder = TestFolder()
        let rows = (0..<60).map {
            "2017-05-1\($0 / 20) 08:\(10 + $0 % 20):00+02:00;\($0 * 37 % 3000);\($0 * 91 % 3000)"
        }
        let path = try RecordedOrdersTests.write(
            "when;east;north\n" + rows.joined(separator: "\n") + "\n", "own.csv", folder)
        let size = [
            "episodes.tasks=[10]", "episodes.workers=[5]", "episodes.tasksFixed=10", "episodes.workersFixed=5",
            "ppo.numEnvs=1", "evaluationEpisodes=1", "reward.variant=share",
        ]
        func follow(_ orders: String, _ keys: [String], _ words: [String], without: String) throws {
            let out = folder.file("run\(keys.count)")
            let trained = try run(
                ["train", "--orders", orders, "--out", out, "--iterations", "1"] + keys.flatMap { ["--set", $0] })
            #expect(trained.status == 0, "\(trained.errors)")
            let hint = try #require(trained.output.range(of: "Compare it with: "))
            let command = String(trained.output[hint.upperBound...].split(separator: "\n")[0])
            for word in words { #expect(command.contains(word), "\(command)") }
            #expect(!command.contains(without), "\(command)")
            let compared = try CommandLineTool.shell(command + (without == "--tasks" ? "" : " --episodes 2"))
            #expect(compared.status == 0, "\(command): \(compared.errors)")
        }
        try follow(
            path,
            size + [
                "episodes.columns=release=when,x=east,y=north", "episodes.units=m", "episodes.zone=Europe/Paris",
                "episodes.days=0-1",
            ], ["--columns release=when,x=east,y=north", "--units m", "--zone Europe/Paris", "--days 2-"],
            without: "--cut by-day")
        try follow(try instance(folder), Array(size.suffix(3)), ["--policy coalition,"], without: "--tasks")
    }

    @Test("fit divides rows, prints what compares on the others, and keeps out of another run's folder")
    func fit() throws {
        let folder = TestFolder()
        let path = try RecordedOrdersTests.write(RecordedOrdersTests.orders(), "my orders.csv", folder)
        let arguments = [
            "fit", "--orders", path, "--from", "10:00", "--generations", "1", "--episodes", "4", "--out",
            folder.file("f"),
        ]
        let fitted = try run(arguments + Self.small)
        #expect(fitted.status == 0, "\(fitted.errors)")
        let hint = try #require(fitted.output.range(of: "Compare it: "))
        let command = String(fitted.output[hint.upperBound...].split(separator: "\n")[0])
        #expect(command.contains("--part 2/2") && command.contains("--from 10:00"), "\(command)")
        let compared = try CommandLineTool.shell(command + " --episodes 2 --slow-episodes 0")
        #expect(compared.status == 0, "\(compared.errors)")
        try FileManager.default.createDirectory(atPath: folder.file("run"), withIntermediateDirectories: true)
        try Data("seed: 1\n".utf8).write(to: URL(fileURLWithPath: folder.file("run/config.yaml")))
        let other = try run(["fit", "--out", folder.file("run")])
        #expect(other.status == 1 && other.errors.contains("holds a run of train"), "\(other)")
    }

    @Test("replay takes no episode with --log, and no numbers that it cannot play")
    func replay() throws {
        for arguments in [["--log", "l", "--tasks", "3"], ["--log", "l", "--scenario", "haikou"], ["--tasks", "0"]] {
            let outcome = try run(["replay"] + arguments)
            #expect(outcome.status == 64 && outcome.errors.contains(arguments[arguments.count - 2]), "\(outcome)")
        }
    }
}
