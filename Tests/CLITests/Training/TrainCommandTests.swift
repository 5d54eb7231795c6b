import Foundation
import Testing

@Suite struct TrainCommandTests {
    /// A run small enough for a test: 30 tasks, 25 workers.
    private static let tiny = [
        "--scenario", "chengdu", "--seed", "4", "--set", "episodes.tasks=[30]", "--set", "episodes.workers=[]",
        "--set", "episodes.workersFixed=25", "--set", "ppo.numEnvs=3", "--set", "network.actorWidths=[8]",
        "--set", "evaluationEpisodes=1", "--set", "evaluateEvery=10", "--set", "checkpointEvery=4",
    ]
    private static let files = ["metrics.csv", "metrics.jsonl", "evaluation.json", "policy.ckpt"]

    private func train(_ folder: String, iterations: Int, threads: Int = 2) -> [String] {
        ["train", "--out", folder, "--iterations", String(iterations), "--threads", String(threads)] + Self.tiny
    }

    private func lines(_ folder: TestFolder, _ file: String) -> Int {
        ((try? folder.read(file)).map { String(decoding: $0, as: UTF8.self) } ?? "").split(separator: "\n").count
    }

    /// Killed by SIGKILL at any moment, resumed, and the end is the same to the byte: parameters, optimiser, streams
    /// and metrics. Then with the newest checkpoint damaged as well.
    @Test func killedAndResumedIsTheSame() throws {
        let folder = TestFolder()
        let whole = try CommandLineTool.run(train(folder.file("whole"), iterations: 60, threads: 1))
        #expect(whole.status == 0, "\(whole.errors)")

        let killed = try CommandLineTool.start(train(folder.file("cut"), iterations: 60))
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "cut/metrics.csv") < 20 && killed.isRunning && Date() < deadline { usleep(1000) }
        kill(killed.processIdentifier, SIGKILL)
        killed.waitUntilExit()
        #expect(killed.terminationReason == .uncaughtSignal && killed.terminationStatus == SIGKILL)
        #expect(lines(folder, "cut/metrics.csv") < 61, "the run ended before it was killed")

