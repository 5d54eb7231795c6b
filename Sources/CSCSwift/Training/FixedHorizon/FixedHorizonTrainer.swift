/// Independent PPO (IPPO) with one network for all agents on a `BatchedEnvironment`: rollouts of a fixed number of
/// steps, generalised advantages, clipped updates ([Schulman17], [deWitt20]).
///
/// A truncated episode is bootstrapped from the value of what its agents saw last; a terminated one is not.
///
/// The update is `PPO`, as in dispatch. Environments are cut into shards of at most sixteen, minibatches into shards of
/// 256 rows; shards run in parallel on kernels of one thread each and their gradients are added in order. So the same seed
/// and settings give the same bits at any number of threads, and the threads meet only between the rollout and each
/// minibatch.
package final class FixedHorizonTrainer {
    /// The numbers of PPO, checked.
    package let settings: FixedHorizonSettings
    /// The seed of networks, environments, actions and minibatches.
    package let seed: UInt64
    /// Policy, observation -> hidden layers (tanh) -> one logit per action, and critic.
    package let networks: ActorCritic
    /// The policy's shape.
    package var actorShape: MLPShape { networks.actorShape }
    /// The policy's present parameters; see `MLP` for their order.
    package var actorParameters: [Float] { networks.actor }
    /// The critic's present parameters.
    package var criticParameters: [Float] { networks.critic }
    /// Iterations completed.
    package private(set) var iteration = 0
    /// Over how many iterations the learning rate falls.
    package let iterations: Int
    /// Seconds that the last iteration's rollout and update took.
    package private(set) var seconds = (rollout: 0.0, update: 0.0)

    private let shards: [RolloutShard]
    private let ppo: PPO<StepMinibatch>
    private var records: StepRecords

    /// - Parameters:
    ///   - iterations: how long the run is to be, for the learning rate's schedule.
    ///   - makeEnvironment: makes an environment of so many copies; it is then reset with `seed`.
    package init(
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
        let networks = ActorCritic(
            ActorCritic.Design(
                layout: PolicyLayout(
                    contextWidth: example.observationWidth, candidateWidth: 0, actionCount: example.actionCount),
                kind: .flat, actorWidths: settings.actorWidths, criticWidths: settings.criticWidths), seed: seed)
        self.networks = networks
        shards = environments.enumerated().map { index, environment in
            RolloutShard(
                environment: environment, settings: settings, actor: networks.actorShape, critic: networks.criticShape,
                stream: RandomStream(seed: seed, purpose: .policy, index: UInt64(index)))
        }
        agentStepsPerIteration = rows.partialValue
        records = StepRecords(width: example.observationWidth)
        ppo = PPO(policy: networks, settings: settings.ppo(annealIterations: iterations))
    }

    /// Agent-steps of an iteration: T * N * M.
    package let agentStepsPerIteration: Int

    /// One iteration: a rollout and its update. O(agent-steps * updateEpochs * P).
    package func iterate() -> FixedHorizonReport {
        var watch = Stopwatch()

        // Rollout: every shard plays on its own.
        play()
        seconds.rollout = watch.lap()

        // Update: shuffled minibatches.
        records.removeAll(reserving: agentStepsPerIteration)
        for shard in shards { shard.copySteps(to: &records) }
        let update = ppo.update(
            records, minibatches: settings.numMinibatches, progress: progress,
            stream: RandomStream(seed: seed, purpose: .minibatch, index: UInt64(iteration)))

        var report = FixedHorizonReport()
        report.policyLoss = update.policyLoss
        report.valueLoss = update.valueLoss
        report.entropy = update.entropy
        report.approxKL = update.approxKL
        report.clipFraction = update.clipFraction
        report.actorGradientNorm = update.actorGradientNorm
        report.criticGradientNorm = update.criticGradientNorm
        iteration += 1
        report.agentSteps = iteration * agentStepsPerIteration
        let returns = shards.flatMap(\.episodicReturns)
        report.episodes = returns.count
        if !returns.isEmpty { report.episodicReturn = returns.reduce(0, +) / Double(returns.count) }
        seconds.update = watch.lap()
        return report
    }

    /// The parameters are let go of before the update, which would otherwise copy them.
    private func play() {
        let (shards, actor, critic) = (shards, networks.actor, networks.critic)
        Threads.parallelFor(shards.count) { shards[$0].play(actorParameters: actor, criticParameters: critic) }
    }

    /// 0 at the beginning, 1 from the end of annealing on.
    private var progress: Double { min(1, Double(iteration) / Double(max(1, iterations))) }

    /// Adam's step size in the next iteration.
    package var learningRate: Double {
        settings.learningRate * (1 + (settings.learningRateFinal - 1) * progress)
    }

    /// The policy as it is now, to be played by its most probable actions or by draws.
    package func policy(sampled: Bool) -> BatchedPolicy {
        .network(shape: actorShape, parameters: actorParameters, sampled: sampled)
    }

    /// What of the state is no longer finite, in words; nil where all is well. O(P).
    var notFinite: String? {
        shards.contains(where: \.sawNonFinite) ? "the policy's outputs are" : ppo.notFinite
    }

    /// Saves all that a resumed run needs: networks, optimisers, environments and random streams. O(P + agents).
    package func save(to checkpoint: inout Checkpoint) {
        networks.save(to: &checkpoint)
        ppo.save(to: &checkpoint)
        checkpoint.set("iteration", integers: [iteration])
        for (index, shard) in shards.enumerated() { shard.save(to: &checkpoint, name: "shard \(index)") }
    }

    /// Takes over what `save` wrote of a trainer with the same settings. The next iteration is the one that would have
    /// followed, bit for bit. Throws `CSCError.damaged`; the trainer is then of no use. O(what is saved).
    package func load(from checkpoint: Checkpoint) throws(CSCError) {
        try networks.load(from: checkpoint)
        try ppo.load(from: checkpoint)
        iteration = try checkpoint.integers("iteration", count: 1, in: 0...Learner.mostIterations)[0]
        for (index, shard) in shards.enumerated() { try shard.load(from: checkpoint, name: "shard \(index)") }
    }
}
