internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli refine`: swift refinement of a trained policy when the tasks have changed. A run of train has its credit solved
/// anew (below); a learnt coalition rule takes trust-region steps in its weights (RefineRule.swift).
struct RefineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refine",
        abstract: "Adapt a trained policy to new tasks by a few new episodes.",
        discussion: """
            A learnt coalition rule (cafe, cafe-chengdu, a folder of fit, evolve or refine, a policy's file) takes steps of \
            a trust region in its weights. Their slope comes from pairs of plays of the same new episode with weights on \
            either side of the present ones; --episodes counts every play. Beside it: continuing CMA-ES on as many. Then the \
            refined policy, the one before and the tuned coalition rule play episodes on which nothing was learnt; the \
            best is kept and measured on as many further ones, as by fit. What is known to be below the policy before, or \
            below the rule, is not written. The folder of --out holds policy.yaml and refine.json.

            Recorded orders: one row in two is learnt from and the other checked on, unless --days and --check-days name \
            days for each.

            Of a run of train, the credit weights phi are solved anew on episodes of the new scenario, the policy is \
            carried along the implicit function, and a few PPO updates follow. Beside it: training on without the solve, \
            and training from fresh networks, on as many episodes. The folder of --out is a run.

            Example: cafe-cli refine cafe-chengdu --scenario shifted.yaml --tasks 200 --workers 50 --out runs/refined
                     cafe-cli refine cafe --scenario haikou --orders orders.csv --days 0-14 --check-days 15- --out runs/orders
                     cafe-cli refine runs/first --scenario shifted.yaml --tasks 200 --workers-fixed 100 --out runs/second
                     cafe-cli evaluate --scenario shifted.yaml --workers 100 --policy coalition,runs/first,runs/second
            """)

    @Argument(help: ArgumentHelp("A learnt coalition rule, or a run's folder.", valueName: "policy"))
    var folder: String

    @OptionGroup var episodesFrom: SourceOptions

    @Option(
        help: "Tasks of an episode (200); of a run: numbers of tasks, with --workers-fixed workers.",
        transform: Limits.trainingSize.parse)
    var tasks: [Int] = []

    @Option(
        help: "Workers of an episode (50); of a run: numbers of workers, with --tasks-fixed tasks.",
        transform: Limits.trainingSize.parse)
    var workers: [Int] = []

    @Option(help: "Tasks while the workers vary (200).", transform: Limits.trainingSize.parse)
    var tasksFixed: Int?

    @Option(help: "Workers while the tasks vary (of a run 200, of a rule 50).", transform: Limits.trainingSize.parse)
    var workersFixed: Int?

    @Option(
        help: "Of a rule: new training episodes in all (2000); of a run: those of each update (8).",
        transform: Limits.heldEpisodes.parse)
    var episodes: Int?

    @Option(help: "Policy updates after the solve; runs only (4).", transform: Limits.updates.parse)
    var updates: Int?

    @Option(
        help: "Held-out episodes: of a rule to choose and as many to measure (60), of a run for each setting (10).",
        transform: Limits.optionalEpisodes.parse)
    var evaluationEpisodes: Int?

    @Option(help: "Lower bound of the learnt credit's weight; runs only (0.2).")
    var floor: Double?

    @Option(parsing: .unconditional, help: "The days of --orders that the result is checked on; rules only.")
    var checkDays: String?

    @Option(help: "Seed of the new episodes.")
    var seed: Int = 1

    @Option(help: "The folder of the refined policy, which every command reads.")
    var out: String?

    @Flag(help: "Refine only; leave out the comparisons.")
    var alone = false

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    func validate() throws {
        let numbers = [
            ("episodes", episodes), ("evaluation-episodes", evaluationEpisodes), ("tasks-fixed", tasksFixed),
            ("workers-fixed", workersFixed),
        ]
        for (name, value) in numbers + tasks.map({ ("tasks", $0) }) + workers.map({ ("workers", $0) }) {
            if let value, value < 1 { throw ValidationError("--\(name) \(value) is less than 1.") }
        }
        if let floor, !(0...1).contains(floor) { throw ValidationError("--floor \(floor) is not from 0 to 1.") }
        if seed < 0 { throw ValidationError("--seed \(seed) is negative.") }
        if out == "" { throw ValidationError("--out is empty: name a folder.") }
    }

    func run() throws {
        try FileOptions.checkFolder(out)
        if try !DispatchPolicy.isRun(folder) {
            if let rule = try LearntCoalitionPolicy.named(folder) { return try refine(rule) }
            if !FileManager.default.fileExists(atPath: folder) {
                _ = try PolicyNames.kind(folder)
                throw ValidationError(
                    "\(folder) has no weights: name a learnt rule ('cafe-cli policies' lists them) or a run of train")
            }
        }
        if checkDays != nil { throw ValidationError("--check-days belongs to a learnt rule, and \(folder) is none") }
        try refineRun()
    }

    /// Refines a run of train.
    private func refineRun() throws {
        Output.startThreads(threads)
        let (tasksFixed, workersFixed) = (tasksFixed ?? 200, workersFixed ?? 200)
        let loaded = try LoadedRun(folder)
        let (city, notes) = try episodesFrom.open()
        if SourceOptions.base(of: city) is FixedInstance {
            throw ValidationError("--orders is one single episode: there is no other to hold out")
        }
        if out != nil && city is TravelSource {
            throw ValidationError("--travel: a run of train keeps no travel, so it cannot be written by --out")
        }
        for note in notes { print(note) }
        var sizes = tasks.map { EpisodeSettings.Setting(tasks: $0, workers: workersFixed) }
        sizes += workers.map { EpisodeSettings.Setting(tasks: tasksFixed, workers: $0) }
        let settings = sizes.isEmpty ? loaded.configuration.episodeSettings : EpisodeSettings(sizes)
        var options = Refinement.Options()
        options.updates = updates ?? 4
        options.floor = floor ?? 0.2
        let held = settings.settings.flatMap { setting in
            (0..<(evaluationEpisodes ?? 10)).map { index in
                city.instance(
                    tasks: setting.tasks, workers: setting.workers, seed: UInt64(seed),
                    episode: EpisodeRange.evaluation[index])
            }
        }
        let refinement = try RefinementRun(
            run: loaded, settings: settings, options: options, episodes: episodes ?? 8, seed: UInt64(seed),
            evaluation: held, source: city)
        print(
            "revenue on \(held.count) held-out episodes: mean, difference to the policy before [95 % interval, paired]")
        var before: [Double] = []
        func watch(_ row: String) -> (RefinementRun.Point) -> Void {
            { point in
                if before.isEmpty { before = point.revenues }
                show(row, point, beside: before)
            }
        }
        let (_, report) = try refinement.refine(watch: watch("refine"))
        describe(report)
        if !alone {
            try refinement.train(fresh: false, watch: watch("train on"))
            try refinement.train(fresh: true, watch: watch("from scratch"))
        }
        if let out {
            try write(refinement, report, to: out)
            print("The refined run is \(out). Compare it with: \(try comparison(out))")
        }
    }

    /// Makes a run of the refined policy, whose configuration names the new episodes.
    private func write(_ refinement: RefinementRun, _ report: RefinementRun.Report, to out: String) throws {
        let city = try Scenario.find(episodesFrom.scenario)
        let flags = episodesFrom.recordedFlags
        try refinement.write(report, to: out, scenario: city) { settings in
            settings.scenario = episodesFrom.scenario
            (settings.orders, settings.workersFile) = (flags["orders"] ?? "", flags["workers-file"] ?? "")
            (settings.format, settings.cut) = (flags["format"] ?? "", flags["cut"] ?? "")
            (settings.days, settings.from) = (flags["days"] ?? "", flags["from"] ?? "")
            (settings.part, settings.terms) = (flags["part"] ?? "", flags["terms"] ?? "")
            (settings.columns, settings.units) = (flags["columns"] ?? "", flags["units"] ?? "")
            settings.zone = flags["zone"] ?? ""
            settings.skipBadRows = flags["skip-bad-rows"] == "true"
            guard !tasks.isEmpty || !workers.isEmpty else { return }
            (settings.tasks, settings.workers) = (tasks, workers)
            (settings.tasksFixed, settings.workersFixed) = (tasksFixed ?? 200, workersFixed ?? 200)
        }
    }

    /// The command that plays the refined run beside the one that it was made from.
    private func comparison(_ out: String) throws -> String {
        let made = try LoadedRun(out)
        return Comparison(made.configuration, folder: out).command + "," + Comparison.quoted(folder)
    }

    /// One row: the mean over the held-out episodes, and what it is above the policy before, pair by pair.
    private func show(_ row: String, _ point: RefinementRun.Point, beside before: [Double]) {
        let summary = Summary(point.revenues)
        let gain = Summary.paired(point.revenues, minus: before)
        print(
            Terminal.left(row, 14) + Terminal.left(point.stage, 10) + Terminal.left("\(point.episodes) episodes", 14)
                + String(format: "%.3f", summary.mean)
                + (point.revenues == before
                    ? "" : String(format: "  %+.3f [%+.3f, %+.3f]", gain.mean, gain.lower, gain.upper)))
    }

    private func describe(_ report: RefinementRun.Report) {
        let phi = report.columns.indices.map { k in
            "\(report.columns[k]) " + String(format: "%.3f -> %.3f", report.phiBefore[k], report.phiAfter[k])
        }
        print("  phi: " + phi.joined(separator: ", "))
        if let fit = report.fit {
            print(String(format: "  L_Lambda %.4g -> %.4g, rank %d", fit.before, fit.after, fit.rank))
        }
        if let carry = report.carry {
            print(
                "  theta: \(carry.solve.status.rawValue), \(carry.solve.iterations) iterations, residual "
                    + String(
                        format: "%.2g, step share %.2g, KL %.2g", carry.solve.residual, carry.scale, carry.divergence))
        }
    }
}
