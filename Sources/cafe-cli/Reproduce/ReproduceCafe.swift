internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli reproduce cafe`: the paper's two tables and its Fig. 7.
struct ReproduceCafe: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "cafe",
        abstract: "The CAFE paper's tables over tasks and workers, and its training curves.",
        discussion: """
            For every seed one policy a city is trained on mixed settings for each learnt row, and evaluated in every \
            setting on the same episodes as the rules. CAFE is CA-noFE refined in each setting on training episodes of \
            that setting. Learnt rows draw their actions, as in \
            training. Finished runs and cells stay in the output folder: a reproduction that was cut goes on \
            where it stopped, by the same options. Results: tables.md, .csv, .json and .svg, and curves.csv and .svg.

            --quick takes minutes: one seed, short training, three columns. The full one (5 seeds, 60 iterations, \
            all columns) trains 30 policies for the tables and 40 more for --curves.

            Example: cafe-cli reproduce cafe --quick --out runs/cafe-quick
            """)

    @OptionGroup var ranks: RankOptions

    @Option(help: "Folder of runs, cells and results.")
    var out: String = "runs/reproduce-cafe"

    @Flag(help: "Minutes instead of hours: see above.")
    var quick = false

    @Option(help: "Seeds; 5, or 1 with --quick.", transform: Limits.runs.parse)
    var seeds: Int?

    @Option(help: "Training iterations of a policy; 60, or 20 with --quick.", transform: Limits.iterations.parse)
    var iterations: Int?

    @Option(
        help: "Evaluation episodes of each seed in each setting; 10, or 4 with --quick.",
        transform: Limits.episodes.parse)
    var evaluationEpisodes: Int?

    @Option(help: "Columns of the tables (50 to 350); all, or 50 200 350 with --quick.")
    var columns: [Int] = []

    @Option(help: "Cities; both unless given.")
    var cities: [String] = []

    @Option(help: "Updates of the refinement, 8 episodes each.", transform: Limits.updates.parse)
    var updates: Int = 4

    @Option(
        help: "Generations of the learnt coalition policy; 100, or 20 with --quick.", transform: Limits.iterations.parse
    )
    var generations: Int?

    @Option(
        help: "Episodes of each seed for the bounds of full information; 1, or 0 with --quick.",
        transform: Limits.optionalEpisodes.parse)
    var boundEpisodes: Int?

    @Flag(help: "Train every reward of Fig. 7, not only those of the tables.")
    var curves = false

    @Option(name: .customLong("set"), help: "Override a key of the training configuration. May be repeated.")
    var overrides: [String] = []

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    func validate() throws {
        for column in columns where !ReproduceCafePublished.columns.contains(column) {
            throw ValidationError("--columns \(column): the tables have \(ReproduceCafePublished.columns).")
        }
        for city in cities where !ReproduceCafePublished.cities.contains(city) {
            throw ValidationError("--cities \(city): the paper has \(ReproduceCafePublished.cities).")
        }
        for (name, value) in [
            ("seeds", seeds), ("iterations", iterations), ("evaluation-episodes", evaluationEpisodes),
            ("generations", generations),
        ] {
            if let value, value < 1 { throw ValidationError("--\(name) \(value) is less than 1.") }
        }
        if updates < 1 { throw ValidationError("--updates \(updates) is less than 1.") }
    }

    func run() throws {
        Output.startThreads(threads)
        let plan = ReproduceCafePlan(
            store: ReproduceCafeStore(folder: out), seeds: seeds ?? (quick ? 1 : 5),
            iterations: iterations ?? (quick ? 20 : 60), episodes: evaluationEpisodes ?? (quick ? 4 : 10),
            columns: columns.isEmpty ? (quick ? [50, 200, 350] : ReproduceCafePublished.columns) : columns.sorted(),
            cities: cities.isEmpty ? ReproduceCafePublished.cities : cities, updates: updates,
            generations: generations ?? (quick ? 20 : 100), boundEpisodes: boundEpisodes ?? (quick ? 0 : 1),
            overrides: overrides)
        try FileOptions.checkFolder(out)
        try plan.bind()
        let clock = ReproduceCafeClock(cells: plan.missingCount)
        do {
            try plan.prepare(curves: curves)
            for seed in 1...plan.seeds {
                for city in plan.cities {
                    try plan.measure(city: city, seed: seed, clock)
                    try plan.write()
                }
            }
            if curves { try plan.trainCurves() }
        } catch is ReproduceCafePlan.Stopped {
            Output.note("Stopped. Go on by the same command: what is done stays in \(out).")
            throw ExitCode(130)
        }
        try plan.write()
        print("\(out)/tables.md written after \(Terminal.duration(clock.seconds))")
    }
}
