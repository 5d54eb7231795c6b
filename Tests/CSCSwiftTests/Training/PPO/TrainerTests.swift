import CSCSwift
import Foundation
import Testing

@Suite struct TrainerTests {
    private func trainer(
        seed: UInt64 = 1, variant: String = "share", features: [RewardFeature] = RewardFeature.all,
        kind: ActorCritic.Kind = .pair, extensions: [any TrainerExtension] = []
    ) throws -> Trainer<SpatialCrowdsourcing> {
        var settings = PPOSettings()
        settings.numEnvs = 5
        settings.minibatchSize = 300
        let options = GameOptions()
        let layout = PolicyLayout(
            contextWidth: options.contextWidth, candidateWidth: options.pairWidth, actionCount: options.actionCount)
        let policy = ActorCritic(
            ActorCritic.Design(layout: layout, kind: kind, actorWidths: [16], criticWidths: [16]), seed: seed)
        let rewards = try RewardModel(variant: RewardVariant.named(variant), features: features)
        let learner = Learner(policy: policy, settings: settings, rewards: rewards, seed: seed)
        return Trainer(
            setup: .init(
                makeGame: { SpatialCrowdsourcing(options: options) },
                episode: { _, environment, stream in
                    Scenario.chengdu.instance(tasks: 20 + 10 * environment, workers: 30, stream: &stream)
                },
                credit: rewards.spatialCredit(), cost: { Double($0.tasks.count) }),
            learner: learner, extensions: extensions)
    }

    /// The same bits at 1, 2 and 7 threads, whoever finishes first.
    @Test func threadsChangeNothing() throws {
        let before = Threads.count
        defer { Threads.count = before }
        var parameters: [[UInt32]] = []
        var reports: [PPOReport] = []
        for threads in [1, 2, 7] {
            Threads.count = threads
            let trainer = try trainer()
            for _ in 0..<3 { reports.append(try trainer.iterate().ppo) }
            let policy = trainer.learner.policy
            parameters.append((policy.actor + policy.critic).map(\.bitPattern))
        }
        #expect(parameters[0] == parameters[1] && parameters[0] == parameters[2])
        #expect(reports[2] == reports[5] && reports[2] == reports[8])
        #expect(reports[2].actorGradientNorm > 0)
    }

    @Test func seedsChangeEverything() throws {
        let one = try trainer(seed: 1)
        let two = try trainer(seed: 2)
        _ = try one.iterate()
        _ = try two.iterate()
        #expect(one.learner.policy.actor != two.learner.policy.actor)
        #expect(one.rollout.returns != two.rollout.returns)
    }

    /// A saved trainer continues with the same bits.
    @Test func savedTrainersContinue() throws {
        let whole = try trainer()
        for _ in 0..<4 { _ = try whole.iterate() }
        let first = try trainer()
        for _ in 0..<2 { _ = try first.iterate() }
        var checkpoint = Checkpoint()
        first.save(to: &checkpoint)
        let second = try trainer(seed: 1)
        try second.load(from: try Checkpoint(decoding: checkpoint.encoded(), path: "memory"))
        for _ in 0..<2 { _ = try second.iterate() }
        #expect(second.learner.policy.actor.map(\.bitPattern) == whole.learner.policy.actor.map(\.bitPattern))
        #expect(second.learner.rewardScale == whole.learner.rewardScale)
        #expect(second.totalDecisions == whole.totalDecisions)
        #expect(throws: CSCError.self) { try trainer(kind: .flat).load(from: checkpoint) }
    }

