/// Everything that decides a training run but the number of threads, which changes nothing but the time.
///
/// As text it is one YAML file (`text`, `init(yaml:)`) whose keys are those of `fields`, the same that
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
    /// Recorded orders that take the place of the scenario's generator; empty: the generator. This and the next eleven
    /// are the flags of `cafe-cli evaluate` of the same names; empty: the flag's default.
    public var orders = ""
    /// The file of workers that belongs to the orders, where it does not lie beside them.
    public var workersFile = ""
    /// The layout of the orders, where their first line does not say.
    public var format = ""
    /// Which columns of the orders hold what: `release=NAME,longitude=NAME,...` (`OrderColumns`).
    public var columns = ""
    /// The unit of columns x and y: `degrees`, `km` or `m`.
    public var units = ""
    /// The zone in which days are cut: `UTC`, `+08:00` or `Europe/Paris`; empty: as the times are written.
    public var zone = ""
    /// `pooled` lays the recorded days over each other; `by-day` makes each an episode of its own.
    public var cut = ""
    /// Which recorded days take part, counted from 0: `FIRST-LAST`.
    public var days = ""
    /// When the window of the day begins, `HH:MM`; empty: where most orders lie.
    public var from = ""
    /// Which part of the rows takes part, `K/N`.
    public var part = ""
    /// `scenario` draws pay and workload; `file` makes them from recorded fares and durations.
    public var terms = ""
    /// Leave out bad rows of the orders instead of stopping at the first.
    public var skipBadRows = false
    /// The numbers of tasks that episodes with `workersFixed` workers have.
    public var tasks = [50, 100, 150, 200, 250, 300, 350]
    /// The numbers of workers that episodes with `tasksFixed` tasks have.
    public var workers = [50, 100, 150, 200, 250, 300, 350]
    /// Tasks of an episode while the workers vary.
    public var tasksFixed = 200
    /// Workers of an episode while the tasks vary.
    public var workersFixed = 200

    /// The rules of the game and what agents see.
    public var game = GameOptions()

    /// How actions are scored.
    package var policy = ActorCritic.Kind.pair
    /// Widths of the policy's hidden layers.
    public var actorWidths = [32, 32]
    /// Widths of the critic's hidden layers.
    public var criticWidths = [32, 32]
    /// The activation of all hidden layers.
    public var activation = Activation.tanh

    /// The numbers of PPO, the inner level's update.
    public var ppo = PPOSettings()

    /// The name of a `RewardVariant`: what agents are rewarded for.
    public var rewardVariant = "share+difference+signed"
    /// Weights that replace the variant's own, by the name of the reward feature.
    public var phi: [String: Double] = [:]
    /// Learnt credit: the autoencoder of payments.
    public var vae = RewardVAEOptions()
    /// The outer level of CAFE, which moves phi.
    public var outer = OuterOptions()

    /// The defaults: chengdu, the reward `share+difference+signed`, phi fixed, an MLP of 2 x 32.
    public init() {}

    /// The page that lists the keys.
    public static let page = "docs/training.md"

    /// The sizes of the training episodes. Settings that occur twice count once. O(settings).
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
    package func rewardModel() throws(CSCError) -> RewardModel {
        try RewardModel(variant: try RewardVariant.named(rewardVariant), overrides: phi)
    }

    /// The networks' sizes for this game.
    package var design: ActorCritic.Design {
        ActorCritic.Design(
            layout: PolicyLayout(
                contextWidth: game.contextWidth, candidateWidth: game.pairWidth, actionCount: game.actionCount),
            kind: policy, actorWidths: actorWidths, criticWidths: criticWidths, activation: activation)
    }

    /// Checks what no single key can check. Throws `CSCError.configuration`. O(settings).
    public func validate() throws(CSCError) {
        if tasks.isEmpty && workers.isEmpty {
            throw .configuration(key: "episodes.tasks", reason: "neither tasks nor workers lists a number")
        }
        let largest = (tasks + workers + [tasksFixed, workersFixed]).max() ?? 0
        try Limits.checkMemory(
            [ppo.numEnvs, largest], bytes: 400, "\(ppo.numEnvs) episodes (ppo.numEnvs) of \(largest) tasks or workers")
        _ = try rewardModel()
        try vae.validate()
        try outer.validate()
    }
}
