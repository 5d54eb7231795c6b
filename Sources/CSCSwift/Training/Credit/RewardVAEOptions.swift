/// How the variational autoencoder of realised payments is built and trained ([CAFE], Fig. 5).
///
/// The defaults are ours; `authors` is what the published program of [CAFE] does.
public struct RewardVAEOptions: Sendable, Hashable, Codable {
    /// What the decoder predicts.
    public enum Target: String, Sendable, Codable, CaseIterable {
        /// The payments that the agent's candidate tasks bring in the end, summed (known at the episode's end).
        case realised
        /// The money that the candidate tasks still promise when the agent decides, summed (the authors' target).
        case expected
    }

    /// What the own action is compared with in the conditional mutual information.
    public enum Counterfactual: String, Sendable, Codable, CaseIterable {
        /// The agent takes no task (the authors' choice).
        case none
        /// The own action is hidden, as in training with `maskProbability` (0 leaves this case untrained).
        case masked
        /// The mixture over the policy's actions, matched by one Gaussian of the same mean and variance.
        case policy
    }

    /// Width Z of the latent variable.
    public var latent = 4
    /// Hidden widths of the encoder (tanh); as the critic's by default.
    public var encoderHidden = [64, 64]
    /// Hidden widths of the decoder (tanh).
    public var decoderHidden = [32]
    /// Probability with which the own action is hidden from the encoder in training.
    public var maskProbability = 0.4
    /// Weight of KL[q(z|.) || N(0, I)] in the objective.
    public var klWeight = 0.1
    /// Variance of p(y|z): a share of the targets' running variance when `targetScale` is 0, else absolute after
    /// scaling.
    public var noiseVariance = 0.1
    /// A fixed multiplier of the targets; 0 standardises them by their running mean and variance.
    public var targetScale = 0.0
    /// Which payments the decoder predicts.
    public var target = Target.realised
    /// What the own action is compared with.
    public var counterfactual = Counterfactual.none
    /// Adam's step size, for encoder and decoder.
    public var learningRate = 1e-3
    /// Decisions of a minibatch.
    public var batchSize = 512
    /// Passes over the decisions of one iteration.
    public var epochs = 2
    /// Global norm to which the gradient of a minibatch is clipped.
    public var maxGradNorm = 5.0

    /// Our settings: 4 latent variables, masking probability 0.4, KL weight 0.1.
    public init() {}

    /// The authors' settings: latent 88, squared error plus KL (so variance 1/2 and weight 1), no masking, the
    /// expected money divided by 1000.
    public static var authors: RewardVAEOptions {
        var options = RewardVAEOptions()
        options.latent = 88
        options.maskProbability = 0
        options.klWeight = 1
        options.noiseVariance = 0.5
        options.targetScale = 1e-3
        options.target = .expected
        return options
    }

    /// Throws `CSCError.configuration` for the first field that is out of range; keys carry the prefix `vae.`.
    public func validate() throws(CSCError) {
        func require(_ holds: Bool, _ key: String, _ reason: String) throws(CSCError) {
            if !holds { throw CSCError.configuration(key: "vae." + key, reason: reason) }
        }
        try require(latent > 0, "latent", "is \(latent), must be positive")
        try require(encoderHidden.allSatisfy { $0 > 0 }, "encoderHidden", "has a width that is not positive")
        try require(decoderHidden.allSatisfy { $0 > 0 }, "decoderHidden", "has a width that is not positive")
        try require((0..<1).contains(maskProbability), "maskProbability", "is \(maskProbability), must be in [0, 1)")
        try require(klWeight >= 0, "klWeight", "is \(klWeight), must not be negative")
        try require(noiseVariance > 0, "noiseVariance", "is \(noiseVariance), must be positive")
        try require(targetScale >= 0, "targetScale", "is \(targetScale), must not be negative")
        try require(learningRate > 0, "learningRate", "is \(learningRate), must be positive")
        try require(batchSize > 0, "batchSize", "is \(batchSize), must be positive")
        try require(epochs >= 0, "epochs", "is \(epochs), must not be negative")
        try require(maxGradNorm > 0, "maxGradNorm", "is \(maxGradNorm), must be positive")
        try require(
            counterfactual != .masked || maskProbability > 0, "counterfactual",
            "is 'masked', which needs maskProbability above 0")
    }
}

/// Decisions to learn from: row-major, one row per decision.
package struct RewardVAEBatch: Sendable {
    /// What the agent saw, and the others' actions of the same window, `[count, O]`.
    package var observations: [Float]
    /// Features of the agent's own action, `[count, A]`.
    package var actions: [Float]
    /// The payments to predict, `[count]`, in the task's money.
    package var targets: [Float]
    /// Number of decisions.
    package var count: Int { targets.count }

    /// Arrays of equally many decisions; `RewardVAE.fit` traps where they do not fit its widths.
    package init(observations: [Float], actions: [Float], targets: [Float]) {
        self.observations = observations
        self.actions = actions
        self.targets = targets
    }
}

/// The objective of one pass, mean per decision.
public struct RewardVAEReport: Sendable, Equatable, Codable {
    /// E[log p(y|z)] - klWeight * KL, natural logarithm, of the scaled target.
    public var elbo = 0.0
    /// KL[q(z|.) || N(0, I)], not weighted.
    public var kl = 0.0
    /// Mean squared error of the decoder in units of the scaled target (standardised: 1 = no better than the mean).
    public var squaredError = 0.0

    /// All zero, as a fit of nothing reports.
    public init() {}
}

/// How much an action moved the belief about the money.
package struct ActionInfluence: Sendable, Equatable {
    /// KL[q(z | o, a, a_others) || q(z | o, a_others)] per decision, nats, never negative.
    package var cmi: [Float]
    /// The decoder's mean with the action minus without, per decision, in the task's money.
    package var signed: [Float]

    /// The influence of equally many decisions, in their order.
    package init(cmi: [Float], signed: [Float]) {
        self.cmi = cmi
        self.signed = signed
    }
}
