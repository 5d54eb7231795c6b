internal import Foundation

/// A run of PPO on dispatch: `Run` with `config.yaml`, `scenario.yaml` and `policy.ckpt`, which `DispatchPolicy` reads.
public typealias TrainingRun = Run<DispatchTraining>

extension Run where Method == DispatchTraining {
    /// Everything that decides the run, as in `config.yaml`.
    public var configuration: TrainingConfiguration { method.configuration }
    /// The training loop, its networks and its extensions.
    package var trainer: Trainer<SpatialCrowdsourcing> { method.trainer }

    /// Begins a run in a new folder. Throws `CSCError.invalid` where the folder already holds a run, and what the
    /// configuration or the disk make wrong. O(parameters), and the episodes of greedy play.
    ///
    /// - Parameters:
    ///   - configuration: everything that decides the run, saved in the folder.
    ///   - scenario: the city, saved in the folder.
    ///   - source: where episodes come from; nil for the scenario's generator.
    ///   - folder: the path of the run's folder.
    public static func create(
        _ configuration: TrainingConfiguration, scenario: Scenario, source: (any InstanceSource)? = nil,
        folder: String
    ) throws -> TrainingRun {
        try create(configuration, scenario: scenario, source: source, folder: folder, extensions: [])
    }

    /// The same with extensions of one's own between the episodes and the update.
    package static func create(
        _ configuration: TrainingConfiguration, scenario: Scenario, source: (any InstanceSource)? = nil,
        folder: String, extensions: [any TrainerExtension]
    ) throws -> TrainingRun {
        try TrainingRun(creating: folder, describedBy: "config.yaml") {
            let city = try Scenario.read(yaml: scenario.yaml())  // as a resumed run reads it
            return try DispatchTraining(
                configuration, city, source: source is Scenario ? city : source ?? city, extensions: extensions)
        }
    }

    /// Begins a run in a new folder from a trainer that has been trained before, such as by refinement: the run
    /// continues after `trainer`'s iteration.
    static func create(
        _ configuration: TrainingConfiguration, scenario: Scenario, source: any InstanceSource, folder: String,
        state: Checkpoint
    ) throws -> TrainingRun {
        try TrainingRun(creating: folder, describedBy: "config.yaml") {
            let method = try DispatchTraining(configuration, scenario, source: source, extensions: [])
            try method.load(from: state)
            return method
        }
    }

    /// Continues the run of a folder; see `Run`. O(size of the files).
    ///
    /// - Parameters:
    ///   - folder: the path of the run's folder.
    ///   - iterations: a new number of iterations in all, 1 to 10 million; nil keeps the configuration's.
    ///   - makeSource: makes where episodes come from of the folder's configuration and scenario; nil for the scenario.
    /// - Returns: the run; its `refused` holds an error for each damaged checkpoint that was skipped.
    /// - Throws: `CSCError` as `Run` does.
    public static func resume(
        _ folder: String, iterations: Int? = nil,
        source makeSource: ((TrainingConfiguration, Scenario) throws -> any InstanceSource)? = nil
    ) throws -> TrainingRun {
        try resume(folder, iterations: iterations, extensions: [], source: makeSource)
    }

    /// The same with extensions of one's own, those that the run was begun with.
    package static func resume(
        _ folder: String, iterations: Int? = nil, extensions: [any TrainerExtension],
        source makeSource: ((TrainingConfiguration, Scenario) throws -> any InstanceSource)? = nil
    ) throws -> TrainingRun {
        if let iterations {
            var allowed = TrainingConfiguration()
            try allowed.set("iterations", to: String(iterations))
        }
        return try TrainingRun(resuming: folder, describedBy: "config.yaml", iterations: iterations) {
            let configuration = try TrainingConfiguration(contentsOf: RunFolder.configuration(of: folder))
            let scenario = try Scenario.find(AtomicFile.join(folder, "scenario.yaml"))
            if makeSource == nil && !configuration.orders.isEmpty {
                throw CSCError.invalid("\(folder) was trained on recorded orders: say how to open them")
            }
            return try DispatchTraining(
                configuration, scenario, source: try makeSource?(configuration, scenario) ?? scenario,
                extensions: extensions)
        }
    }
}

/// Independent PPO on dispatch with its held-out episodes: what a `TrainingRun` trains.
public final class DispatchTraining: Trainable {
    /// Everything that decides the run, as in `config.yaml`.
    public private(set) var configuration: TrainingConfiguration
    /// The city.
    public let scenario: Scenario
    /// The training loop, its networks and its extensions.
    package let trainer: Trainer<SpatialCrowdsourcing>
    /// What decides the run's bits.
    public let identity: RunIdentity
    private let heldOut: HeldOutEpisodes

    init(
        _ configuration: TrainingConfiguration, _ scenario: Scenario, source: any InstanceSource,
        extensions: [any TrainerExtension]
    ) throws {
        try configuration.validate()
        try scenario.validate()
        self.configuration = configuration
        self.scenario = scenario
        let seed = UInt64(configuration.seed)
        trainer = try TrainerAssembly(
            configuration, ppo: configuration.ppo, settings: configuration.episodeSettings, policySeed: seed,
            seed: seed, source: source, extensions: extensions
        ).trainer
        identity = try Self.identity(configuration, scenario, source)
        try Ranks.requireSame(identity.facts)
        heldOut = HeldOutEpisodes(
            source: source, settings: configuration.episodeSettings.settings,
            episodes: configuration.evaluationEpisodes, options: configuration.game, seed: seed)
    }

    // MARK: What it is

