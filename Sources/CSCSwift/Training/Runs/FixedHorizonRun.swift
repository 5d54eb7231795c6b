internal import Foundation

/// A run of PPO on a built-in game with a fixed horizon: `Run` with `config.yaml` and `policy.ckpt`, which
/// `FixedHorizonPolicy` reads.
public typealias FixedHorizonRun = Run<FixedHorizonTraining>

extension Run where Method == FixedHorizonTraining {
    /// Everything that decides the run, as in `config.yaml`.
    public var configuration: FixedHorizonConfiguration { method.configuration }
    /// The training loop and its networks.
    package var trainer: FixedHorizonTrainer { method.trainer }
    /// The return of random play on the held-out episodes, mean over them.
    public var randomReturn: Double { Statistics.mean(method.randomReturns) }

    /// Whether a folder holds a run of this kind.
    public static func isRun(_ folder: String) -> Bool { isConfiguration(RunFolder.configuration(of: folder)) }

    /// Whether a file holds a configuration of this kind: it names a game by `env`. O(size of the file).
    public static func isConfiguration(_ path: String) -> Bool {
        guard let text = try? AtomicFile.readText(path) else { return false }
        return ConfigurationText.hasKey("env", yaml: text)
    }

    /// Begins a run in a new folder. Throws `CSCError.invalid` where the folder already holds a run, and what the
    /// configuration or the disk make wrong; a wrong configuration leaves no folder behind.
    /// O(parameters), and the episodes of random play.
    public static func create(_ configuration: FixedHorizonConfiguration, folder: String) throws -> FixedHorizonRun {
        try FixedHorizonRun(creating: folder, describedBy: "config.yaml") { try FixedHorizonTraining(configuration) }
    }

    /// Continues the run of a folder; see `Run`. O(size of the files).
    ///
    /// - Parameters:
    ///   - folder: the path of the run's folder.
    ///   - iterations: a new number of iterations in all, 1 to 10 million; nil keeps the configuration's.
    /// - Throws: `CSCError` as `Run` does.
    public static func resume(_ folder: String, iterations: Int? = nil) throws -> FixedHorizonRun {
        if let iterations {
            var allowed = FixedHorizonConfiguration()
            try allowed.set("iterations", to: String(iterations))
        }
        return try FixedHorizonRun(resuming: folder, describedBy: "config.yaml", iterations: iterations) {
            try FixedHorizonTraining(
                try FixedHorizonConfiguration(contentsOf: RunFolder.configuration(of: folder)))
        }
    }
}

/// PPO on a game with a fixed horizon and its held-out episodes: what a `FixedHorizonRun` trains.
public final class FixedHorizonTraining: Trainable {
    /// Everything that decides the run, as in `config.yaml`.
    public private(set) var configuration: FixedHorizonConfiguration
    /// The training loop and its networks.
    package let trainer: FixedHorizonTrainer
    /// What decides the run's bits.
    public let identity: RunIdentity
    /// The return of random play on each held-out episode.
    public let randomReturns: [Double]

    init(_ configuration: FixedHorizonConfiguration) throws {
        try configuration.validate()
        self.configuration = configuration
        trainer = try FixedHorizonTrainer(
            settings: configuration.settings, iterations: configuration.annealIterations,
            seed: UInt64(configuration.seed), makeEnvironment: configuration.game.make)
        identity = Self.identity(configuration)
        randomReturns = Self.play(.random, configuration)
    }

    /// What decides the bits: every key but those that may change while the run continues.
    static func identity(_ configuration: FixedHorizonConfiguration) -> RunIdentity {
        var identity = RunIdentity()
        identity.add(configuration, file: "config.yaml", except: ["iterations", "checkpointEvery", "keepLast"])
        return identity
    }

    /// Iterations, checkpoints and evaluations, as the configuration has them.
    public var schedule: RunSchedule {
        get { configuration.schedule }
        set { configuration.schedule = newValue }
    }

    /// `config.yaml`.
    public var descriptions: [(name: String, text: String)] { [("config.yaml", configuration.text)] }

    // MARK: Training

    /// Iterations completed.
    public var iteration: Int { trainer.iteration }
    /// Agent-steps since the beginning.
    public var totalSteps: Int { trainer.iteration * trainer.agentStepsPerIteration }
    /// Returns of the episodes that ended, and PPO's losses.
    public let metricColumns = [
        "charts/episodic_return", "charts/episodes", "charts/agent_steps", "losses/policy_loss", "losses/value_loss",
        "losses/entropy", "losses/approx_kl", "losses/clipfrac", "losses/actor_grad_norm", "losses/critic_grad_norm",
        "charts/learning_rate",
    ]
    /// Mean and standard deviation of the return.
    public let evaluationColumns = ["eval/return", "eval/return_sd"]
    /// rollout, update.
    public let phases = ["rollout", "update"]

