internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli refine`: swift parameter refinement of a trained run when the tasks have changed.
struct RefineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refine",
        abstract: "Adapt a trained run to new tasks by refitting the credit and a few updates.",
        discussion: """
            On episodes of the new scenario the credit weights phi are solved anew, the policy is carried along the \
            implicit function, and a few PPO updates follow. Beside it: training on without the solve, and training \
            from fresh networks, on as many episodes. All are evaluated on the same held-out episodes.

            It needs a run of train, whose credit can be solved anew. A learnt coalition rule, such as cafe, has none: \
            'cafe-cli fit --start NAME' specialises it to other tasks.

            Example: cafe-cli refine runs/first --scenario shifted.yaml --tasks 200 --workers-fixed 100 --out runs/second
                     cafe-cli evaluate --scenario shifted.yaml --workers 100 --policy coalition,runs/first,runs/second
            """)

    @Argument(help: ArgumentHelp("The run's folder.", valueName: "run"))
    var folder: String

    @OptionGroup var episodesFrom: SourceOptions

    @Option(help: "Numbers of tasks, with --workers-fixed workers.", transform: Limits.trainingSize.parse)
    var tasks: [Int] = []

    @Option(help: "Numbers of workers, with --tasks-fixed tasks.", transform: Limits.trainingSize.parse)
    var workers: [Int] = []

    @Option(help: "Tasks while the workers vary.", transform: Limits.trainingSize.parse)
    var tasksFixed: Int = 200

    @Option(help: "Workers while the tasks vary.", transform: Limits.trainingSize.parse)
    var workersFixed: Int = 200

    @Option(help: "New episodes of each update.", transform: Limits.heldEpisodes.parse)
    var episodes: Int = 8

    @Option(help: "Policy updates after the solve.", transform: Limits.updates.parse)
    var updates: Int = 4

    @Option(help: "Held-out episodes of each setting.", transform: Limits.optionalEpisodes.parse)
    var evaluationEpisodes: Int = 10

    @Option(help: "Lower bound of the learnt credit's weight.")
    var floor: Double = 0.2

    @Option(help: "Seed of the new episodes.")
    var seed: Int = 1

    @Option(help: "The folder of a new run with the refined policy, which every command reads.")
    var out: String?

    @Flag(help: "Refine only; leave out the comparisons.")
    var alone = false

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    func validate() throws {
        for (name, value) in [
            ("episodes", episodes), ("evaluation-episodes", evaluationEpisodes), ("tasks-fixed", tasksFixed),
            ("workers-fixed", workersFixed),
        ] + tasks.map({ ("tasks", $0) }) + workers.map({ ("workers", $0) }) where value < 1 {
            throw ValidationError("--\(name) \(value) is less than 1.")
        }
        if !(0...1).contains(floor) { throw ValidationError("--floor \(floor) is not from 0 to 1.") }
        if seed < 0 { throw ValidationError("--seed \(seed) is negative.") }
    }

    func run() throws {
        try FileOptions.checkFolder(out)
        try refuseRule()
        Output.startThreads(threads)
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
        options.updates = updates
        options.floor = floor
        let held = settings.settings.flatMap { setting in
            (0..<evaluationEpisodes).map { index in
                city.instance(
                    tasks: setting.tasks, workers: setting.workers, seed: UInt64(seed),
                    episode: EpisodeRange.evaluation[index])
            }
        }
        let refinement = try RefinementRun(
            run: loaded, settings: settings, options: options, episodes: episodes, seed: UInt64(seed),
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

    /// Refuses a learnt coalition rule, which has no credit, and names the command that specialises it.
    /// - Throws: `ValidationError`, and `CSCError` where a policy's file is damaged.
    private func refuseRule() throws {
        if try DispatchPolicy.isRun(folder) || LearntCoalitionPolicy.named(folder) == nil { return }
        let words = ["cafe-cli", "fit", "--start", folder] + episodesFrom.words + ["--out", out ?? "runs/fitted"]
        throw ValidationError(
            "\(folder) is a learnt coalition rule: it has no credit that could be solved anew. Specialise it to other "
                + "tasks by: \(words.map(Comparison.quoted).joined(separator: " "))")
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
            (settings.tasksFixed, settings.workersFixed) = (tasksFixed, workersFixed)
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
