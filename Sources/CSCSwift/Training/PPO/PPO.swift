internal import Foundation

/// What an update reports; means over its minibatches. CleanRL's names are in `Learner.metricColumns`.
public struct PPOReport: Sendable, Hashable {
    /// The clipped objective, to be minimised; without the entropy.
    public var policyLoss = 0.0
    /// 0.5 * mean (value - return)^2 of the scaled reward (clipped with `clipVloss`), not multiplied by `vfCoef`.
    public var valueLoss = 0.0
    /// Entropy of the policy (nats a decision).
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

/// Proximal policy optimisation of an `ActorCritic` on a rollout (Schulman et al. 2017): the clipped objective, Adam,
/// several epochs of shuffled minibatches.
///
/// A minibatch is cut into shards of 128 decisions, each with its own memory and gradient; shards run in parallel
/// and their gradients are added in order, so the bits do not depend on the number of threads.
public final class PPO {
    /// The networks that it changes.
    public let policy: ActorCritic
    /// The numbers of PPO.
    public let settings: PPOSettings
    /// Adam of the actor's parameters.
    public let actorOptimizer: Adam
    /// Adam of the critic's parameters.
    public let criticOptimizer: Adam

    /// Decisions of a shard. Part of the result: another size rounds otherwise.
    static let shardSize = 128

    private let minibatch: MinibatchJob
    private var actorGradient: [Float]
    private var criticGradient: [Float]

    /// Fresh optimisers. Traps where `minibatchSize` is not positive.
    public init(policy: ActorCritic, settings: PPOSettings) {
        precondition(settings.minibatchSize > 0, "PPO: minibatchSize \(settings.minibatchSize) is not positive")
        self.policy = policy
        self.settings = settings
        actorOptimizer = Adam(parameterCount: policy.actor.count, learningRate: settings.learningRate)
        criticOptimizer = Adam(parameterCount: policy.critic.count, learningRate: settings.criticLearningRate)
        let count = (settings.minibatchSize + PPO.shardSize - 1) / PPO.shardSize
        minibatch = MinibatchJob(
            policy: policy, settings: settings,
            shards: (0..<count).map { _ in PPOShard(policy: policy, capacity: PPO.shardSize) })
        actorGradient = [Float](repeating: 0, count: policy.actor.count)
        criticGradient = [Float](repeating: 0, count: policy.critic.count)
    }

    /// Improves the policy on a rollout whose advantages and returns are known.
    ///
    /// - Parameters:
    ///   - targets: one advantage, value and return for each decision of `rollout`.
    ///   - progress: 0 at the beginning of training, 1 where annealing ends.
    ///   - stream: shuffles the minibatches.
    public func update(
        _ rollout: RolloutBuffer, targets: LearningTargets, progress: Double, stream: RandomStream
    ) -> PPOReport {
        var stream = stream
        let fraction = 1 + (settings.learningRateFinal - 1) * progress
        actorOptimizer.learningRate = settings.learningRate * fraction
        criticOptimizer.learningRate = settings.criticLearningRate * fraction
        minibatch.begin(
            rollout, targets, entCoef: Float(settings.entCoef + (settings.entCoefFinal - settings.entCoef) * progress))
        defer { minibatch.end() }
        var report = PPOReport()
        report.explainedVariance = targets.explainedVariance(of: minibatch.order)
        let decisions = minibatch.order.count
        guard decisions > 0 else { return report }

        // Minibatches of equal size, as near to the asked one as the rollout allows.
        let count = max(1, Int((Double(decisions) / Double(settings.minibatchSize)).rounded()))
        var minibatches = 0.0
        for _ in 0..<settings.updateEpochs {
            stream.shuffle(&minibatch.order)
            var epochKL = 0.0
            for number in 0..<count {
                let loss = step(targets, number * decisions / count..<(number + 1) * decisions / count)
                report.add(loss)
                epochKL += loss.approxKL / Double(count)
                minibatches += 1
            }
            report.epochs += 1
            if settings.targetKL > 0 && epochKL > settings.targetKL { break }
        }
        report.divide(by: minibatches)
        return report
    }

    /// One minibatch: the shards' gradients, their sum in order, clipping, Adam.
    private func step(_ targets: LearningTargets, _ range: Range<Int>) -> PPOReport {
        let (mean, sd) = settings.normAdv ? targets.advantageMoments(of: minibatch.order[range]) : (0, 1)
        let used = minibatch.prepare(range, mean: mean, sd: sd)
        Threads.parallelFor(used, of: minibatch)
        let shards = minibatch.shards
        var loss = PPOReport()
        for shard in shards[..<used] { loss.add(shard.loss) }
        loss.actorGradientNorm = PPO.descend(
            &policy.actor, actorOptimizer, shards[..<used].lazy.map(\.actorGradient), &actorGradient, settings)
        loss.criticGradientNorm = PPO.descend(
            &policy.critic, criticOptimizer, shards[..<used].lazy.map(\.criticGradient), &criticGradient, settings)
        return loss
    }

