import Foundation
import Testing

@Suite struct TrainSpreadTests {
    private static let tiny = [
        "train", "--env", "simple_spread", "--seed", "4", "--set", "ppo.numEnvs=20", "--set", "ppo.numSteps=30",
        "--set", "network.actorWidths=[8]", "--set", "network.criticWidths=[8]", "--set", "evaluationEpisodes=16",
        "--set", "evaluateEvery=4", "--set", "checkpointEvery=2", "--set", "ppo.updateEpochs=1",
    ]

    private func lines(_ folder: TestFolder, _ file: String) -> Int {
        ((try? folder.read(file)).map { String(decoding: $0, as: UTF8.self) } ?? "").split(separator: "\n").count
    }

    /// Killed at any moment and resumed on another number of threads, with the newest checkpoint damaged as well, a
    /// run ends with the same bytes; then it is prolonged, and evaluated beside random play.
    @Test func killedAndResumedIsTheSame() throws {
        let folder = TestFolder()
        let whole = try CommandLineTool.run(
            Self.tiny + ["--out", folder.file("whole"), "--iterations", "24", "--threads", "1"])
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(whole.output.contains("random play") && whole.output.contains("Done after iteration 24"))

        let killed = try CommandLineTool.start(
            Self.tiny + ["--out", folder.file("cut"), "--iterations", "24", "--threads", "2"])
        let deadline = Date().addingTimeInterval(60)
        while lines(folder, "cut/metrics.csv") < 8 && killed.isRunning && Date() < deadline { usleep(1000) }
        kill(killed.processIdentifier, SIGKILL)
        killed.waitUntilExit()
        #expect(lines(folder, "cut/metrics.csv") < 25, "the run ended before it was killed")
        let newest = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("cut/checkpoints"))
                .filter { $0.hasPrefix("iteration-") && $0.hasSuffix(".ckpt") }.max())
        var bytes = try folder.read("cut/checkpoints/" + newest)
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: folder.file("cut/checkpoints/" + newest)))
        let resumed = try CommandLineTool.run(["resume", folder.file("cut"), "--threads", "2"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains(newest) && resumed.errors.contains("damaged"))
        for file in [
            "metrics.csv", "metrics.jsonl", "evaluation.json", "policy.ckpt", "config.yaml",
            "checkpoints/iteration-000024.ckpt",
        ] {
            let same = try folder.read("whole/" + file) == folder.read("cut/" + file)
            #expect(same, "\(file) differs")
        }
        #expect(lines(folder, "cut/timing.csv") == 25)
        let again = try CommandLineTool.run(["resume", folder.file("cut")])
        #expect(again.status == 0 && again.output.contains("nothing to resume"))
        let longer = try CommandLineTool.run(["resume", folder.file("cut"), "--iterations", "26"])
        #expect(longer.status == 0 && lines(folder, "cut/metrics.csv") == 27)

        let table = try CommandLineTool.run(["evaluate", folder.file("whole"), "--episodes", "32"])
        #expect(table.status == 0, "\(table.errors)")
        #expect(table.output.contains("simple_spread, 32 episodes, seed 7") && table.output.contains("random "))
        let json = try CommandLineTool.run([
            "evaluate", "--policy", "random,\(folder.file("whole")):sampled", "--episodes", "48", "--json", "-",
        ])
        let file = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let policies = try #require(file["policies"] as? [String: [String: Any]])
        #expect(policies.count == 2 && policies["random"]?["episodes"] as? Int == 48)
        let mean = try #require(policies["random"]?["mean"] as? Double)
        #expect((-32 ... -22).contains(mean), "random play earns about -26.2")
    }

    @Test func wrongInputIsExplained() throws {
        let folder = TestFolder()
        func refuse(_ arguments: [String], _ expected: String) throws {
            let result = try CommandLineTool.run(arguments)
            #expect(result.status != 0)
            #expect(result.errors.contains(expected), "\(arguments): \(result.errors)")
        }
        let train = ["train", "--env", "simple_spread", "--out", folder.file("r")]
        try refuse(["train", "--env", "chess", "--out", folder.file("r")], "dispatch, simple_spread")
        try refuse(train + ["--scenario", "haikou"], "--scenario belongs to dispatch")
        try refuse(train + ["--set", "ppo.clip=0.1"], "did you mean 'ppo.clipCoef'")
        try refuse(train + ["--set", "ppo.gamma=2"], "'2' is not a number from 0.0 to 1.0")
        try refuse(train + ["--set", "ppo.numEnvs=1", "--set", "ppo.numSteps=1"], "4 minibatches of 3 agent-steps")
        try refuse(["train", "--env", "simple_spread"], "--out")
        #expect(!FileManager.default.fileExists(atPath: folder.file("r")))
        let text = try CommandLineTool.run(["train", "--env", "simple_spread", "--print-config"]).output
        #expect(text.contains("env: simple_spread") && text.contains("numEnvs: 64"))
        try Data(text.replacingOccurrences(of: "clipCoef: 0.2", with: "clipCoef: no").utf8)
            .write(to: URL(fileURLWithPath: folder.file("c.yaml")))
        try refuse(["train", "--config", folder.file("c.yaml"), "--out", folder.file("r")], "ppo.clipCoef")
        // A run of one kind and a rule of the other do not play the same game.
        let made = try CommandLineTool.run(Self.tiny + ["--out", folder.file("run"), "--iterations", "1"])
        #expect(made.status == 0, "\(made.errors)")
        try refuse(["evaluate", folder.file("run"), "--policy", "greedy"], "greedy is neither random nor a run")
        try refuse(["evaluate", folder.file("run"), "--reroute"], "--reroute")
        try refuse(["evaluate", folder.file("run"), "--relocate"], "--relocate")
    }
}
