import CSCSwift
import Foundation
import Testing

/// Two shards of environments, rollouts that end amid an episode.
private func settings() -> FixedHorizonSettings {
    var settings = FixedHorizonSettings()
    settings.numEnvs = 20
    settings.numSteps = 30
    settings.updateEpochs = 2
    settings.actorWidths = [16]
    settings.criticWidths = [16, 8]
    return settings
}

private func trainer() throws -> FixedHorizonTrainer {
    try FixedHorizonTrainer(settings: settings(), iterations: 6, seed: 3) { SimpleSpread(environmentCount: $0) }
}

private func tinyConfiguration() throws -> FixedHorizonConfiguration {
    var configuration = FixedHorizonConfiguration()
    configuration.settings = settings()
    try configuration.apply(overrides: [
        "iterations=6", "ppo.annealIterations=6", "checkpointEvery=2", "evaluateEvery=3", "evaluationEpisodes=20",
    ])
    return configuration
}

@Suite struct FixedHorizonRunTests {
    /// A trainer that takes over a saved state continues like the one that was saved, bit for bit, at any number of
    /// threads: networks, optimiser, worlds amid an episode, returns so far, draws and the order of minibatches.
    @Test(arguments: [1, 2]) func aLoadedTrainerGoesOnTheSame(threads: Int) throws {
        let before = Threads.count
        defer { Threads.count = before }
        Threads.count = 1
        let whole = try trainer()
        let reports = (0..<4).map { _ in whole.iterate() }

        Threads.count = threads
        let first = try trainer()
        for _ in 0..<2 { _ = first.iterate() }
        var saved = Checkpoint()
        first.save(to: &saved)
        let second = try trainer()
        try second.load(from: try Checkpoint(decoding: saved.encoded(), path: "memory"))
        #expect([second.iterate(), second.iterate()] == Array(reports[2...]))
        #expect(second.actorParameters == whole.actorParameters)
        #expect(second.criticParameters == whole.criticParameters)
        // Both ends save the same state, and a state is more than its networks.
        var (ends, other) = (Checkpoint(), Checkpoint())
        whole.save(to: &ends)
        second.save(to: &other)
        #expect(ends == other)
        #expect(saved != ends)
    }

    @Test func aStateOfOtherSettingsIsRefused() throws {
        var saved = Checkpoint()
        try trainer().save(to: &saved)
        var others = settings()
        others.numEnvs = 12
        let other = try FixedHorizonTrainer(settings: others, iterations: 6, seed: 3) {
            SimpleSpread(environmentCount: $0)
        }
        #expect(throws: CSCError.self) { try other.load(from: saved) }
        let short = SimpleSpread(environmentCount: 4, horizon: 5)
        let long = SimpleSpread(environmentCount: 4, horizon: 9)
        var (seen, finals) = ([Float](repeating: 0, count: 216), [Float](repeating: 0, count: 216))
        var (rewards, ends) = ([Float](repeating: 0, count: 12), [StepEnd](repeating: .continues, count: 4))
        for _ in 0..<6 {
            long.step(
                actions: [Int32](repeating: 0, count: 12), observations: &seen, finalObservations: &finals,
                rewards: &rewards, ends: &ends)
        }
        var worlds = Checkpoint()
        long.save(to: &worlds, name: "w")
        #expect(throws: CSCError.self) { try short.load(from: worlds, name: "w") }
    }

