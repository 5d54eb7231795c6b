internal import CSCSwift
internal import Foundation

/// Shows how a run goes: a small dashboard on a terminal, plain lines elsewhere; and stops it tidily on Ctrl-C.
final class TrainingDisplay {
    private let live = LiveDisplay()
    private let quiet: Bool
    private var curve: [Double] = []
    private var smoothedSPS = 0.0
    private var shown = ContinuousClock.now - .seconds(60)

    init(quiet: Bool) { self.quiet = quiet }

    /// A line that stays.
    func note(_ line: String) { if !quiet { live.note(line) } }

    /// A line on standard error.
    func warn(_ line: String) { Output.note("warning: \(line)") }

    /// Trains a dispatch policy to the end, or until Ctrl-C.
    func follow(_ run: TrainingRun) throws {
        let policy = run.trainer.learner.policy
        try follow(
            run.folder,
            "\(run.configuration.scenario), reward \(run.configuration.rewardVariant), "
                + "\(policy.actor.count) + \(policy.critic.count) parameters", iteration: { run.iteration }
        ) { try run.run(shouldStop: $0, progress: show) }
    }

    /// Trains on a game with a fixed horizon to the end, or until Ctrl-C.
    func follow(_ run: FixedHorizonRun) throws {
        let trainer = run.trainer
        try follow(
            run.folder,
            "\(run.configuration.game.rawValue), "
                + "\(trainer.actorParameters.count) + \(trainer.criticParameters.count) parameters, random play "
                + Terminal.decimal(run.randomReturn, 2), iteration: { run.iteration }
        ) { try run.run(shouldStop: $0, progress: show) }
    }

    /// Runs to the end, or until Ctrl-C; a second Ctrl-C kills.
    private func follow(
        _ folder: String, _ title: String, iteration: () -> Int, _ train: (_ shouldStop: () -> Bool) throws -> Bool
    ) throws {
        let interrupt = Interrupt()
        note("\(title), \(Threads.count) threads, into \(folder)")
        let complete = try train { interrupt.requested }
        live.finish()
        if complete {
            note("Done. Compare it with: cafe-cli evaluate \(folder)")
        } else {
            note("Stopped after iteration \(iteration()). Go on with: cafe-cli resume \(folder)")
        }
    }

    /// Whether it is time to show something: always at an evaluation and at the end, on a terminal now and then.
    private func isDue(evaluated: Bool, last: Bool) -> Bool {
        let now = ContinuousClock.now
        let due = live.isInteractive ? now - shown > .milliseconds(100) : evaluated
        guard !quiet, due || last else { return false }
        shown = now
        return true
    }

    private func show(_ progress: FixedHorizonRun.Progress) {
        let report = progress.report
        if progress.justEvaluated { curve.append(progress.evaluatedReturn) }
        guard isDue(evaluated: progress.justEvaluated, last: progress.iteration == progress.iterations) else { return }
        let done = Double(progress.iteration) / Double(progress.iterations)
        let held = Terminal.decimal(progress.evaluatedReturn, 2)
        let speed = "\(Terminal.count(progress.agentStepsPerSecond)) agent-steps/s"
        let losses =
            "policy \(Terminal.decimal(report.policyLoss, 4))  value \(Terminal.decimal(report.valueLoss, 3))  "
            + "entropy \(Terminal.decimal(report.entropy, 3))  kl \(Terminal.decimal(report.approxKL, 4))  "
            + "clipped \(Terminal.decimal(report.clipFraction * 100, 1)) %"
        live.show(
            lines: [
                "\(Terminal.bar(done, width: 30)) \(progress.iteration)/\(progress.iterations)  "
                    + "\(Terminal.duration(progress.seconds)) gone",
                "agent-steps \(Terminal.count(Double(report.agentSteps)))  \(speed)",
                "return \(Terminal.decimal(report.episodicReturn, 2)) in training;  held out \(held)  "
                    + "best \(Terminal.decimal(progress.bestReturn, 2))  \(Terminal.sparkline(curve, width: 24))",
                losses,
            ],
            plain: "iteration \(progress.iteration)/\(progress.iterations)  return "
                + "\(Terminal.decimal(report.episodicReturn, 2))  held out \(held)  \(losses)  \(speed)")
    }

    private func show(_ progress: TrainingRun.Progress) {
        let report = progress.report
        if progress.justEvaluated { curve.append(progress.versusGreedy) }
        guard isDue(evaluated: progress.justEvaluated, last: report.iteration == progress.iterations) else { return }
        let fraction = Double(report.iteration) / Double(progress.iterations)
        let left = progress.seconds / Double(max(1, report.iteration)) * Double(progress.iterations - report.iteration)
        let share = report.seconds.map { $0 / max(report.seconds.reduce(0, +), 1e-9) * 100 }
        let phases = zip(Trainer<SpatialCrowdsourcing>.phases, share)
            .map { "\($0) \(Terminal.decimal($1, 0)) %" }.joined(separator: ", ")
        let versus = Terminal.decimal(progress.versusGreedy, 3)
        let losses =
            "policy \(Terminal.decimal(report.ppo.policyLoss, 4))  value \(Terminal.decimal(report.ppo.valueLoss, 4))  "
            + "entropy \(Terminal.decimal(report.ppo.entropy, 3))  kl \(Terminal.decimal(report.ppo.approxKL, 4))  "
            + "clipped \(Terminal.decimal(report.ppo.clipFraction * 100, 1)) %  "
            + "explained \(Terminal.decimal(report.ppo.explainedVariance, 2))"
        live.show(
            lines: [
                "\(Terminal.bar(fraction, width: 30)) \(report.iteration)/\(progress.iterations)  "
                    + "\(Terminal.duration(progress.seconds)) gone, \(Terminal.duration(left)) left",
                "decisions \(Terminal.count(Double(progress.totalDecisions)))  "
                    + "\(Terminal.count(progress.decisionsPerSecond))/s  (\(phases))",
                "revenue \(Terminal.decimal(report.episodicReturn, 2)) an episode;  held out, over greedy: \(versus)  "
                    + "best \(Terminal.decimal(progress.bestVersusGreedy, 3))  \(Terminal.sparkline(curve, width: 24))",
                losses,
            ],
            plain: "iteration \(report.iteration)/\(progress.iterations)  revenue "
                + "\(Terminal.decimal(report.episodicReturn, 2))  over greedy \(versus)  \(losses)  "
                + "\(Terminal.count(progress.decisionsPerSecond)) decisions/s  "
                + "\(Terminal.duration(left)) left")
    }
}
