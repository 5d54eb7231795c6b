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
        #expect(try CommandLineTool.run(train(folder.file("b"), iterations: 6)).status == 0)
        #expect(try CommandLineTool.run(["resume", folder.file("b"), "--iterations", "12"]).status == 0)
        let same = try folder.read("a/policy.ckpt") == folder.read("b/policy.ckpt")
        #expect(same)
    }

    /// SIGINT stops between two iterations with a checkpoint, says how to go on, and loses nothing.
    @Test func interruptedRunsSave() throws {
        let folder = TestFolder()
        let output = Pipe()
        let process = try CommandLineTool.start(train(folder.file("run"), iterations: 100_000), output: output)
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "run/metrics.csv") < 4 && process.isRunning && Date() < deadline { usleep(1000) }
        process.interrupt()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
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
