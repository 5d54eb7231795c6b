/// A trained policy for a program of one's own: give it the workers and tasks of this moment, get who should go where.
///
///     let policy = try DispatchPolicy(contentsOf: "runs/first")
///     let pairs = try policy.assign(workers: workers, tasks: tasks, now: 12)
///     for (worker, task) in pairs { send(workers[worker], to: tasks[task]) }
///
/// Call it once per window (a minute, unless trained otherwise). Workers who do not appear in the answer wait. One
/// object serves one thread at a time; memory is kept between calls.
public final class DispatchPolicy {
    /// The configuration that it was trained with.
    public let configuration: TrainingConfiguration
    /// The city that it was trained in.
    public let scenario: Scenario
    /// The networks.
    package let policy: ActorCritic
    /// What observations are measured by. By default the scenario's pay and 1 task of a day per worker; set what fits
    /// the day: the policy then knows whether workers are many or few.
    public var scale: Snapshot.Scale {
        get { live.scale }
        set { live.scale = newValue }
    }

    private let live: LiveDispatcher

    /// Loads the policy of a run's folder. Throws `CSCError` where the folder is no run, a file is damaged, the policy is
    /// not finite, or `config.yaml` and `scenario.yaml` are not those that it was trained with. O(size of the files).
    public init(contentsOf folder: String) throws {
        configuration = try TrainingConfiguration(contentsOf: AtomicFile.join(folder, "config.yaml"))
        scenario = try Scenario.find(AtomicFile.join(folder, "scenario.yaml"))
        let checkpoint = try Checkpoint(contentsOf: AtomicFile.join(folder, "policy.ckpt"))
        if let saved = try RunIdentity.saved(in: checkpoint) {
            try DispatchTraining.identity(configuration, scenario).check(
                against: saved, of: ["config.yaml", "scenario.yaml"], folder: folder)
        }
        policy = ActorCritic(configuration.design, seed: UInt64(configuration.seed))
        try policy.load(from: checkpoint)
        live = LiveDispatcher(
            LearntDispatcher(name: folder, policy: policy), scale: Snapshot.Scale(scenario, tasksPerWorker: 1),
            options: configuration.game)
    }

    /// Who should set out now, as indices of `workers` and `tasks`.
    ///
    /// - Parameters:
    ///   - workers: all workers; x and y are where each is now.
    ///   - tasks: the open tasks.
    ///   - now: minutes, on the clock of releases and shifts.
    ///   - commitments: who is already on the way to, or at work on, which task; they are not sent elsewhere.
    ///     A policy trained with `game.reroute` may: those on the road are in the answer again if they are to go on.
    /// - Throws: `CSCError.invalid` naming what makes no sense.
    ///
    /// O(idle workers * candidates * parameters).
    public func assign(
        workers: [Worker], tasks: [SpatialTask], now: Double, commitments: [Snapshot.Commitment] = []
    ) throws -> [(worker: Int, task: Int)] {
        try live.assign(workers: workers, tasks: tasks, now: now, commitments: commitments)
    }

    /// The policy as a row of `Evaluation`: whole episodes by its most probable actions, or by draws from it.
    public func source(name: String, sampled: Bool = false) -> PolicySource {
        PolicySource(
            name: name, note: "reward \(configuration.rewardVariant), seed \(configuration.seed)", policy: policy,
            options: configuration.game, sampled: sampled)
    }

    /// Whether a folder looks like a run. O(size of the policy's file).
    public static func isRun(_ folder: String) -> Bool {
        (try? AtomicFile.read(AtomicFile.join(folder, "policy.ckpt"))) != nil
    }

    /// A run's policy and the rules of the game that it was trained in, for `DispatchDesk(runs:)`; nil where the name is that
    /// of no folder. O(size of the files).
    /// - Throws: `CSCError` as `init(contentsOf:)`.
    public static func load(_ name: String) throws -> (dispatcher: any Dispatcher, options: GameOptions)? {
        guard name.contains("/") || isRun(name) else { return nil }
        let run = try DispatchPolicy(contentsOf: name)
        return (run.dispatcher(name: name), run.configuration.game)
    }

    /// A dispatcher of the same policy for whole games; one per thread.
    package func dispatcher(name: String, sampled: Bool = false) -> LearntDispatcher {
        LearntDispatcher(name: name, policy: policy, sampled: sampled)
    }
}

extension PolicySource {
    /// Networks that play whole episodes by their most probable actions, or by draws as in training. They must not be
    /// trained while they play.
    package init(name: String, note: String = "", policy: ActorCritic, options: GameOptions, sampled: Bool) {
        self.init(name: name, note: note) {
            let game = SpatialCrowdsourcing(options: options)
            let player = EpisodePlayer(game: game, policy: policy, columns: [], recording: false)
            return Seat(game: game) { instance, stream in
                player.rollout.removeAll()
                return player.play(instance, policy: policy, stream: stream, sampled: sampled)
            }
        }
    }
}
