internal import Foundation

/// A training run and its folder, whatever is trained: `TrainingRun`, `FixedHorizonRun`, `EvolutionRun`.
///
/// | file | what it holds |
/// |---|---|
/// | `config.yaml` and `scenario.yaml`, or `evolution.yaml` | everything that decides the run |
/// | `metrics.csv`, `metrics.jsonl` | one row per iteration; the same bytes for the same configuration |
/// | `events.out.tfevents.0.cafe` | the same numbers for TensorBoard |
/// | `timing.csv`, `timing.jsonl` | steps per second and seconds of each phase: what the machine decides |
/// | `checkpoints/` | the last few states, the first one before any training; and the best |
/// | `evaluation.json` | results on held-out episodes in marl-eval's layout |
/// | `policy.ckpt` or `policy.yaml` | the policy alone |
/// | `lock` | held by the process that writes |
///
/// One process at a time writes into the folder. A run that was killed at any moment continues from its last checkpoint
/// and ends with the same bytes as one that was not; one that was ended early and is prolonged, too. Every checkpoint
/// keeps what decides the run (`RunIdentity`), and only with that does it go on.
///
/// Several ranks (`Ranks`) make one run: all train, the first one alone writes, and what decides the run must be the same on
/// all. A run goes on at any number of ranks.
public final class Run<Method: Trainable> {
    /// What is trained.
    public let method: Method
    /// Where all of the run's files lie.
    public let folder: String
    /// Checkpoints that were damaged and skipped when the run was resumed.
    public private(set) var refused: [CSCError] = []
    /// What else its user should know of the folder's files; it continues all the same.
    public private(set) var notices: [String] = []
    /// Evaluations on held-out episodes so far; one that was made only because the run ended is not among them.
    public private(set) var history: [RunEvaluation] = []

    private var files: RunFolder
    /// The metrics of the last iteration, as the table of a longer run would hold them; empty where this run has done none.
    private var row: [Double] = []
    /// An evaluation that was made only because the run ended: a longer run would not have made it.
    private var final: RunEvaluation?
    private let begunAt: Int
    private var savedAt: Int
    private var clock = Stopwatch()
    private var seconds = 0.0
    private var steps = 0

    /// Iterations without a single step after which a run is given up.
    private static var patience: Int { 3 }

    // MARK: Beginning

    /// Begins a run in a folder that holds none yet. A process that is killed meanwhile leaves a folder in which the run
    /// can be begun again.
    ///
    /// - Parameters:
    ///   - describedBy: the name of the last of `Method.descriptions`.
    ///   - make: makes what is trained. Where it throws, nothing has been written.
    /// - Throws: `CSCError` where the folder holds a run, or another process writes into it, or it cannot be written.
    init(creating folder: String, describedBy description: String, make: () throws -> Method) throws {
        if Ranks.isFirst { try Self.requireNew(folder, description) }
        var isFolder: ObjCBool = false
        let isThere =
            Ranks.isFirst && FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
            && isFolder.boolValue
        let early = isThere ? try FolderLock(folder) : nil
        method = try make()
        try Self.requireSame(method)
        try AtomicFile.makeFolder(folder)
        let lock = try early ?? (Ranks.isFirst ? FolderLock(folder) : nil)
        if Ranks.isFirst { try Self.requireNew(folder, description) }
        self.folder = folder
        files = RunFolder(folder, lock: lock, schedule: method.schedule)
        (begunAt, savedAt) = (method.iteration, method.iteration)
        guard Ranks.isFirst else { return }
        guard files.rows == 0, files.checkpoints.iterations().allSatisfy({ $0 == 0 }) else {
            throw CSCError.file(
                path: folder,
                reason: "holds checkpoints or metrics of a run, but no \(description): choose another folder")
        }
        files.removeLeftovers()
        try save()
        try files.beginTables(metrics: metricColumns, timing: timingColumns)
        for file in try method.descriptions { try AtomicFile.write(file.text, to: files.file(file.name)) }
    }