    /// Sums the parts of a gradient in order, clips it and takes Adam's step. Returns the norm before clipping.
    private static func descend(
        _ parameters: inout [Float], _ optimizer: Adam, _ parts: some Sequence<[Float]>, _ gradient: inout [Float],
        _ settings: PPOSettings
    ) -> Double {
        Rows.zero(&gradient)
        var sum = gradient.mutableSpan
        for part in parts { Vector.add(part.span, scale: 1, to: &sum) }
        let norm = Gradient.clipNorm(&sum, maxNorm: Float(settings.maxGradNorm))
        var span = parameters.mutableSpan
        optimizer.step(parameters: &span, gradient: sum.span)
        return Double(norm)
    }

    /// Saves both optimisers.
    public func save(to checkpoint: inout Checkpoint) {
        for (name, optimizer) in [("actor", actorOptimizer), ("critic", criticOptimizer)] {
            let state = optimizer.state
            checkpoint.set("adam.\(name).m", floats: state.m)
            checkpoint.set("adam.\(name).v", floats: state.v)
            checkpoint.set("adam.\(name).step", integers: [state.step])
        }
    }

    /// Takes over both optimisers. Throws `CSCError.damaged`.
    public func load(from checkpoint: Checkpoint) throws(CSCError) {
        for (name, optimizer) in [("actor", actorOptimizer), ("critic", criticOptimizer)] {
            var state = optimizer.state
            state.m = try checkpoint.floats("adam.\(name).m", count: state.m.count)
            state.v = try checkpoint.floats("adam.\(name).v", count: state.v.count)
            state.step = try checkpoint.counter("adam.\(name).step")
            optimizer.state = state
        }
    }
}

/// The present minibatch of an update: its shards run side by side, each on one thread.
private final class MinibatchJob: ParallelJob, @unchecked Sendable {
    /// The decisions that have an action, in the order in which minibatches take them.
    var order: [Int32] = []
    private(set) var shards: [PPOShard]
    private let policy: ActorCritic
    private let settings: PPOSettings
    private var rollout: RolloutBuffer?
    private var targets: LearningTargets?
    private var entCoef: Float = 0
    private var range = 0..<0
    private var used = 1
    private var mean: Float = 0
    private var scale: Float = 1

    init(policy: ActorCritic, settings: PPOSettings, shards: [PPOShard]) {
        self.policy = policy
        self.settings = settings
        self.shards = shards
    }

    /// Takes up a rollout.
    func begin(_ rollout: RolloutBuffer, _ targets: LearningTargets, entCoef: Float) {
        self.rollout = rollout
        self.targets = targets
        self.entCoef = entCoef
        order.removeAll(keepingCapacity: true)
        for index in 0..<rollout.count where rollout.actions[index] >= 0 { order.append(Int32(index)) }
    }

    /// Lets go of the rollout.
    func end() { (rollout, targets) = (nil, nil) }

    /// Makes `order[range]` the minibatch. Returns how many shards it has: more of them are made where minibatches came
    /// out larger than asked for.
    func prepare(_ range: Range<Int>, mean: Float, sd: Float) -> Int {
        (self.range, self.mean, scale) = (range, mean, 1 / sd)
        used = (range.count + PPO.shardSize - 1) / PPO.shardSize
        while shards.count < used { shards.append(PPOShard(policy: policy, capacity: PPO.shardSize)) }
        return used
    }

    func run(part: Int) {
        guard let rollout, let targets else { preconditionFailure("MinibatchJob: no rollout") }
        let start = range.lowerBound + part * range.count / used
        let end = range.lowerBound + (part + 1) * range.count / used
        shards[part].run(
            policy, rollout, targets, order[start..<end], settings, entCoef: entCoef, advantageMean: mean,
            advantageScale: scale, share: Float(end - start) / Float(range.count))
    }
}

/// What the update aims at, one number per decision: advantages, the critic's values and the returns. Each is written
/// by one thread and read by all afterwards.
public final class LearningTargets: @unchecked Sendable {
    /// [n]: generalised advantages, in units of the scaled reward, not standardised.
    public var advantages: [Float] = []
    /// [n]: the critic's values before the update, in the same units.
    public var values: [Float] = []
    /// [n]: advantage + value, what the critic is to predict.
    public var returns: [Float] = []

    /// No targets yet; `Learner.learn` fills them.
    public init() {}

    /// Mean and standard deviation (at least 1e-8) of the advantages of some decisions. O(n).
    func advantageMoments(of indices: ArraySlice<Int32>) -> (mean: Float, sd: Float) {
        var running = Welford()
        for index in indices { running.add(Double(advantages[Int(index)])) }
        return (Float(running.mean), Float(max(running.sd, 1e-8)))
    }

    /// 1 - Var(return - value) / Var(return); 0 where all returns are equal. O(n).
    func explainedVariance(of indices: [Int32]) -> Double {
        var errors = Welford()
        var targets = Welford()
        for index in indices {
            errors.add(Double(returns[Int(index)] - values[Int(index)]))
            targets.add(Double(returns[Int(index)]))
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
        actorGradientNorm += other.actorGradientNorm
        criticGradientNorm += other.criticGradientNorm
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
