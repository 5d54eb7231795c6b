internal import Foundation
internal import Yams

/// A run of `CoalitionTrainer`: `Run` with `evolution.yaml`, which holds the scenario and the options, and `policy.yaml`,
/// the learnt policy so far: what `evaluate --policy` reads. An iteration is a generation.
public typealias EvolutionRun = Run<RuleEvolution>

extension Run where Method == RuleEvolution {
    /// What does the work.
    public var trainer: CoalitionTrainer { method.trainer }
    /// The name of the file that describes a run of this kind.
    public static var description: String { "evolution.yaml" }

    /// Whether a folder holds a run of this kind.
    public static func isRun(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: AtomicFile.join(folder, description))
    }

    /// Begins a run in a folder that holds none yet. O(reference episodes).
    ///
    /// - Parameters:
    ///   - folder: the path of the run's folder.
    ///   - scenario: the city; kept in `evolution.yaml`.
    ///   - options: the search's settings and its seed; kept in `evolution.yaml`.
    ///   - start: whose weights the search starts from; nil for the plain rule.
    ///   - source: where episodes come from; nil for the scenario's generator.
    ///   - recorded: what `resume` needs to open that source again; kept in `evolution.yaml`.
    ///   - generations: after how many the run is complete; nil where the caller decides.
    /// - Throws: `CSCError` where the folder holds a run, or cannot be written, or the options make no sense.
    public convenience init(
        creating folder: String, scenario: Scenario, options: EvolutionOptions, start: LearntCoalitionPolicy? = nil,
        source: (any InstanceSource)? = nil, recorded: [String: String] = [:], generations: Int? = nil
    ) throws {
        try self.init(creating: folder, describedBy: Self.description) {
            try RuleEvolution.requireSame(
                RuleEvolution.Description(
                    scenario: scenario, options: options, recorded: recorded, generations: generations),
                source ?? scenario, start)
            let trainer = try CoalitionTrainer(
                scenario: scenario, options: options, start: start, source: source, recorded: recorded)
            return try RuleEvolution(
                RuleEvolution.Description(
                    scenario: scenario, options: trainer.options, recorded: recorded.isEmpty ? nil : recorded,
                    generations: generations),
                source: source ?? scenario, trainer: trainer)
        }
    }

    /// Continues the run of a folder; see `Run`. O(size of the files).
    ///
    /// - Parameters:
    ///   - folder: the path of the run's folder.
    ///   - generations: a new number of generations in all, 1 to 10 million; nil keeps the run's own.
    ///   - open: opens the source of a run on recorded orders from what the run was begun with.
    /// - Throws: `CSCError` as `Run` does.
    public convenience init(
        resuming folder: String, generations: Int? = nil,
        source open: (([String: String], Scenario) throws -> any InstanceSource)? = nil
    ) throws {
        if let generations, !(1...Learner.mostIterations).contains(generations) {
            throw CSCError.configuration(
                key: "generations", reason: "'\(generations)' is not a whole number from 1 to \(Learner.mostIterations)"
            )
        }
        try self.init(resuming: folder, describedBy: Self.description, iterations: generations) {
            let description = try RuleEvolution.Description(
                contentsOf: AtomicFile.join(folder, Self.description))
            let recorded = description.recorded ?? [:]
            guard let open = recorded.isEmpty ? { _, city in city } : open else {
                throw CSCError.invalid("\(folder) is a run on recorded orders: say how to open them")
            }
            return try RuleEvolution(description, source: open(recorded, description.scenario), trainer: nil)
        }
    }
}

/// CMA-ES in the coalition rule: what an `EvolutionRun` trains.
public final class RuleEvolution: Trainable {
    /// What a run was started with: the content of `evolution.yaml`.
    struct Description: Codable {
        var scenario: Scenario
        var options: EvolutionOptions
        /// How recorded orders are read; absent where the generator makes the episodes.
        var recorded: [String: String]?
        /// After how many generations the run is complete; absent where whoever runs it decides.
        var generations: Int?
    }

    private var description: Description
    private let source: any InstanceSource
    private var made: CoalitionTrainer?
    private var clock = Stopwatch()
    /// What decides the run's bits.
    public let identity: RunIdentity

    /// - Parameter trainer: at its beginning; nil where a checkpoint is to be loaded.
    init(_ description: Description, source: any InstanceSource, trainer: CoalitionTrainer?) throws {
        self.description = description
        self.source = source
        made = trainer
        identity = try Self.identity(description, source)
    }

    /// What does the work. Traps before a state has been loaded.
    public var trainer: CoalitionTrainer {
        guard let made else { preconditionFailure("RuleEvolution: no state has been loaded yet") }
        return made
    }

    /// Throws on every rank where one is about to evolve something else, before anything is played.
    static func requireSame(
        _ description: Description, _ source: any InstanceSource, _ start: LearntCoalitionPolicy?
    ) throws {
        if Ranks.current.size == 1 { return }
        try Ranks.requireSame(
            identity(description, source).facts + [("the policy to start from", start.map { try $0.text() } ?? "none")])
    }