    /// Throws on every rank where what decides the run, or how long it is to be, is not the same on all.
    private static func requireSame(_ method: Method) throws(CSCError) {
        let schedule = (name: "the run's schedule", value: "\(method.schedule)")
        try Ranks.requireSame(method.identity.facts + [schedule])
    }

    private static func requireNew(_ folder: String, _ description: String) throws(CSCError) {
        guard !FileManager.default.fileExists(atPath: AtomicFile.join(folder, description)) else {
            throw .invalid("\(folder) holds a run already: go on with it by resume, or choose another folder")
        }
    }

    // MARK: Resuming

    /// Continues the run of a folder from its newest whole checkpoint. Nothing is written before all of the run has
    /// been found in order; then a policy file or a table that a killed process left behind is brought up to date.
    ///
    /// - Parameters:
    ///   - describedBy: the name of the last of `Method.descriptions`.
    ///   - iterations: a new number of iterations in all; nil keeps the run's own.
    ///   - make: makes what is trained from what the folder holds.
    /// - Throws: `CSCError` where there is no run, another process writes into it, what decides it is not as it was, its
    ///   checkpoints are gone or none is whole, or more iterations than these are done.
    init(
        resuming folder: String, describedBy description: String, iterations: Int? = nil, make: () throws -> Method
    ) throws {
        let path = AtomicFile.join(folder, description)
        guard FileManager.default.fileExists(atPath: path) else {
            throw CSCError.file(path: path, reason: "there is no such file, so \(folder) holds no run that was begun")
        }
        let lock = Ranks.isFirst ? try FolderLock(folder) : nil
        method = try make()
        self.folder = folder
        let method = method
        if let iterations { method.schedule.iterations = iterations }
        try Self.requireSame(method)
        files = RunFolder(folder, lock: lock, schedule: method.schedule)
        let found = try Self.load(method, from: files, folder: folder)
        (begunAt, savedAt) = (method.iteration, method.iteration)
        refused = found.refused
        try loadHistory(found.checkpoint)
        guard method.iteration <= method.schedule.iterations else {
            throw CSCError.configuration(
                key: "iterations",
                reason: "is \(method.schedule.iterations), but \(folder) has done \(method.iteration) already")
        }
        try files.checkTables(metrics: metricColumns, timing: timingColumns)
        try mend(descriptions: iterations != nil)
    }

    /// Loads the newest whole checkpoint; the first rank reads it and gives it to the others.
    private static func load(
        _ method: Method, from files: RunFolder, folder: String
    ) throws -> (checkpoint: Checkpoint, refused: [CSCError]) {
        guard Ranks.isFirst else {
            let checkpoint = try Checkpoint(decoding: Ranks.first { [] }, path: "the checkpoint of rank 0")
            try method.load(from: checkpoint)
            return (checkpoint, [])
        }
        if files.checkpoints.iterations().isEmpty, !FileManager.default.fileExists(atPath: files.checkpoints.bestPath) {
            throw CSCError.file(
                path: files.checkpoints.path,
                reason: "its checkpoints are gone, so \(folder) cannot go on: put them back, or begin in another folder"
            )
        }
        let identity = method.identity
        let found = try files.checkpoints.latest { checkpoint, iteration in
            try identity.check(against: checkpoint, folder: folder)
            try method.load(from: checkpoint)
            guard iteration == nil || iteration == method.iteration else {
                throw CSCError.damaged(path: checkpoint.path, reason: "it holds iteration \(method.iteration)")
            }
        }
        _ = Ranks.first { found.checkpoint.encoded() }
        return (found.checkpoint, found.refused)
    }

