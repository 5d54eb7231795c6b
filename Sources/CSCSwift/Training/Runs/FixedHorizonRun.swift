internal import Foundation

/// A run of `FixedHorizonTrainer` on a built-in game and its folder, which is like that of `TrainingRun`:
///
/// | file | what it holds |
/// |---|---|
/// | `config.yaml` | everything that decides the run |
/// | `metrics.csv`, `metrics.jsonl` | one row an iteration; the same bytes for the same configuration |
/// | `timing.csv`, `timing.jsonl` | agent-steps per second and seconds of each phase: what the machine decides |
/// | `checkpoints/` | the last few states, and the best |
/// | `evaluation.json` | the return of every held-out episode, beside random play, in marl-eval's layout |
/// | `policy.ckpt` | the policy alone, for `evaluate` and `FixedHorizonPolicy` |
///
/// A run that was killed continues from its last checkpoint and ends with the same bytes as one that was not.
public final class FixedHorizonRun {
    /// Where all of the run's files lie.
    public let folder: String
    /// Everything that decides the run, as in `config.yaml`.
    public let configuration: FixedHorizonConfiguration
    /// The training loop and its networks.
    public let trainer: FixedHorizonTrainer
    /// The return of random play on the held-out episodes, mean over them.
    public let randomReturn: Double

    /// What a progress display needs, after every iteration.
    public struct Progress: Sendable {
        /// What the last iteration did.
        public var report: FixedHorizonReport
        /// Iterations completed.
        public var iteration: Int
        /// Iterations that the whole run is to have.
        public var iterations: Int
        /// Mean return on held-out episodes by the likeliest actions, of the last evaluation; nan before the first.
        public var evaluatedReturn: Double
        /// The best so far.
        public var bestReturn: Double
        /// Seconds since this process began the run.
        public var seconds: Double
        /// Agent-steps per second in these seconds.
        public var agentStepsPerSecond: Double
        /// Whether this iteration ended with an evaluation.
        public var justEvaluated: Bool
    }

    /// One evaluation on held-out episodes.
    private struct Evaluated {
        var agentSteps: Int
        var returns: [Double]
    }

    private let files: RunFolder
    private let randomReturns: [Double]
    private var history: [Evaluated] = []
    private var best = -Double.infinity

    private static let metricColumns = [
        "charts/episodic_return", "charts/episodes", "charts/agent_steps", "losses/policy_loss", "losses/value_loss",
        "losses/entropy", "losses/approx_kl", "losses/clipfrac", "losses/grad_norm", "charts/learning_rate",
        "eval/return", "eval/return_sd",
    ]
    private static let timingColumns = ["charts/SPS", "time/seconds", "time/rollout", "time/update"]

    /// Whether a folder holds a run of this kind.
    public static func isRun(_ folder: String) -> Bool { isConfiguration(RunFolder.configuration(of: folder)) }

    /// Whether a file holds a configuration of this kind: it names a game by `env`.
    public static func isConfiguration(_ path: String) -> Bool {
        guard let text = try? AtomicFile.readText(path) else { return false }
        return ConfigurationText.hasKey("env", yaml: text)
    }

    /// Begins a run in a new folder. Throws `CSCError.invalid` where the folder already holds a run, and what the
    /// configuration or the disk make wrong; a wrong configuration leaves no folder behind.
    public static func create(_ configuration: FixedHorizonConfiguration, folder: String) throws(CSCError)
        -> FixedHorizonRun
    {
        try RunFolder.requireNew(folder)
        let trainer = try makeTrainer(configuration)
        try AtomicFile.makeFolder(folder)
        try AtomicFile.write(configuration.text, to: RunFolder.configuration(of: folder))
        return try FixedHorizonRun(configuration, trainer, folder, resuming: nil)
    }

