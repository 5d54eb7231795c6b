internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli refine` of a learnt coalition rule.
extension RefineCommand {
    /// A policy on its way, measured on the held-out episodes.
    private struct Point {
        let row: String
        let stage: String
        let episodes: Int
        let revenues: [Double]
    }

    /// Points of a row of the table, besides its beginning.
    private static let points = 8

    private var split: CheckedSource { CheckedSource(source: episodesFrom, checkDays: checkDays, command: "refine") }

    /// Refines a rule, shows it beside CMA-ES, and writes what `PolicyFit` keeps.
    func refine(_ rule: LearntCoalitionPolicy) throws {
        let size = try ruleSize()
        let budget = episodes ?? 2000
        let checks = evaluationEpisodes ?? 60
        try split.validate()
        try checkFree()
        Output.startThreads(threads)
        let (training, checking) = try split.open(tasks: size.tasks) { Output.note($0) }
        let seed = UInt64(seed)
        SourceOptions.warnOfReach(training.source, tasks: size.tasks, workers: size.workers, seed: seed)
        Output.note("Tuning the coalition rule.")
        let (start, price) = rule.tuned(to: training.source, tasks: size.tasks, workers: size.workers, seed: seed)
        var points: [Point] = []
        func watch(_ row: String, _ stage: String, _ episodes: Int, _ policy: LearntCoalitionPolicy) {
            let revenues = Evaluation.run(
                [policy.source()], on: checking, tasks: size.tasks, workers: size.workers, seed: seed,
                episodes: 0..<checks, of: .heldOut)[0]
            points.append(Point(row: row, stage: stage, episodes: episodes, revenues: revenues))
            show(points[points.count - 1], beside: points[0].revenues)
        }
        print("revenue on \(checks) held-out episodes: mean, difference to the policy before [95 % interval, paired]")
        watch("refine", "before", 0, start)
        let refined = self.refined(start, training.source, size, budget) { watch("refine", $0, $1, $2) }
        if !alone { try evolve(start, training, size, budget) { watch("CMA-ES", $0, $1, $2) } }
        let fit = PolicyFit(
            fitted: refined, start: start, price: price, training: training.source, heldOut: checking,
            tasks: size.tasks, workers: size.workers, seed: seed, episodes: checks)
        try finish(fit, size, budget, points)
    }

    /// The one size at which a rule is refined.
    /// - Throws: `ValidationError` naming an option that a rule does not have, or that is given twice.
    private func ruleSize() throws -> EvolutionOptions.Setting {
        if updates != nil || floor != nil {
            throw ValidationError(
                "--\(updates != nil ? "updates" : "floor") belongs to a run of train, and \(folder) is a learnt coalition "
                    + "rule: --episodes says how many new episodes it is refined on")
        }
        let sizes = [
            ("tasks", tasks + [tasksFixed].compactMap(\.self)),
            ("workers", workers + [workersFixed].compactMap(\.self)),
        ]
        for (name, values) in sizes where values.count > 1 {
            throw ValidationError("--\(name): a learnt coalition rule is refined at one size; give one number")
        }
        if let episodes, episodes < 2 { throw ValidationError("--episodes \(episodes): at least 2 are needed, a pair") }
        if let evaluationEpisodes, evaluationEpisodes < 4 {
            throw ValidationError("--evaluation-episodes \(evaluationEpisodes): at least 4 are needed")
        }
        return .init(tasks: tasks.first ?? tasksFixed ?? 200, workers: workers.first ?? workersFixed ?? 50)
    }

    /// Refuses the folder of something else, and the policy's own.
    /// - Throws: `CSCError.invalid`.
    private func checkFree() throws(CSCError) {
        guard let out else { return }
        try split.checkFree(out)
        let policy = AtomicFile.join(out, "policy.yaml")
        func real(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        let paths = [folder, AtomicFile.join(folder, "policy.yaml")].map(real)
        if FileManager.default.fileExists(atPath: policy), paths.contains(real(policy)) {
            throw .invalid("\(out) holds the policy that is to be refined: choose another folder")
        }
    }

    /// The refined policy; `watch` is called with it at every eighth of the budget.
    private func refined(
        _ start: LearntCoalitionPolicy, _ source: any InstanceSource, _ size: EvolutionOptions.Setting, _ budget: Int,
        watch: (String, Int, LearntCoalitionPolicy) -> Void
    ) -> LearntCoalitionPolicy {
        var refinement = RuleRefinement(
            start, on: source, tasks: size.tasks, workers: size.workers, seed: UInt64(seed))
        var shown = 0
        while let report = refinement.step(within: budget) {
            let part = report.episodes * Self.points / budget
            if part == shown || part == Self.points { continue }
            shown = part
            watch("step \(report.step)", report.episodes, refinement.policy)
        }
        watch("step \(refinement.steps)", refinement.episodes, refinement.policy)
        return refinement.policy
    }

    /// The comparison: CMA-ES from the same policy, as `fit` runs it, on about as many episodes.
    private func evolve(
        _ start: LearntCoalitionPolicy, _ training: CheckedSource.Training, _ size: EvolutionOptions.Setting,
        _ budget: Int, watch: (String, Int, LearntCoalitionPolicy) -> Void
    ) throws {
        let options = EvolutionOptions.fitting(tasks: size.tasks, workers: size.workers, seed: UInt64(seed))
        let generations = max(1, budget / (options.population * options.episodes))
        let trainer = try CoalitionTrainer(
            scenario: training.city, options: options, start: start, source: training.source, recorded: training.flags)
        for generation in 1...generations {
            let report = trainer.step()
            if generation * Self.points / generations == (generation - 1) * Self.points / generations { continue }
            var policy = trainer.policy
            policy.forecast = start.forecast
            (policy.joint, policy.horizonAhead) = (start.joint, start.horizonAhead)
            watch("gen. \(generation)", report.episodes, policy)
        }
    }

    private func show(_ point: Point, beside before: [Double]) {
        let gain = Summary.paired(point.revenues, minus: before)
        print(
            Terminal.left(point.row, 10) + Terminal.left(point.stage, 12)
                + Terminal.left("\(point.episodes) episodes", 16)
                + String(format: "%.3f", Summary(point.revenues).mean)
                + (point.episodes == 0
                    ? "" : String(format: "  %+.3f [%+.3f, %+.3f]", gain.mean, gain.lower, gain.upper)))
    }

    /// Prints what was kept and its gain; writes it where a folder was named.
    private func finish(
        _ fit: PolicyFit, _ size: EvolutionOptions.Setting, _ budget: Int, _ points: [Point]
    ) throws {
        let checks = evaluationEpisodes ?? 60
        let (kept, name) =
            switch fit.choice {
            case .start: (folder, "start")
            case .rule: ("the coalition rule", "rule")
            case .fitted, .withWorth: ("the refined policy", "refined")
            }
        print(fit.table(kept: kept, start: folder))
        print("\(checks) held-out episodes, 95 % intervals; the choice was made on \(checks) others.")
        if fit.choice != .fitted {
            print("On the episodes of the choice the refined policy was not better, so \(kept) is kept.")
        }
        guard let out else { return }
        let words = ["--tasks", "\(size.tasks)", "--workers", "\(size.workers)"]
        var parts = ["cafe-cli", "refine", folder] + episodesFrom.words + words
        if let checkDays { parts += ["--check-days", checkDays] }
        parts += ["--episodes", "\(budget)", "--evaluation-episodes", "\(checks)", "--seed", "\(seed)"]
        let command = parts.map(Comparison.quoted).joined(separator: " ")
        var policy = fit.policy
        policy.origin = "\(command): the \(name) policy was kept"
        let rows = points.map { point in
            let gain = Summary.paired(point.revenues, minus: points[0].revenues)
            return JSON.object([
                ("row", .string(point.row)), ("stage", .string(point.stage)), ("episodes", .integer(point.episodes)),
                ("mean", .number(Summary(point.revenues).mean)), ("over_start", .number(gain.mean)),
                ("ci95", .array([.number(gain.lower), .number(gain.upper)])),
            ])
        }
        let file = JSON.object(
            [
                ("command", .string(command)), ("kept", .string(name)), ("episodes", .integer(budget)),
                ("evaluation_episodes", .integer(checks)),
            ] + fit.entries + [("rows", .array(rows))])
        try AtomicFile.makeFolder(out)
        try AtomicFile.write(policy.text(), to: AtomicFile.join(out, "policy.yaml"))
        try AtomicFile.write(file.pretty, to: AtomicFile.join(out, "refine.json"))
        print("The policy is \(AtomicFile.join(out, "policy.yaml")).")
        let compare = ["cafe-cli", "compare"] + split.halves.checking.words + words + ["--policy", out]
        print("Compare it: \(compare.map(Comparison.quoted).joined(separator: " "))")
    }
}
