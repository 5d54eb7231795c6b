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

    /// Trains a dispatch policy to the end, or until it is told to stop.
    func follow(_ run: TrainingRun) throws {
        let policy = run.trainer.learner.policy
        try follow(
            run,
            "\(run.configuration.scenario), reward \(run.configuration.rewardVariant), "
                + "\(policy.actor.count) + \(policy.critic.count) parameters",
            compare: Comparison(run.configuration, folder: run.folder), progress: show)
    }

    /// Trains on a game with a fixed horizon to the end, or until it is told to stop.
    func follow(_ run: FixedHorizonRun) throws {
        let trainer = run.trainer
        try follow(
            run,
            "\(run.configuration.game.rawValue), "
                + "\(trainer.actorParameters.count) + \(trainer.criticParameters.count) parameters, random play "
                + Terminal.decimal(run.randomReturn, 2),
            compare: Comparison(command: "cafe-cli evaluate \(Comparison.quoted(run.folder))"), progress: show)
    }

    /// Evolves the coalition rule until all generations are done or `minutes` are over, or until it is told to stop.
    func follow(_ run: EvolutionRun, minutes: Double?) throws {
        let begun = ContinuousClock.now
        let isOver = { minutes.map { (ContinuousClock.now - begun) >= .seconds($0 * 60) } ?? false }
        try follow(
            run, "evolution in \(run.method.scenarioName)", isOver: isOver,
            compare: Comparison(run.method, folder: run.folder), progress: show)
        note("The policy after generation \(run.iteration) is \(try run.policyPath).")
    }

    /// Runs to the end, or until Ctrl-C; a second Ctrl-C kills.
    private func follow<Method>(
        _ run: Run<Method>, _ title: String, isOver: () -> Bool = { false }, compare: Comparison,
        progress: (RunProgress<Method.Report>) -> Void
    ) throws {
        let interrupt = Interrupt()
        note("\(title), \(Threads.count) threads, into \(run.folder)")
        let complete = try run.run(shouldStop: { interrupt.requested || isOver() }, progress: progress)
        live.finish()
        if complete || isOver() {
            note("Done after iteration \(run.iteration). Compare it with: \(compare.command)")
            if let remark = compare.remark { note("(\(remark))") }
        } else {
            note(
                "Stopped after iteration \(run.iteration). Go on with: cafe-cli resume \(Comparison.quoted(run.folder))"
            )
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

    private func show(_ progress: RunProgress<FixedHorizonReport>) {
        let report = progress.report
        if progress.justEvaluated { curve.append(progress.score) }
        guard isDue(evaluated: progress.justEvaluated, last: progress.iteration == progress.iterations) else { return }
        let done = Double(progress.iteration) / Double(progress.iterations)
        let held = Terminal.decimal(progress.score, 2)
        let speed = "\(Terminal.count(progress.stepsPerSecond)) agent-steps/s"
        let losses =
            "policy \(Terminal.decimal(report.policyLoss, 4))  value \(Terminal.decimal(report.valueLoss, 3))  "
            + "entropy \(Terminal.decimal(report.entropy, 3))  kl \(Terminal.decimal(report.approxKL, 4))  "
            + "clipped \(Terminal.decimal(report.clipFraction * 100, 1)) %"
        live.show(
            lines: [
                "\(Terminal.bar(done, width: 30)) \(progress.iteration)/\(progress.iterations)  "
                    + "\(Terminal.duration(progress.seconds)) gone, \(Terminal.duration(progress.secondsLeft)) left",
                "agent-steps \(Terminal.count(Double(report.agentSteps)))  \(speed)",
                "return \(Terminal.decimal(report.episodicReturn, 2)) in training;  held out \(held)  "
                    + "best \(Terminal.decimal(progress.bestScore, 2))  \(Terminal.sparkline(curve, width: 24))",
                losses,
            ],
            plain: "iteration \(progress.iteration)/\(progress.iterations)  return "
                + "\(Terminal.decimal(report.episodicReturn, 2))  held out \(held)  \(losses)  \(speed)  "
                + "\(Terminal.duration(progress.secondsLeft)) left")
    }

    private func show(_ progress: RunProgress<CoalitionTrainer.Report>) {
        let report = progress.report
        curve.append(report.mean)
        let now = ContinuousClock.now
        let isLast = progress.iteration == progress.iterations
        guard !quiet, live.isInteractive || isLast || now - shown > .seconds(10) else { return }
        guard !live.isInteractive || isLast || now - shown > .milliseconds(100) else { return }
        shown = now
        let bounded = progress.iterations < Int.max
        let revenue =
            "mean revenue \(Terminal.decimal(report.mean, 4)) of the plain rule's, best "
            + "\(Terminal.decimal(report.best, 4)), step size \(Terminal.decimal(report.stepSize, 3))"
        let left = bounded ? ", \(Terminal.duration(progress.secondsLeft)) left" : ""
        let place = "generation \(progress.iteration)" + (bounded ? "/\(progress.iterations)" : "")
        let times = "\(Terminal.duration(progress.seconds)) gone\(left)"
        live.show(
            lines: [
                (bounded
                    ? Terminal.bar(Double(progress.iteration) / Double(progress.iterations), width: 30) + " " : "")
                    + "\(place)  \(times)",
                "\(Terminal.count(Double(report.episodes))) episodes  "
                    + "\(Terminal.count(progress.stepsPerSecond))/s  \(Terminal.sparkline(curve, width: 40))", revenue,
            ], plain: "\(place): \(revenue), \(report.episodes) episodes, \(times)")
    }

    private func show(_ progress: RunProgress<IterationReport>) {
        let report = progress.report
        if progress.justEvaluated { curve.append(progress.score) }
        guard isDue(evaluated: progress.justEvaluated, last: report.iteration == progress.iterations) else { return }
        let fraction = Double(report.iteration) / Double(progress.iterations)
        let left = progress.secondsLeft
        let share = report.seconds.map { $0 / max(report.seconds.reduce(0, +), 1e-9) * 100 }
        let phases = zip(Trainer<SpatialCrowdsourcing>.phases, share)
            .map { "\($0) \(Terminal.decimal($1, 0)) %" }.joined(separator: ", ")
        let versus = Terminal.decimal(progress.score, 3)
        let losses =
            "policy \(Terminal.decimal(report.ppo.policyLoss, 4))  value \(Terminal.decimal(report.ppo.valueLoss, 4))  "
            + "entropy \(Terminal.decimal(report.ppo.entropy, 3))  kl \(Terminal.decimal(report.ppo.approxKL, 4))  "
            + "clipped \(Terminal.decimal(report.ppo.clipFraction * 100, 1)) %  "
            + "explained \(Terminal.decimal(report.ppo.explainedVariance, 2))"
        live.show(
            lines: [
                "\(Terminal.bar(fraction, width: 30)) \(report.iteration)/\(progress.iterations)  "
                    + "\(Terminal.duration(progress.seconds)) gone, \(Terminal.duration(left)) left",
                "decisions \(Terminal.count(Double(progress.totalSteps)))  "
                    + "\(Terminal.count(progress.stepsPerSecond))/s  (\(phases))",
                "revenue \(Terminal.decimal(report.episodicReturn, 2)) an episode;  held out, over greedy: \(versus)  "
                    + "best \(Terminal.decimal(progress.bestScore, 3))  \(Terminal.sparkline(curve, width: 24))",
                losses,
            ],
            plain: "iteration \(report.iteration)/\(progress.iterations)  revenue "
                + "\(Terminal.decimal(report.episodicReturn, 2))  over greedy \(versus)  \(losses)  "
                + "\(Terminal.count(progress.stepsPerSecond)) decisions/s  "
                + "\(Terminal.duration(left)) left")
    }
}
