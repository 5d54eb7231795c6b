import CSCSwift
import Foundation
import Testing

/// Learnt credit inside the training loop, on small episodes of the real game.
@Suite struct CreditAssignmentTests {
    private func configuration(_ variant: String, outerEvery: Int = 0) throws -> TrainingConfiguration {
        var made = TrainingConfiguration()
        try made.apply(overrides: [
            "iterations=4", "ppo.numEnvs=4", "ppo.minibatchSize=300", "network.actorWidths=[12]",
            "network.criticWidths=[12]", "episodes.tasks=[30]", "episodes.workers=[20]", "episodes.tasksFixed=30",
            "episodes.workersFixed=40", "evaluateEvery=0", "evaluationEpisodes=1", "checkpointEvery=2",
            "reward.variant=\(variant)", "vae.encoderHidden=[16]", "vae.decoderHidden=[8]",
            "outer.every=\(outerEvery)", "outer.warmup=1", "outer.decisions=200",
        ])
        return made
    }

    private func assemble(_ configuration: TrainingConfiguration) throws -> (
        trainer: Trainer<SpatialCrowdsourcing>, credit: CreditAssignment?
    ) {
        let seed = UInt64(configuration.seed)
        let rewards = try configuration.rewardModel()
        let learner = Learner(
            policy: ActorCritic(configuration.design, seed: seed), settings: configuration.ppo, rewards: rewards,
            seed: seed)
        let credit = CreditAssignment.needed(
            for: rewards, vae: configuration.vae, outer: configuration.outer, seed: seed)
        let trainer = Trainer(
            setup: .init(
                makeGame: { SpatialCrowdsourcing(options: GameOptions()) },
                episode: { _, environment, stream in
                    Scenario.chengdu.instance(tasks: 30, workers: 20 + 5 * environment, stream: &stream)
                },
                credit: rewards.spatialCredit()),
            learner: learner, extensions: credit.map { [$0] } ?? [])
        return (trainer, credit)
    }

    @Test func onlyRewardsWithLearntFeaturesNeedIt() throws {
        #expect(try assembly(configuration("share")).credit == nil)
        #expect(try assembly(configuration("share", outerEvery: 1)).credit != nil)
        for name in ["literal", "signed", "share+signed", "share+difference+signed"] {
            #expect(try assembly(configuration(name)).credit != nil)
        }
    }