        // Damage the newest checkpoint: it is named, and the one before is used.
        let checkpoints = try FileManager.default.contentsOfDirectory(atPath: folder.file("cut/checkpoints"))
            .filter { $0.hasPrefix("iteration-") && $0.hasSuffix(".ckpt") }.sorted()
        let newest = try #require(checkpoints.last)
        var bytes = try folder.read("cut/checkpoints/" + newest)
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: folder.file("cut/checkpoints/" + newest)))
        let resumed = try CommandLineTool.run(["resume", folder.file("cut"), "--threads", "2"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains(newest) && resumed.errors.contains("damaged"))
        #expect(resumed.output.contains("Resuming"))

        for file in Self.files + ["checkpoints/iteration-000060.ckpt", "config.yaml", "scenario.yaml"] {
            let same = try folder.read("whole/" + file) == folder.read("cut/" + file)
            #expect(same, "\(file) differs")
        }
        let again = try CommandLineTool.run(["resume", folder.file("cut")])
        #expect(again.status == 0 && again.output.contains("nothing to resume"))
    }

    /// Training 6 iterations and prolonging to 12 equals training 12.
    @Test func prolongedIsTheSame() throws {
        let folder = TestFolder()
        #expect(try CommandLineTool.run(train(folder.file("a"), iterations: 12)).status == 0)
        #expect(try CommandLineTool.run(train(folder.file("b"), iterations: 7)).status == 0)
        #expect(try CommandLineTool.run(["resume", folder.file("b"), "--iterations", "12"]).status == 0)
        for file in Self.files {
            let same = try folder.read("a/" + file) == folder.read("b/" + file)
            #expect(same, "\(file) differs")
        }
    }

    /// One process writes into a folder: of two that begin at once one is refused, and so is a resume beside a train.
    @Test func aSecondWriterIsRefused() throws {
        let folder = TestFolder()
        let both = try [4, 5].map { seed in
            try CommandLineTool.Running(train(folder.file("two"), iterations: 100) + ["--set", "seed=\(seed)"])
        }
        let ended = both.map { $0.finish() }
        #expect(ended.map(\.status).sorted()[0] == 0 && ended.map(\.status).sorted()[1] != 0)
        let seed = ended[0].status == 0 ? 4 : 5
        let text = String(decoding: try folder.read("two/config.yaml"), as: UTF8.self)
        #expect(text.contains("seed: \(seed) ") && lines(folder, "two/metrics.csv") == 101)

        let running = try CommandLineTool.Running(train(folder.file("run"), iterations: 100_000))
        let process = running.process
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "run/metrics.csv") < 4 && process.isRunning && Date() < deadline { usleep(1000) }
        let second = try CommandLineTool.run(["resume", folder.file("run")])
        #expect(second.status != 0)
        #expect(
            second.errors.contains("is being written by cafe-cli train (process \(process.processIdentifier))"),
            "\(second.errors)")
        process.interrupt()
        #expect(running.finish().status == 0)
        let rows = String(decoding: try folder.read("run/metrics.csv"), as: UTF8.self).split(separator: "\n")
            .dropFirst()
        #expect(rows.map { Int($0.split(separator: ",")[0]) } == (1...rows.count).map { Int($0) })
    }

    /// A second Ctrl-C ends the process at once and tidily, beside threads at work.
    @Test func aSecondInterruptDoesNotAbort() throws {
        let folder = TestFolder()
        for round in 0..<4 {
            let running = try CommandLineTool.Running(train(folder.file("r\(round)"), iterations: 100_000))
            let process = running.process
            let deadline = Date().addingTimeInterval(60)
            while lines(folder, "r\(round)/metrics.csv") < 3 && process.isRunning && Date() < deadline { usleep(1000) }
            process.interrupt()
            usleep(500)
            process.interrupt()
            let status = running.finish().status
            // Tidily after the first, by its own exit or by the signal at the second; never an abort.
            #expect(
                process.terminationReason == .exit
                    ? [0, 130].contains(status) : process.terminationReason == .uncaughtSignal && status == SIGINT)
        }
    }

    /// The command that is printed at the end plays the held-out days of the same orders beside the coalition rule.
    @Test func theComparisonThatIsPrintedRuns() throws {
        let folder = TestFolder()
        var text = "order_id,departure_time,start_lng,start_lat\n"
        for day in 1...3 {
            for order in 0..<20 {
                text += "\(order),2017-05-0\(day) 08:\(10 + order):00,110.\(30 + order),20.0\(day)\n"
            }
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file("my orders.csv")))
        let size = ["episodes.tasks=[10]", "episodes.workers=[]", "episodes.workersFixed=8"]
        let trained = try CommandLineTool.run(
            [
                "train", "--scenario", "haikou", "--orders", folder.file("my orders.csv"), "--out", folder.file("run"),
                "--iterations", "2",
            ]
                + (size + ["episodes.days=0-1", "ppo.numEnvs=2", "evaluationEpisodes=1"]).flatMap { ["--set", $0] })
        #expect(trained.status == 0, "\(trained.errors)")
        let hint = try #require(trained.output.range(of: "Compare it with: "))
        let command = trained.output[hint.upperBound...].split(separator: "\n")[0]
        #expect(command.contains("--days 2-") && command.contains("--tasks 10 --workers 8"))
        let compared = try CommandLineTool.shell(command + " --episodes 3")
        #expect(compared.status == 0, "\(compared.errors)")
        #expect(compared.output.contains("coalition") && compared.output.contains(folder.file("run")))
    }

    /// Ctrl-C and termination stop an evolution with a checkpoint, and `resume` ends with the bits of an uninterrupted one.
    @Test func evolutionsStopAndGoOn() throws {
        let folder = TestFolder()
        func evolve(_ out: String, _ generations: Int) -> [String] {
            ["evolve", "--scenario", "haikou", "--out", folder.file(out), "--generations", "\(generations)"]
                + ["settings=20/8", "population=4", "forecastEpisodes=4", "referenceEpisodes=2"].flatMap {
                    ["--set", $0]
                }
        }
        let running = try CommandLineTool.Running(evolve("cut", 100_000))
        let process = running.process
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "cut/metrics.csv") < 8 && process.isRunning && Date() < deadline { usleep(1000) }
        process.terminate()
        let text = running.finish().output
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        #expect(text.contains("Go on with: cafe-cli resume \(folder.file("cut"))"), "\(text)")
        let done = lines(folder, "cut/metrics.csv") - 1
        let resumed = try CommandLineTool.run(["resume", folder.file("cut"), "--iterations", "\(done + 3)"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try CommandLineTool.run(evolve("whole", done + 3)).status == 0)
        for file in ["policy.yaml", "metrics.csv", "evolution.yaml"] {
            let same = try folder.read("whole/" + file) == folder.read("cut/" + file)
            #expect(same, "\(file) differs")
        }
        let more = try CommandLineTool.run(
            ["evolve", "--out", folder.file("cut"), "--resume", "--generations", "\(done + 5)"])
        #expect(more.status == 0 && lines(folder, "cut/metrics.csv") == done + 6, "\(more.errors)")
    }

    /// Ctrl-C stops a fit and a reproduction with what they have, and says how to go on.
    @Test func fitAndReproduceStopAndSay() throws {
        let folder = TestFolder()
        for (arguments, made) in [
            (
                ["fit", "--tasks", "20", "--workers", "6", "--generations", "100000", "--out", folder.file("f")],
                "f/training/metrics.csv"
            ),
            (
                [
                    "reproduce", "cafe", "--quick", "--seeds", "1", "--columns", "350", "--cities", "chengdu", "--out",
                    folder.file("r"), "--iterations", "1000",
                ], "r/runs/chengdu-team-s1/metrics.csv"
            ),
        ] {
            let running = try CommandLineTool.Running(arguments)
            let deadline = Date().addingTimeInterval(100)
            while lines(folder, made) < 4 && running.process.isRunning && Date() < deadline { usleep(1000) }
            running.process.interrupt()
            let result = running.finish()
            #expect(result.status == 130 && result.errors.contains("Go on by the same command"), "\(result)")
        }
    }

    /// SIGINT stops between two iterations with a checkpoint, says how to go on, and loses nothing.
    @Test func interruptedRunsSave() throws {
        let folder = TestFolder()
        let running = try CommandLineTool.Running(train(folder.file("run"), iterations: 100_000))
        let process = running.process
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "run/metrics.csv") < 4 && process.isRunning && Date() < deadline { usleep(1000) }
        process.interrupt()
        let text = running.finish().output
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        #expect(text.contains("Go on with: cafe-cli resume"))
        let rows = lines(folder, "run/metrics.csv") - 1
        let newest = try FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints")).sorted().last {
            $0.hasPrefix("iteration-")
        }
        #expect(newest == "iteration-" + String(repeating: "0", count: 6 - String(rows).count) + "\(rows).ckpt")
    }

    @Test func wrongInputIsExplained() throws {
        let folder = TestFolder()
        func refuse(_ arguments: [String], _ expected: String) throws {
            let result = try CommandLineTool.run(arguments)
            #expect(result.status != 0)
            #expect(result.errors.contains(expected), "\(arguments): \(result.errors)")
        }
        let out = ["--out", folder.file("r")]
        try refuse(["train"] + out + ["--set", "ppo.clip_coef=0.1"], "did you mean 'ppo.clipCoef'")
        try refuse(["train"] + out + ["--set", "ppo.gamma=2"], "'2' is not a number from 0.0 to 1.0")
        try refuse(["train"] + out + ["--scenario", "paris"], "chengdu")
        try refuse(["train"], "--out")
        try refuse(["resume", folder.file("nothing")], "no such file")
        #expect(try CommandLineTool.run(["train", "--print-config"]).output.contains("clipCoef: 0.2"))
    }
}
