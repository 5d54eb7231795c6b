/// The built-in games for learners with a fixed horizon.
public enum BatchedGame: String, Sendable, CaseIterable, Hashable, Codable {
    /// Cooperative navigation of three agents, `SimpleSpread`.
    case simpleSpread = "simple_spread"

    /// So many copies of the game, before their first episode. O(copies).
    public func make(environmentCount: Int) -> any BatchedEnvironment {
        switch self {
        case .simpleSpread: SimpleSpread(environmentCount: environmentCount)
        }
    }
}

/// Everything that decides a run of `FixedHorizonTrainer` on a built-in game but the number of threads, which changes
/// nothing but the time. Keys have the names of the dispatch trainer's where they mean the same.
public struct FixedHorizonConfiguration: KeyedConfiguration {
    /// The game.
    public var game = BatchedGame.simpleSpread
    /// The seed of every random stream.
    public var seed = 1
    /// How many iterations a run has.
    public var iterations = 120
    /// Over how many iterations the learning rate falls. A run may be longer or shorter.
    public var annealIterations = 120
    /// Iterations between checkpoints; the last one always has one.
    public var checkpointEvery = 10
    /// How many of the latest checkpoints are kept.
    public var keepLast = 3
    /// Iterations between evaluations on held-out episodes; 0 evaluates only at the end.
    public var evaluateEvery = 10
    /// Held-out episodes of an evaluation.
    public var evaluationEpisodes = 256
    /// The numbers of PPO and the networks' widths.
    public var settings = FixedHorizonSettings()

    /// The defaults: simple_spread, 64 environments of 128 steps, 120 iterations (2.95 million agent-steps).
    public init() {}

    /// The page that lists the keys.
    public static let page = "docs/simple-spread.md"

    /// Checks what no single key can check. Throws `CSCError.configuration`.
    public func validate() throws(CSCError) {
        do throws(CSCError) { try settings.validate() } catch {
            guard case .configuration(let key, let reason) = error else { throw error }
            throw .configuration(key: "ppo." + key, reason: reason)
        }
        try Limits.checkMemory(
            [settings.numEnvs, settings.numSteps], bytes: 3 * 256,
            "\(settings.numEnvs) environments of \(settings.numSteps) steps (ppo.numEnvs, ppo.numSteps)")
    }

    /// Every key, in the order of the file.
    public static let fields: [ConfigurationField<Self>] =
        [.choice("env", \.game, "the game")]
        + ConfigurationField.schedule(
            seed: \.seed, iterations: \.iterations, checkpointEvery: \.checkpointEvery, keepLast: \.keepLast,
            evaluateEvery: \.evaluateEvery)
        + learning

    private static let learning: [ConfigurationField<Self>] = [
        .integer("evaluationEpisodes", \.evaluationEpisodes, 1...1_000_000, "held-out episodes of an evaluation"),
        .layers("network.actorWidths", \.settings.actorWidths, "hidden layers of the policy (tanh)"),
        .layers("network.criticWidths", \.settings.criticWidths, "hidden layers of the critic (tanh)"),
        .integer("ppo.numEnvs", \.settings.numEnvs, 1...100_000, "environments played side by side"),
        .integer("ppo.numSteps", \.settings.numSteps, 1...100_000, "steps of each in an iteration"),
        .number("ppo.learningRate", \.settings.learningRate, 0...10, "Adam's step size at the start", open: true),
        .number(
            "ppo.learningRateFinal", \.settings.learningRateFinal, 0...1, "it falls to this fraction of itself"),
        .integer("ppo.annealIterations", \.annealIterations, 1...Int.max, "over so many iterations"),
        .number("ppo.gamma", \.settings.gamma, 0...1, "discount for each step"),
        .number("ppo.gaeLambda", \.settings.gaeLambda, 0...1, "lambda of generalised advantage estimation"),
        .integer("ppo.updateEpochs", \.settings.updateEpochs, 1...1000, "passes over an iteration's agent-steps"),
        .integer("ppo.numMinibatches", \.settings.numMinibatches, 1...100_000, "minibatches of each pass"),
        .number("ppo.clipCoef", \.settings.clipCoef, 0...10, "how far the ratio may leave 1", open: true),
        .number("ppo.entCoef", \.settings.entCoef, 0...10, "weight of the entropy"),
        .number("ppo.vfCoef", \.settings.vfCoef, 0...1000, "weight of the critic's loss"),
        .number(
            "ppo.maxGradNorm", \.settings.maxGradNorm, 0...1e9, "longest gradient of both networks together",
            open: true),
        .truth("ppo.normAdv", \.settings.normAdv, "standardise the advantages of a minibatch"),
    ]
}
