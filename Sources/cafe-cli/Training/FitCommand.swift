internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli fit`: specialises the learnt rule to a day of one's own, and never returns something known to be worse.
struct FitCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Specialise 'cafe' to your own day, check it on held-out episodes and keep what is best.",
        discussion: """
            The search (CMA-ES) goes on from the weights of cafe with small steps, on training episodes of the scenario or \
            of the recorded orders. Then the fitted policy, cafe and the tuned coalition rule play episodes on which \
            nothing was learnt; the best is kept, and measured once more on further episodes: that is the gain that is \
            printed. Where its 95 % interval lies below cafe, cafe is kept; where it lies below the rule, the rule.

            Recorded orders: one row in two is fitted to and the other checked on, unless --days and --check-days name \
            days for each.

            The folder holds policy.yaml (what evaluate --policy reads), fit.json (what was measured) and training/, the run \
            of the search. A fit that was stopped goes on by the same command.

            Example: cafe-cli fit --scenario chengdu --tasks 200 --workers 50 --minutes 5 --out runs/mine
                     cafe-cli fit --scenario day.yaml --tasks 2000 --workers 200 --minutes 20 --out runs/day
                     cafe-cli fit --scenario haikou --orders orders.csv --days 0-14 --check-days 15- --out runs/orders
                     cafe-cli evaluate --scenario chengdu --tasks 200 --workers 50 --policy coalition,cafe,runs/mine
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var ranks: RankOptions
    @Option(parsing: .unconditional, help: "The days of --orders that the result is checked on: none of --days.")
    var checkDays: String?
    @Option(parsing: .unconditional, help: "Tasks of an episode.", transform: Limits.trainingSize.parse)
    var tasks = 200
    @Option(parsing: .unconditional, help: "Workers of an episode.", transform: Limits.trainingSize.parse)
    var workers = 50
    @Option(parsing: .unconditional, help: "Minutes of search (default: 5).")
    var minutes: Double?
    @Option(
        parsing: .unconditional, help: "Generations of search, in place of --minutes: the same bits on every machine.",
        transform: Limits.iterations.parse)
    var generations: Int?
    @Option(
        parsing: .unconditional, help: "Episodes that the choice is made on, and as many that it is measured on.",
        transform: Limits.heldEpisodes.parse)
    var episodes = 60
    @Option(
        parsing: .unconditional,
        help: "Training episodes in which the worth of a window's plans is learnt after the search (default: none).",
        transform: Limits.heldEpisodes.parse)
    var plans: Int?
    @Option(parsing: .unconditional, help: "The seed of search and episodes.")
    var seed: UInt64 = 1
    @Option(
        parsing: .unconditional, help: "Threads; 0 for one per processor. Changes nothing but the time.",
        transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "The policy to begin with: a learnt coalition rule.")
    var start = "cafe"
    @Option(help: "The folder of the result.")
    var out: String
    @Flag(help: RelocationFlag.help)
    var relocate = false
    @Flag(help: "Print nothing but the result.")
    var quiet = false

    func validate() throws {
        if let minutes, !(minutes > 0 && minutes <= 1e9) {
            throw ValidationError("--minutes \(minutes) is not above 0 and at most 1e9")
        }
        if minutes != nil && generations != nil {
            throw ValidationError("--minutes and --generations cannot both be given")
        }
        if relocate && plans != nil {
            throw ValidationError(
                "--plans cannot be given with --relocate: the worth of plans is learnt without relocation")
        }
        if episodes < 4 { throw ValidationError("--episodes \(episodes): at least 4 are needed") }
        try split.validate()
    }

    func run() throws {
        try FileOptions.checkFolder(out)
        try checkFree()
        Output.startThreads(threads)
        let (training, checking) = try split.open(tasks: tasks, note: note)
        if relocate { try RelocationFlag.check(training.source) }
        let game = GameOptions(relocate: relocate)
        guard let first = try LearntCoalitionPolicy.named(start) else {
            throw ValidationError(
                "--start \(start) is no learnt coalition rule: name cafe, a run of evolve or a policy's file")
        }
        SourceOptions.warnOfReach(training.source, tasks: tasks, workers: workers, seed: seed)
        try Ranks.requireSame(
            RankFacts.source(source, training.source, tasks: tasks, workers: workers, seed: seed)
                + RankFacts.source(source, checking, tasks: tasks, workers: workers, seed: seed)
                + RankFacts.policies([start]))
        note("Tuning the coalition rule.")
        let (begun, price) = first.tuned(
            to: training.source, tasks: tasks, workers: workers, seed: seed, options: game)
        let search = try search(begun, on: training)
        try follow(search)
        var fitted = search.trainer.policy
        fitted.forecast = begun.forecast
        (fitted.joint, fitted.horizonAhead) = (begun.joint, begun.horizonAhead)
        fitted.name = "fitted"
        let fit = PolicyFit(
            fitted: fitted, withWorth: learnWorth(of: fitted, on: training.source), start: begun, price: price,
            training: training.source, heldOut: checking, tasks: tasks, workers: workers, seed: seed,
            episodes: episodes, options: game)
        try write(fit, generations: search.trainer.generation)
    }

    /// The policy with a worth of its plans, learnt on `plans` training episodes; nil for none.
    private func learnWorth(
        of policy: LearntCoalitionPolicy, on source: any InstanceSource
    ) -> LearntCoalitionPolicy? {
        defer { note("Checking on \(2 * episodes) episodes that nothing was learnt on.") }
        guard let plans else { return nil }
        note("Learning what plans are worth in \(plans) episodes.")
        var options = PlanWorthOptions()
        options.episodes = plans
        var learnt = policy.learningPlanWorth(on: source, tasks: tasks, workers: workers, seed: seed, search: options)
        learnt.name = "fitted-with-worth"
        return learnt
    }

    /// Refuses the folder of another run, whose policy a fit would replace.
    /// - Throws: `CSCError.invalid`.
    private func checkFree() throws(CSCError) {
        try split.checkFree(out)
        let path = AtomicFile.join(out, Self.searchFile)
        guard FileManager.default.fileExists(atPath: path) else { return }
        let known = String(decoding: try AtomicFile.read(path).dropLast(), as: UTF8.self), wanted = searchWords
        guard known == wanted else {
            throw .invalid("\(out) holds another search, '\(known)', and not '\(wanted)': choose another folder")
        }
    }

    /// What decides the search of a folder, beside it: another command must not go on with it.
    private static let searchFile = "search.txt"
    private var searchParts: [String] {
        ["cafe-cli", "fit"] + source.words + (checkDays.map { ["--check-days", $0] } ?? [])
            + ["--tasks", "\(tasks)", "--workers", "\(workers)", "--seed", "\(seed)"]
            + (relocate ? ["--relocate"] : []) + (start == "cafe" ? [] : ["--start", start])
    }
    private var searchWords: String { searchParts.map(Comparison.quoted).joined(separator: " ") }

    /// Where the search plays, and where its result is checked.
    private var split: CheckedSource { CheckedSource(source: source, checkDays: checkDays, command: "fit") }

    /// The run of the search: begun, or continued where the folder holds one.
    private func search(
        _ begun: LearntCoalitionPolicy, on training: CheckedSource.Training
    ) throws -> EvolutionRun {
        let folder = AtomicFile.join(out, "training")
        if RankFacts.isThere(AtomicFile.join(folder, "evolution.yaml")) {
            note("Going on with the search in \(folder).")
            return try EvolutionRun(resuming: folder) { flags, city in
                try SourceOptions(flags: flags, scenario: city.name).open(drawingFrom: city).source
            }
        }
        try AtomicFile.makeFolder(out)
        try AtomicFile.write(searchWords + "\n", to: AtomicFile.join(out, Self.searchFile))
        var options = EvolutionOptions.fitting(tasks: tasks, workers: workers, seed: seed)
        options.relocate = relocate ? .on : .off
        return try EvolutionRun(
            creating: folder, scenario: training.city, options: options, start: begun, source: training.source,
            recorded: training.flags)
    }

    /// Searches until the time or the generations are over.
    private func follow(_ search: EvolutionRun) throws {
        let begun = Date()
        var shown = begun
        let before = search.trainer.generation
        let interrupt = Interrupt()
        while true {
            if Ranks.any(interrupt.requested) {
                try search.save()
                Output.note(
                    "Stopped after generation \(search.trainer.generation). Go on by the same command; nothing was chosen yet."
                )
                throw ExitCode(130)
            }
            let seconds = Date().timeIntervalSince(begun)
            let isOver = generations.map { search.trainer.generation >= $0 } ?? (seconds >= (minutes ?? 5) * 60)
            if Ranks.any(isOver) { break }
            let report = try search.step()
            if Date().timeIntervalSince(shown) < 10 { continue }
            shown = Date()
            let left =
                generations.map { seconds / Double(report.generation - before) * Double($0 - report.generation) }
                ?? ((minutes ?? 5) * 60 - seconds)
            note(
                "generation \(report.generation), \(report.episodes) episodes; about \(Terminal.duration(max(0, left))) left"
            )
        }
        try search.save()
    }

    private func write(_ fit: PolicyFit, generations: Int) throws {
        var policy = fit.policy
        let parts =
            searchParts + ["--generations", "\(generations)", "--episodes", "\(episodes)"]
            + (plans.map { ["--plans", "\($0)"] } ?? [])
        let command = parts.map(Comparison.quoted).joined(separator: " ")
        policy.origin = "\(command): the \(fit.choice.rawValue) policy was kept"
        try AtomicFile.write(policy.text(), to: AtomicFile.join(out, "policy.yaml"))
        let file = JSON.object(
            [
                ("command", .string(command)), ("relocate", .bool(relocate)), ("kept", .string(fit.choice.rawValue)),
                ("episodes", .integer(episodes)), ("generations", .integer(generations)),
            ] + fit.entries)
        try AtomicFile.write(file.pretty, to: AtomicFile.join(out, "fit.json"))
        print(fit.table(kept: kept(fit.choice), start: start))
        print("\(episodes) held-out episodes, 95 % intervals. The policy is \(AtomicFile.join(out, "policy.yaml")).")
        print("Compare it: \(comparison)")
    }

    private func kept(_ choice: PolicyFit.Choice) -> String {
        switch choice {
        case .fitted: "the fitted policy"
        case .start: start
        case .rule: "the coalition rule"
        case .withWorth: "the fitted policy with a worth of its plans"
        }
    }

    /// The command that plays the result on what it was checked on.
    private var comparison: String {
        (["cafe-cli", "compare"] + split.halves.checking.words
            + ["--tasks", "\(tasks)", "--workers", "\(workers)", "--policy", out]
            + (relocate ? ["--relocate"] : [])).map(Comparison.quoted)
            .joined(separator: " ")
    }

    private func note(_ line: String) {
        if !quiet { Output.note(line) }
    }
}
