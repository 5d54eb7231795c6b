/// A training loop on the spatial game put together from a run's configuration, and its credit extension.
package struct TrainerAssembly {
    /// The training loop, with fresh networks until a checkpoint is loaded.
    package let trainer: Trainer<SpatialCrowdsourcing>
    /// The trainer's credit extension; nil where the reward has no learnt part and phi stays.
    package let credit: CreditAssignment?
    /// Every extension of the trainer in order, the credit last.
    let extensions: [any TrainerExtension]

    /// - Parameters:
    ///   - configuration: networks, reward, credit and game; its seed begins the autoencoder.
    ///   - ppo: the learner's settings; `numEnvs` episodes make an iteration.
    ///   - settings: numbers of tasks and workers of the episodes.
    ///   - policySeed: of the networks' first parameters.
    ///   - seed: of the episodes and minibatches; episodes never coincide with those of another seed.
    ///   - source: gives the episodes.
    ///   - extensions: called before the credit.
    /// - Throws: `CSCError` where the reward cannot be made.
    init(
        _ configuration: TrainingConfiguration, ppo: PPOSettings, settings: EpisodeSettings, policySeed: UInt64,
        seed: UInt64, source: any InstanceSource, extensions: [any TrainerExtension] = []
    ) throws {
        let policy = ActorCritic(configuration.design, seed: policySeed)
        let rewards = try configuration.rewardModel()
        let learner = Learner(policy: policy, settings: ppo, rewards: rewards, seed: seed)
        credit = CreditAssignment.needed(
            for: rewards, vae: configuration.vae, outer: configuration.outer, seed: UInt64(configuration.seed))
        self.extensions = extensions + (credit.map { [$0] } ?? [])
        let options = configuration.game
        trainer = Trainer(
            setup: Trainer.Setup(
                makeGame: { SpatialCrowdsourcing(options: options) },
                episode: { iteration, environment, _ in
                    let index = iteration * ppo.numEnvs + environment
                    let setting = settings.setting(index: index, seed: seed)
                    return source.instance(
                        tasks: setting.tasks, workers: setting.workers, seed: seed,
                        episode: EpisodeRange.training[index])
                },
                credit: rewards.spatialCredit(),
                cost: { Double($0.tasks.count) * Double($0.workers.count) }),
            learner: learner, extensions: self.extensions)
    }
}
