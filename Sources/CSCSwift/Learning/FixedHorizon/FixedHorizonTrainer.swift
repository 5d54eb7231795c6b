/// Independent PPO (IPPO) with one network for all agents on a `BatchedEnvironment`: rollouts of a fixed number of
/// steps, generalised advantages, clipped updates (Schulman et al. 2017; de Witt et al., "Is independent learning all
/// you need in the StarCraft multi-agent challenge?", 2020).
///
/// A truncated episode is bootstrapped from the value of what its agents saw last; a terminated one is not.
///
/// Environments are cut into shards of at most sixteen, minibatches into shards of 256 rows; shards run in parallel on
/// kernels of one thread each and their gradients are added in order. So the same seed and settings give the same bits
/// at any number of threads, and the threads meet only between the rollout and each minibatch.
public final class FixedHorizonTrainer {
    /// The numbers of PPO, checked.
    public let settings: FixedHorizonSettings
    /// The seed of networks, environments, actions and minibatches.
    public let seed: UInt64
    /// The policy: observation -> hidden layers (tanh) -> one logit an action.
    public let actorShape: MLPShape
    /// The value: observation -> hidden layers (tanh) -> 1.
    public let criticShape: MLPShape
    /// The policy's present parameters; see `MLP` for their order.
    public private(set) var actorParameters: [Float]
    /// The critic's present parameters.
    public private(set) var criticParameters: [Float]
    /// Iterations completed.
    public private(set) var iteration = 0
    /// Over how many iterations the learning rate falls.
    public let iterations: Int

    private let shards: [RolloutShard]
    private let updateShards: [UpdateShard]
    private let adam: Adam
    private var parameters: [Float]
    private var gradient: [Float]
    private var order: [Int32]

    /// - Parameters:
    ///   - iterations: how long the run is to be, for the learning rate's schedule.
    ///   - makeEnvironment: makes an environment of so many copies; it is then reset with `seed`.
    public init(
        settings: FixedHorizonSettings, iterations: Int, seed: UInt64, makeEnvironment: (Int) -> any BatchedEnvironment
    ) throws(CSCError) {
        try settings.validate()
        self.settings = settings
        self.seed = seed
        self.iterations = iterations
        let most = min(16, max(1, (settings.numEnvs + 1) / 2))
        var environments: [any BatchedEnvironment] = []
        var first = 0
        while first < settings.numEnvs {
            let environment = makeEnvironment(min(most, settings.numEnvs - first))
            environment.reset(seed: seed, firstIndex: first)
            environments.append(environment)
            first += most
        }
        let example = environments[0]
        let actor = MLPShape(widths: [example.observationWidth] + settings.widths + [example.actionCount])
        let critic = MLPShape(widths: [example.observationWidth] + settings.widths + [1])
        actorShape = actor
        criticShape = critic
        actorParameters = Self.initial(actor, seed: seed, index: 0, outputGain: 0.01)
        criticParameters = Self.initial(critic, seed: seed, index: 1, outputGain: 1)
        shards = environments.enumerated().map { index, environment in
            RolloutShard(
                environment: environment, settings: settings, actor: actor, critic: critic,
                stream: RandomStream(seed: seed, purpose: .policy, index: UInt64(index)))
        }
        let rows = shards.reduce(0) { $0 + $1.rows } * settings.numSteps
        guard rows >= settings.numMinibatches else {
            throw .configuration(
                key: "numMinibatches", reason: "\(settings.numMinibatches) minibatches of \(rows) agent-steps")
        }
        let largest = (rows + settings.numMinibatches - 1) / settings.numMinibatches
        updateShards = (0..<(largest + UpdateShard.size - 1) / UpdateShard.size).map { _ in
            UpdateShard(actor: actor, critic: critic)
        }
        parameters = actorParameters + criticParameters
        gradient = [Float](repeating: 0, count: parameters.count)
        adam = Adam(parameterCount: parameters.count, learningRate: settings.learningRate)
        order = (0..<rows).map { Int32($0) }
    }

    /// Agent-steps of an iteration: T * N * M.
    public var agentStepsPerIteration: Int { order.count }

