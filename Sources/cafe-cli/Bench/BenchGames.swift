internal import CSCSwift

/// The cases of docs/performance.md, section 5.
enum BenchGames {
    /// Random play of simple_spread: actions drawn, worlds stepped, observations and rewards written.
    static func environment(_ meter: BenchMeter) {
        for worlds in [64, 1024, 16384] {
            let game = SimpleSpread(environmentCount: worlds)
            game.reset(seed: 1)
            let rows = worlds * game.agentsPerEnvironment
            var actions = [Int32](repeating: 0, count: rows)
            var observations = [Float](repeating: 0, count: rows * game.observationWidth)
            var finals = observations
            var rewards = [Float](repeating: 0, count: rows)
            var ends = [StepEnd](repeating: .continues, count: worlds)
            var stream = RandomStream(seed: 1, purpose: .policy)
            func play() {
                for _ in 0..<25 {
                    draw(&stream, &actions)
                    game.step(
                        actions: actions, observations: &observations, finalObservations: &finals, rewards: &rewards,
                        ends: &ends)
                }
            }
            play()
            let finite = observations.allSatisfy { $0.isFinite }
            meter.measure(
                "env_spread/N3/envs\(worlds)", work: Double(25 * rows), unit: "agent-steps/s",
                check: (0, finite && ends.allSatisfy { $0 == .truncated })
            ) { play() }
        }
    }

    private static func draw(_ stream: inout RandomStream, _ actions: inout [Int32]) {
        var out = actions.mutableSpan
        stream.fill(&out, below: 5)
    }

    /// IPPO on simple_spread: whole iterations, rollout and update.
    static func training(_ meter: BenchMeter) throws {
        for count in [8, 64, 512] {
            var settings = FixedHorizonSettings()
            settings.numEnvs = count
            settings.learningRateFinal = 1
            let trainer = try FixedHorizonTrainer(settings: settings, iterations: 1000, seed: 1) {
                SimpleSpread(environmentCount: $0)
            }
            let first = trainer.iterate().episodicReturn
            for _ in 0..<(count == 512 ? 3 : 20) { _ = trainer.iterate() }
            let later = trainer.iterate().episodicReturn
            meter.measure(
                "ppo_spread/envs\(count)", work: Double(trainer.agentStepsPerIteration), unit: "agent-steps/s",
                check: (later - first, later.isFinite && later > first)
            ) { _ = trainer.iterate() }
        }
    }
}
