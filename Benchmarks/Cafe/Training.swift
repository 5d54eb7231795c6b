import Benchmark
import CSCSwift
import Foundation

/// What twice the steps and twice the epochs of an iteration allocate beyond one iteration: what a step or a minibatch
/// allocates, times some hundreds, and nothing else.
func allocationsBeyond(_ short: () -> Void, _ long: () -> Void) -> Int {
    for _ in 0..<3 {
        short()
        long()
    }
    return max(0, Case.allocations(of: long) - Case.allocations(of: short))
}

/// Whole iterations of IPPO on simple_spread: rollout and update.
private func spreadTrainer(steps: Int, epochs: Int) -> FixedHorizonTrainer {
    var settings = FixedHorizonSettings()
    settings.numEnvs = 8
    settings.numSteps = steps
    settings.updateEpochs = epochs
    settings.learningRateFinal = 1
    do {
        return try FixedHorizonTrainer(settings: settings, iterations: 100_000, seed: 1) {
            SimpleSpread(environmentCount: $0)
        }
    } catch { fatalError("the built-in settings are refused: \(error)") }
}

/// Training of the dispatch policy on days of the built-in city.
private final class CityTraining {
    private let trainer: Trainer<SpatialCrowdsourcing>
    private(set) var report: IterationReport?

    init(epochs: Int) {
        var settings = PPOSettings()
        settings.numEnvs = 4
        settings.updateEpochs = epochs
        let options = GameOptions()
        let layout = PolicyLayout(
            contextWidth: options.contextWidth, candidateWidth: options.pairWidth, actionCount: options.actionCount)
        let policy = ActorCritic(
            ActorCritic.Design(layout: layout, kind: .pair, actorWidths: [32, 32], criticWidths: [32, 32]), seed: 1)
        do {
            let rewards = try RewardModel(variant: RewardVariant.named("share"), features: RewardFeature.all)
            trainer = Trainer(
                setup: .init(
                    makeGame: { SpatialCrowdsourcing(options: options) },
                    episode: { _, _, _ in
                        Scenario.chengdu.instance(tasks: 100, workers: 50, seed: 1, episode: EpisodeRange.evaluation[0])
                    },
                    credit: rewards.spatialCredit(), cost: { Double($0.tasks.count) }),
                learner: Learner(policy: policy, settings: settings, rewards: rewards, seed: 1))
        } catch { fatalError("the built-in settings are refused: \(error)") }
    }

    func iterate() {
        do { report = try trainer.iterate() } catch { fatalError("training fails: \(error)") }
    }

    func update() {
        do { try trainer.update() } catch { fatalError("training fails: \(error)") }
    }
}

func training() {
    for threads in [1, 2] {
        let metrics = [Work.units(0).metric, Gate.wrong] + (threads == 1 ? [Gate.allocations] : [])
        Case.register("ppo-spread-8-agent-steps-\(threads)t", metrics) {
            let trainer = spreadTrainer(steps: 128, epochs: 4)
            var episodicReturn = Double.nan
            return Case(
                threads: threads, work: .units(Double(trainer.agentStepsPerIteration)),
                body: { episodicReturn = trainer.iterate().episodicReturn },
                check: { episodicReturn.isFinite && episodicReturn < 0 },
                allocations: {
                    let long = spreadTrainer(steps: 128, epochs: 8)
                    return allocationsBeyond({ _ = trainer.iterate() }, { _ = long.iterate() })
                })
        }
        Case.register("ppo-city-iterations-\(threads)t", metrics) {
            let training = CityTraining(epochs: 3)
            training.iterate()
            return Case(
                threads: threads, work: .units(1), body: training.iterate,
                check: { training.report.map { $0.decisions > 500 && $0.ppo.actorGradientNorm > 0 } ?? false },
                allocations: {
                    let long = CityTraining(epochs: 6)
                    long.iterate()
                    return allocationsBeyond(training.update, long.update)
                })
        }
    }
    Case.register("rollout-of-simple-spread-allocations", [Work.units(0).metric, Gate.wrong, Gate.allocations]) {
        let short = spreadTrainer(steps: 128, epochs: 1)
        let long = spreadTrainer(steps: 512, epochs: 1)
        return Case(
            work: .units(Double(short.agentStepsPerIteration)), body: { _ = short.iterate() },
            check: { short.iteration > 0 },
            allocations: { allocationsBeyond({ _ = short.iterate() }, { _ = long.iterate() }) })
    }
}
