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
    /// Seconds that the last iteration's rollout and update took.
    public private(set) var seconds = (rollout: 0.0, update: 0.0)

    private let shards: [RolloutShard]
    private let minibatch: UpdateJob
    private let adam: Adam
    private var parameters: [Float]
    private var gradient: [Float]

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
        let rows = settings.numEnvs.multipliedReportingOverflow(by: example.agentsPerEnvironment * settings.numSteps)
        guard !rows.overflow, rows.partialValue <= Int32.max else {
            throw .configuration(
                key: "numSteps",
                reason: "\(settings.numEnvs) environments of \(settings.numSteps) steps and "
                    + "\(example.agentsPerEnvironment) agents are more than \(Int32.max) agent-steps")
        }
        guard rows.partialValue >= settings.numMinibatches else {
            throw .configuration(
                key: "numMinibatches",
                reason: "\(settings.numMinibatches) minibatches of \(rows.partialValue) agent-steps")
        }
        let actor = MLPShape(widths: [example.observationWidth] + settings.actorWidths + [example.actionCount])
        let critic = MLPShape(widths: [example.observationWidth] + settings.criticWidths + [1])
        actorShape = actor
        criticShape = critic
        actorParameters = Self.initial(actor, seed: seed, index: 0, outputGain: 0.01)
        criticParameters = Self.initial(critic, seed: seed, index: 1, outputGain: 1)
        shards = environments.enumerated().map { index, environment in
            RolloutShard(
                environment: environment, settings: settings, actor: actor, critic: critic,
                stream: RandomStream(seed: seed, purpose: .policy, index: UInt64(index)))
        }
        let largest = (rows.partialValue + settings.numMinibatches - 1) / settings.numMinibatches
        minibatch = UpdateJob(
            shards: (0..<(largest + UpdateShard.size - 1) / UpdateShard.size).map { _ in
                UpdateShard(actor: actor, critic: critic)
            },
            settings: settings, rows: rows.partialValue, width: example.observationWidth)
        parameters = actorParameters + criticParameters
        gradient = [Float](repeating: 0, count: parameters.count)
        adam = Adam(parameterCount: parameters.count, learningRate: settings.learningRate)
    }

    /// Agent-steps of an iteration: T * N * M.
    public var agentStepsPerIteration: Int { minibatch.order.count }

    /// One iteration: a rollout and its update. O(agent-steps * updateEpochs * P).
    public func iterate() -> FixedHorizonReport {
        var watch = Stopwatch()

        // Rollout: every shard plays on its own.
        let (shards, actor, critic) = (shards, actorParameters, criticParameters)
        Threads.parallelFor(shards.count) { shards[$0].play(actorParameters: actor, criticParameters: critic) }

        seconds.rollout = watch.lap()

        // Update: shuffled minibatches.
        adam.learningRate = learningRate
        var stream = RandomStream(seed: seed, purpose: .minibatch, index: UInt64(iteration))
        var report = FixedHorizonReport()
        let count = settings.numMinibatches
        let rows = agentStepsPerIteration
        minibatch.take(shards)
        for _ in 0..<settings.updateEpochs {
            stream.shuffle(&minibatch.order)
            for number in 0..<count { step(number * rows / count..<(number + 1) * rows / count, &report) }
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
        seconds.update = watch.lap()
        return report
    }

    /// Adam's step size in the next iteration.
    public var learningRate: Double {
        let progress = min(1, Double(iteration) / Double(max(1, iterations)))
        return settings.learningRate * (1 + (settings.learningRateFinal - 1) * progress)
    }

    /// The policy as it is now, to be played by its likeliest actions or by draws.
    public func policy(sampled: Bool) -> BatchedPolicy {
        .network(shape: actorShape, parameters: actorParameters, sampled: sampled)
    }

    /// Saves all that a resumed run needs: networks, optimiser, environments, random streams and the order of the
    /// minibatches. O(P + agent-steps of an iteration).
    public func save(to checkpoint: inout Checkpoint) {
        checkpoint.set("actor", floats: actorParameters)
        checkpoint.set("critic", floats: criticParameters)
        checkpoint.set("adam.m", floats: adam.state.m)
        checkpoint.set("adam.v", floats: adam.state.v)
        checkpoint.set("counters", integers: [iteration, adam.state.step])
        checkpoint.set("order", integers: minibatch.order.map(Int.init))
        for (index, shard) in shards.enumerated() { shard.save(to: &checkpoint, name: "shard \(index)") }
    }

    /// Takes over what `save` wrote of a trainer with the same settings. The next iteration is the one that would have
    /// followed, bit for bit. Throws `CSCError.damaged`; the trainer is then of no use. O(what is saved).
    public func load(from checkpoint: Checkpoint) throws(CSCError) {
        actorParameters = try checkpoint.floats("actor", count: actorParameters.count)
        criticParameters = try checkpoint.floats("critic", count: criticParameters.count)
        parameters = actorParameters + criticParameters
        let counters = try checkpoint.integers("counters", count: 2, in: Checkpoint.counters)
        var state = adam.state
        state.m = try checkpoint.floats("adam.m", count: state.m.count)
        state.v = try checkpoint.floats("adam.v", count: state.v.count)
        state.step = counters[1]
        adam.state = state
        guard counters[0] <= Limits.iterations.range.upperBound else {
            throw .damaged(path: checkpoint.path, reason: "section 'counters' is at iteration \(counters[0])")
        }
        iteration = counters[0]
        let rows = agentStepsPerIteration
        let saved = try checkpoint.integers("order", count: rows)
        guard saved.allSatisfy((0..<rows).contains) else {
            throw .damaged(path: checkpoint.path, reason: "section 'order' is no order of \(rows) agent-steps")
        }
        minibatch.order = saved.map { Int32($0) }
        for (index, shard) in shards.enumerated() { try shard.load(from: checkpoint, name: "shard \(index)") }
    }

    private static func initial(_ shape: MLPShape, seed: UInt64, index: UInt64, outputGain: Float) -> [Float] {
        var stream = RandomStream(seed: seed, purpose: .initialization, index: index)
        var parameters = [Float](repeating: 0, count: shape.parameterCount)
        var span = parameters.mutableSpan
        MLP.initialize(shape, parameters: &span, stream: &stream, outputGain: outputGain)
        return parameters
    }

    /// One minibatch: gather, gradients of the shards, their sum in order, clipping, Adam.
    private func step(_ range: Range<Int>, _ report: inout FixedHorizonReport) {
        let used = minibatch.prepare(range, actor: actorParameters, critic: criticParameters)
        Threads.parallelFor(used, of: minibatch)
        minibatch.releaseParameters()
        report.gradientNorm += descend(minibatch.shards[..<used], &gradient, &parameters)
        Self.take(parameters, from: 0, &actorParameters)
        Self.take(parameters, from: actorShape.parameterCount, &criticParameters)
        for shard in minibatch.shards[..<used] {
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

    private func descend(
        _ parts: ArraySlice<UpdateShard>, _ gradient: inout [Float], _ parameters: inout [Float]
    ) -> Double {
        let split = actorShape.parameterCount
        for index in gradient.indices { gradient[index] = 0 }
        var sum = gradient.mutableSpan
        for part in parts {
            let (actor, critic) = (part.actorGradient, part.criticGradient)
            do {
                var first = sum.part(0..<split)
                Vector.add(actor.span, scale: 1, to: &first)
            }
            var rest = sum.part(split..<sum.count)
            Vector.add(critic.span, scale: 1, to: &rest)
        }
        let norm = Gradient.clipNorm(&sum, maxNorm: Float(settings.maxGradNorm))
        var span = parameters.mutableSpan
        adam.step(parameters: &span, gradient: sum.span)
        return Double(norm)
    }
}
