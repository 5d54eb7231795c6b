/// What an update reports; means over its minibatches. CleanRL's names are in `Learner.metricColumns`.
public struct PPOReport: Sendable, Hashable {
    /// The clipped objective, to be minimised; without the entropy.
    public var policyLoss = 0.0
    /// 0.5 * mean (value - return)^2 of the scaled reward (clipped with `clipVloss`), not multiplied by `vfCoef`.
    public var valueLoss = 0.0
    /// Entropy of the policy (nats per decision).
    public var entropy = 0.0
    /// Mean of (r - 1) - log r: an estimate of KL(old || new) in nats, r being the ratio of probabilities.
    public var approxKL = 0.0
    /// Share of decisions whose ratio left 1 - clipCoef ... 1 + clipCoef.
    public var clipFraction = 0.0
    /// 1 - Var(return - value) / Var(return), before the update.
    public var explainedVariance = 0.0
    /// Mean norm of the actor's gradient before it was clipped.
    public var actorGradientNorm = 0.0
    /// Mean norm of the critic's gradient before it was clipped.
    public var criticGradientNorm = 0.0
    /// Epochs that were run (fewer than asked for where the KL passed its target).
    public var epochs = 0
}

/// Proximal policy optimisation ([Schulman17]) of an `ActorCritic` on minibatches of any kind: the clipped objective,
/// Adam, several epochs of shuffled minibatches. Dispatch (`DecisionMinibatch`) and games with a fixed horizon are
/// trained by this one class.
///
/// As in CleanRL the advantages of a minibatch are brought to mean 0 and standard deviation 1 (that of a sample, plus
/// 1e-8). Each network's gradient is clipped by itself, as the two share nothing and may have step sizes of their own; on
/// simple_spread clipping both together reaches the same return. A minibatch is cut into shards, each with its own memory and gradient; shards run in parallel and their
/// gradients are added in order, so the bits do not depend on the number of threads. Ranks compute some of the shards each and
/// give one another their gradients, so they do not depend on the number of ranks either.
package final class PPO<Batch: MinibatchBatch> {
    /// The networks that it changes.
    package let policy: ActorCritic
    /// The numbers of PPO.
    package let settings: PPOSettings
    /// Adam of the actor's parameters.
    package let actorOptimizer: Adam
    /// Adam of the critic's parameters.
    package let criticOptimizer: Adam

    private let minibatch: MinibatchJob<Batch>
    /// The actor's gradient, then the critic's.
    private var gradient: [Float]

    /// Fresh optimisers. Traps where `minibatchSize` is not positive.
    package init(policy: ActorCritic, settings: PPOSettings) {
        precondition(settings.minibatchSize > 0, "PPO: minibatchSize \(settings.minibatchSize) is not positive")
        self.policy = policy
        self.settings = settings
        actorOptimizer = Adam(parameterCount: policy.actor.count, learningRate: settings.learningRate)
        criticOptimizer = Adam(parameterCount: policy.critic.count, learningRate: settings.criticLearningRate)
        minibatch = MinibatchJob(policy: policy, settings: settings)
        gradient = [Float](repeating: 0, count: policy.actor.count + policy.critic.count)
    }

    /// Improves the policy on a rollout whose advantages and returns are known. O(rows * updateEpochs * P).
    ///
    /// - Parameters:
    ///   - source: the rollout.
    ///   - minibatches: how many an epoch has; nil for as many as come nearest to `settings.minibatchSize`. They are
    ///     equally large.
    ///   - progress: 0 at the beginning of training, 1 where annealing ends.
    ///   - stream: shuffles the minibatches.
    package func update(
        _ source: Batch.Source, minibatches: Int? = nil, progress: Double, stream: RandomStream
    ) -> PPOReport {
        var stream = stream
        let fraction = 1 + (settings.learningRateFinal - 1) * progress
        actorOptimizer.learningRate = settings.learningRate * fraction
        criticOptimizer.learningRate = settings.criticLearningRate * fraction
        minibatch.begin(
            source, entCoef: Float(settings.entCoef + (settings.entCoefFinal - settings.entCoef) * progress))
        defer { minibatch.end() }
        var report = PPOReport()
        let rows = minibatch.order.count
        guard rows > 0 else { return report }

        let count = minibatches ?? max(1, Int((Double(rows) / Double(settings.minibatchSize)).rounded()))
        for _ in 0..<settings.updateEpochs {
            stream.shuffle(&minibatch.order)
            let before = report.approxKL
            for number in 0..<count { step(number * rows / count..<(number + 1) * rows / count, &report) }
            report.epochs += 1
            let epochKL = (report.approxKL - before) / Double(count)
            if settings.targetKL > 0 && epochKL > settings.targetKL { break }
        }
        report.divide(by: Double(report.epochs * count))
        return report
    }

    /// One minibatch: the shards' gradients, their sum in order, clipping, Adam.
    private func step(_ range: Range<Int>, _ report: inout PPOReport) {
        if range.isEmpty { return }
        let used = minibatch.prepare(range)
        Threads.parallelFor(minibatch.own.count, of: minibatch)
        minibatch.exchange()
        let shards = minibatch.shards
        for shard in shards[..<used] { report.add(shard.loss) }
        descend(shards[..<used], &gradient, &report)
    }

    /// Sums the shards' gradients in order, clips them and takes Adam's step.
    private func descend(_ shards: ArraySlice<PPOShard<Batch>>, _ gradient: inout [Float], _ report: inout PPOReport) {
        let split = policy.actor.count
        Rows.zero(&gradient)
        var sum = gradient.mutableSpan
        for shard in shards {
            let (actor, critic) = (shard.actorGradient, shard.criticGradient)
            do {
                var first = sum.part(0..<split)
                Vector.add(actor.span, scale: 1, to: &first)
            }
            var rest = sum.part(split..<sum.count)
            Vector.add(critic.span, scale: 1, to: &rest)
        }
        do {
            var first = sum.part(0..<split)
            report.actorGradientNorm += Double(Gradient.clipNorm(&first, maxNorm: Float(settings.maxGradNorm)))
        }
        var rest = sum.part(split..<sum.count)
        report.criticGradientNorm += Double(Gradient.clipNorm(&rest, maxNorm: Float(settings.maxGradNorm)))
        Self.move(&policy.actor, actorOptimizer, sum.span.extracting(0..<split))
        Self.move(&policy.critic, criticOptimizer, sum.span.extracting(split..<sum.count))
    }

    private static func move(_ parameters: inout [Float], _ optimizer: Adam, _ gradient: Span<Float>) {
        var span = parameters.mutableSpan
        optimizer.step(parameters: &span, gradient: gradient)
    }

    /// What of networks and optimisers is no longer finite, in words; nil where all is well. O(P).
    var notFinite: String? {
        if !(policy.actor.allSatisfy(\.isFinite) && policy.critic.allSatisfy(\.isFinite)) {
            return "the networks' parameters are"
        }
        for state in [actorOptimizer.state, criticOptimizer.state]
        where !(state.m.allSatisfy(\.isFinite) && state.v.allSatisfy(\.isFinite)) {
            return "the gradients are"
        }
        return nil
    }

    /// Saves both optimisers.
    package func save(to checkpoint: inout Checkpoint) {
        for (name, optimizer) in [("actor", actorOptimizer), ("critic", criticOptimizer)] {
            let state = optimizer.state
            checkpoint.set("adam.\(name).m", floats: state.m)
            checkpoint.set("adam.\(name).v", floats: state.v)
            checkpoint.set("adam.\(name).step", integers: [state.step])
        }
    }

    /// Takes over both optimisers. Throws `CSCError.damaged`.
    package func load(from checkpoint: Checkpoint) throws(CSCError) {
        for (name, optimizer) in [("actor", actorOptimizer), ("critic", criticOptimizer)] {
            var state = optimizer.state
            state.m = try checkpoint.floats("adam.\(name).m", count: state.m.count)
            state.v = try checkpoint.floats("adam.\(name).v", count: state.v.count)
            state.step = try checkpoint.counter("adam.\(name).step")
            optimizer.state = state
        }
    }
}