    /// Continues the run of a folder from its newest whole checkpoint, or from the beginning where it has none.
    ///
    /// - Parameter iterations: a new number of iterations in all; nil keeps the configuration's.
    /// - Returns: the run, and an error for each damaged checkpoint that was passed over.
    /// - Throws: `CSCError` where the folder is no run, or all its checkpoints are damaged.
    public static func resume(_ folder: String, iterations: Int? = nil) throws(CSCError) -> (
        run: FixedHorizonRun, refused: [CSCError]
    ) {
        let path = RunFolder.configuration(of: folder)
        var configuration = try FixedHorizonConfiguration(contentsOf: path)
        let trainer = try makeTrainer(configuration)
        if let iterations {
            configuration.iterations = iterations
            try AtomicFile.write(configuration.text, to: path)
        }
        let found = try RunFolder.newest(folder, keepLast: configuration.keepLast)
        return (try FixedHorizonRun(configuration, trainer, folder, resuming: found), found?.refused ?? [])
    }

    private static func makeTrainer(_ configuration: FixedHorizonConfiguration) throws(CSCError)
        -> FixedHorizonTrainer
    {
        try configuration.validate()
        return try FixedHorizonTrainer(
            settings: configuration.settings, iterations: configuration.annealIterations,
            seed: UInt64(configuration.seed), makeEnvironment: configuration.game.make)
    }

    private init(
        _ configuration: FixedHorizonConfiguration, _ trainer: FixedHorizonTrainer, _ folder: String,
        resuming found: CheckpointFolder.Found?
    ) throws(CSCError) {
        self.configuration = configuration
        self.folder = folder
        self.trainer = trainer
        files = try RunFolder(
            folder, keepLast: configuration.keepLast, metrics: Self.metricColumns, timing: Self.timingColumns,
            resuming: found)
        randomReturns = Self.play(.random, configuration)
        randomReturn = Statistics.mean(randomReturns)
        if let found {
            try trainer.load(from: found.checkpoint)
            try loadEvaluations(found.checkpoint)
        }
    }

    /// The iteration after which the run goes on: 0 for a new one.
    public var iteration: Int { trainer.iteration }

