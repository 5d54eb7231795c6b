/// The numbers of proximal policy optimisation, under CleanRL's names. Defaults: those of dispatch.
public struct PPOSettings: Sendable, Hashable {
    /// Episodes of an iteration.
    public var numEnvs = 8
    /// Adam's step size of the actor, at the start.
    public var learningRate = 1e-3
    /// Adam's step size of the critic, at the start.
    public var criticLearningRate = 2e-3
    /// Both step sizes fall in a straight line to this fraction of themselves, and entCoef to `entCoefFinal`, over
    /// `annealIterations`.
    public var learningRateFinal = 0.2
    /// Iterations over which step sizes and entropy weight fall; then they stay.
    public var annealIterations = 150
    /// The discount for each minute (or step).
    public var gamma = 0.99
    /// The exponent of generalised advantage estimation, for each decision.
    public var gaeLambda = 0.95
    /// Passes over the rollout in an update.
    public var updateEpochs = 3
    /// Decisions of a minibatch, about: minibatches are made equally large.
    public var minibatchSize = 1024
    /// Ratios are clipped to 1 - clipCoef ... 1 + clipCoef.
    public var clipCoef = 0.2
    /// Weight of the entropy (nats) at the start.
    public var entCoef = 0.01
    /// Weight of the entropy from `annealIterations` on.
    public var entCoefFinal = 0.0
    /// The critic's loss is multiplied by it.
    public var vfCoef = 1.0
    /// Clip the critic's change too, as CleanRL's `clip_vloss`.
    public var clipVloss = false
    /// The longest gradient, for actor and critic each.
    public var maxGradNorm = 0.5
    /// Advantages of a minibatch are brought to mean 0 and standard deviation 1.
    public var normAdv = true
    /// Rewards are divided by the running root mean square of the return.
    public var normReward = true
    /// An epoch after which the mean KL is larger is the update's last; 0 asks for none.
    public var targetKL = 0.0
    /// Discount a payment to the moment of the decision that it rewards.
    public var discountReward = true

    /// The settings of dispatch.
    public init() {}
}
