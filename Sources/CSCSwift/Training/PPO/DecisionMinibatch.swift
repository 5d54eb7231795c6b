/// A rollout of decisions and what an update on it aims at.
package final class CreditedRollout: MinibatchSource {
    /// What was played.
    package let rollout: RolloutBuffer
    /// Its advantages, values and returns.
    package let targets: LearningTargets

    /// Both belong together: one advantage, value and return for each decision.
    package init(_ rollout: RolloutBuffer, _ targets: LearningTargets) {
        self.rollout = rollout
        self.targets = targets
    }

    /// One advantage for each decision, not standardised.
    package var advantages: [Float] { targets.advantages }

    /// The decisions that have an action. O(n).
    package func writeRows(into rows: inout [Int32]) {
        rows.removeAll(keepingCapacity: true)
        for index in 0..<rollout.count where rollout.actions[index] >= 0 { rows.append(Int32(index)) }
    }
}

/// Decisions with different numbers of actions: the rows of a shard of dispatch. One thread at a time uses it.
package final class DecisionMinibatch: MinibatchBatch, @unchecked Sendable {
    /// Decisions of a shard.
    package static let shardSize = 128

    private let batch: PolicyBatch
    private var logitGradient: [Float] = []
    private var valueGradient: [Float] = []

    /// No decisions yet.
    package init(for policy: ActorCritic) { batch = PolicyBatch(for: policy, decisions: Self.shardSize) }

    /// Copies decisions here. O(their rows).
    package func gather(
        _ indices: ArraySlice<Int32>, of source: CreditedRollout, into targets: inout MinibatchTargets
    ) {
        let (rollout, aims, count) = (source.rollout, source.targets, indices.count)
        batch.decisions.replace(indices, of: rollout.decisions)
        targets.count = count
        resize(&targets.actions, count, 0)
        resize(&targets.logProbabilities, count, 0)
        resize(&targets.advantages, count, 0)
        resize(&targets.values, count, 0)
        resize(&targets.returns, count, 0)
        Rows.gather(rollout.actions, indices, into: &targets.actions)
        Rows.gather(rollout.logProbabilities, indices, into: &targets.logProbabilities)
        Rows.gather(aims.advantages, indices, into: &targets.advantages)
        Rows.gather(aims.values, indices, into: &targets.values)
        Rows.gather(aims.returns, indices, into: &targets.returns)
    }

    /// The clipped objective of the decisions' rows.
    package func policyLoss(
        _ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float, entCoef: Float
    ) -> PolicyLoss {
        batch.forwardActor(policy)
        resize(&logitGradient, batch.logits.count, 0)
        return policyLoss(targets, clipCoef, entCoef, &logitGradient)
    }

    private func policyLoss(
        _ targets: MinibatchTargets, _ clipCoef: Float, _ entCoef: Float, _ gradient: inout [Float]
    ) -> PolicyLoss {
        let (logits, offsets) = (batch.logits, batch.decisions.offsets)
        var out = gradient.mutableSpan
        return Policy.clippedLoss(
            logits: logits.span, offsets: offsets.span, actions: targets.actions.span,
            oldLogProbabilities: targets.logProbabilities.span, advantages: targets.advantages.span,
            clipCoef: clipCoef, entCoef: entCoef, logitGradient: &out)
    }

    /// The actor backward.
    package func backwardActor(_ policy: ActorCritic, share: Float, into gradient: inout [Float]) {
        Rows.rescale(&logitGradient, factor: share)
        batch.backwardActor(policy, logitGradient: logitGradient, gradient: &gradient)
    }

    /// Half the mean squared error of the critic's values.
    package func valueLoss(_ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float?) -> Double {
        batch.forwardCritic(policy)
        resize(&valueGradient, batch.values.count, 0)
        return valueLoss(targets, clipCoef, &valueGradient)
    }

    private func valueLoss(_ targets: MinibatchTargets, _ clipCoef: Float?, _ gradient: inout [Float]) -> Double {
        let values = batch.values
        var out = gradient.mutableSpan
        return Policy.valueLoss(
            values: values.span, returns: targets.returns.span, oldValues: targets.values.span, clipCoef: clipCoef,
            gradient: &out)
    }

    /// The critic backward.
    package func backwardCritic(_ policy: ActorCritic, share: Float, into gradient: inout [Float]) {
        Rows.rescale(&valueGradient, factor: share)
        batch.backwardCritic(policy, valueGradient: valueGradient, gradient: &gradient)
    }
}
