/// The numbers of PPO with a fixed horizon, under CleanRL's names. Defaults: what is usual for IPPO on the particle
/// environments (64 environments of 128 steps, 4 epochs of 4 minibatches, two layers of 64).
public struct FixedHorizonSettings: Sendable, Hashable, Codable {
    /// N: environments played side by side.
    public var numEnvs = 64
    /// T: steps of each in an iteration.
    public var numSteps = 128
    /// Adam's step size at the start; it falls in a straight line to `learningRateFinal` times itself over the run.
    public var learningRate = 7e-4
    /// The step size at the end as a fraction of `learningRate`, 0 to 1.
    public var learningRateFinal = 0.0
    /// The discount of a step.
    public var gamma = 0.99
    /// lambda of generalised advantage estimation, for each step.
    public var gaeLambda = 0.95
    /// Passes over a rollout.
    public var updateEpochs = 4
    /// Minibatches into which each pass cuts a rollout.
    public var numMinibatches = 4
    /// Ratios are clipped to 1 - clipCoef ... 1 + clipCoef.
    public var clipCoef = 0.2
    /// Weight of the entropy (nats), which is taken off the policy's loss.
    public var entCoef = 0.01
    /// Weight of the critic's loss 0.5 * mean (value - return)^2.
    public var vfCoef = 0.5
    /// The longest gradient of both networks together.
    public var maxGradNorm = 0.5
    /// Advantages of a minibatch are brought to mean 0 and standard deviation 1.
    public var normAdv = true
    /// Hidden widths of the actor. Actor and critic are two networks that share nothing.
    public var actorWidths = [64, 64]
    /// Hidden widths of the critic.
    public var criticWidths = [64, 64]

    /// The settings usual for IPPO on the particle environments.
    public init() {}

    /// The numbers as `PPO` takes them, with a learning rate that falls over so many iterations.
    func ppo(annealIterations: Int) -> PPOSettings {
        var ppo = PPOSettings()
        ppo.numEnvs = numEnvs
        (ppo.learningRate, ppo.criticLearningRate) = (learningRate, learningRate)
        (ppo.learningRateFinal, ppo.annealIterations) = (learningRateFinal, annealIterations)
        (ppo.gamma, ppo.gaeLambda, ppo.updateEpochs) = (gamma, gaeLambda, updateEpochs)
        (ppo.clipCoef, ppo.vfCoef, ppo.clipVloss) = (clipCoef, vfCoef, false)
        (ppo.entCoef, ppo.entCoefFinal) = (entCoef, entCoef)
        (ppo.maxGradNorm, ppo.normAdv, ppo.targetKL) = (maxGradNorm, normAdv, 0)
        return ppo
    }

    /// Checks ranges. Throws `CSCError.configuration` with the first key that is out of range.
    public func validate() throws(CSCError) {
        func need(_ holds: Bool, _ key: String, _ reason: String) throws(CSCError) {
            if !holds { throw .configuration(key: key, reason: reason) }
        }
        try need(numEnvs > 0, "numEnvs", "\(numEnvs) is not positive")
        try need(numSteps > 0, "numSteps", "\(numSteps) is not positive")
        try need(updateEpochs > 0, "updateEpochs", "\(updateEpochs) is not positive")
        try need(numMinibatches > 0, "numMinibatches", "\(numMinibatches) is not positive")
        try need(learningRate > 0 && learningRate.isFinite, "learningRate", "\(learningRate) is not positive")
        try need((0...1).contains(learningRateFinal), "learningRateFinal", "\(learningRateFinal) is not from 0 to 1")
        try need((0...1).contains(gamma), "gamma", "\(gamma) is not from 0 to 1")
        try need((0...1).contains(gaeLambda), "gaeLambda", "\(gaeLambda) is not from 0 to 1")
        try need(clipCoef > 0, "clipCoef", "\(clipCoef) is not positive")
        try need(entCoef >= 0, "entCoef", "\(entCoef) is negative")
        try need(vfCoef >= 0, "vfCoef", "\(vfCoef) is negative")
        try need(maxGradNorm > 0, "maxGradNorm", "\(maxGradNorm) is not positive")
        for (key, widths) in [("actorWidths", actorWidths), ("criticWidths", criticWidths)] {
            try need(widths.allSatisfy { (1...4096).contains($0) }, key, "\(widths) are not all from 1 to 4096")
        }
    }
}

/// What one iteration of `FixedHorizonTrainer` reports.
public struct FixedHorizonReport: Sendable, Hashable {
    /// Agent-steps played since the beginning of the run: agents * environments * steps.
    public var agentSteps = 0
    /// Mean, over the episodes that ended in this iteration, of the mean over agents of the sum of rewards; nan where
    /// none ended.
    public var episodicReturn = Double.nan
    /// Episodes that ended in this iteration.
    public var episodes = 0
    /// Mean of the clipped objective over minibatches, to be minimised; without the entropy.
    public var policyLoss = 0.0
    /// Mean of 0.5 (value - return)^2, not multiplied by `vfCoef`.
    public var valueLoss = 0.0
    /// Mean entropy of the policy (nats).
    public var entropy = 0.0
    /// Mean of (r - 1) - log r: an estimate of KL(old || new) in nats, r being the ratio of probabilities.
    public var approxKL = 0.0
    /// Share of agent-steps whose ratio left 1 - clipCoef ... 1 + clipCoef.
    public var clipFraction = 0.0
    /// Mean norm of the gradient before it was clipped.
    public var gradientNorm = 0.0
}
