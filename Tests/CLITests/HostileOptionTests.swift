import Foundation
import Testing

/// Every option of every command, given a number that no computation can bear: refused or done, never a trap, never
/// without an end.
@Suite struct HostileOptionTests {
    /// What a command needs beside the option that is tried; `session` and `labels.csv` are made by `folder`.
    static let context: [String: [String]] = [
        "label aggregate": ["--labels", "labels.csv"],
        "label replay": ["--labels", "labels.csv", "--truth", "truth.csv", "--methods", "random", "--runs", "1"],
        "label init": ["new", "--tasks", "tasks.csv", "--classes", "yes,no", "--budget", "9"],
        "label next": ["session"], "label record": ["session", "--task", "a", "--worker", "ann", "--label", "yes"],
        "label import": ["session", "labels.csv"], "label status": ["session"], "label labels": ["session"],
        "label gold": ["session", "--task", "a", "--class", "yes"],
        "label plan": ["--tasks", "5", "--workers", "3", "--runs", "2"],
        "evaluate": ["--policy", "greedy", "--tasks", "3", "--workers", "3", "--episodes", "1"],
        "evolve": [
            "--out", "e", "--generations", "1", "--population", "4", "--set", "settings=5/3", "--set",
            "forecastEpisodes=1", "--set", "referenceEpisodes=1",
        ],
        "generate": ["--tasks", "3", "--workers", "3", "--out", "g"], "scenarios": [],
        "train": [
            "--out", "t", "--iterations", "1", "--set", "ppo.numEnvs=1", "--set", "episodes.tasks=[3]", "--set",
            "episodes.workers=[3]", "--set", "episodes.tasksFixed=3", "--set", "episodes.workersFixed=3", "--set",
            "evaluationEpisodes=1",
        ],
        "resume": ["run"], "check-gradients": ["run"], "refine": ["run"], "policies": [],
        "scale": ["--workers", "10", "--tasks-per-worker", "2", "--policy", "nearest"],
        "label report": ["session"], "label check": ["session"], "label budget": ["session", "+1"],
        "label set": ["session", "--max-open", "3"],
        "label tasks": ["session", "add", "more.csv"], "label workers": ["session", "add", "eve"],
        "label correct": ["session", "--task", "a", "--worker", "ann", "--label", "yes"],
        "compare": ["--tasks", "3", "--workers", "3", "--episodes", "2", "--slow-episodes", "0"],
        "fit": ["--tasks", "3", "--workers", "3", "--episodes", "4", "--generations", "1", "--out", "f"],
        "label export": ["session", "--server", "d", "--study", "s"], "export": ["run"],
        "dispatch": ["--input", "moment.json"], "replay": ["--tasks", "3", "--workers", "3", "--policy", "greedy"],
        "travel-times": ["trips.csv"], "report": ["run"], "bench": ["kl", "--repeats", "1"],
        "reproduce cafe": [
            "--quick", "--seeds", "1", "--iterations", "1", "--columns", "50", "--cities", "nowhere", "--out", "r",
        ],
        "reproduce bbta": ["--quick", "--data", "nowhere", "--output", "r"],
    ]
    /// Commands that are not tried: `serve` gives its options to another program, which goes on until it is stopped.
    static let without: Set<String> = ["serve"]

    static func folder() throws -> TestFolder {
        let folder = TestFolder()
        try "task\na\nb\nc\n".write(toFile: folder.file("tasks.csv"), atomically: true, encoding: .utf8)
        try "task,truth\na,yes\nb,no\nc,yes\n".write(
            toFile: folder.file("truth.csv"), atomically: true, encoding: .utf8)
        try "task\nd\n".write(toFile: folder.file("more.csv"), atomically: true, encoding: .utf8)
        try
            #"{"now": 0, "workers": [{"id": "w", "location": [0, 0]}], "tasks": [{"id": "t", "location": [0, 1], "deadline": 60, "workload_min": 5, "pay": 1}]}"#
            .write(toFile: folder.file("moment.json"), atomically: true, encoding: .utf8)
        let trips = (10..<40).map { "2017-05-01 08:\($0):00,104.\($0),30.6,104.\($0 + 2),30.62,\($0)\n" }
        try ("departure_time,start_lng,start_lat,end_lng,end_lat,normal_time_min\n" + trips.joined()).write(
            toFile: folder.file("trips.csv"), atomically: true, encoding: .utf8)
        let rows = ["a", "b", "c"].flatMap { task in
            ["ann", "bob", "cat"].map { "\(task),\($0),\($0 == "cat" ? "no" : "yes")\n" }
        }
        try ("task,worker,label\n" + rows.joined()).write(
            toFile: folder.file("labels.csv"), atomically: true, encoding: .utf8)
        return folder
    }