    /// Brings the files up to date with the state that was loaded.
    private func mend(descriptions: Bool) throws {
        if isComplete { evaluateAtEnd() }
        guard Ranks.isFirst else { return }
        files.removeLeftovers()
        if descriptions {
            for file in try method.descriptions { try files.put(Array(file.text.utf8), into: file.name) }
        }
        try files.resumeTables(metrics: metricColumns, timing: timingColumns, at: iteration)
        if files.missingRows > 0 {
            notices.append(
                "\(files.file("metrics.csv")): \(Terminal.counted(files.missingRows, "row")) of earlier iterations "
                    + "\(files.missingRows == 1 ? "is" : "are") missing: it was changed or lost; what is trained does not "
                    + "depend on it")
        }
        if !row.isEmpty { try files.append(shownRow, iteration: iteration) }
        if savedAt != files.checkpoints.iterations().last { try save() }  // the best one was the only whole one
        try writePolicy()
        try writeEvaluations()
    }

    // MARK: Running

    /// The iteration after which the run continues: 0 for a new one.
    public var iteration: Int { method.iteration }
    /// Whether all iterations are done.
    public var isComplete: Bool { iteration >= method.schedule.iterations }
    /// The score of the last evaluation; nan before the first. O(values of an evaluation).
    public var score: Double { (final ?? history.last).map { method.score(of: $0.values) } ?? .nan }
    /// The best score so far; nan before the first. O(evaluations * values of one).
    public var bestScore: Double {
        (history + (final.map { [$0] } ?? [])).map { method.score(of: $0.values) }.filter { !$0.isNaN }.max() ?? .nan
    }

    /// Trains until all iterations are done, or until `shouldStop` says so between two of them; then saves.
    /// O(iterations).
    ///
    /// - Returns: whether the run is complete.
    /// - Throws: `CSCError.invalid` where training diverged or there was nothing to learn from, naming the last
    ///   checkpoint; and `CSCError.file`.
    @discardableResult
    public func run(
        shouldStop: () -> Bool = { false }, progress: (RunProgress<Method.Report>) -> Void = { _ in }
    ) throws -> Bool {
        while !isComplete && !Ranks.any(shouldStop()) {
            let evaluations = history.count
            let report = try step()
            progress(
                RunProgress(
                    report: report, iteration: iteration, begunAt: begunAt, iterations: method.schedule.iterations,
                    totalSteps: method.totalSteps, score: score, bestScore: bestScore, seconds: seconds,
                    stepsPerSecond: Double(steps) / max(seconds, 1e-9),
                    justEvaluated: history.count > evaluations || final != nil, justSaved: savedAt == iteration))
        }
        if savedAt < iteration { try save() }
        Ranks.current.barrier()  // now every rank may read the files
        return isComplete
    }

    /// One iteration, with all that is due after it: evaluation, metrics, checkpoint.
    /// O(iteration of the method), and what is due.
    ///
    /// - Throws: as `run` does.
    public func step() throws -> Method.Report {
        guard !isComplete else { throw CSCError.invalid("\(folder): all \(iteration) iterations are done") }
        let done = try attempt()
        let isDue = method.evaluationCount > 0 && method.schedule.evaluates(at: iteration)
        var isBest = false
        if isDue {
            let before = bestScore
            history.append(evaluation())
            isBest = before.isNaN || score > before
        }
        row = done.metrics + evaluationRow(isDue ? history.last : nil)
        if isComplete { evaluateAtEnd() }
        if isDue || final != nil { try writeEvaluations() }
        try files.append(shownRow, iteration: iteration)
        let lap = clock.lap()
        seconds += lap
        steps += done.steps
        try files.append(
            clock: [Double(done.steps) / max(lap, 1e-9), seconds] + done.seconds, iteration: iteration)
        if isBest && Ranks.isFirst { try files.checkpoints.saveBest(checkpoint()) }
        if isComplete || iteration % method.schedule.checkpointEvery == 0 { try save() }
        return done.report
    }