    /// Every payment of the episodes is recorded once, and waiting earns no learnt credit.
    @Test func rolloutsKnowPaymentsAndWaitingEarnsNothing() throws {
        let (trainer, _) = try assembly(configuration("share+difference+signed"))
        for _ in 0..<2 { _ = try trainer.iterate() }
        let rollout = trainer.rollout
        let paid = rollout.payments.reduce(0.0) { $0 + Double($1) }
        #expect(abs(paid - rollout.returns.reduce(0, +)) < 1e-4)
        #expect(rollout.payments.count == 4 * 30)
        #expect(rollout.items.count == rollout.decisions.rowCount)
        let (cmi, signed) = (rollout.rewards[rollout.column("cmi")], rollout.rewards[rollout.column("signed")])
        var joined = 0
        for i in 0..<rollout.count where rollout.actions[i] >= 0 {
            let item = rollout.items[Int(rollout.decisions.offsets[i] + rollout.actions[i])]
            #expect(cmi[i] >= 0 && cmi[i].isFinite && signed[i].isFinite)
            if item < 0 { #expect(cmi[i] == 0 && signed[i] == 0) } else { joined += 1 }
        }
        #expect(joined > 0 && cmi.contains { $0 > 0 } && signed.contains { $0 != 0 })
    }

    @Test(arguments: RewardVAEOptions.Counterfactual.allCases)
    func everyCounterfactualTrains(counterfactual: RewardVAEOptions.Counterfactual) throws {
        var made = try configuration("literal")
        made.vae.counterfactual = counterfactual
        let (trainer, _) = try assembly(made)
        let report = try trainer.iterate()
        #expect(report.extensionValues.allSatisfy { $0.isFinite })
        #expect(report.extensionValues[2] > 0, "mean CMI")
    }

    @Test func threadsChangeNothing() throws {
        let before = Threads.count
        defer { Threads.count = before }
        var results: [[UInt32]] = []
        for threads in [1, 2, 7] {
            Threads.count = threads
            let (trainer, credit) = try assembly(configuration("share+difference+signed", outerEvery: 1))
            for _ in 0..<3 { _ = try trainer.iterate() }
            let parameters = trainer.learner.policy.actor + credit!.vae!.parameters
            results.append(parameters.map(\.bitPattern) + trainer.learner.rewards.phi.map { Float($0).bitPattern })
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    /// Autoencoder, its optimiser, phi and damping come back from a checkpoint with the same bits.
    @Test func savedTrainersContinue() throws {
        let made = try configuration("share+difference+signed", outerEvery: 1)
        let (whole, _) = try assembly(made)
        for _ in 0..<4 { _ = try whole.iterate() }
        let (first, _) = try assembly(made)
        for _ in 0..<2 { _ = try first.iterate() }
        var checkpoint = Checkpoint()
        first.save(to: &checkpoint)
        let (second, _) = try assembly(made)
        try second.load(from: try Checkpoint(decoding: checkpoint.encoded(), path: "memory"))
        for _ in 0..<2 { _ = try second.iterate() }
        #expect(second.learner.policy.actor.map(\.bitPattern) == whole.learner.policy.actor.map(\.bitPattern))
        #expect(second.learner.rewards.phi == whole.learner.rewards.phi)
        #expect(whole.learner.rewards.phi != (try made.rewardModel().phi), "the outer level has not moved phi")
    }

    /// On a real rollout: slopes, curvatures, ELBO and the implicit gradient against finite differences.
    @Test func derivativesOfARealRolloutAreRight() throws {
        let (trainer, credit) = try assembly(configuration("share+difference+signed"))
        for _ in 0..<2 { _ = try trainer.iterate() }
        var options = OuterOptions()
        options.decisions = 150
        let problem = try OuterProblem(trainer.rollout, learner: trainer.learner, options: options, seed: 3)
        var checks = problem.surrogate.checkDerivatives(problem.advantages(problem.phi), directions: 2, seed: 3)
        checks += credit!.checkELBO(trainer.rollout, decisions: 100, seed: 3)
        let (implicit, report) = problem.surrogate.checkImplicitGradient(
            columns: problem.features, phi: problem.phi, outer: problem.outer, options: options.gradient)
        #expect(report.status == .usable)
        checks += implicit
        #expect(checks.count == 2 * 2 + 3 + 3)
        for check in checks { #expect(check.passes, "\(check)") }
    }

    /// The targets of L_Lambda are eta times what each agent's episode brought; over all agents, eta times revenue.
    @Test func regularizerSumsToTheRevenue() throws {
        let (trainer, _) = try assembly(configuration("share+difference+signed"))
        _ = try trainer.iterate()
        var options = OuterOptions()
        options.revenueScale = 0.1
        let problem = try OuterProblem(trainer.rollout, learner: trainer.learner, options: options, seed: 1)
        let share = trainer.rollout.returns.reduce(0, +)
        #expect(abs(problem.regularizer.targets.reduce(0, +) - 0.1 * share) < 1e-3 * share)
        #expect(problem.regularizer.features == 3)
    }

    @Test func flatPoliciesAreRefusedByTheOuterLevel() throws {
        var made = try configuration("share")
        made.policy = .flat
        let (trainer, _) = try assembly(made)
        _ = try trainer.iterate()
        #expect(throws: CSCError.self) {
            try OuterProblem(trainer.rollout, learner: trainer.learner, options: OuterOptions(), seed: 1)
        }
    }

    /// A run of the folder kind is loaded without change, refined on new sizes, and the same twice.
    @Test func refinementOfARunIsRepeatable() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("refine-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try configuration("share+difference+signed")
        try TrainingRun.create(made, scenario: .chengdu, folder: folder).run()
        let loaded = try LoadedRun(folder)
        var options = Refinement.Options()
        options.updates = 2
        let held = (0..<2).map {
            Scenario.haikou.instance(tasks: 30, workers: 20, seed: 9, episode: EpisodeRange.evaluation[$0])
        }
        let refinement = try RefinementRun(
            run: loaded, settings: EpisodeSettings([.init(tasks: 30, workers: 20)]), options: options, episodes: 3,
            seed: 5, evaluation: held, source: Scenario.haikou)
        var stages: [String] = []
        let (policy, report) = try refinement.refine(watch: { stages.append($0.stage) })
        #expect(stages == ["before", "solve", "update 1", "update 2"])
        let fit = try #require(report.fit)
        #expect(fit.after <= fit.before)
        let carry = try #require(report.carry)
        #expect(carry.divergence <= options.maxDivergence + 1e-6)
        #expect(report.phiAfter != report.phiBefore)
        let again = try refinement.refine(everyStage: false)
        #expect(again.policy.actor.map(\.bitPattern) == policy.actor.map(\.bitPattern))
        #expect(try LoadedRun(folder).checkpoint == loaded.checkpoint, "the run's folder must not change")
    }
}