    /// Runs the program in a folder, for 60 s at most; a status of 128 and more is a signal, 124 no end.
    static func run(_ arguments: [String], in folder: TestFolder) throws -> CommandLineTool.Result {
        try CommandLineTool.run("/usr/bin/timeout", ["60", CommandLineTool.path] + arguments, in: folder.path)
    }

    private struct Help: Decodable {
        struct Command: Decodable {
            struct Argument: Decodable {
                struct Name: Decodable { let kind, name: String }
                let kind: String
                let names: [Name]?
            }
            let commandName: String
            let subcommands: [Command]?
            let arguments: [Argument]?
        }
        let command: Command
    }

    /// Each command that does something, with its options that take a value.
    private static func options() throws -> [(command: String, options: [String])] {
        let help = try CommandLineTool.run(["--experimental-dump-help"]).output
        let root = try JSONDecoder().decode(Help.self, from: Data(help.utf8)).command
        func leaves(_ command: Help.Command, _ path: [String]) -> [(String, [String])] {
            let own = (command.arguments ?? []).filter { $0.kind == "option" }
                .compactMap { $0.names?.first { $0.kind == "long" }?.name }
            let below = (command.subcommands ?? []).filter { $0.commandName != "help" }
            return below.isEmpty
                ? [(path.joined(separator: " "), own)] : below.flatMap { leaves($0, path + [$0.commandName]) }
        }
        return leaves(root, [])
    }

    @Test(arguments: ["9223372036854775807", "1e308"])
    func noOptionTraps(_ value: String) throws {
        let folder = try Self.folder()
        _ = try Self.run(
            [
                "label", "init", "session", "--tasks", "tasks.csv", "--classes", "yes,no", "--workers", "ann,bob",
                "--budget", "9",
            ], in: folder)
        var tried = 0
        for (command, options) in try Self.options() {
            if Self.without.contains(command) { continue }
            guard let context = Self.context[command] else {
                Issue.record("'\(command)' has no line in HostileOptionTests.context")
                continue
            }
            for option in options {
                let result = try Self.run(
                    command.split(separator: " ").map(String.init) + context + ["--" + option, value], in: folder)
                #expect(result.status < 124, "\(command) --\(option) \(value): \(result.status) \(result.errors)")
                for made in ["e", "t", "g", "f", "r", "new", "replay.html"] {
                    try? FileManager.default.removeItem(atPath: folder.file(made))
                }
                tried += 1
            }
        }
        #expect(tried > 80)
    }

    /// Counts that used to wrap the size of an array: refused by name, with the range.
    @Test(arguments: [
        ["evolve", "--out", "e", "--population", "9223372036854775807"],
        ["label", "plan", "--tasks", "9223372036854775807"], ["label", "plan", "--workers", "2305843009213693952"],
        ["label", "plan", "--classes", "9223372036854775807"], ["label", "plan", "--runs", "1152921504606846976"],
        ["generate", "--out", "g", "--episode", "9223372036854775807"],
        ["scale", "--workers", "9223372036854775807"], ["scale", "--tasks-per-worker", "9223372036854775807"],
        ["evaluate", "--policy", "greedy", "--tasks", "1000000000000000000"],
        ["evaluate", "--policy", "greedy", "--workers", "1000000000000000000"],
        ["evaluate", "--policy", "greedy", "--episodes", "9223372036854775807"],
        ["refine", "run", "--episodes", "9223372036854775807"],
        ["check-gradients", "run", "--episodes", "9223372036854775807"],
        ["evaluate", "--policy", "greedy", "--threads", "100000"],
        ["train", "--iterations", "20000000", "--out", "t"], ["resume", "run", "--iterations", "20000000"],
        ["replay", "--episode", "9223372036854775807"], ["replay", "--tasks", "0"], ["compare", "--workers", "0"],
        ["compare", "--episodes", "9223372036854775807"], ["fit", "--out", "f", "--tasks", "1000000000"],
    ])
    func countsHaveRanges(_ arguments: [String]) throws {
        let result = try Self.run(arguments, in: Self.folder())
        let option = arguments[arguments.count - (arguments[0] == "train" ? 4 : 2)]
        #expect(result.status == 64 && result.errors.contains(option), "\(arguments): \(result)")
        #expect(result.errors.contains("a whole number from"), "\(result.errors)")
    }

    @Test(arguments: [
        "forecastEpisodes=9000000000000000000", "settings=9223372036854775807/5", "referenceEpisodes=1e9",
        "stepSize=1e308", "startPrice=1e308", "episodes=1000000000000",
    ])
    func keysOfEvolveHaveRanges(_ key: String) throws {
        let result = try Self.run(["evolve", "--out", "e", "--generations", "1", "--set", key], in: Self.folder())
        #expect(result.status == 1 && result.errors.contains(key.prefix { $0 != "=" }), "\(result)")
    }

