internal import Foundation

/// Swift parameter refinement of a trained run on new episodes, beside two comparisons that see as many of them:
/// training on as before, and training from fresh networks.
package struct RefinementRun {
    /// Revenue after this many training episodes on the new tasks.
    package struct Point: Sendable, Codable {
        /// before, solve, update 1, ...
        package var stage: String
        /// Training episodes on the new tasks seen by then.
        package var episodes: Int
        /// Revenue of each evaluation episode; the same episodes at every point of every row.
        package var revenues: [Double]
    }

    /// What the solve of phi and the carrying of theta did.
    package struct Report: Sendable {
        /// Names of the K reward columns that have a weight.
        package var columns: [String] = []
        /// phi^ of these columns, `[K]`.
        package var phiBefore: [Double] = []
        /// phi* of these columns, `[K]`, scaled so that the rms credit of agents' episodes stays.
        package var phiAfter: [Double] = []
        /// The solve of phi before that scaling; nil where no updates were asked for.
        package var fit: CreditRegularizer.Solution?
        /// The step of theta along the implicit function; nil likewise.
        package var carry: Refinement.Carry?
        /// The trainer's state at the end: what `write` makes a run of.
        var state = Checkpoint()
    }

    /// The trained run that is refined; its folder stays as it is.
    package let run: LoadedRun
    /// Numbers of tasks and workers of the new episodes.
    package let settings: EpisodeSettings
    /// How phi is solved and theta carried, and how many updates follow.
    package let options: Refinement.Options
    /// Training episodes of each update.
    package let episodes: Int
    /// The seed of the new episodes, the minibatches and the evaluation's draws.
    package let seed: UInt64
    private let source: (any InstanceSource)?
    private let evaluation: [Instance]

    /// - Parameters:
    ///   - evaluation: instances that no training episode equals.
    ///   - source: gives the new episodes; nil asks the run's own scenario.
    package init(
        run: LoadedRun, settings: EpisodeSettings, options: Refinement.Options, episodes: Int, seed: UInt64,
        evaluation: [Instance], source: (any InstanceSource)? = nil
    ) throws(CSCError) {
        try options.validate()
        guard episodes > 0 else { throw .configuration(key: "episodes", reason: "is \(episodes), must be positive") }
        self.run = run
        self.settings = settings
        self.options = options
        self.episodes = episodes
        self.seed = seed
        self.evaluation = evaluation
        self.source = source
    }

    /// Revenue of a policy on the evaluation episodes, by draws from it as in training.
    package func evaluate(_ policy: ActorCritic) -> [Double] {
        let source = PolicySource(name: "policy", policy: policy, options: run.configuration.game, sampled: true)
        return Evaluation.run(source, on: evaluation, seed: seed)
    }

    /// Refines: the first batch of episodes serves the solve and then the first update; each further update plays a
    /// batch of its own. `watch` is called with every point.
    ///
    /// - Parameter everyStage: evaluate at every stage, not only at the end.
    package func refine(
        everyStage: Bool = true, watch: (Point) -> Void = { _ in }
    ) throws -> (policy: ActorCritic, report: Report) {
        let assembly = try run.assemble(
            settings: settings, episodes: episodes, learningRateShare: run.configuration.ppo.learningRateFinal,
            seed: seed, source: source)
        let learner = assembly.trainer.learner
        if everyStage { watch(Point(stage: "before", episodes: 0, revenues: evaluate(learner.policy))) }
        var report = Report()
        guard options.updates > 0 else {
            assembly.trainer.save(to: &report.state)
            return (learner.policy, report)
        }
        try assembly.trainer.collect()
        report = try solve(assembly)
        if everyStage { watch(Point(stage: "solve", episodes: episodes, revenues: evaluate(learner.policy))) }
        for update in 1...options.updates {
            if update > 1 { try assembly.trainer.collect() }
            try assembly.trainer.update()
            if everyStage || update == options.updates {
                watch(
                    Point(
                        stage: "update \(update)", episodes: update * episodes, revenues: evaluate(learner.policy)))
            }
        }
        assembly.trainer.save(to: &report.state)
        return (learner.policy, report)
    }

    /// Makes a run of what `refine` ended with, in a new folder: every command reads it, and `resume` continues it on
    /// the new episodes at the step size of the refinement.
    ///
    /// - Parameters:
    ///   - change: sets the keys `episodes.*` of the new run to where its episodes come from.
    ///   - scenario: the city of the new episodes.
    /// - Throws: `CSCError` where the folder holds a run or cannot be written.
    @discardableResult
    package func write(
        _ report: Report, to folder: String, scenario: Scenario, change: (inout TrainingConfiguration) throws -> Void
    ) throws -> TrainingRun {
        var configuration = run.configuration
        configuration.seed = Int(clamping: seed)
        configuration.ppo = run.ppo(
            episodes: episodes, fresh: false, learningRateShare: run.configuration.ppo.learningRateFinal)
        configuration.iterations = try report.state.counter("iteration")
        try change(&configuration)
        return try TrainingRun.create(
            configuration, scenario: scenario, source: source ?? scenario, folder: folder, state: report.state)
    }

    /// The comparison: the same number of updates on the same episodes with phi as it was, from the checkpoint or from
    /// fresh networks (at the configured step size).
    package func train(fresh: Bool, watch: (Point) -> Void) throws {
        let assembly = try run.assemble(
            settings: settings, episodes: episodes, fresh: fresh,
            learningRateShare: fresh ? 1 : run.configuration.ppo.learningRateFinal, seed: seed, source: source)
        watch(Point(stage: "before", episodes: 0, revenues: evaluate(assembly.trainer.learner.policy)))
        for update in 1...max(options.updates, 1) {
            _ = try assembly.trainer.iterate()
            watch(
                Point(
                    stage: "update \(update)", episodes: update * episodes,
                    revenues: evaluate(assembly.trainer.learner.policy)))
        }
    }

    /// phi* = phi^ - L''^-1 L' on the collected episodes, then theta carried along the implicit function.
    ///
    /// Rewards are divided by their running rms, so only the direction of phi acts on the policy: phi* is scaled to
    /// keep the mean square of the credit over agents' episodes, and the critic keeps its units.
    private func solve(_ assembly: TrainerAssembly) throws -> Report {
        let learner = assembly.trainer.learner, rollout = assembly.trainer.rollout
        var outer = run.configuration.outer
        outer.revenueScale = options.revenueScale
        let problem = try OuterProblem(rollout, learner: learner, options: outer, seed: seed)
        var report = Report()
        report.columns = problem.columns.map { rollout.columns[$0] }
        report.phiBefore = problem.phi
        let fit = try problem.regularizer.solve(
            from: problem.phi, damping: options.damping,
            lower: problem.columns.map {
                CreditAssignment.learntColumns.contains(rollout.columns[$0]) ? options.floor : nil
            })
        report.fit = fit
        let unit = problem.regularizer.rms(problem.phi) / max(problem.regularizer.rms(fit.phi), 1e-12)
        let phi = fit.phi.map { $0 * unit }
        report.phiAfter = phi
        guard phi.allSatisfy({ $0.isFinite }) else {
            throw CSCError.invalid("refinement: the solve of phi is not finite; use more episodes")
        }
        let carry = Refinement.carry(
            problem.surrogate, advantages: problem.advantages(problem.phi), columns: problem.crossDerivatives(),
            change: zip(phi, problem.phi).map { $0 - $1 }, gradientOptions: outer.gradient,
            maxDivergence: options.maxDivergence)
        report.carry = carry
        if carry.solve.status == .usable { learner.policy.actor = carry.parameters }
        for (k, column) in problem.columns.enumerated() { learner.rewards.phi[column] = phi[k] }
        return report
    }
}