    /// Trains until `configuration.iterations`, or until `shouldStop` says so between two iterations; then saves.
    ///
    /// - Returns: whether the run is complete.
    @discardableResult
    public func run(
        shouldStop: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }
    ) throws(CSCError) -> Bool {
        var clock = Stopwatch()
        var seconds = 0.0
        var agentSteps = 0
        while iteration < configuration.iterations {
            let learningRate = trainer.learningRate
            let report = trainer.iterate()
            let last = iteration == configuration.iterations
            let stopping = shouldStop()
            let due = last || configuration.evaluateEvery > 0 && iteration % configuration.evaluateEvery == 0
            let isBest = due ? try evaluate(report.agentSteps) : false
            try writeMetrics(report, learningRate, evaluated: due)
            let lap = clock.lap()
            seconds += lap
            agentSteps += trainer.agentStepsPerIteration
            try files.timing.append(
                iteration: iteration,
                values: [
                    Double(trainer.agentStepsPerIteration) / lap, seconds, trainer.seconds.rollout,
                    trainer.seconds.update,
                ])
            if isBest || last || stopping || iteration % configuration.checkpointEvery == 0 {
                try save(isBest: isBest)
            }
            progress(
                Progress(
                    report: report, iteration: iteration, iterations: configuration.iterations,
                    evaluatedReturn: history.last.map { Statistics.mean($0.returns) } ?? .nan, bestReturn: best,
                    seconds: seconds, agentStepsPerSecond: Double(agentSteps) / seconds, justEvaluated: due))
            if stopping { break }
        }
        return iteration >= configuration.iterations
    }

    // MARK: Evaluation

    private static func play(_ policy: BatchedPolicy, _ configuration: FixedHorizonConfiguration) -> [Double] {
        configuration.game.returns(
            of: policy, seed: UInt64(configuration.seed), episodes: configuration.evaluationEpisodes,
            firstWorld: BatchedGame.heldOutWorld)
    }

    /// Evaluates the policy on the held-out episodes. Returns whether it is the best so far.
    private func evaluate(_ agentSteps: Int) throws(CSCError) -> Bool {
        let returns = Self.play(trainer.policy(sampled: false), configuration)
        history.append(Evaluated(agentSteps: agentSteps, returns: returns))
        let mean = Statistics.mean(returns)
        defer { best = max(best, mean) }
        try AtomicFile.write(evaluationFile().pretty, to: files.file("evaluation.json"))
        return mean > best
    }

    /// All evaluations so far in marl-eval's layout; random play is the same at every step.
    private func evaluationFile() throws(CSCError) -> JSON {
        var file = MarlEval(environment: "mpe", metric: "return")
        let bestReturns = history.map(\.returns).max { Statistics.mean($0) < Statistics.mean($1) } ?? []
        func add(_ algorithm: String, absolute: [Double], _ returns: (Evaluated) -> [Double]) throws(CSCError) {
            try file.add(
                task: configuration.game.rawValue, algorithm: algorithm, run: "seed_\(configuration.seed)",
                steps: history.map { MarlEval.Step(stepCount: $0.agentSteps, values: returns($0)) },
                absolute: absolute)
        }
        try add("ippo", absolute: bestReturns, \.returns)
        try add("random", absolute: randomReturns) { _ in randomReturns }
        return file.json
    }

    private func writeMetrics(
        _ report: FixedHorizonReport, _ learningRate: Double, evaluated: Bool
    ) throws(CSCError) {
        let held = Summary(evaluated ? history.last?.returns ?? [] : [])
        try files.metrics.append(
            iteration: iteration,
            values: [
                report.episodicReturn, Double(report.episodes), Double(report.agentSteps), report.policyLoss,
                report.valueLoss, report.entropy, report.approxKL, report.clipFraction, report.gradientNorm,
                learningRate, evaluated ? held.mean : .nan, evaluated ? held.sd : .nan,
            ])
    }

    // MARK: Checkpoints

    private func save(isBest: Bool) throws(CSCError) {
        var checkpoint = Checkpoint()
        trainer.save(to: &checkpoint)
        checkpoint.set("evaluated at", integers: history.map(\.agentSteps))
        checkpoint.set("evaluated returns", doubles: history.flatMap(\.returns))
        checkpoint.set("best", doubles: [best])
        try files.checkpoints.save(checkpoint, iteration: iteration, isBest: isBest)
        var policy = Checkpoint()
        policy.set("actor", floats: trainer.actorParameters)
        policy.set("actor widths", integers: trainer.actorShape.widths)
        try policy.write(to: files.file("policy.ckpt"))
    }

    private func loadEvaluations(_ checkpoint: Checkpoint) throws(CSCError) {
        let steps = try checkpoint.integers("evaluated at", in: Checkpoint.counters)
        let episodes = configuration.evaluationEpisodes
        let returns = try checkpoint.doubles("evaluated returns", count: steps.count * episodes)
        history = steps.enumerated().map { index, agentSteps in
            Evaluated(agentSteps: agentSteps, returns: Array(returns[index * episodes..<(index + 1) * episodes]))
        }
        best = try checkpoint.doubles("best", count: 1, finite: false)[0]
    }
}

/// The policy of a `FixedHorizonRun`'s folder.
public struct FixedHorizonPolicy: Sendable {
    /// The configuration that it was trained with.
    public let configuration: FixedHorizonConfiguration
    /// The network: observation -> hidden layers (tanh) -> one logit an action.
    public let shape: MLPShape
    /// The network's parameters; see `MLP` for their order.
    public let parameters: [Float]

    /// Loads it. Throws `CSCError` where the folder is no such run or a file is damaged.
    public init(contentsOf folder: String) throws(CSCError) {
        configuration = try FixedHorizonConfiguration(contentsOf: RunFolder.configuration(of: folder))
        let checkpoint = try Checkpoint(contentsOf: AtomicFile.join(folder, "policy.ckpt"))
        let environment = configuration.game.make(environmentCount: 1)
        let widths =
            [environment.observationWidth] + configuration.settings.actorWidths + [environment.actionCount]
        guard try checkpoint.integers("actor widths") == widths else {
            throw .damaged(path: checkpoint.path, reason: "its layers are not those of config.yaml, \(widths)")
        }
        shape = MLPShape(widths: widths)
        parameters = try checkpoint.floats("actor", count: shape.parameterCount)
    }

    /// It as a player, by its likeliest actions or by draws from it.
    public func player(sampled: Bool) -> BatchedPolicy {
        .network(shape: shape, parameters: parameters, sampled: sampled)
    }
}
