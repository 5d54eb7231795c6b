import CSCSwift
import Foundation
import Testing

@Suite struct PPOTests {
    /// A rollout of the identity game by one policy, and another policy to evaluate it: ratios differ from 1, some are
    /// clipped.
    private func material(_ kind: ActorCritic.Kind, noise: Double = 0.25) -> (
        ActorCritic, RolloutBuffer, LearningTargets
    ) {
        let game = IdentityGame(rows: true)
        let design = ActorCritic.Design(
            layout: PolicyLayout(game), kind: kind, actorWidths: [7, 5], criticWidths: [6], activation: .tanh)
        let player = EpisodePlayer(game: game, policy: ActorCritic(design, seed: 1), columns: ["match"])
        let old = ActorCritic(design, seed: 1)
        player.play(9, policy: old, stream: RandomStream(seed: 2, purpose: .policy))
        let policy = ActorCritic(design, seed: 1)
        var stream = RandomStream(seed: 5, purpose: .test)
        for index in policy.actor.indices { policy.actor[index] += Float(noise * stream.normal()) }
        let targets = LearningTargets()
        for _ in 0..<player.rollout.count {
            targets.advantages.append(Float(stream.normal()))
            targets.returns.append(Float(stream.normal()))
            targets.values.append(Float(stream.normal()))
        }
        return (policy, player.rollout, targets)
    }

    /// The gradient that Adam gets equals the finite difference of the loss through the whole network, along random
    /// directions: |analytic - numeric| within 1 % of the gradient's norm.
    @Test(arguments: ActorCritic.Kind.allCases)
    func gradientIsThatOfTheLoss(kind: ActorCritic.Kind) {
        let settings = PPOSettings()
        // the least noise of the parameters at which some decisions are clipped and some are not
        let noises = stride(from: 0.2, through: 1.2, by: 0.04)
        let noise = noises.first { noise in
            let (policy, rollout, targets) = material(kind, noise: noise)
            let trial = PPOShard<DecisionMinibatch>(policy: policy)
            trial.run(
                policy, CreditedRollout(rollout, targets), (0..<Int32(rollout.count)).map { $0 }[...], settings,
                entCoef: 0.05, advantageMean: 0.1, advantageScale: 1.5, share: 0.5)
            return trial.loss.clipFraction > 0 && trial.loss.clipFraction < 0.5
        }
        let (policy, rollout, targets) = material(kind, noise: noise ?? 0.25)
        let shard = PPOShard<DecisionMinibatch>(policy: policy)
        let indices = (0..<Int32(rollout.count)).map { $0 }[...]
        func run() -> (actor: Double, critic: Double) {
            shard.run(
                policy, CreditedRollout(rollout, targets), indices, settings, entCoef: 0.05, advantageMean: 0.1,
                advantageScale: 1.5, share: 0.5)
            return (shard.loss.policyLoss - 0.05 * shard.loss.entropy, shard.loss.valueLoss)
        }
        _ = run()
        // Some decisions are clipped and some are not (the shard is half a minibatch).
        #expect(shard.loss.clipFraction > 0 && shard.loss.clipFraction < 0.5)
        let (actorGradient, criticGradient) = (shard.actorGradient, shard.criticGradient)
        var stream = RandomStream(seed: 8, purpose: .test)
        let step: Float = 2e-3
        for _ in 0..<6 {
            let direction = policy.actor.map { _ in Float(stream.normal()) }
            let start = policy.actor
            policy.actor = zip(start, direction).map { $0 + step * $1 }
            let up = run().actor
            policy.actor = zip(start, direction).map { $0 - step * $1 }
            let down = run().actor
            policy.actor = start
            let analytic = zip(actorGradient, direction).reduce(0.0) { $0 + Double($1.0 * $1.1) }
            let norm = actorGradient.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
            #expect(abs((up - down) / Double(2 * step) - analytic) < 0.03 * norm)
        }
        for _ in 0..<6 {
            let direction = policy.critic.map { _ in Float(stream.normal()) }
            let start = policy.critic
            policy.critic = zip(start, direction).map { $0 + step * $1 }
            let up = run().critic
            policy.critic = zip(start, direction).map { $0 - step * $1 }
            let down = run().critic
            policy.critic = start
            let analytic = zip(criticGradient, direction).reduce(0.0) { $0 + Double($1.0 * $1.1) }
            let norm = criticGradient.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
            #expect(abs((up - down) / Double(2 * step) - analytic) < 0.03 * norm)
        }
    }