    private static func identity(_ description: Description, _ source: any InstanceSource) throws -> RunIdentity {
        var identity = RunIdentity()
        try identity.add(description.scenario, file: "evolution.yaml")
        try identity.add(description.options, file: "evolution.yaml")
        let recorded = description.recorded ?? [:]
        let files = ["orders": "orders", "workers-file": "workers", "travel": "travel"]
        for (key, value) in recorded.sorted(by: { $0.key < $1.key })
        where files[key] == nil || !FileManager.default.fileExists(atPath: value) {
            identity.add(value, file: "evolution.yaml", key: "recorded.\(key)")
        }
        let largest = description.options.settings[0]
        let example = source.instance(
            tasks: largest.tasks, workers: largest.workers, seed: description.options.seed,
            episode: EpisodeRange.evolution[0])
        identity.add(
            ContentHash.digits(ContentHash.sipHash(Array("\(example)".utf8))), file: "episodes", key: "first episode")
        for (key, name) in files.sorted(by: { $0.key < $1.key }) {
            if let path = recorded[key], FileManager.default.fileExists(atPath: path) {
                try identity.add(contentOf: path, as: name)
            }
        }
        return identity
    }

    // MARK: What it is

    /// The city's name.
    public var scenarioName: String { description.scenario.name }
    /// How recorded orders are read and how workers travel, by flag; empty where the generator makes the episodes and
    /// workers travel along the axes.
    public var recorded: [String: String] { description.recorded ?? [:] }
    /// The sizes that are learnt on.
    public var settings: [EvolutionOptions.Setting] { description.options.settings }
    /// Whether workers on the road can be sent elsewhere.
    public var reroute: Bool { description.options.reroute }
    /// Whether it plays with relocation.
    package var relocates: Bool { description.options.relocate != .off }

    /// A checkpoint every 5 generations, no evaluations.
    public var schedule: RunSchedule {
        get {
            RunSchedule(
                iterations: description.generations ?? Int.max, checkpointEvery: 5, keepLast: 3, evaluateEvery: 0)
        }
        set { description.generations = newValue.iterations == Int.max ? nil : newValue.iterations }
    }

    /// `scenario.yaml`, for commands that take a scenario, and `evolution.yaml`, which holds it too. O(size).
    public var descriptions: [(name: String, text: String)] {
        get throws {
            [
                ("scenario.yaml", try description.scenario.yaml()),
                ("evolution.yaml", try ExactYAML.text(of: description)),
            ]
        }
    }

    // MARK: Training

    /// Generations completed.
    public var iteration: Int { trainer.generation }
    /// Episodes played.
    public private(set) var totalSteps = 0
    /// Episodes, revenue relative to the plain rule, step size.
    public var metricColumns: [String] { CoalitionTrainer.Report.columns }
    /// None: every generation plays new episodes.
    public let evaluationColumns: [String] = []
    /// play.
    public let phases = ["play"]

    /// One generation.
    public func iterate() -> TrainedIteration<CoalitionTrainer.Report> {
        _ = clock.lap()
        let report = trainer.step()
        defer { totalSteps = report.episodes }
        return TrainedIteration(
            report: report, metrics: report.values, steps: report.episodes - totalSteps, seconds: [clock.lap()])
    }

    /// What of the search is not finite. O(weights).
    public var notFinite: String? {
        trainer.policy.weights.vector.allSatisfy(\.isFinite) ? nil : "the weights are"
    }
    /// Never said: a generation always plays.
    public var nothingPlayed: String { "no episode was played" }

    /// There are no held-out episodes.
    public var evaluationCount: Int { 0 }
    /// Nothing.
    public func evaluate() -> [Double] { [] }
    /// Nothing.
    public func score(of values: [Double]) -> Double { .nan }
    /// Nothing.
    public func metrics(of values: [Double]) -> [Double] { [] }
    /// None.
    public func evaluationFile(_ history: [RunEvaluation]) -> JSON? { nil }

    // MARK: State

    /// Saves the search. O(n^2) for n weights.
    /// - Throws: what the encoder throws.
    public func save(to checkpoint: inout Checkpoint) throws {
        let state = try trainer.checkpoint()
        for name in state.names { checkpoint.set(name, text: try state.text(name)) }
        checkpoint.set("episodes", integers: [totalSteps])
    }

    /// Takes over a saved state. Throws `CSCError.damaged`. O(n^2) for n weights.
    public func load(from checkpoint: Checkpoint) throws {
        made = try CoalitionTrainer(
            scenario: description.scenario, options: description.options, checkpoint: checkpoint, source: source,
            recorded: description.recorded ?? [:])
        totalSteps = try checkpoint.counter("episodes")
    }

    /// `policy.yaml`. O(size).
    /// - Throws: what the encoder throws.
    public func policyFile() throws -> (name: String, bytes: [UInt8]) {
        ("policy.yaml", Array(try trainer.policy.text().utf8))
    }
}

extension RuleEvolution.Description {
    /// Reads `evolution.yaml`. Throws `CSCError.damaged` where it is none.
    init(contentsOf path: String) throws {
        let text = try AtomicFile.readText(path)
        do {
            _ = try YAMLText.compose(text, path: path)
            self = try YAMLDecoder().decode(Self.self, from: YAMLText.checked(text, path: path))
        } catch {
            throw CSCError.damaged(path: path, reason: "is not the description of an evolution: \(error)")
        }
        try scenario.validate()
        try options.validate()
        guard generations.map((1...Learner.mostIterations).contains) ?? true else {
            throw CSCError.damaged(path: path, reason: "generations is \(generations ?? 0)")
        }
    }
}
