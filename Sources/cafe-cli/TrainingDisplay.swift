internal import CSCSwift
internal import Dispatch
internal import Foundation
internal import Synchronization

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
    func warn(_ line: String) { FileHandle.standardError.write(Data("warning: \(line)\n".utf8)) }

    /// Runs to the end, or until Ctrl-C; a second Ctrl-C kills.
    func follow(_ run: TrainingRun) throws {
        let interrupt = Interrupt()
        let policy = run.trainer.learner.policy
        note(
            "\(run.configuration.scenario), reward \(run.configuration.rewardVariant), "
                + "\(policy.actor.count) + \(policy.critic.count) parameters, \(Threads.count) threads, into \(run.folder)"
        )
        let complete = try run.run(shouldStop: { interrupt.requested }, progress: show)
        live.finish()
        if complete {
            note("Done. Compare it with: cafe-cli evaluate \(run.folder)")
        } else {
            note("Stopped after iteration \(run.iteration). Go on with: cafe-cli resume \(run.folder)")
        }
    }

    private func show(_ progress: TrainingRun.Progress) {
        guard !quiet else { return }
        let report = progress.report
        if progress.justEvaluated { curve.append(progress.versusGreedy) }
        let last = report.iteration == progress.iterations
        let now = ContinuousClock.now
        let due = live.isInteractive ? now - shown > .milliseconds(100) : progress.justEvaluated
        guard due || last else { return }
        shown = now
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

/// Ctrl-C and termination as a wish to stop, looked at between iterations; the second one ends the process at once.
private final class Interrupt {
    private let flag = Flag()
    private var sources: [any DispatchSourceSignal] = []

    private final class Flag: Sendable {
        let value = Mutex(false)
    }

    init() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [flag] in
                let second = flag.value.withLock { value in
                    defer { value = true }
                    return value
                }
                if second { exit(130) }
            }
            source.resume()
            sources.append(source)
        }
    }

    var requested: Bool { flag.value.withLock { $0 } }

    deinit { for source in sources { source.cancel() } }
}