    /// One iteration of the trainer. O(agent-steps * epochs * parameters).
    public func iterate() -> TrainedIteration<FixedHorizonReport> {
        let learningRate = trainer.learningRate
        let report = trainer.iterate()
        return TrainedIteration(
            report: report,
            metrics: [
                report.episodicReturn, Double(report.episodes), Double(report.agentSteps), report.policyLoss,
                report.valueLoss, report.entropy, report.approxKL, report.clipFraction,
                report.actorGradientNorm, report.criticGradientNorm, learningRate,
            ], steps: trainer.agentStepsPerIteration, seconds: [trainer.seconds.rollout, trainer.seconds.update])
    }

    /// What of the trainer is not finite.
    public var notFinite: String? { trainer.notFinite }
    /// Agents of these games always act.
    public var nothingPlayed: String { "no agent acted" }

    // MARK: Evaluation

    /// The return of each held-out episode.
    public var evaluationCount: Int { configuration.evaluationEpisodes }
    /// The return of each held-out episode, by its most probable actions. O(episodes).
    public func evaluate() -> [Double] { Self.play(trainer.policy(sampled: false), configuration) }
    /// The mean return.
    public func score(of values: [Double]) -> Double { Statistics.mean(values) }
    /// Mean and standard deviation of the return.
    public func metrics(of values: [Double]) -> [Double] {
        let summary = Summary(values)
        return [summary.mean, summary.sd]
    }

    private static func play(_ policy: BatchedPolicy, _ configuration: FixedHorizonConfiguration) -> [Double] {
        configuration.game.returns(
            of: policy, seed: UInt64(configuration.seed), episodes: configuration.evaluationEpisodes,
            firstWorld: BatchedGame.heldOutWorld)
    }

    /// All evaluations so far in marl-eval's layout; random play is the same at every step. O(evaluations * episodes).
    /// - Throws: `CSCError.invalid` where a name will not do for marl-eval.
    public func evaluationFile(_ history: [RunEvaluation]) throws -> JSON? {
        var file = MarlEval(environment: "mpe", metric: "return")
        let bestReturns = history.map(\.values).max { Statistics.mean($0) < Statistics.mean($1) } ?? []
        func add(_ algorithm: String, absolute: [Double], _ returns: (RunEvaluation) -> [Double]) throws {
            try file.add(
                task: configuration.game.rawValue, algorithm: algorithm, run: "seed_\(configuration.seed)",
                steps: history.map { MarlEval.Step(stepCount: $0.steps, values: returns($0)) }, absolute: absolute)
        }
        try add("ippo", absolute: bestReturns, \.values)
        try add("random", absolute: randomReturns) { _ in randomReturns }
        return file.json
    }

    // MARK: State

    /// Saves the trainer. O(parameters).
    public func save(to checkpoint: inout Checkpoint) { trainer.save(to: &checkpoint) }
    /// Takes over a saved state. Throws `CSCError.damaged`. O(parameters).
    public func load(from checkpoint: Checkpoint) throws { try trainer.load(from: checkpoint) }

    /// `policy.ckpt`: the network, and the configuration that it belongs to. O(parameters).
    public func policyFile() -> (name: String, bytes: [UInt8]) {
        var policy = Checkpoint()
        policy.set("actor", floats: trainer.actorParameters)
        policy.set("actor widths", integers: trainer.actorShape.widths)
        identity.save(to: &policy)
        return ("policy.ckpt", policy.encoded())
    }
}

/// The policy of a `FixedHorizonRun`'s folder.
public struct FixedHorizonPolicy: Sendable {
    /// The configuration that it was trained with.
    public let configuration: FixedHorizonConfiguration
    /// The network: observation -> hidden layers (tanh) -> one logit per action.
    public let shape: MLPShape
    /// The network's parameters; see `MLP` for their order.
    public let parameters: [Float]

    /// Loads it. Throws `CSCError` where the folder is no such run, a file is damaged, the policy is not finite, or
    /// `config.yaml` is not the one that it was trained with. O(parameters).
    public init(contentsOf folder: String) throws(CSCError) {
        configuration = try FixedHorizonConfiguration(contentsOf: RunFolder.configuration(of: folder))
        let checkpoint = try Checkpoint(contentsOf: AtomicFile.join(folder, "policy.ckpt"))
        if let saved = try RunIdentity.saved(in: checkpoint) {
            try FixedHorizonTraining.identity(configuration).check(against: saved, of: ["config.yaml"], folder: folder)
        }
        let environment = configuration.game.make(environmentCount: 1)
        let widths =
            [environment.observationWidth] + configuration.settings.actorWidths + [environment.actionCount]
        guard try checkpoint.integers("actor widths") == widths else {
            throw .damaged(path: checkpoint.path, reason: "its layers are not those of config.yaml, \(widths)")
        }
        shape = MLPShape(widths: widths)
        parameters = try checkpoint.floats("actor", count: shape.parameterCount)
    }

    /// It as a player, by its most probable actions or by draws from it.
    package func player(sampled: Bool) -> BatchedPolicy {
        .network(shape: shape, parameters: parameters, sampled: sampled)
    }
}
