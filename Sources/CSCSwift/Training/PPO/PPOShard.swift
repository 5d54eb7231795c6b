/// A part of a minibatch: its decisions, its passes through both networks and its part of the gradients.
///
/// One thread uses it at a time. Public so that its gradient can be checked against finite differences.
public final class PPOShard: @unchecked Sendable {
    /// The gradient of the minibatch's policy loss - entCoef * entropy, as far as this shard's decisions go.
    public private(set) var actorGradient: [Float]
    /// The gradient of vfCoef * value loss, likewise.
    public private(set) var criticGradient: [Float]
    /// The losses, multiplied by the shard's share of the minibatch.
    public private(set) var loss = PPOReport()

    private let batch: PolicyBatch
    private var actions: [Int32] = []
    private var oldLogProbabilities: [Float] = []
    private var advantages: [Float] = []
    private var oldValues: [Float] = []
    private var returns: [Float] = []
    private var logitGradient: [Float] = []
    private var valueGradient: [Float] = []

    /// Memory for about `capacity` decisions to begin with, and gradients of zero.
    public init(policy: ActorCritic, capacity: Int) {
        batch = PolicyBatch(for: policy, decisions: capacity)
        actorGradient = [Float](repeating: 0, count: policy.actor.count)
        criticGradient = [Float](repeating: 0, count: policy.critic.count)
    }

    /// Losses and gradients of the decisions `indices`. O(rows * P).
    ///
    /// - Parameters:
    ///   - advantageMean: taken off each advantage, which is then multiplied by `advantageScale`.
    ///   - share: the part of the minibatch that this shard is; losses and gradients are multiplied by it, so that
    ///     the sum over shards is the mean over the minibatch.
    public func run(
        _ policy: ActorCritic, _ rollout: RolloutBuffer, _ targets: LearningTargets, _ indices: ArraySlice<Int32>,
        _ settings: PPOSettings, entCoef: Float, advantageMean: Float, advantageScale: Float, share: Float
    ) {
        gather(rollout, targets, indices, advantageMean, advantageScale)
        Rows.zero(&actorGradient)
        Rows.zero(&criticGradient)

        // The actor: logits, the clipped objective's gradient in them, backpropagation.
        batch.forwardActor(policy)
        resize(&logitGradient, batch.logits.count, 0)
        let policyLoss = actorLoss(settings, entCoef, &logitGradient)
        Rows.rescale(&logitGradient, factor: share)
        batch.backwardActor(policy, logitGradient: logitGradient, gradient: &actorGradient)

        // The critic: values, squared error, backpropagation.
        batch.forwardCritic(policy)
        resize(&valueGradient, batch.values.count, 0)
        let valueLoss = criticLoss(settings, &valueGradient)
        Rows.rescale(&valueGradient, factor: share * Float(settings.vfCoef))
        batch.backwardCritic(policy, valueGradient: valueGradient, gradient: &criticGradient)

        let part = Double(share)
        loss = PPOReport()
        loss.policyLoss = policyLoss.policy * part
        loss.entropy = policyLoss.entropy * part
        loss.approxKL = policyLoss.approxKL * part
        loss.clipFraction = policyLoss.clipFraction * part
        loss.valueLoss = valueLoss * part
    }

    private func actorLoss(_ settings: PPOSettings, _ entCoef: Float, _ gradient: inout [Float]) -> PolicyLoss {
        let (logits, offsets, actions) = (batch.logits, batch.decisions.offsets, actions)
        let (old, advantages) = (oldLogProbabilities, advantages)
        var out = gradient.mutableSpan
        return Policy.clippedLoss(
            logits: logits.span, offsets: offsets.span, actions: actions.span, oldLogProbabilities: old.span,
            advantages: advantages.span, clipCoef: Float(settings.clipCoef), entCoef: entCoef, logitGradient: &out)
    }

    private func criticLoss(_ settings: PPOSettings, _ gradient: inout [Float]) -> Double {
        let (values, returns, old) = (batch.values, returns, oldValues)
        var out = gradient.mutableSpan
        return Policy.valueLoss(
            values: values.span, returns: returns.span, oldValues: old.span,
            clipCoef: settings.clipVloss ? Float(settings.clipCoef) : nil, gradient: &out)
    }

    private func gather(
        _ rollout: RolloutBuffer, _ targets: LearningTargets, _ indices: ArraySlice<Int32>, _ mean: Float,
        _ scale: Float
    ) {
        batch.decisions.replace(indices, of: rollout.decisions)
        let count = indices.count
        resize(&actions, count, 0)
        resize(&oldLogProbabilities, count, 0)
        resize(&advantages, count, 0)
        resize(&oldValues, count, 0)
        resize(&returns, count, 0)
        Rows.gather(rollout.actions, indices, into: &actions)
        Rows.gather(rollout.logProbabilities, indices, into: &oldLogProbabilities)
        Rows.gather(targets.advantages, indices, into: &advantages)
        Rows.gather(targets.values, indices, into: &oldValues)
        Rows.gather(targets.returns, indices, into: &returns)
        Rows.rescale(&advantages, shift: mean, factor: scale)
    }
}
