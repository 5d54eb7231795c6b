internal import Foundation

/// What happens between the episodes and the update, and after it: learnt credit, outer levels, refinement.
///
/// An extension may add reward columns, fill them once the episodes have been played, change `Learner.rewards.phi`,
/// and keep a state of its own in the checkpoints.
package protocol TrainerExtension: AnyObject {
    /// Prefix of the extension's sections in a checkpoint.
    var name: String { get }
    /// The metrics that it adds to every row, for example `cafe/phi_1`.
    var metricColumns: [String] { get }
    /// The episodes have been played: fill reward columns of `rollout`, train what they need.
    func beforeUpdate(_ rollout: RolloutBuffer, learner: Learner) throws
    /// The policy has been updated. Returns the values of `metricColumns`.
    func afterIteration(_ rollout: RolloutBuffer, learner: Learner) throws -> [Double]
    /// Saves what a resumed run needs.
    func save(to checkpoint: inout Checkpoint)
    /// Takes over a saved state.
    func load(from checkpoint: Checkpoint) throws
    /// What of the state is no longer finite, in words; nil where all is well.
    var notFinite: String? { get }
}

extension TrainerExtension {
    /// Nothing to look at.
    package var notFinite: String? { nil }
}

/// From a rollout to a better policy: reward scale, values, advantages, PPO. It knows nothing of environments, so that
/// `Trainer` adds only the playing.
package final class Learner {
    /// The numbers of PPO.
    package let settings: PPOSettings
    /// The networks that it improves.
    package let policy: ActorCritic
    /// The update, with both optimisers' state.
    package let ppo: PPO<DecisionMinibatch>
    /// The reward features and their weights phi; extensions may change phi.
    package var rewards: RewardModel
    /// The run's seed: minibatches are shuffled by stream `iteration` of the purpose `minibatch`.
    package let seed: UInt64
    /// Iterations completed.
    package private(set) var iteration = 0
    /// What the last update aimed at, for extensions.
    package let targets = LearningTargets()

    /// The running mean square of the return and the weight of what it has seen (bias correction).
    private var returnSquare = 0.0
    private var returnWeight = 0.0
    private static let returnDecay = 0.95

    private var combined: [Float] = []
    private var discounts: [Float] = []
    private var totals: [Float] = []
    private var zeros: [Float] = []
    private let valueBatches: [PolicyBatch]
    private static let valueChunk = 512

    /// A learner before its first iteration, with fresh optimisers.
    package init(policy: ActorCritic, settings: PPOSettings, rewards: RewardModel, seed: UInt64) {
        self.policy = policy
        self.settings = settings
        self.rewards = rewards
        self.seed = seed
        ppo = PPO(policy: policy, settings: settings)
        valueBatches = (0..<8).map { _ in PolicyBatch(for: policy, decisions: Learner.valueChunk) }
    }

    /// 0 at the beginning, 1 from `annealIterations` on.
    package var progress: Double { min(1, Double(iteration) / Double(max(1, settings.annealIterations))) }

    /// What rewards are divided by: the running root mean square of the return, 1 where that is switched off.
    package var rewardScale: Double {
        guard settings.normReward, returnWeight > 0 else { return 1 }
        return max((returnSquare / returnWeight).squareRoot(), 1e-8)
    }

    /// Values, advantages and returns of a rollout under the present phi, and one PPO update. O(decisions * P).
    package func learn(from rollout: RolloutBuffer) -> PPOReport {
        rollout.discounts(gamma: settings.gamma, into: &discounts)
        combine(rollout)
        updateScale(rollout)
        let scale = Float(1 / rewardScale)
        for i in combined.indices { combined[i] *= scale }
        computeValues(rollout)
        rollout.advantages(
            rewards: combined, values: targets.values, discounts: discounts, lambda: settings.gaeLambda,
            into: &targets.advantages)
        resize(&targets.returns, rollout.count, 0)
        for i in 0..<rollout.count { targets.returns[i] = targets.advantages[i] + targets.values[i] }
        let stream = RandomStream(seed: seed, purpose: .minibatch, index: UInt64(iteration))
        let source = CreditedRollout(rollout, targets)
        let explained = targets.explainedVariance(of: rollout)
        var report = ppo.update(source, progress: progress, stream: stream)
        report.explainedVariance = explained
        return report
    }

    /// The part of the advantage that one reward column gives at weight 1, in the units of the column: GAE without a
    /// critic. The advantage of `learn` is sum phi_k * this / rewardScale plus a term of the critic. O(n).
    package func columnAdvantages(_ rollout: RolloutBuffer, column: Int, into advantages: inout [Float]) {
        var weights = [Double](repeating: 0, count: rollout.columns.count)
        weights[column] = 1
        rollout.discounts(gamma: settings.gamma, into: &discounts)
        zeros.removeAll(keepingCapacity: true)
        resize(&zeros, rollout.count, 0)
        rollout.combinedRewards(weights: weights, delayDiscount: delayDiscount, into: &totals)
        rollout.advantages(
            rewards: totals, values: zeros, discounts: discounts, lambda: settings.gaeLambda, into: &advantages)
    }

    /// Counts an iteration as completed.
    package func advance() { iteration += 1 }

    private var delayDiscount: Double { settings.discountReward ? settings.gamma : 1 }

    private func combine(_ rollout: RolloutBuffer) {
        rollout.combinedRewards(weights: rewards.phi, delayDiscount: delayDiscount, into: &combined)
    }

    /// Adds the mean square of this rollout's discounted returns to the running one.
    private func updateScale(_ rollout: RolloutBuffer) {
        guard settings.normReward else { return }
        zeros.removeAll(keepingCapacity: true)
        resize(&zeros, rollout.count, 0)
        rollout.advantages(rewards: combined, values: zeros, discounts: discounts, lambda: 1, into: &totals)
        var sum = 0.0
        var count = 0.0
        for i in 0..<rollout.count where rollout.actions[i] >= 0 {
            sum += Double(totals[i]) * Double(totals[i])
            count += 1
        }
        guard count > 0 else { return }
        returnSquare = Learner.returnDecay * returnSquare + (1 - Learner.returnDecay) * sum / count
        returnWeight = Learner.returnDecay * returnWeight + (1 - Learner.returnDecay)
    }

    /// The critic's value of every decision, chunk by chunk in parallel.
    private func computeValues(_ rollout: RolloutBuffer) {
        resize(&targets.values, rollout.count, 0)
        let batches = valueBatches
        let policy = policy
        let chunk = Learner.valueChunk
        var start = 0
        while start < rollout.count {
            let first = start
            let used = min(batches.count, (rollout.count - first + chunk - 1) / chunk)
            Threads.parallelFor(used) { index in
                let low = first + index * chunk
                batches[index].predictCritic(policy, low..<min(low + chunk, rollout.count), of: rollout.decisions)
            }
            for batch in batches[..<used] {
                Rows.copy(batch.values, from: 0, to: &targets.values, at: start, count: batch.values.count)
                start += batch.values.count
            }
        }
    }

    /// The columns of `values(of:)`, under CleanRL's names.
    package static let metricColumns = [
        "losses/policy_loss", "losses/value_loss", "losses/entropy", "losses/approx_kl", "losses/clipfrac",
        "losses/explained_variance", "losses/actor_grad_norm", "losses/critic_grad_norm", "charts/learning_rate",
        "charts/reward_scale",
    ]

    /// A report in the order of `metricColumns`.
    package func values(of report: PPOReport) -> [Double] {
        [
            report.policyLoss, report.valueLoss, report.entropy, report.approxKL, report.clipFraction,
            report.explainedVariance, report.actorGradientNorm, report.criticGradientNorm,
            ppo.actorOptimizer.learningRate, rewardScale,
        ]
    }

    /// What of the state is no longer finite, in words; nil where all is well. O(P).
    var notFinite: String? {
        if let what = ppo.notFinite { return what }
        return rewards.phi.allSatisfy(\.isFinite) && returnSquare.isFinite ? nil : "the rewards are"
    }

    /// No run is longer; the bound of the key `iterations`.
    static let mostIterations = 10_000_000

    /// Saves all that a resumed run needs.
    package func save(to checkpoint: inout Checkpoint) {
        policy.save(to: &checkpoint)
        ppo.save(to: &checkpoint)
        checkpoint.set("iteration", integers: [iteration])
        checkpoint.set("phi", doubles: rewards.phi)
        checkpoint.set("return scale", doubles: [returnSquare, returnWeight])
    }

    /// Takes over a saved state. Throws `CSCError.damaged`.
    package func load(from checkpoint: Checkpoint) throws(CSCError) {
        try policy.load(from: checkpoint)
        try ppo.load(from: checkpoint)
        iteration = try checkpoint.integers("iteration", count: 1, in: 0...Learner.mostIterations)[0]
        rewards.phi = try checkpoint.doubles("phi", count: rewards.phi.count)
        let scale = try checkpoint.doubles("return scale", count: 2)
        (returnSquare, returnWeight) = (scale[0], scale[1])
    }
}