    /// The identity of configuration and scenario alone, as the policy's file keeps it.
    static func identity(_ configuration: TrainingConfiguration, _ scenario: Scenario) throws -> RunIdentity {
        var identity = RunIdentity()
        // The orders may have moved: their content counts, below.
        identity.add(
            configuration, file: "config.yaml",
            except: ["iterations", "checkpointEvery", "keepLast", "episodes.orders", "episodes.workersFile"])
        try identity.add(scenario, file: "scenario.yaml")
        return identity
    }

    private static func identity(
        _ configuration: TrainingConfiguration, _ scenario: Scenario, _ source: any InstanceSource
    ) throws -> RunIdentity {
        var identity = try identity(configuration, scenario)
        if !configuration.orders.isEmpty { try identity.add(contentOf: configuration.orders, as: "orders") }
        if !configuration.workersFile.isEmpty { try identity.add(contentOf: configuration.workersFile, as: "workers") }
        let setting = configuration.episodeSettings.settings[0]
        let example = source.instance(
            tasks: setting.tasks, workers: setting.workers, seed: UInt64(configuration.seed),
            episode: EpisodeRange.training[0])
        identity.add(
            ContentHash.digits(ContentHash.sipHash(Array("\(example)".utf8))), file: "episodes", key: "first episode")
        return identity
    }

    /// Iterations, checkpoints and evaluations, as the configuration has them.
    public var schedule: RunSchedule {
        get { configuration.schedule }
        set { configuration.schedule = newValue }
    }

    /// `scenario.yaml`, then `config.yaml`. O(size).
    public var descriptions: [(name: String, text: String)] {
        get throws { [("scenario.yaml", try scenario.yaml()), ("config.yaml", configuration.text)] }
    }

    // MARK: Training

    /// Iterations completed.
    public var iteration: Int { trainer.learner.iteration }
    /// Decisions since the beginning.
    public var totalSteps: Int { trainer.totalDecisions }
    /// The team's return, PPO's losses, and what the extensions add. O(columns).
    public var metricColumns: [String] {
        ["charts/episodic_return", "charts/episodic_length", "charts/decisions"] + Learner.metricColumns
            + trainer.extensions.flatMap(\.metricColumns)
    }
    /// Mean revenue, and its ratio to greedy's.
    public var evaluationColumns: [String] { ["eval/revenue", "eval/versus_greedy"] }
    /// rollout, credit, update.
    public var phases: [String] { Trainer<SpatialCrowdsourcing>.phases }

    /// One iteration of the trainer. Throws `CSCError.invalid` where the credit diverged.
    /// O(decisions * epochs * parameters), and the extensions.
    public func iterate() throws -> TrainedIteration<IterationReport> {
        let report = try trainer.iterate()
        return TrainedIteration(
            report: report,
            metrics: [report.episodicReturn, report.episodicLength, Double(trainer.totalDecisions)]
                + trainer.learner.values(of: report.ppo) + report.extensionValues,
            steps: report.decisions, seconds: report.seconds)
    }

    /// What of the learner is not finite.
    public var notFinite: String? {
        trainer.learner.notFinite ?? trainer.extensions.lazy.compactMap(\.notFinite).first
    }
    /// No worker ever had a task in reach.
    public var nothingPlayed: String {
        "no worker could take any task in any episode, so there is nothing to learn from: look at places, speed, skills, "
            + "shifts and deadlines"
    }

    // MARK: Evaluation

    /// The mean revenue of each setting.
    public var evaluationCount: Int { heldOut.settings.count }
    /// Mean revenue in each setting, by its most probable actions. O(episodes).
    public func evaluate() -> [Double] { heldOut.evaluate(trainer.learner.policy, seed: UInt64(configuration.seed)) }
    /// The mean over settings of the revenue as a multiple of greedy's.
    public func score(of values: [Double]) -> Double { heldOut.versusGreedy(values) }
    /// Mean revenue, and the score.
    public func metrics(of values: [Double]) -> [Double] { [Statistics.mean(values), score(of: values)] }

    /// The evaluations so far in marl-eval's layout, beside greedy's, which is the same at every step.
    /// O(evaluations * settings).
    /// - Throws: `CSCError.invalid` where a name will not do for marl-eval.
    public func evaluationFile(_ history: [RunEvaluation]) throws -> JSON? {
        var file = MarlEval(environment: configuration.scenario, metric: "revenue")
        let run = "seed_\(configuration.seed)"
        for (number, setting) in heldOut.settings.enumerated() {
            let task = "\(setting.tasks) tasks \(setting.workers) workers"
            func add(_ algorithm: String, _ revenue: (RunEvaluation) -> Double) throws {
                let steps = history.map { MarlEval.Step(stepCount: $0.steps, values: [revenue($0)]) }
                try file.add(
                    task: task, algorithm: algorithm, run: run, steps: steps,
                    absolute: [history.map(revenue).max() ?? .nan])
            }
            try add("ippo-\(configuration.rewardVariant)") { $0.values[number] }
            try add("greedy") { _ in heldOut.greedy[number] }
        }
        return file.json
    }

    // MARK: State

    /// Saves the trainer and its extensions. O(parameters), and the extensions.
    public func save(to checkpoint: inout Checkpoint) { trainer.save(to: &checkpoint) }
    /// Takes over a saved state. Throws `CSCError.damaged`. O(parameters), and the extensions.
    public func load(from checkpoint: Checkpoint) throws { try trainer.load(from: checkpoint) }

    /// `policy.ckpt`: the networks, and the configuration and scenario that they belong to. O(parameters).
    /// - Throws: what the encoder of the scenario throws.
    public func policyFile() throws -> (name: String, bytes: [UInt8]) {
        var policy = Checkpoint()
        trainer.learner.policy.save(to: &policy)
        try Self.identity(configuration, scenario).save(to: &policy)
        return ("policy.ckpt", policy.encoded())
    }
}