    /// `returns` plays in chunks of worlds and in parallel; here all worlds at once, step by step.
    @Test func returnsAreThoseOfAWholeEpisode() throws {
        let trainer = try trainer()
        _ = trainer.iterate()
        let (worlds, first) = (37, 5)
        let game = SimpleSpread(environmentCount: worlds)
        game.reset(seed: 9, firstIndex: first)
        var seen = [Float](repeating: 0, count: worlds * 54)
        var finals = seen
        var rewards = [Float](repeating: 0, count: worlds * 3)
        var ends = [StepEnd](repeating: .continues, count: worlds)
        var expected = [Double](repeating: 0, count: worlds)
        game.observe(&seen)
        for _ in 0..<25 {
            game.step(
                actions: likeliest(trainer, seen, rows: worlds * 3), observations: &seen, finalObservations: &finals,
                rewards: &rewards, ends: &ends)
            for world in 0..<worlds {
                expected[world] += (0..<3).reduce(0.0) { $0 + Double(rewards[world * 3 + $1]) } / 3
            }
        }
        let before = Threads.count
        defer { Threads.count = before }
        for threads in [1, 2, 7] {
            Threads.count = threads
            let returns = BatchedGame.simpleSpread.returns(
                of: trainer.policy(sampled: false), seed: 9, episodes: worlds, firstWorld: first)
            #expect(zip(returns, expected).allSatisfy { abs($0 - $1) < 1e-9 })
            let drawn = BatchedGame.simpleSpread.returns(of: trainer.policy(sampled: true), seed: 9, episodes: worlds)
            Threads.count = 1
            #expect(
                drawn
                    == BatchedGame.simpleSpread.returns(
                        of: trainer.policy(sampled: true), seed: 9, episodes: worlds))
        }
    }

    /// Random play earns what it earns in PettingZoo (mpe2 1.1.1): -26.07 an episode there (1,200 episodes, standard error
    /// 0.228; the mean over agents).
    @Test func randomPlayEarnsTheUsual() {
        let summary = Summary(BatchedGame.simpleSpread.returns(of: .random, seed: 1, episodes: 512))
        #expect(
            abs(summary.mean + 26.07) < 4 * (summary.standardError * summary.standardError + 0.228 * 0.228).squareRoot()
        )
    }

    /// A run that was stopped and resumed leaves the same files as one that was not.
    @Test func aResumedRunIsTheSame() throws {
        let folder = TemporaryFolder()
        let whole = try FixedHorizonRun.create(try tinyConfiguration(), folder: folder.file("whole"))
        #expect(try whole.run())
        do {
            let cut = try FixedHorizonRun.create(try tinyConfiguration(), folder: folder.file("cut"))
            #expect(try cut.run(shouldStop: { cut.iteration == 4 }) == false)
        }
        let resumed = try FixedHorizonRun.resume(folder.file("cut"))
        #expect(resumed.refused.isEmpty && resumed.iteration == 4)
        #expect(try resumed.run())
        for file in [
            "metrics.csv", "metrics.jsonl", "evaluation.json", "policy.ckpt", "config.yaml", "checkpoints/best.ckpt",
            "checkpoints/iteration-000006.ckpt",
        ] {
            let same =
                try AtomicFile.read(folder.file("whole/" + file))
                == AtomicFile.read(folder.file("cut/" + file))
            #expect(same, "\(file) differs")
        }
        let policy = try FixedHorizonPolicy(contentsOf: folder.file("whole"))
        #expect(policy.parameters == whole.trainer.actorParameters)
        #expect(throws: CSCError.self) {
            try FixedHorizonRun.create(try tinyConfiguration(), folder: folder.file("whole"))
        }
        #expect(throws: CSCError.self) { try FixedHorizonRun.resume(folder.file("nothing")) }
        #expect(FixedHorizonRun.isRun(folder.file("cut")) && !FixedHorizonRun.isRun(folder.file("nothing")))
    }

    @Test func wrongConfigurationsAreExplained() throws {
        var configuration = FixedHorizonConfiguration()
        #expect(throws: CSCError.configuration(key: "ppo.clip_coef", reason: "unknown; did you mean 'ppo.clipCoef'?")) {
            try configuration.set("ppo.clip_coef", to: "0.1")
        }
        #expect(throws: CSCError.configuration(key: "env", reason: "'chess' is not simple_spread")) {
            try configuration.set("env", to: "chess")
        }
        #expect(throws: CSCError.self) { try configuration.set("reward.variant", to: "share") }
        // Every key reads back what it writes, from its own file.
        try configuration.apply(overrides: ["ppo.gamma=0.9", "network.actorWidths=[8, 4]", "seed=12"])
        #expect(try FixedHorizonConfiguration(yaml: configuration.text, path: "config.yaml") == configuration)
        // The table of the page has every key with its default.
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try AtomicFile.readText(package.appendingPathComponent(FixedHorizonConfiguration.page).path)
        for field in FixedHorizonConfiguration.fields {
            #expect(page.contains("| `\(field.key)` | `\(field.defaultValue)` | \(field.help) |"), "\(field.key)")
        }
        // A run that cannot be leaves no folder.
        let folder = TemporaryFolder()
        try configuration.apply(overrides: ["ppo.numEnvs=2", "ppo.numSteps=4", "ppo.numMinibatches=100"])
        #expect(throws: CSCError.self) { try FixedHorizonRun.create(configuration, folder: folder.file("run")) }
        #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    }
}

private func likeliest(_ trainer: FixedHorizonTrainer, _ seen: [Float], rows: Int) -> [Int32] {
    let shape = trainer.actorShape
    let parameters = trainer.actorParameters
    let workspace = MLPWorkspace(shape: shape, maxRows: rows)
    var logits = [Float](repeating: 0, count: rows * 5)
    var out = logits.mutableSpan
    MLP.predict(
        shape, parameters: parameters.span, input: seen.span, rows: rows, output: &out, workspace: workspace)
    return (0..<rows).map { row in
        var best = 0
        for action in 1..<5 where logits[row * 5 + action] > logits[row * 5 + best] { best = action }
        return Int32(best)
    }
}
