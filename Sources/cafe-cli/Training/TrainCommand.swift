internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli train`: trains a dispatch policy.
struct TrainCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a policy by independent PPO and keep the run in a folder.",
        discussion: """
            Every worker follows one shared policy that scores each task it could take, and learns from the reward \
            named by reward.variant. Episodes of many sizes are mixed, so one policy serves any number of tasks and \
            workers. The run folder holds the configuration, metrics (CSV and JSON lines), checkpoints, evaluations \
            and the policy; 'resume' continues it after Ctrl-C or a crash with the same bits.

            Every setting is a key of the configuration: --config FILE reads a YAML file, --set overrides single keys, \
            --print-config shows them all with their meaning.

            With --orders, hold out what you will evaluate on: days by episodes.days, or rows by episodes.part where \
            the file has one day or no times.

            --env simple_spread trains on that particle environment instead, to compare this learner with others: keys \
            of the same names where they mean the same, the same run folder, and 'resume' and 'evaluate' take it too.

            Example: cafe-cli train --scenario chengdu --out runs/first
                     cafe-cli train --env simple_spread --out runs/spread
                     cafe-cli train --orders orders.csv --set episodes.days=0-14 --out runs/mine
                     cafe-cli evaluate --orders orders.csv --days 15-22 --policy coalition,runs/mine
                     cafe-cli train --scenario haikou --set reward.variant=share --set ppo.clipCoef=0.1 --out runs/b
            """)

    @OptionGroup var ranks: RankOptions

    @Option(help: "The game: dispatch (the default), or simple_spread.")
    var env: String?

    @Option(help: "A built-in city (chengdu, haikou) or a scenario file (key episodes.scenario).")
    var scenario: String?

    @Option(help: "Recorded orders in place of the generator; how they are read is set by the keys episodes.*.")
    var orders: String?

    @Option(help: "A configuration file (YAML); keys that it lacks keep their defaults.")
    var config: String?

    @Option(name: .customLong("set"), help: "Override one key, for example ppo.clipCoef=0.1. May be repeated.")
    var overrides: [String] = []

    @Option(help: "The run's folder. It must not hold a run yet.")
    var out: String?

    @Option(help: "Iterations of training (key iterations).", transform: Limits.iterations.parse)
    var iterations: Int?

    @Option(help: "Seed of every random stream (key seed).")
    var seed: Int?

    @Option(
        help: "Threads to use; 0 takes every processor. Changes nothing but the time.", transform: Limits.threads.parse)
    var threads: Int = 0

    @Flag(help: "Print the configuration that would be used, and stop.")
    var printConfig = false

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    func run() throws {
        if orders == "" { throw ValidationError("--orders is empty: name a file, or leave it out.") }
        let game = try env.map(GameChoice.init) ?? GameChoice(configuration: config)
        if case .fixedHorizon(let game) = game { return try trainFixedHorizon(game) }
        var settings = try config.map { try TrainingConfiguration(contentsOf: $0) } ?? TrainingConfiguration()
        if let scenario { settings.scenario = scenario }
        if let orders { settings.orders = orders }
        guard let out = try prepare(&settings) else { return }
        let display = TrainingDisplay(quiet: quiet)
        let city = try Scenario.find(settings.scenario)
        let (source, notes) = try SourceOptions(settings, scenario: settings.scenario).open()
        for note in notes { display.note("note: \(note)") }
        if let note = SourceOptions.shortage(source, tasks: settings.episodeSettings.settings.map(\.tasks).max() ?? 0) {
            display.note("note: \(note)")
        }
        let sizes = settings.episodeSettings.settings
        if let fixed = SourceOptions.base(of: source) as? FixedInstance {
            let keys = ["tasks", "workers", "tasksFixed", "workersFixed"].map { "episodes." + $0 }
            try SourceOptions.refuse(
                keys.map { key in ("--set " + key, overrides.contains { $0.hasPrefix(key + "=") }) }, for: fixed)
        } else if let largest = sizes.max(by: { $0.tasks < $1.tasks }) {
            SourceOptions.warnOfReach(
                source, tasks: largest.tasks, workers: largest.workers, seed: UInt64(settings.seed))
        }
        try FileOptions.checkFolder(out)
        let run = try TrainingRun.create(settings, scenario: city, source: source, folder: out)
        try display.follow(run)
    }

    /// Sets what the options say and the number of threads. Returns the run's folder; nil where the configuration is to
    /// be printed, which it is.
    private func prepare(_ settings: inout some KeyedConfiguration) throws -> String? {
        if let iterations { try settings.set("iterations", to: String(iterations)) }
        if let seed { try settings.set("seed", to: String(seed)) }
        try settings.apply(overrides: overrides)
        try settings.validate()
        if printConfig {
            print(settings.text, terminator: "")
            return nil
        }
        Output.startThreads(threads)
        guard let out else { throw ValidationError("Name the run's folder with --out, for example --out runs/first.") }
        return out
    }

    /// A run of `FixedHorizonTrainer`.
    private func trainFixedHorizon(_ game: BatchedGame) throws {
        for (name, value) in [("--scenario", scenario), ("--orders", orders)] where value != nil {
            throw ValidationError("\(name) belongs to dispatch, not to --env \(game.rawValue).")
        }
        var settings =
            try config.map { try FixedHorizonConfiguration(contentsOf: $0) } ?? FixedHorizonConfiguration()
        settings.game = game
        guard let out = try prepare(&settings) else { return }
        try TrainingDisplay(quiet: quiet).follow(try FixedHorizonRun.create(settings, folder: out))
    }
}

/// What `--env` or a configuration file asks to train on.
private enum GameChoice {
    case dispatch
    case fixedHorizon(BatchedGame)

    init(_ name: String) throws {
        if name == "dispatch" {
            self = .dispatch
        } else if let game = BatchedGame(rawValue: name) {
            self = .fixedHorizon(game)
        } else {
            let names = ["dispatch"] + BatchedGame.allCases.map(\.rawValue)
            throw ValidationError("--env \(name) is not one of \(names.joined(separator: ", ")).")
        }
    }

    init(configuration path: String?) throws {
        guard let path, FixedHorizonRun.isConfiguration(path) else {
            self = .dispatch
            return
        }
        self = .fixedHorizon(try FixedHorizonConfiguration(contentsOf: path).game)
    }
}

extension SourceOptions {
    /// The flags that a run's configuration stands for; `scenario` is a name or a file.
    init(_ settings: TrainingConfiguration, scenario: String) throws {
        var flags = [
            "orders": settings.orders, "workers-file": settings.workersFile, "format": settings.format,
            "cut": settings.cut, "days": settings.days, "from": settings.from, "part": settings.part,
            "terms": settings.terms, "columns": settings.columns, "units": settings.units, "zone": settings.zone,
        ]
        if settings.skipBadRows { flags["skip-bad-rows"] = "true" }
        try self.init(flags: flags, scenario: scenario)
    }
}