/// What the update aims at, one number per decision: advantages, the critic's values and the returns. Each is written
/// by one thread and read by all afterwards.
package final class LearningTargets: @unchecked Sendable {
    /// [n]: generalised advantages, in units of the scaled reward, not standardised.
    package var advantages: [Float] = []
    /// [n]: the critic's values before the update, in the same units.
    package var values: [Float] = []
    /// [n]: advantage + value, what the critic is to predict.
    package var returns: [Float] = []

    /// No targets yet; `Learner.learn` fills them.
    package init() {}

    /// 1 - Var(return - value) / Var(return) of the decisions with an action; 0 where all returns are equal. O(n).
    func explainedVariance(of rollout: RolloutBuffer) -> Double {
        var errors = Welford()
        var targets = Welford()
        for index in 0..<rollout.count where rollout.actions[index] >= 0 {
            errors.add(Double(returns[index] - values[index]))
            targets.add(Double(returns[index]))
        }
        return targets.variance > 0 ? 1 - errors.variance / targets.variance : 0
    }
}

extension PPOReport {
    fileprivate mutating func add(_ other: PPOReport) {
        policyLoss += other.policyLoss
        valueLoss += other.valueLoss
        entropy += other.entropy
        approxKL += other.approxKL
        clipFraction += other.clipFraction
    }

    fileprivate mutating func divide(by count: Double) {
        guard count > 0 else { return }
        policyLoss /= count
        valueLoss /= count
        entropy /= count
        approxKL /= count
        clipFraction /= count
        actorGradientNorm /= count
        criticGradientNorm /= count
    }
}