    @Test(arguments: [
        "ppo.maxGradNorm=1e-50", "reward.phi.team=1e300", "vae.targetScale=1e-50", "vae.noiseVariance=1e-300",
        "game.window=1e-300", "network.actorWidths=[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "ppo.numEnvs=100000000",
    ])
    func keysOfTrainHaveRanges(_ key: String) throws {
        let folder = try Self.folder()
        let result = try Self.run(["train", "--out", "t", "--iterations", "1", "--set", key], in: folder)
        #expect(result.status == 1 && result.errors.contains(key.prefix { $0 != "=" }), "\(result)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("t")))
    }

    @Test func aRankAboveTheWorkersIsRefused() throws {
        let folder = try Self.folder()
        try "task,worker,label\na,ann,yes\nb,bob,no\n".write(
            toFile: folder.file("few.csv"), atomically: true, encoding: .utf8)
        let result = try Self.run(
            [
                "label", "replay", "--labels", "few.csv", "--truth", "truth.csv", "--methods", "random", "--runs", "1",
                "--rank", "7",
            ], in: folder)
        #expect(result.status != 0 && result.status < 124 && result.errors.contains("--rank"), "\(result)")
    }

    /// 3000 different texts by 300 workers would take 21.6 GB of confusion matrices.
    @Test func freeTextIsNotTakenForClasses() throws {
        let folder = try Self.folder()
        var text = "task,worker,label\n"
        for row in 0..<20_000 { text += "t\(row),w\(row % 2000),answer \(row)\n" }
        try text.write(toFile: folder.file("free.csv"), atomically: true, encoding: .utf8)
        for method in ["ds", "one-coin", "mv"] {
            let result = try Self.run(["label", "aggregate", "--labels", "free.csv", "--method", method], in: folder)
            #expect(result.status < 124 && (result.status == 0 || result.errors.contains("free text")), "\(result)")
        }
        let refused = try Self.run(["label", "aggregate", "--labels", "free.csv", "--method", "ds"], in: folder)
        #expect(refused.status == 1 && refused.errors.contains("free.csv"), "\(refused)")
    }

    @Test func tablesWithoutRows() throws {
        let folder = try Self.folder()
        let headers = [
            "tasks.csv": "release,x,y,skill,workload,expected,deadline,pay,penalty_rate\n",
            "workers.csv": "x,y,skills,speed,reach,shift_start,shift_end\n", "l.csv": "task,worker,label\n",
            "m.csv": "task,context,truth,ann,bob\n", "o.csv": "departure_time,start_lng,start_lat\n", "e.csv": "",
            "t.csv": "task\n",
        ]
        for (name, text) in headers {
            try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        }
        for arguments in [
            ["evolve", "--orders", "tasks.csv", "--out", "e", "--generations", "1"],
            ["evolve", "--orders", "o.csv", "--out", "e", "--generations", "1"],
            ["evaluate", "--orders", "o.csv", "--policy", "greedy"], ["label", "aggregate", "--labels", "l.csv"],
            ["evaluate", "--orders", "e.csv", "--policy", "greedy"], ["label", "replay", "--labels", "l.csv"],
            ["label", "replay", "--matrix", "m.csv"],
            ["label", "init", "s", "--tasks", "t.csv", "--classes", "a,b", "--budget", "3"],
            ["label", "plan", "--cost", "8e12", "--tasks", "1000", "--workers", "10", "--runs", "1"],
        ] {
            let result = try Self.run(arguments, in: folder)
            #expect(
                result.status == 1 && result.errors.hasPrefix("Error: ") || result.errors.contains("\nError: "),
                "\(result)")
        }
        for arguments in [
            ["evaluate", "--orders", "tasks.csv", "--policy", "coalition,cafe-chengdu", "--episodes", "1"],
            ["evaluate", "--tasks", "0", "--workers", "0", "--policy", "coalition,cafe-chengdu", "--episodes", "1"],
            ["generate", "--tasks", "0", "--workers", "0", "--out", "g"],
        ] {
            #expect(try Self.run(arguments, in: folder).status < 124, "\(arguments)")
        }
    }

    @Test func daysAndPartsHaveRanges() throws {
        let folder = try Self.folder()
        try "departure_time,start_lng,start_lat\n2017-05-01 08:00:00,104.1,30.6\n".write(
            toFile: folder.file("orders.csv"), atomically: true, encoding: .utf8)
        for (option, value) in [("--days", "0-9223372036854775807"), ("--part", "1/9223372036854775807")] {
            let result = try Self.run(
                ["evaluate", "--orders", "orders.csv", "--episodes", "1", "--policy", "greedy", option, value],
                in: folder)
            #expect(result.status != 0 && result.status < 124 && result.errors.contains(option), "\(result)")
        }
    }
}