    /// One iteration: a rollout and its update. O(agent-steps * updateEpochs * P).
    public func iterate() -> FixedHorizonReport {
        // Rollout: every shard plays on its own.
        let (shards, actor, critic) = (shards, actorParameters, criticParameters)
        Threads.parallelFor(shards.count) { shards[$0].play(actorParameters: actor, criticParameters: critic) }

        // Update: shuffled minibatches.
        let progress = min(1, Double(iteration) / Double(max(1, iterations)))
        adam.learningRate = settings.learningRate * (1 + (settings.learningRateFinal - 1) * progress)
        var stream = RandomStream(seed: seed, purpose: .minibatch, index: UInt64(iteration))
        var report = FixedHorizonReport()
        let count = settings.numMinibatches
        let rollout = RolloutView(shards)
        for _ in 0..<settings.updateEpochs {
            stream.shuffle(&order)
            for minibatch in 0..<count {
                let start = minibatch * order.count / count
                step(rollout, start..<(minibatch + 1) * order.count / count, &report)
            }
        }
        let steps = Double(settings.updateEpochs * count)
        report.policyLoss /= steps
        report.valueLoss /= steps
        report.entropy /= steps
        report.approxKL /= steps
        report.clipFraction /= steps
        report.gradientNorm /= steps

        iteration += 1
        report.agentSteps = iteration * agentStepsPerIteration
        let returns = shards.flatMap(\.episodicReturns)
        report.episodes = returns.count
        if !returns.isEmpty { report.episodicReturn = returns.reduce(0, +) / Double(returns.count) }
        return report
    }

    /// The networks, the optimiser and the number of iterations, for a file.
    public func save(to checkpoint: inout Checkpoint) {
        checkpoint.set("actor", floats: actorParameters)
        checkpoint.set("critic", floats: criticParameters)
        checkpoint.set("adam.m", floats: adam.state.m)
        checkpoint.set("adam.v", floats: adam.state.v)
        checkpoint.set("counters", integers: [iteration, adam.state.step])
    }

    private static func initial(_ shape: MLPShape, seed: UInt64, index: UInt64, outputGain: Float) -> [Float] {
        var stream = RandomStream(seed: seed, purpose: .initialization, index: index)
        var parameters = [Float](repeating: 0, count: shape.parameterCount)
        var span = parameters.mutableSpan
        MLP.initialize(shape, parameters: &span, stream: &stream, outputGain: outputGain)
        return parameters
    }

    /// One minibatch: gather, gradients of the shards, their sum in order, clipping, Adam.
    private func step(_ rollout: RolloutView, _ range: Range<Int>, _ report: inout FixedHorizonReport) {
        let order = order
        let (updateShards, settings) = (updateShards, settings)
        let (actor, critic) = (actorParameters, criticParameters)
        let (mean, scale) = settings.normAdv ? Self.moments(rollout, order[range]) : (0, 1)
        let used = (range.count + UpdateShard.size - 1) / UpdateShard.size
        Threads.parallelFor(used) { index in
            let start = range.lowerBound + index * range.count / used
            let end = range.lowerBound + (index + 1) * range.count / used
            updateShards[index].gather(rollout, order[start..<end], mean: mean, scale: scale)
            updateShards[index].run(
                actorParameters: actor, criticParameters: critic, rows: end - start,
                share: Float(end - start) / Float(range.count), settings: settings)
        }
        report.gradientNorm += descend(updateShards[..<used], &gradient, &parameters)
        Self.take(parameters, from: 0, &actorParameters)
        Self.take(parameters, from: actorShape.parameterCount, &criticParameters)
        for shard in updateShards[..<used] {
            report.policyLoss += shard.loss.policy
            report.entropy += shard.loss.entropy
            report.approxKL += shard.loss.approxKL
            report.clipFraction += shard.loss.clipFraction
            report.valueLoss += shard.valueLoss
        }
    }

    private static func take(_ source: [Float], from start: Int, _ target: inout [Float]) {
        for index in target.indices { target[index] = source[start + index] }
    }

    /// Mean of the advantages and 1 / their standard deviation.
    private static func moments(_ rollout: RolloutView, _ indices: ArraySlice<Int32>) -> (mean: Float, scale: Float) {
        var sum = 0.0
        var square = 0.0
        for index in indices {
            let (shard, row) = Int(index).quotientAndRemainder(dividingBy: rollout.block)
            let value = Double(rollout.advantages[shard][row])
            sum += value
            square += value * value
        }
        let count = Double(indices.count)
        let mean = sum / count
        let sd = max(0, square / count - mean * mean).squareRoot()
        return (Float(mean), Float(1 / (sd + 1e-8)))
    }

    private func descend(
        _ parts: ArraySlice<UpdateShard>, _ gradient: inout [Float], _ parameters: inout [Float]
    ) -> Double {
        let split = actorShape.parameterCount
        for index in gradient.indices { gradient[index] = 0 }
        var sum = gradient.mutableSpan
        for part in parts {
            let (actor, critic) = (part.actorGradient, part.criticGradient)
            for index in 0..<split { sum[index] += actor[index] }
            for index in critic.indices { sum[split + index] += critic[index] }
        }
        let norm = Gradient.clipNorm(&sum, maxNorm: Float(settings.maxGradNorm))
        var span = parameters.mutableSpan
        adam.step(parameters: &span, gradient: sum.span)
        return Double(norm)
    }
}
