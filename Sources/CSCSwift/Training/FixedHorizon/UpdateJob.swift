/// The present minibatch of `FixedHorizonTrainer`: its shards run side by side, each on one thread.
final class UpdateJob: ParallelJob, @unchecked Sendable {
    /// All agent-steps of a rollout, in the order in which minibatches take them.
    var order: [Int32]
    private var rollout: StepRecords
    /// The first ones hold the losses and gradients of the last minibatch.
    let shards: [UpdateShard]
    private let settings: FixedHorizonSettings
    private var range = 0..<0
    private var used = 1
    private var mean: Float = 0
    private var scale: Float = 1
    private var actor: [Float] = []
    private var critic: [Float] = []

    /// - Parameter width: numbers of an observation.
    init(shards: [UpdateShard], settings: FixedHorizonSettings, rows: Int, width: Int) {
        self.shards = shards
        self.settings = settings
        rollout = StepRecords(width: width)
        order = (0..<rows).map { Int32($0) }
    }

    /// Copies the rollout that all minibatches until the next call are taken from. O(agent-steps).
    func take(_ played: [RolloutShard]) {
        rollout.removeAll(reserving: order.count)
        for shard in played { shard.copySteps(to: &rollout) }
    }

    /// Makes `order[range]` the minibatch, for networks with these parameters. Returns how many shards it has.
    func prepare(_ range: Range<Int>, actor: [Float], critic: [Float]) -> Int {
        (self.range, self.actor, self.critic) = (range, actor, critic)
        (mean, scale) = settings.normAdv ? Self.moments(rollout.advantages, order[range]) : (0, 1)
        used = (range.count + UpdateShard.size - 1) / UpdateShard.size
        return used
    }

    /// Lets go of the parameters, which would otherwise be copied where they change.
    func releaseParameters() { (actor, critic) = ([], []) }

    /// Gathers the rows of one shard and computes its losses and gradients.
    func run(part: Int) {
        let start = range.lowerBound + part * range.count / used
        let end = range.lowerBound + (part + 1) * range.count / used
        shards[part].gather(rollout, order[start..<end], mean: mean, scale: scale)
        shards[part].run(
            actorParameters: actor, criticParameters: critic, rows: end - start,
            share: Float(end - start) / Float(range.count), settings: settings)
    }

    /// Mean of the advantages and 1 / their standard deviation.
    private static func moments(_ advantages: [Float], _ indices: ArraySlice<Int32>) -> (mean: Float, scale: Float) {
        var sum = 0.0
        var square = 0.0
        for index in indices {
            let value = Double(advantages[Int(index)])
            sum += value
            square += value * value
        }
        let count = Double(indices.count)
        let mean = sum / count
        let sd = max(0, square / count - mean * mean).squareRoot()
        return (Float(mean), Float(1 / (sd + 1e-8)))
    }
}
