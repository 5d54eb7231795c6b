/// A training run and its folder: configuration, metrics, checkpoints, evaluations and the policy.
///
/// | file | what it holds |
/// |---|---|
/// | `config.yaml`, `scenario.yaml` | everything that decides the run |
/// | `metrics.csv`, `metrics.jsonl` | one row an iteration; the same bytes for the same configuration |
/// | `timing.csv`, `timing.jsonl` | decisions per second and seconds of each phase: what the machine decides |
/// | `checkpoints/` | the last few states, and the best |
/// | `evaluation.json` | revenue on held-out episodes in marl-eval's layout |
/// | `policy.ckpt` | the policy alone, for `evaluate` and `DispatchPolicy` |
///
/// A run that was killed continues from its last checkpoint and ends with the same bytes as one that was not.
public final class TrainingRun {
    /// Where all of the run's files lie.
    public let folder: String
    /// Everything that decides the run, as in `config.yaml`.
    public let configuration: TrainingConfiguration
    /// The training loop, its networks and its extensions.
    public let trainer: Trainer<SpatialCrowdsourcing>
    /// What a progress display needs, after every iteration.
    public struct Progress: Sendable {
        /// What the last iteration did.
        public var report: IterationReport
        /// Iterations that the whole run is to have.
        public var iterations: Int
        /// Decisions of the whole run so far, those before it was resumed included.
        public var totalDecisions: Int
        /// Mean revenue on held-out episodes over greedy's, of the last evaluation; NaN before the first.
        public var versusGreedy: Double
        /// The best so far.
        public var bestVersusGreedy: Double
        /// Seconds since this process began the run.
        public var seconds: Double
        /// Decisions per second in these seconds.
        public var decisionsPerSecond: Double
        /// Whether this iteration ended with an evaluation.
        public var justEvaluated: Bool
        /// Whether this iteration ended with a checkpoint.
        public var justSaved: Bool
    }

    /// One evaluation on held-out episodes.
    struct Evaluated {
        var iteration: Int
        var decisions: Int
        var revenues: [Double]
    }

    private let files: RunFolder
    private let evaluation: RunEvaluation
    private var history: [Evaluated] = []
    private var versusGreedy = Double.nan
    private var best = -Double.infinity

    // MARK: Beginning and resuming

    /// Begins a run in a new folder. Throws `CSCError.invalid` where the folder already holds a run, and what the
    /// configuration or the disk make wrong.
    ///
    /// - Parameters:
    ///   - scenario: the city, saved in the folder.
    ///   - source: where episodes come from; nil for the scenario's generator.
    public static func create(
        _ configuration: TrainingConfiguration, scenario: Scenario, source: (any InstanceSource)? = nil,
        folder: String, extensions: [any TrainerExtension] = []
    ) throws -> TrainingRun {
        try configuration.validate()
        try scenario.validate()
        try RunFolder.requireNew(folder)
        try AtomicFile.makeFolder(folder)
        try AtomicFile.write(try scenario.yaml(), to: AtomicFile.join(folder, "scenario.yaml"))
        try AtomicFile.write(configuration.text, to: RunFolder.configuration(of: folder))
        return try TrainingRun(configuration, source ?? scenario, folder, extensions, resuming: nil)
    }

    /// Continues the run of a folder from its newest whole checkpoint, or from the beginning where it has none.
    ///
    /// - Parameters:
    ///   - iterations: a new number of iterations in all; nil keeps the configuration's.
    ///   - source: where episodes come from, made from the folder's configuration and scenario; nil for the scenario.
    /// - Returns: the run, and an error for each damaged checkpoint that was passed over.
    /// - Throws: `CSCError` where the folder is no run, or all its checkpoints are damaged.
    public static func resume(
        _ folder: String, iterations: Int? = nil, extensions: [any TrainerExtension] = [],
        source makeSource: ((TrainingConfiguration, Scenario) throws -> any InstanceSource)? = nil
    ) throws -> (run: TrainingRun, refused: [CSCError]) {
        var configuration = try TrainingConfiguration(contentsOf: RunFolder.configuration(of: folder))
        let scenario = try Scenario.find(AtomicFile.join(folder, "scenario.yaml"))
        let source = try makeSource?(configuration, scenario) ?? scenario
        if let iterations {
            configuration.iterations = iterations
            try AtomicFile.write(configuration.text, to: RunFolder.configuration(of: folder))
        }
        let found = try RunFolder.newest(folder, keepLast: configuration.keepLast)
        return (try TrainingRun(configuration, source, folder, extensions, resuming: found), found?.refused ?? [])
    }

    private init(
        _ configuration: TrainingConfiguration, _ source: any InstanceSource, _ folder: String,
        _ extensions: [any TrainerExtension], resuming found: CheckpointFolder.Found?
    ) throws {
        self.configuration = configuration
        self.folder = folder
        let seed = UInt64(configuration.seed)
        let assembly = try TrainerAssembly(
            configuration, ppo: configuration.ppo, settings: configuration.episodeSettings, policySeed: seed,
            seed: seed, source: source, extensions: extensions)
        trainer = assembly.trainer
        evaluation = RunEvaluation(
            source: source, settings: configuration.episodeSettings.settings,
            episodes: configuration.evaluationEpisodes, options: configuration.game, seed: seed)

        let columns =
            ["charts/episodic_return", "charts/episodic_length", "charts/decisions"] + Learner.metricColumns
            + ["eval/revenue", "eval/versus_greedy"] + assembly.extensions.flatMap(\.metricColumns)
        let clock = ["charts/SPS", "time/seconds"] + Trainer<SpatialCrowdsourcing>.phases.map { "time/" + $0 }
        files = try RunFolder(
            folder, keepLast: configuration.keepLast, metrics: columns, timing: clock, resuming: found)
        if let found {
            try trainer.load(from: found.checkpoint)
            try loadEvaluations(found.checkpoint)
        }
    }

