/// Something that a `Run` trains: PPO on dispatch (`DispatchTraining`), PPO on a game with a fixed horizon
/// (`FixedHorizonTraining`), CMA-ES in the coalition rule (`RuleEvolution`).
///
/// The run asks for iterations, saves the state between them, and knows nothing of what is trained.
public protocol Trainable: AnyObject {
    /// What an iteration reports to a progress display.
    associatedtype Report: Sendable

    /// Iterations completed.
    var iteration: Int { get }
    /// Decisions, agent-steps or episodes played since the beginning.
    var totalSteps: Int { get }
    /// How long the run is to be, and when it saves and evaluates.
    var schedule: RunSchedule { get set }
    /// What decides the run's bits.
    var identity: RunIdentity { get }
    /// The files that describe the run, by name; the last one makes the folder a run.
    var descriptions: [(name: String, text: String)] { get throws }

    /// The columns of the metrics but those of evaluations, which come last.
    var metricColumns: [String] { get }
    /// The columns that an evaluation fills.
    var evaluationColumns: [String] { get }
    /// The phases of an iteration whose seconds the timing table keeps.
    var phases: [String] { get }

    /// One iteration. Throws `CSCError.invalid` where its numerics failed.
    func iterate() throws -> TrainedIteration<Report>
    /// What is no longer finite, in words; nil where all is well.
    var notFinite: String? { get }
    /// What to say where nothing at all could be learnt from, with what to look at.
    var nothingPlayed: String { get }

    /// How many numbers an evaluation gives; 0 where the run has no held-out episodes.
    var evaluationCount: Int { get }
    /// Results on the held-out episodes.
    func evaluate() -> [Double]
    /// One number for an evaluation: larger is better.
    func score(of values: [Double]) -> Double
    /// The values of `evaluationColumns`.
    func metrics(of values: [Double]) -> [Double]
    /// The file `evaluation.json`; nil where there is none. Throws `CSCError.invalid`.
    func evaluationFile(_ history: [RunEvaluation]) throws -> JSON?

    /// Saves all that the next iteration depends on.
    func save(to checkpoint: inout Checkpoint) throws
    /// Takes over a saved state. Throws `CSCError.damaged` where it does not fit.
    func load(from checkpoint: Checkpoint) throws
    /// The file of the policy alone, and its name in the run's folder.
    func policyFile() throws -> (name: String, bytes: [UInt8])
}

/// How long a run is, and when it saves and evaluates.
public struct RunSchedule: Sendable, Equatable {
    /// Iterations in all.
    public var iterations: Int
    /// Iterations between checkpoints; the last one always has one.
    public var checkpointEvery: Int
    /// How many of the latest checkpoints are kept.
    public var keepLast: Int
    /// Iterations between evaluations on held-out episodes; 0: only at the end.
    public var evaluateEvery: Int

    /// Whether the run evaluates after this iteration however long it is.
    func evaluates(at iteration: Int) -> Bool { evaluateEvery > 0 && iteration % evaluateEvery == 0 }
}

/// A configuration that says how long its run is.
protocol ScheduledConfiguration {
    var iterations: Int { get set }
    var checkpointEvery: Int { get set }
    var keepLast: Int { get set }
    var evaluateEvery: Int { get set }
}

extension ScheduledConfiguration {
    /// Iterations, checkpoints and evaluations.
    var schedule: RunSchedule {
        get {
            RunSchedule(
                iterations: iterations, checkpointEvery: checkpointEvery, keepLast: keepLast,
                evaluateEvery: evaluateEvery)
        }
        set {
            (iterations, checkpointEvery) = (newValue.iterations, newValue.checkpointEvery)
            (keepLast, evaluateEvery) = (newValue.keepLast, newValue.evaluateEvery)
        }
    }
}

extension TrainingConfiguration: ScheduledConfiguration {}
extension FixedHorizonConfiguration: ScheduledConfiguration {}

/// What one iteration of a `Trainable` gives its run.
public struct TrainedIteration<Report: Sendable>: Sendable {
    /// For a progress display.
    public var report: Report
    /// The values of `metricColumns`.
    public var metrics: [Double]
    /// Decisions, agent-steps or episodes of this iteration.
    public var steps: Int
    /// Seconds of each of `phases`.
    public var seconds: [Double]
}

/// One evaluation of a run on its held-out episodes.
public struct RunEvaluation: Sendable, Equatable {
    /// After which iteration.
    public var iteration: Int
    /// Decisions or agent-steps by then.
    public var steps: Int
    /// The results: `evaluationCount` numbers.
    public var values: [Double]
}

/// What a progress display needs, after every iteration of a run.
public struct RunProgress<Report: Sendable>: Sendable {
    /// What the last iteration did.
    public var report: Report
    /// Iterations completed.
    public var iteration: Int
    /// The iteration after which this process began.
    public var begunAt: Int
    /// Iterations that the whole run is to have.
    public var iterations: Int
    /// Decisions, agent-steps or episodes of the whole run so far, those before it was resumed included.
    public var totalSteps: Int
    /// The score of the last evaluation; nan before the first.
    public var score: Double
    /// The best score so far; nan before the first.
    public var bestScore: Double
    /// Seconds since this process began the run.
    public var seconds: Double
    /// Steps per second in these seconds.
    public var stepsPerSecond: Double
    /// Whether this iteration ended with an evaluation.
    public var justEvaluated: Bool
    /// Whether this iteration ended with a checkpoint.
    public var justSaved: Bool

    /// Seconds that are left if the iterations to come are like those of this process.
    public var secondsLeft: Double {
        seconds / Double(max(1, iteration - begunAt)) * Double(iterations - iteration)
    }
}
