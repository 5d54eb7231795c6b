internal import Foundation
internal import Yams

/// A run of `CoalitionTrainer` in a folder, which can be stopped at any moment and continued with the same bits.
///
/// | file | holds |
/// |---|---|
/// | `evolution.yaml` | the scenario and the options |
/// | `metrics.csv`, `metrics.jsonl` | a row a generation |
/// | `checkpoints/` | the last states |
/// | `policy.yaml` | the learnt policy so far: what `evaluate --policy` reads |
public final class EvolutionRun {
    /// What a run was started with.
    private struct Description: Codable {
        var scenario: Scenario
        var options: EvolutionOptions
        /// How recorded orders are read; absent where the generator makes the episodes.
        var recorded: [String: String]?
    }

    /// The run's folder.
    public let folder: String
    /// What does the work.
    public let trainer: CoalitionTrainer
    /// Checkpoints that were damaged and passed over when the run was resumed.
    public let refused: [CSCError]
    private let metrics: MetricsWriter
    private let checkpoints: CheckpointFolder
    /// A checkpoint is written after so many generations.
    private static let saveEvery = 5

    /// Begins a run in a folder that holds none yet.
    ///
    /// - Parameters:
    ///   - start: whose weights the search starts from; nil for the plain rule.
    ///   - source: where episodes come from; nil for the scenario's generator.
    ///   - recorded: what `resume` needs to open that source again; kept in `evolution.yaml`.
    /// - Throws: `CSCError` where the folder holds a run, or cannot be written, or the options make no sense.
    public init(
        creating folder: String, scenario: Scenario, options: EvolutionOptions, start: LearntCoalitionPolicy? = nil,
        source: (any InstanceSource)? = nil, recorded: [String: String] = [:]
    ) throws {
        let description = AtomicFile.join(folder, "evolution.yaml")
        if FileManager.default.fileExists(atPath: description) {
            throw CSCError.file(
                path: folder, reason: "holds a run already; continue it with --resume or choose another")
        }
        trainer = try CoalitionTrainer(
            scenario: scenario, options: options, start: start, source: source, recorded: recorded)
        try AtomicFile.makeFolder(folder)
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = true
        let text = try encoder.encode(
            Description(scenario: scenario, options: trainer.options, recorded: recorded.isEmpty ? nil : recorded))
        try AtomicFile.write(text, to: description)
        self.folder = folder
        refused = []
        metrics = try MetricsWriter(
            creating: AtomicFile.join(folder, "metrics"), columns: CoalitionTrainer.Report.columns)
        checkpoints = CheckpointFolder(path: AtomicFile.join(folder, "checkpoints"))
        try save()
    }

    /// Continues the run in a folder from its last whole checkpoint.
    ///
    /// - Parameter open: opens the source of a run on recorded orders from what the run was begun with.
    /// - Throws: `CSCError` where there is no run, none of its checkpoints is whole, or they belong to another run.
    public init(
        resuming folder: String, source open: (([String: String], Scenario) throws -> any InstanceSource)? = nil
    ) throws {
        let path = AtomicFile.join(folder, "evolution.yaml")
        let text = try AtomicFile.readText(path)
        let description: Description
        do {
            _ = try YAMLText.compose(text, path: path)
            description = try YAMLDecoder().decode(Description.self, from: YAMLText.checked(text, path: path))
            try description.options.validate()
            try description.scenario.validate()
        } catch {
            throw CSCError.damaged(path: path, reason: "is not the description of an evolution: \(error)")
        }
        self.folder = folder
        checkpoints = CheckpointFolder(path: AtomicFile.join(folder, "checkpoints"))
        let found = try checkpoints.latest()
        let recorded = description.recorded ?? [:]
        guard let open = recorded.isEmpty ? { _, city in city } : open else {
            throw CSCError.invalid("\(folder) is a run on recorded orders: say how to open them")
        }
        trainer = try CoalitionTrainer(
            scenario: description.scenario, options: description.options, checkpoint: found.checkpoint,
            source: open(recorded, description.scenario), recorded: recorded)
        refused = found.refused
        metrics = try MetricsWriter(
            resuming: AtomicFile.join(folder, "metrics"), columns: CoalitionTrainer.Report.columns,
            after: trainer.generation)
        checkpoints.removeAfter(iteration: trainer.generation)
    }

    /// Plays one generation, and now and then saves.
    public func step() throws -> CoalitionTrainer.Report {
        let report = trainer.step()
        try metrics.append(iteration: report.generation, values: report.values)
        if report.generation % Self.saveEvery == 0 { try save() }
        return report
    }

    /// Writes checkpoint and policy.
    public func save() throws {
        try checkpoints.save(trainer.checkpoint(), iteration: trainer.generation)
        try AtomicFile.write(trainer.policy.text(), to: policyPath)
    }

    /// The learnt policy's file.
    public var policyPath: String { AtomicFile.join(folder, "policy.yaml") }
}
