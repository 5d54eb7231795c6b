internal import Foundation

/// A training run read from its folder without changing it: to check it, refine it, or train on from it elsewhere.
public struct LoadedRun: Sendable {
    /// The run's folder.
    public let folder: String
    /// What `config.yaml` holds: everything that decided the run.
    public let configuration: TrainingConfiguration
    /// The city that it was trained in, from `scenario.yaml`.
    public let scenario: Scenario
    /// The newest whole checkpoint.
    public let checkpoint: Checkpoint

    /// Reads the newest whole checkpoint. Throws `CSCError` where the folder holds no run or no checkpoint.
    public init(_ folder: String) throws {
        self.folder = folder
        configuration = try TrainingConfiguration(contentsOf: AtomicFile.join(folder, "config.yaml"))
        scenario = try Scenario.find(AtomicFile.join(folder, "scenario.yaml"))
        let checkpoints = CheckpointFolder(path: AtomicFile.join(folder, "checkpoints"))
        checkpoint = try checkpoints.latest().checkpoint
    }

    /// A trainer in memory and its credit extension, if the reward needs one.
    public struct Rig {
        /// The training loop, at the checkpoint or with fresh networks.
        public let trainer: Trainer<SpatialCrowdsourcing>
        /// The trainer's credit extension; nil where the reward has no learnt part and phi stays.
        public let credit: CreditAssignment?
    }

    /// A trainer that goes on from the checkpoint, or from fresh networks, on episodes of `settings`.
    ///
    /// - Parameters:
    ///   - episodes: episodes of an iteration.
    ///   - learningRateShare: the constant step size as a fraction of the configured one; entropy is weighted by its
    ///     configured start (fresh) or end. Nil anneals as configured.
    ///   - seed: of the episodes and minibatches; episodes never coincide with those of another seed.
    ///   - source: gives the episodes; nil asks the run's scenario.
    public func rig(
        settings: EpisodeSettings, episodes: Int, fresh: Bool = false, learningRateShare: Double? = nil, seed: UInt64,
        source: (any InstanceSource)? = nil
    ) throws -> Rig {
        var ppo = configuration.ppo
        ppo.numEnvs = episodes
        ppo.numSteps = 0
        if let share = learningRateShare {
            ppo.learningRate *= share
            ppo.criticLearningRate *= share
            ppo.learningRateFinal = 1
            let entropy = fresh ? ppo.entCoef : ppo.entCoefFinal
            (ppo.entCoef, ppo.entCoefFinal) = (entropy, entropy)
        }
        let policy = ActorCritic(configuration.design, seed: fresh ? seed : UInt64(configuration.seed))
        let rewards = try configuration.rewardModel()
        let learner = Learner(policy: policy, settings: ppo, rewards: rewards, seed: seed)
        let credit = CreditAssignment.needed(
            for: rewards, vae: configuration.vae, outer: configuration.outer, seed: UInt64(configuration.seed))
        let options = configuration.game, source: any InstanceSource = source ?? scenario
        let trainer = Trainer(
            setup: Trainer.Setup(
                makeGame: { SpatialCrowdsourcing(options: options) },
                episode: { iteration, environment, _ in
                    let index = iteration * episodes + environment
                    let setting = settings.setting(index: index, seed: seed)
                    return source.instance(
                        tasks: setting.tasks, workers: setting.workers, seed: seed,
                        episode: TrainingRun.firstEpisode + index)
                },
                credit: rewards.spatialCredit(), cost: { Double($0.tasks.count) * Double($0.workers.count) }),
            learner: learner, extensions: credit.map { [$0] } ?? [])
        if !fresh { try trainer.load(from: checkpoint) }
        return Rig(trainer: trainer, credit: credit)
    }
}