    /// The optimum is known: 1 for each agent and step. Both policies must find it.
    @Test(arguments: [(false, ActorCritic.Kind.flat), (true, .pair), (true, .flat)])
    func reachesTheKnownOptimum(rows: Bool, kind: ActorCritic.Kind) throws {
        let trainer = try IdentityGame.trainer(rows: rows, kind: kind, seed: 1)
        var first = 0.0
        var last = 0.0
        for iteration in 0..<60 {
            let report = try trainer.iterate()
            if iteration == 0 { first = report.episodicReturn / 64 }
            last = report.episodicReturn / 64
        }
        #expect(first < 0.35)
        #expect(last > 0.95, "reached \(last)")
    }

    /// Matching pays 1 a step for ever and episodes are only cut short: the value of a good policy is 1 / (1 - gamma)
    /// = 10. A learner that took the cut for an end would find about 5.
    @Test func valuesReachBeyondACut() throws {
        let trainer = try IdentityGame.trainer(rows: true, kind: .pair, seed: 2, cutShort: true)
        for _ in 0..<80 { _ = try trainer.iterate() }
        let learner = trainer.learner
        let values = learner.targets.values.map { Double($0) * learner.rewardScale }
        #expect(abs(Statistics.mean(values) - 10) < 2, "mean value \(Statistics.mean(values))")
    }

    /// Agents must spread over options so that each gets enough of them; the optimum is found by a knapsack. Only the
    /// team's reward is given, and the pair policy sees its index. Independent agents do not find the best joint choice
    /// of every round; they come well above random play.
    @Test func teamsCoordinate() throws {
        var settings = PPOSettings()
        settings.numEnvs = 16
        settings.minibatchSize = 512
        settings.annealIterations = 80
        settings.gamma = 0
        let game = CoordinationGame(agents: 3, options: 3)
        let policy = ActorCritic(ActorCritic.Design(layout: PolicyLayout(game)), seed: 1)
        let rewards = try RewardModel(variant: RewardVariant.named("team"))
        let learner = Learner(policy: policy, settings: settings, rewards: rewards, seed: 1)
        let draw: @Sendable (inout RandomStream) -> CoordinationGame.Episode = { stream in
            .random(steps: 20, options: 3, needs: 1...3, stream: &stream)
        }
        let trainer = Trainer(
            setup: .init(
                makeGame: { CoordinationGame(agents: 3, options: 3) }, episode: { _, _, stream in draw(&stream) }),
            learner: learner)
        var stream = RandomStream(seed: 77, purpose: .test)
        let held = (0..<30).map { _ in draw(&stream) }
        let optimum = held.reduce(0) { $0 + $1.optimum(agents: 3) }
        let player = EpisodePlayer(game: game, policy: policy, columns: [])
        func score(sampled: Bool) -> Double {
            held.reduce(0) {
                $0 + player.play($1, policy: policy, stream: RandomStream(seed: 3, purpose: .policy), sampled: sampled)
            } / optimum
        }
        let before = score(sampled: true)
        for _ in 0..<80 { _ = try trainer.iterate() }
        let after = score(sampled: false)
        #expect(before < 0.65, "random play reaches \(before) of the optimum")
        #expect(after > 0.7 && after > before + 0.1, "the policy reaches \(after) of the optimum")
    }
}
