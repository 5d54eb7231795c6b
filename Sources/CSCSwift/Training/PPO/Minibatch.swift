/// Where the minibatches of an update come from: a rollout whose advantages are known.
package protocol MinibatchSource {
    /// One advantage for each row, not standardised.
    var advantages: [Float] { get }
    /// Writes the rows that an action was taken in, ascending: what minibatches are cut from. O(rows).
    func writeRows(into rows: inout [Int32])
}

/// What the loss of a shard's rows aims at; the first `count` numbers of each array count.
package struct MinibatchTargets: Sendable {
    /// How many rows there are.
    package var count = 0
    /// The action of each row, as the policy's loss counts them.
    package var actions: [Int32] = []
    /// log pi(action) when it was chosen.
    package var logProbabilities: [Float] = []
    /// Advantages; the shard standardises them.
    package var advantages: [Float] = []
    /// The critic's values before the update; empty where the source keeps none.
    package var values: [Float] = []
    /// What the critic is to predict.
    package var returns: [Float] = []

    /// No rows.
    package init() {}
}

/// The rows of one shard of a minibatch and the passes of both networks over them: all that `PPO` asks of a game.
///
/// One thread at a time uses it. Memory grows to the largest shard and is then reused.
package protocol MinibatchBatch: AnyObject, Sendable {
    /// What rows are copied from.
    associatedtype Source: MinibatchSource
    /// Rows of a shard. Part of the result: another size rounds otherwise.
    static var shardSize: Int { get }

    /// No rows yet, for networks of this design.
    init(for policy: ActorCritic)
    /// Copies the rows `indices` here, and what they aim at. O(numbers copied).
    func gather(_ indices: ArraySlice<Int32>, of source: Source, into targets: inout MinibatchTargets)
    /// The actor forward, and the loss of its logits with its gradient, which stays here. O(rows P).
    func policyLoss(
        _ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float, entCoef: Float
    ) -> PolicyLoss
    /// The actor backward: adds `share` times that loss's gradient. O(rows P).
    func backwardActor(_ policy: ActorCritic, share: Float, into gradient: inout [Float])
    /// The critic forward, and the loss of its values with its gradient, which stays here. O(rows P).
    ///
    /// - Parameter clipCoef: how far a value may move from `targets.values`; nil does not clip.
    func valueLoss(_ policy: ActorCritic, _ targets: MinibatchTargets, clipCoef: Float?) -> Double
    /// The critic backward: adds `share` times that loss's gradient. O(rows P).
    func backwardCritic(_ policy: ActorCritic, share: Float, into gradient: inout [Float])
}

/// A part of a minibatch: its rows and its part of the losses and gradients. One thread at a time uses it.
package final class PPOShard<Batch: MinibatchBatch>: @unchecked Sendable {
    /// The gradient of the minibatch's policy loss - entCoef * entropy, as far as this shard's rows go.
    package private(set) var actorGradient: [Float]
    /// The gradient of vfCoef * value loss, likewise.
    package private(set) var criticGradient: [Float]
    /// The losses, multiplied by the shard's share of the minibatch.
    package private(set) var loss = PPOReport()

    private let batch: Batch
    private var targets = MinibatchTargets()

    /// No rows yet, and gradients of zero.
    package init(policy: ActorCritic) {
        batch = Batch(for: policy)
        actorGradient = [Float](repeating: 0, count: policy.actor.count)
        criticGradient = [Float](repeating: 0, count: policy.critic.count)
    }

    /// Losses and gradients of the rows `indices`. O(rows * P).
    ///
    /// - Parameters:
    ///   - advantageMean: taken off each advantage, which is then multiplied by `advantageScale`.
    ///   - share: the part of the minibatch that this shard is; losses and gradients are multiplied by it, so that
    ///     the sum over shards is the mean over the minibatch.
    package func run(
        _ policy: ActorCritic, _ source: Batch.Source, _ indices: ArraySlice<Int32>, _ settings: PPOSettings,
        entCoef: Float, advantageMean: Float, advantageScale: Float, share: Float
    ) {
        batch.gather(indices, of: source, into: &targets)
        Self.standardise(&targets.advantages, targets.count, advantageMean, advantageScale)
        Rows.zero(&actorGradient)
        Rows.zero(&criticGradient)
        let clipCoef = Float(settings.clipCoef)

        let policyLoss = batch.policyLoss(policy, targets, clipCoef: clipCoef, entCoef: entCoef)
        batch.backwardActor(policy, share: share, into: &actorGradient)

        let valueLoss = batch.valueLoss(policy, targets, clipCoef: settings.clipVloss ? clipCoef : nil)
        batch.backwardCritic(policy, share: share * Float(settings.vfCoef), into: &criticGradient)

        let part = Double(share)
        loss = PPOReport()
        loss.policyLoss = policyLoss.policy * part
        loss.entropy = policyLoss.entropy * part
        loss.approxKL = policyLoss.approxKL * part
        loss.clipFraction = policyLoss.clipFraction * part
        loss.valueLoss = valueLoss * part
    }

    /// What this shard adds to the sums: the gradients, then the losses, each in two halves of its bits.
    func write(into numbers: inout [Float], at start: Int) {
        let (actor, critic) = (actorGradient.count, criticGradient.count)
        Rows.copy(actorGradient, from: 0, to: &numbers, at: start, count: actor)
        Rows.copy(criticGradient, from: 0, to: &numbers, at: start + actor, count: critic)
        var at = start + actor + critic
        for value in [loss.policyLoss, loss.valueLoss, loss.entropy, loss.approxKL, loss.clipFraction] {
            numbers[at] = Float(bitPattern: UInt32(truncatingIfNeeded: value.bitPattern >> 32))
            numbers[at + 1] = Float(bitPattern: UInt32(truncatingIfNeeded: value.bitPattern))
            at += 2
        }
    }

    /// Takes over what another rank's shard wrote.
    func read(from numbers: [Float], at start: Int) {
        let (actor, critic) = (actorGradient.count, criticGradient.count)
        Rows.copy(numbers, from: start, to: &actorGradient, at: 0, count: actor)
        Rows.copy(numbers, from: start + actor, to: &criticGradient, at: 0, count: critic)
        func value(_ number: Int) -> Double {
            let at = start + actor + critic + 2 * number
            return Double(bitPattern: UInt64(numbers[at].bitPattern) << 32 | UInt64(numbers[at + 1].bitPattern))
        }
        loss = PPOReport()
        (loss.policyLoss, loss.valueLoss, loss.entropy) = (value(0), value(1), value(2))
        (loss.approxKL, loss.clipFraction) = (value(3), value(4))
    }

    /// How many numbers `write` writes.
    var exchanged: Int { actorGradient.count + criticGradient.count + 10 }

    private static func standardise(_ values: inout [Float], _ count: Int, _ mean: Float, _ scale: Float) {
        var span = values.mutableSpan
        for index in 0..<count { span[index] = (span[index] - mean) * scale }
    }
}