    /// An iteration of the method; where its numerics fail nothing of it is kept.
    private func attempt() throws -> TrainedIteration<Method.Report> {
        let number = iteration + 1
        let last = files.checkpoints.file(iteration: savedAt)
        func failed(_ reason: String) -> CSCError {
            .invalid(
                "iteration \(number) of \(folder): \(reason). Nothing of it was saved; the last good checkpoint is \(last)"
            )
        }
        let done: TrainedIteration<Method.Report>
        do {
            done = try method.iterate()
        } catch CSCError.invalid(let reason) {
            throw failed(reason)
        }
        if let what = method.notFinite {
            throw failed(
                "training diverged, \(what) not finite: lower the learning rate, or look for rewards too large")
        }
        if method.totalSteps == 0, number >= min(Self.patience, method.schedule.iterations) {
            throw failed(method.nothingPlayed)
        }
        return done
    }

    // MARK: Evaluation

    private var metricColumns: [String] { method.metricColumns + method.evaluationColumns }
    private var timingColumns: [String] { ["charts/SPS", "time/seconds"] + method.phases.map { "time/" + $0 } }

    private func evaluation() -> RunEvaluation {
        RunEvaluation(iteration: iteration, steps: method.totalSteps, values: method.evaluate())
    }

    /// The evaluation that only a run's end asks for.
    private func evaluateAtEnd() {
        if method.evaluationCount > 0 && !method.schedule.evaluates(at: iteration) { final = evaluation() }
    }

    private func evaluationRow(_ evaluation: RunEvaluation?) -> [Double] {
        evaluation.map { method.metrics(of: $0.values) }
            ?? [Double](repeating: .nan, count: method.evaluationColumns.count)
    }

    /// The row of the last iteration with what the run's end adds.
    private var shownRow: [Double] {
        guard let final else { return row }
        return row.dropLast(method.evaluationColumns.count) + evaluationRow(final)
    }

    private func writeEvaluations() throws {
        let shown = history + (final.map { [$0] } ?? [])
        guard !shown.isEmpty, let file = try method.evaluationFile(shown) else { return }
        try files.put(Array(file.pretty.utf8), into: "evaluation.json")
    }

    // MARK: Saving

    /// Writes a checkpoint and the policy now, whatever the schedule says. O(size of the state).
    /// - Throws: `CSCError.file`; an earlier checkpoint stays as it was.
    public func save() throws {
        guard Ranks.isFirst else {
            savedAt = iteration
            return
        }
        try files.flush()
        try files.checkpoints.save(checkpoint(), iteration: iteration)
        savedAt = iteration
        try writePolicy()
    }

    private func checkpoint() throws -> Checkpoint {
        var checkpoint = Checkpoint()
        method.identity.save(to: &checkpoint)
        try method.save(to: &checkpoint)
        checkpoint.set("run row", doubles: row)
        checkpoint.set("run evaluations", integers: history.flatMap { [$0.iteration, $0.steps] })
        checkpoint.set("run evaluated", doubles: history.flatMap(\.values))
        return checkpoint
    }

    private func writePolicy() throws {
        let policy = try method.policyFile()
        try files.put(policy.bytes, into: policy.name)
    }

    private func loadHistory(_ checkpoint: Checkpoint) throws {
        row = try checkpoint.doubles("run row", finite: false)
        guard row.isEmpty || row.count == metricColumns.count && iteration > 0 else {
            throw CSCError.damaged(path: checkpoint.path, reason: "section 'run row' has \(row.count) values")
        }
        let times = try checkpoint.integers("run evaluations", in: Checkpoint.counters)
        let count = method.evaluationCount
        let values = try checkpoint.doubles("run evaluated", count: times.count / 2 * count, finite: false)
        guard times.count % 2 == 0 else {
            throw CSCError.damaged(path: checkpoint.path, reason: "section 'run evaluations' is cut short")
        }
        history = (0..<times.count / 2).map { index in
            RunEvaluation(
                iteration: times[2 * index], steps: times[2 * index + 1],
                values: Array(values[index * count..<(index + 1) * count]))
        }
    }

    /// The path of the policy's file.
    public var policyPath: String {
        get throws { files.file(try method.policyFile().name) }
    }
}
