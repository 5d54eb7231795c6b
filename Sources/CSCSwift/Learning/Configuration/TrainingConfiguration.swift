/// Everything that decides a training run but the number of threads, which changes nothing but the time.
///
/// As text it is one YAML file (`text`, `init(yaml:)`) whose keys are those of `ConfigurationField.all`, the same that
/// `--set key=value` takes. Hyperparameters have CleanRL's names.
public struct TrainingConfiguration: Sendable, Equatable {
    /// The seed of every random stream.
    public var seed = 1
    /// How many iterations a run has.
    public var iterations = 150
    /// Iterations between checkpoints; the last one always has one.
    public var checkpointEvery = 10
    /// How many of the latest checkpoints are kept.
    public var keepLast = 3
    /// Iterations between evaluations on held-out episodes; 0 evaluates only at the end.
    public var evaluateEvery = 10
    /// Held-out episodes of each evaluated setting.
    public var evaluationEpisodes = 8

    /// The city: `chengdu`, `haikou` or a scenario file. With orders, what the orders lack is drawn from it.
    public var scenario = "chengdu"
    /// Recorded orders that take the place of the scenario's generator, and how they are read: the flags of
    /// `cafe-cli evaluate` of the same names. Empty: the generator, or the flag's default.
    public var orders = ""
    public var workersFile = ""
    public var format = ""
    public var cut = ""
    public var days = ""
    public var from = ""
    public var terms = ""
    public var skipBadRows = false
    /// The numbers of tasks with `workersFixed` workers, and of workers with `tasksFixed` tasks, that episodes have.
    public var tasks = [50, 100, 150, 200, 250, 300, 350]
    public var workers = [50, 100, 150, 200, 250, 300, 350]
    public var tasksFixed = 200
    public var workersFixed = 200

    /// The rules of the game and what agents see.
    public var game = GameOptions()

    /// How actions are scored, the widths of the hidden layers, and their activation.
    public var policy = ActorCritic.Kind.pair
    public var actorWidths = [32, 32]
    public var criticWidths = [32, 32]
    public var activation = Activation.tanh

    public var ppo = PPOSettings()

    /// A `RewardVariant`, and weights that replace its own.
    public var rewardVariant = "share+difference+signed"
    public var phi: [String: Double] = [:]
    /// Learnt credit: the autoencoder of payments, and the outer level that moves phi.
    public var vae = RewardVAEOptions()
    public var outer = OuterOptions()

    public init() {}

    /// The sizes of the training episodes. Settings that occur twice count once.
    public var episodeSettings: EpisodeSettings {
        var settings: [EpisodeSettings.Setting] = []
        for setting in tasks.map({ EpisodeSettings.Setting(tasks: $0, workers: workersFixed) })
            + workers.map({ EpisodeSettings.Setting(tasks: tasksFixed, workers: $0) })
        where !settings.contains(setting) {
            settings.append(setting)
        }
        return EpisodeSettings(settings)
    }

    /// The reward features and phi. Throws `CSCError.configuration` for an unknown variant or feature.
    public func rewardModel() throws(CSCError) -> RewardModel {
        try RewardModel(variant: try RewardVariant.named(rewardVariant), overrides: phi)
    }

    /// The networks' sizes for this game.
    public var design: ActorCritic.Design {
        ActorCritic.Design(
            layout: PolicyLayout(
                contextWidth: game.contextWidth, candidateWidth: game.pairWidth, actionCount: game.actionCount),
            kind: policy, actorWidths: actorWidths, criticWidths: criticWidths, activation: activation)
    }

    /// Checks what no single key can check. Throws `CSCError.configuration`.
    public func validate() throws(CSCError) {
        if tasks.isEmpty && workers.isEmpty {
            throw .configuration(key: "episodes.tasks", reason: "neither tasks nor workers lists a number")
        }
        _ = try rewardModel()
        try vae.validate()
        try outer.validate()
    }
}
