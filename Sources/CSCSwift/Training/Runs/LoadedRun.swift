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

    /// Reads the newest whole checkpoint. Throws `CSCError` where the folder holds no run or no checkpoint, or what
    /// decides the run is not as it was. O(size of the files).
    public init(_ folder: String) throws {
        self.folder = folder
        configuration = try TrainingConfiguration(contentsOf: AtomicFile.join(folder, "config.yaml"))
        scenario = try Scenario.find(AtomicFile.join(folder, "scenario.yaml"))
        let checkpoints = CheckpointFolder(path: AtomicFile.join(folder, "checkpoints"))
        let identity = try DispatchTraining.identity(configuration, scenario)
        checkpoint = try checkpoints.latest { checkpoint, _ in
            guard let saved = try RunIdentity.saved(in: checkpoint) else { return }
            try identity.check(against: saved, of: ["config.yaml", "scenario.yaml"], folder: folder)
        }.checkpoint
    }

    /// A trainer that continues from the checkpoint, or from fresh networks, on episodes of `settings`.
    ///
    /// - Parameters:
    ///   - episodes: episodes of an iteration.
    ///   - learningRateShare: the constant step size as a fraction of the configured one; entropy is weighted by its
    ///     configured start (fresh) or end. Nil anneals as configured.
    ///   - seed: of the episodes and minibatches; episodes never coincide with those of another seed.
    ///   - source: gives the episodes; nil asks the run's scenario.
    package func assemble(
        settings: EpisodeSettings, episodes: Int, fresh: Bool = false, learningRateShare: Double? = nil, seed: UInt64,
        source: (any InstanceSource)? = nil
    ) throws -> TrainerAssembly {
        let ppo = ppo(episodes: episodes, fresh: fresh, learningRateShare: learningRateShare)
        let assembly = try TrainerAssembly(
            configuration, ppo: ppo, settings: settings, policySeed: fresh ? seed : UInt64(configuration.seed),
            seed: seed, source: source ?? scenario)
        if !fresh { try assembly.trainer.load(from: checkpoint) }
        return assembly
    }

    /// The numbers of PPO of such a trainer.
    func ppo(episodes: Int, fresh: Bool, learningRateShare: Double?) -> PPOSettings {
        var ppo = configuration.ppo
        ppo.numEnvs = episodes
        if let share = learningRateShare {
            ppo.learningRate *= share
            ppo.criticLearningRate *= share
            ppo.learningRateFinal = 1
            let entropy = fresh ? ppo.entCoef : ppo.entCoefFinal
            (ppo.entCoef, ppo.entCoefFinal) = (entropy, entropy)
        }
        return ppo
    }
}
