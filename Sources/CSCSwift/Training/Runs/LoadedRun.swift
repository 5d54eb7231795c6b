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
    ) throws -> TrainerAssembly {
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
        let rig = try TrainerAssembly(
            configuration, ppo: ppo, settings: settings, policySeed: fresh ? seed : UInt64(configuration.seed),
            seed: seed, source: source ?? scenario)
        if !fresh { try rig.trainer.load(from: checkpoint) }
        return rig
    }
}