    /// The iteration after which the run goes on: 0 for a new one.
    public var iteration: Int { trainer.learner.iteration }

    // MARK: Running

    /// Trains until `configuration.iterations`, or until `shouldStop` says so between two iterations; then saves.
    ///
    /// - Returns: whether the run is complete.
    @discardableResult
    public func run(
        shouldStop: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }
    ) throws -> Bool {
        var clock = Stopwatch()
        var seconds = 0.0
        var decisions = 0
        var saved = iteration
        while iteration < configuration.iterations {
            let report = try trainer.iterate()
            let last = iteration == configuration.iterations
            let stopping = shouldStop()
            let due = configuration.evaluateEvery > 0 && iteration % configuration.evaluateEvery == 0
            var isBest = false
            if due || last { isBest = try evaluate() }
            try writeMetrics(report, evaluated: due || last)
            let lap = clock.lap()
            seconds += lap
            decisions += report.decisions
            try files.timing.append(
                iteration: iteration, values: [Double(report.decisions) / lap, seconds] + report.seconds)
            let saves = isBest || last || stopping || iteration % configuration.checkpointEvery == 0
            if saves {
                try save(isBest: isBest)
                saved = iteration
            }
            progress(
                Progress(
                    report: report, iterations: configuration.iterations, totalDecisions: trainer.totalDecisions,
                    versusGreedy: versusGreedy, bestVersusGreedy: best, seconds: seconds,
                    decisionsPerSecond: Double(decisions) / seconds, justEvaluated: due || last, justSaved: saves))
            if stopping { break }
        }
        if saved < iteration { try save(isBest: false) }
        return iteration >= configuration.iterations
    }

    /// Evaluates the policy on the held-out episodes. Returns whether it is the best so far.
    private func evaluate() throws -> Bool {
        let revenues = evaluation.evaluate(trainer.learner.policy, seed: UInt64(configuration.seed))
        history.append(Evaluated(iteration: iteration, decisions: trainer.totalDecisions, revenues: revenues))
        versusGreedy = evaluation.versusGreedy(revenues)
        defer { best = max(best, versusGreedy) }
        try AtomicFile.write(evaluationFile().pretty, to: files.file("evaluation.json"))
        return versusGreedy > best
    }

    private func writeMetrics(_ report: IterationReport, evaluated: Bool) throws {
        let revenue = evaluated ? Statistics.mean(history.last?.revenues ?? []) : .nan
        try files.metrics.append(
            iteration: iteration,
            values: [report.episodicReturn, report.episodicLength, Double(trainer.totalDecisions)]
                + trainer.learner.values(of: report.ppo) + [revenue, evaluated ? versusGreedy : .nan]
                + report.extensionValues)
    }

    // MARK: Checkpoints

    private func save(isBest: Bool) throws {
        var checkpoint = Checkpoint()
        trainer.save(to: &checkpoint)
        checkpoint.set("evaluations", integers: history.flatMap { [$0.iteration, $0.decisions] })
        checkpoint.set("evaluated revenues", doubles: history.flatMap(\.revenues))
        checkpoint.set("best", doubles: [versusGreedy, best])
        try files.checkpoints.save(checkpoint, iteration: iteration, isBest: isBest)
        var policy = Checkpoint()
        trainer.learner.policy.save(to: &policy)
        try policy.write(to: files.file("policy.ckpt"))
    }

    private func loadEvaluations(_ checkpoint: Checkpoint) throws {
        let steps = try checkpoint.integers("evaluations", in: Checkpoint.counters)
        let settings = evaluation.settings.count
        let revenues = try checkpoint.doubles("evaluated revenues", count: steps.count / 2 * settings)
        history = (0..<steps.count / 2).map { index in
            Evaluated(
                iteration: steps[2 * index], decisions: steps[2 * index + 1],
                revenues: Array(revenues[index * settings..<(index + 1) * settings]))
        }
        let marks = try checkpoint.doubles("best", count: 2, finite: false)
        (versusGreedy, best) = (marks[0], marks[1])
    }

    /// The evaluations so far in marl-eval's layout, beside greedy's, which is the same at every step.
    private func evaluationFile() throws -> JSON {
        var file = MarlEval(environment: configuration.scenario, metric: "revenue")
        let run = "seed_\(configuration.seed)"
        for (number, setting) in evaluation.settings.enumerated() {
            let task = "\(setting.tasks) tasks \(setting.workers) workers"
            func add(_ algorithm: String, _ revenue: (Evaluated) -> Double) throws {
                let steps = history.map { MarlEval.Step(stepCount: $0.decisions, values: [revenue($0)]) }
                try file.add(
                    task: task, algorithm: algorithm, run: run, steps: steps,
                    absolute: [history.map(revenue).max() ?? .nan])
            }
            try add("ippo-\(configuration.rewardVariant)") { $0.revenues[number] }
            try add("greedy") { _ in evaluation.greedy[number] }
        }
        return file.json
    }
}