    /// Shares by work and uniform shares both sum to the revenue; joining is counted once a settled part; nobody who
    /// waited is paid.
    @Test func rewardColumnsAddUp() throws {
        let trainer = try trainer()
        _ = try trainer.iterate()
        let rollout = trainer.rollout
        func sum(_ name: String) -> Double { rollout.rewards[rollout.column(name)].reduce(0) { $0 + Double($1) } }
        let revenue = rollout.returns.reduce(0, +)
        #expect(revenue > 0)
        #expect(abs(sum("share") - revenue) < 1e-3 * revenue)
        #expect(abs(sum("uniform") - revenue) < 1e-3 * revenue)
        #expect(sum("joined") > 0 && sum("joined") <= Double(rollout.actedCount))
        let wait = UInt8(rollout.decisions.layout.actionCount - 1)
        for i in 0..<rollout.count {
            let slot = rollout.decisions.slots[Int(rollout.decisions.offsets[i] + rollout.actions[i])]
            if slot == wait { #expect(rollout.rewards[rollout.column("share")][i] == 0) }
        }
    }

    /// A new feature is one entry: it is recorded and can be rewarded.
    @Test func aFeatureIsAddedInOnePlace() throws {
        let feature = RewardFeature(
            name: "minutes", explanation: "how long the worker was bound",
            source: .settlement { $0.minutes })
        let variant = RewardVariant(name: "slow", explanation: "", weights: [("minutes", 0.5)])
        let model = try RewardModel(variant: variant, features: RewardFeature.all + [feature])
        #expect(model.columns.last == "minutes" && model.phi.last == 0.5)
        let game = SpatialCrowdsourcing()
        let policy = ActorCritic(ActorCritic.Design(layout: PolicyLayout(game)), seed: 1)
        let player = EpisodePlayer(game: game, policy: policy, columns: model.columns, credit: model.spatialCredit())
        player.play(
            Scenario.haikou.instance(tasks: 20, workers: 20, seed: 1, episode: EpisodeRange.evaluation[0]),
            policy: policy,
            stream: RandomStream(seed: 1, purpose: .policy))
        let minutes = player.rollout.rewards[model.columns.count - 1]
        #expect(minutes.contains { $0 > 1 } && minutes.allSatisfy { $0 >= 0 })
        #expect(throws: CSCError.self) { try RewardModel(variant: variant) }
        #expect(throws: CSCError.self) { try RewardVariant.named("shares") }
        #expect(throws: CSCError.self) {
            try RewardModel(variant: RewardVariant.named("share"), overrides: ["share": 0])
        }
    }

    /// An extension fills a column between play and update, and its state travels with the checkpoint.
    @Test func extensionsFillColumns() throws {
        final class Constant: TrainerExtension {
            let name = "constant"
            let metricColumns = ["constant/calls"]
            var calls = 0
            func beforeUpdate(_ rollout: RolloutBuffer, learner: Learner) throws {
                let column = rollout.column("bonus")
                for i in 0..<rollout.count { rollout.rewards[column][i] = 1 }
                calls += 1
            }
            func afterIteration(_ rollout: RolloutBuffer, learner: Learner) throws -> [Double] { [Double(calls)] }
            func save(to checkpoint: inout Checkpoint) { checkpoint.set("constant", integers: [calls]) }
            func load(from checkpoint: Checkpoint) throws { calls = try checkpoint.integers("constant")[0] }
        }
        let bonus = RewardFeature(name: "bonus", explanation: "learnt", source: .learnt)
        let addition = Constant()
        let trainer = try trainer(features: RewardFeature.all + [bonus], extensions: [addition])
        let report = try trainer.iterate()
        #expect(report.extensionValues == [1])
        var advantages: [Float] = []
        trainer.learner.columnAdvantages(trainer.rollout, column: trainer.rollout.column("bonus"), into: &advantages)
        // 1 a decision, discounted where its task ended later (by at most 0.99^46), and never less than that alone.
        #expect(advantages.allSatisfy { $0 > 0.6 } && advantages.contains { $0 > 2 })
        var checkpoint = Checkpoint()
        trainer.save(to: &checkpoint)
        addition.calls = 9
        try trainer.load(from: checkpoint)
        #expect(addition.calls == 1)
    }
}