/// The present minibatch of an update: its shards run side by side, each on one thread.
final class MinibatchJob<Batch: MinibatchBatch>: ParallelJob, @unchecked Sendable {
    /// The rows in the order in which minibatches take them.
    var order: [Int32] = []
    private(set) var shards: [PPOShard<Batch>] = []
    private let policy: ActorCritic
    private let settings: PPOSettings
    private var source: Batch.Source?
    private var entCoef: Float = 0
    private var range = 0..<0
    private var used = 1
    /// The shards that this rank computes.
    private(set) var own = 0..<1
    private var exchanged: [Float] = []
    private var mean: Float = 0
    private var scale: Float = 1

    init(policy: ActorCritic, settings: PPOSettings) {
        self.policy = policy
        self.settings = settings
    }

    /// Takes up a rollout: its rows in their own order.
    func begin(_ source: Batch.Source, entCoef: Float) {
        self.source = source
        self.entCoef = entCoef
        source.writeRows(into: &order)
    }

    /// Lets go of the rollout.
    func end() { source = nil }

    /// Makes `order[range]` the minibatch, its advantages to be brought to mean 0 and standard deviation 1 where the
    /// settings say so. Returns how many shards it has; there are as many as the largest minibatch needed.
    func prepare(_ range: Range<Int>) -> Int {
        self.range = range
        (mean, scale) = settings.normAdv ? Self.moments(source?.advantages ?? [], order[range]) : (0, 1)
        used = (range.count + Batch.shardSize - 1) / Batch.shardSize
        while shards.count < used { shards.append(PPOShard(policy: policy)) }
        own = part(of: Ranks.current.rank, of: Ranks.current.size)
        return used
    }

    /// The shards that a rank computes: all have as many, but for one more or less.
    private func part(of rank: Int, of ranks: Int) -> Range<Int> { rank * used / ranks..<(rank + 1) * used / ranks }

    /// Gives every rank the gradients and losses of all shards. Nothing where there is one. O(shards P).
    func exchange() {
        let group = Ranks.current
        if group.size == 1 { return }
        let width = shards[0].exchanged
        resize(&exchanged, used * width, 0)
        for shard in own { shards[shard].write(into: &exchanged, at: shard * width) }
        group.gather(in: &exchanged, counts: (0..<group.size).map { part(of: $0, of: group.size).count * width })
        for shard in 0..<used where !own.contains(shard) { shards[shard].read(from: exchanged, at: shard * width) }
    }

    /// Gathers the rows of one of the own shards and computes its losses and gradients.
    func run(part number: Int) {
        let part = own.lowerBound + number
        guard let source else { preconditionFailure("MinibatchJob: no rollout") }
        let start = range.lowerBound + part * range.count / used
        let end = range.lowerBound + (part + 1) * range.count / used
        shards[part].run(
            policy, source, order[start..<end], settings, entCoef: entCoef, advantageMean: mean,
            advantageScale: scale, share: Float(end - start) / Float(range.count))
    }

    /// Mean of some advantages and 1 / (their standard deviation + 1e-8), that of a sample (n - 1), as CleanRL has it.
    /// In one pass around the first of them. O(n).
    private static func moments(_ advantages: [Float], _ indices: ArraySlice<Int32>) -> (mean: Float, scale: Float) {
        guard let first = indices.first else { return (0, 1) }
        let middle = Double(advantages[Int(first)])
        var sum = 0.0
        var square = 0.0
        for index in indices {
            let value = Double(advantages[Int(index)]) - middle
            sum += value
            square += value * value
        }
        let count = Double(indices.count)
        let variance = max(0, square - sum * sum / count) / max(1, count - 1)
        return (Float(middle + sum / count), Float(1 / (variance.squareRoot() + 1e-8)))
    }
}
