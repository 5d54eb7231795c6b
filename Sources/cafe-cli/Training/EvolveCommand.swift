internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli evolve`: learns inside the coalition rule.
struct EvolveCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "evolve",
        abstract: "Learn the price and the rank of the coalition rule by evolution (CMA-ES).",
        discussion: """
            The dispatcher forms teams as the coalition rule does, with a learnt price of each worker's time and a \
            learnt rank of teams. One policy serves all numbers of tasks and workers of a city. The run's folder holds \
            policy.yaml (what evaluate --policy reads), metrics, and checkpoints: a run that was stopped, by Ctrl-C or a \
            crash, goes on with 'resume' and ends with the same bits. The clock decides only when to stop; --generations \
            ends at the same bits on every machine.

            With --orders it learns on recorded orders; hold out days (--days) or rows (--part) to evaluate on.

            Keys for --set: \(EvolutionOptions.keys.joined(separator: ", ")).

            Example: cafe-cli evolve --scenario chengdu --out runs/cd --minutes 10
                     cafe-cli resume runs/cd --iterations 200
                     cafe-cli evaluate --scenario chengdu --policy coalition,runs/cd
                     cafe-cli evolve --orders orders.csv --days 0-14 --out runs/days --generations 60
                     cafe-cli evaluate --orders orders.csv --days 15- --policy coalition,runs/days
                     cafe-cli evolve --start cafe-chengdu --set jointTraining=true --out runs/on
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var ranks: RankOptions

    @Option(help: "The run's folder. It must not hold a run yet.")
    var out: String

    @Option(
        help: "Start from the weights of this policy (cafe-chengdu, a run of evolve, a file), not from the plain rule.")
    var start: String?

    @Option(help: "Stop after so many minutes.")
    var minutes: Double?

    @Option(
        help: "Stop after so many generations in all (100 unless --minutes is given).",
        transform: Limits.iterations.parse)
    var generations: Int?

    @Option(help: "Candidates in a generation (key population).", transform: Limits.population.parse)
    var population: Int?

    @Option(help: "Seed of every random stream (key seed).")
    var seed: UInt64?

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    @Option(name: .customLong("set"), help: "Override one key, for example episodes=2. May be repeated.")
    var overrides: [String] = []

    @Flag(help: "The same as the command resume, which takes every kind of run.")
    var resume = false

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    func validate() throws {
        if let minutes, !(minutes > 0 && minutes <= 1e9) {
            throw ValidationError("--minutes \(minutes) is not above 0 and at most 1e9.")
        }
        if resume && (population != nil || seed != nil || !overrides.isEmpty || source.orders != nil || start != nil) {
            throw ValidationError(
                "A resumed run keeps its options: leave out --population, --seed, --set, --start and --orders.")
        }
    }

    func run() throws {
        Output.startThreads(threads)
        if resume {
            note(
                "note: --resume does what 'cafe-cli resume \(Comparison.quoted(out))' does, which takes every kind of run"
            )
            let display = TrainingDisplay(quiet: quiet)
            return try ResumeCommand.resume(out, iterations: generations, minutes: minutes, display: display)
        }
        try TrainingDisplay(quiet: quiet).follow(try begin(), minutes: minutes)
    }

    private func begin() throws -> EvolutionRun {
        var options = EvolutionOptions()
        for text in overrides {
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("--set \(text): write KEY=VALUE, for example episodes=2.")
            }
            try options.set(String(text[..<equals]), to: String(text[text.index(after: equals)...]))
        }
        if let population { options.population = population }
        if let seed { options.seed = seed }
        try options.validate()
        if source.scenario == "random" { return try beginRandom(options) }
        let city = try Scenario.find(source.scenario)
        let (episodes, notes) = try source.open(drawingFrom: city)
        for line in notes { note("note: \(line)") }
        if let line = SourceOptions.shortage(episodes, tasks: options.settings.map(\.tasks).max() ?? 0) {
            note("note: \(line)")
        }
        let first = try startPolicy()
        if options.relocate != .off { try RelocationFlag.check(episodes) }
        if let fixed = SourceOptions.base(of: episodes) as? FixedInstance {
            try SourceOptions.refuse([("--set settings", sets("settings"))], for: fixed)
        } else {
            let largest = options.settings.max { $0.tasks < $1.tasks } ?? options.settings[0]
            SourceOptions.warnOfReach(episodes, tasks: largest.tasks, workers: largest.workers, seed: options.seed)
        }
        try FileOptions.checkFolder(out)
        note("Measuring the plain rule in \(episodes.name).")
        return try EvolutionRun(
            creating: out, scenario: city, options: options, start: first, source: episodes,
            recorded: source.recordedFlags, generations: limit)
    }

    /// Whether --set sets a key.
    private func sets(_ key: String) -> Bool { overrides.contains { $0.hasPrefix(key + "=") } }

    /// A run on random scenarios.
    private func beginRandom(_ options: EvolutionOptions) throws -> EvolutionRun {
        if let flag = source.given.first(where: { $0 != "--scenario" }) {
            throw ValidationError("--scenario random draws its own episodes: leave out \(flag).")
        }
        var options = options
        options.isRandom = true
        var city = Scenario.chengdu
        city.name = "random"
        return try EvolutionRun(
            creating: out, scenario: city, options: options, start: try startPolicy(), generations: limit)
    }

    private func startPolicy() throws -> LearntCoalitionPolicy? {
        try start.map { name in
            guard let policy = try LearntCoalitionPolicy.named(name) else {
                throw CSCError.file(path: name, reason: "is neither a learnt coalition policy nor a run of evolve")
            }
            return policy
        }
    }

    /// How many generations the run has in all; nil where minutes end it.
    private var limit: Int? { generations ?? (minutes == nil ? 100 : nil) }

    private func note(_ line: String) {
        if !quiet { Output.note(line) }
    }
}
