internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label replay`: how accurate each method is at each budget, on answers known beforehand.
struct LabelReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay assignment methods on known answers: accuracy by budget.",
        discussion: """
            The answers come from one of
              --matrix FILE                 a wide table: task,context,truth,worker,worker,...
              --labels FILE [--tasks FILE]  rows of task,worker,label; tasks with context and truth
              --uci FILE --model MODEL      UCI's ionosphere, Wisconsin breast cancer or pima file, cut into contexts by
                                            k-means, with simulated workers drawn anew for each run
            Missing labels of a recorded set are completed with GROUSE. Accuracy is taken at 2, 3, ... labels a task, as
            far as there are workers. Input files may be - (standard input); so may one output file (standard output),
            which then takes the table's place.
            --gold and --stop-at are for pooled: gold tasks are drawn anew in each run and do not count in its accuracy.
            Methods: \(ReplayMethod.names.joined(separator: ", ")); bbta:5 is BBTA with N' = 5.
            """
    )

    @Option(help: "A wide matrix of labels.") var matrix: String?
    @Option(help: "A table of task,worker,label.") var labels: String?
    @Option(help: "With --labels: a table of task,context,truth.") var tasks: String?
    @Option(help: "With --labels: a table of task,truth.") var truth: String?
    @Option(help: "One of UCI's original files.") var uci: String?
    @Option(help: "With --uci: spammer-hammer, one-coin or malicious.") var model: String?
    @Option(
        help: "With --uci: the number of contexts S (default: the letter's setting).",
        transform: Limits.labelTasks.parse) var contexts: Int?
    @Option(
        help: "With --uci: the number of workers K (default: the letter's setting).",
        transform: Limits.labelWorkers.parse) var workers: Int?
    @Flag(help: "With --uci: draw the workers once, not for each run.") var oneDraw = false
    @Option(help: "Names separated by commas.")
    var methods = "random,bbta:0,bbta:1,optkg,optkg-multi,iethresh,crowdsense"
    @Option(help: "N' of BBTA: tasks of each context that everyone labels first.", transform: Limits.explore.parse)
    var explore = 1
    @Option(
        help: "With the method pooled: how many tasks' class an expert tells beforehand.",
        transform: Limits.explore.parse) var gold = 0
    @Option(name: .customLong("stop-at"), help: "With the method pooled: the posterior at which a task is settled.")
    var stopAt: Double?
    @Option(help: "Accuracy is taken up to this many labels a task.", transform: Limits.questions.parse)
    var budgetPerTask = 15
    @Option(help: "Runs to average.", transform: Limits.runs.parse) var runs = 30
    @Option(help: "The seed of everything.") var seed: UInt64 = 0
    @Option(help: "GROUSE's rank, for recorded sets with missing labels (2).", transform: Limits.rank.parse) var rank:
        Int?
    @Option(help: "Threads (0: all cores).", transform: Limits.threads.parse) var threads = 0
    @Option(help: "Write the curves as JSON.") var json: String?
    @Option(help: "Write the curves as CSV.") var csv: String?
    @Option(help: "Write the curves as an SVG plot.") var plot: String?
    @Option(help: "Write the answers of run 0 as a wide matrix.") var exportMatrix: String?

    private var outputs: [(name: String, path: String?)] {
        [("--json", json), ("--csv", csv), ("--plot", plot), ("--export-matrix", exportMatrix)]
    }

    private var names: [String] {
        methods.split(separator: ",").map { String($0.trimmingPrefix { $0 == " " }) }
    }

    func validate() throws {
        guard [matrix, labels, uci].compactMap({ $0 }).count == 1 else {
            throw ValidationError("Give exactly one of --matrix, --labels and --uci.")
        }
        if uci != nil && model.flatMap(WorkerModel.init(rawValue:)) == nil {
            throw ValidationError("--uci needs --model \(WorkerModel.allCases.map(\.rawValue).joined(separator: "|")).")
        }
        try refuse([("--tasks", tasks != nil), ("--truth", truth != nil)], without: "--labels", labels != nil)
        try refuse(
            [
                ("--model", model != nil), ("--contexts", contexts != nil), ("--workers", workers != nil),
                ("--one-draw", oneDraw),
            ], without: "--uci", uci != nil)
        if uci != nil && rank != nil {
            throw ValidationError("--rank is for recorded sets; --uci has no missing labels.")
        }
        if names.isEmpty { throw ValidationError("--methods names no method.") }
        if Set(names).count != names.count { throw ValidationError("--methods names a method twice.") }
        for name in names {
            do { _ = try ReplayMethod(name: name) } catch { throw ValidationError("\(error)") }
        }
        try checkKnown(gold: gold > 0, stopAt: stopAt, pooled: names.contains("pooled"))
        try FileOptions.checkInput([
            ("--matrix", matrix), ("--labels", labels), ("--tasks", tasks), ("--truth", truth), ("--uci", uci),
        ])
        _ = try FileOptions.takeOutput(outputs)
    }

    /// Refuses options that mean nothing without another one.
    private func refuse(_ options: [(name: String, given: Bool)], without other: String, _ hasOther: Bool) throws {
        let given = options.filter(\.given).map(\.name)
        guard hasOther || given.isEmpty else {
            throw ValidationError("\(given.joined(separator: ", ")): only with \(other).")
        }
    }

    func run() throws {
        Output.startThreads(threads)
        var replay = Replay(stage: try stage())
        let first = replay.matrix(run: 0)
        let count = first.tasks.count
        replay.explore = explore
        replay.budgetPerTask = min(budgetPerTask, first.workers.count)
        replay.gold = gold
        replay.stopAt = stopAt ?? 1
        replay.runs = runs
        replay.seed = seed
        let curves = try replay.curves(names)
        if try !FileOptions.takeOutput(outputs) {
            print(ReplayReport.heading(first, runs: runs))
            print(ReplayReport.table(curves, tasks: count))
        }
        if let exportMatrix { try FileOptions.write(first.wideCSV, to: exportMatrix) }
        if let json { try FileOptions.write(ReplayReport.json(curves).pretty, to: json) }
        if let csv { try FileOptions.write(ReplayReport.csv(curves), to: csv) }
        if let plot {
            let panel = ReplayReport.panel(curves, tasks: count, title: "")
            try FileOptions.write(Plot(panels: [panel], panelWidth: 560, panelHeight: 400).svg, to: plot)
        }
    }

    private func stage() throws -> ReplayStage {
        if let uci, let kind = model.flatMap(WorkerModel.init(rawValue:)) {
            let data = try UCIDataset(path: uci)
            let s = contexts ?? data.setting.contexts
            let list = try data.tasks(contexts: s)
            try checkSize(tasks: list.count, workers: workers ?? data.setting.workers)
            let stage = ReplayStage.simulated(
                tasks: list, contexts: (0..<s).map { "cluster \($0 + 1)" }, classes: ["0", "1"], model: kind,
                workers: workers ?? data.setting.workers)
            guard oneDraw else { return stage }
            var once = Replay(stage: stage)
            once.seed = seed
            return .fixed(once.matrix(run: 0))
        }
        if let matrix {
            let wide = try LabelMatrix(wideCSV: matrix)
            return .fixed(wide.isComplete ? wide : try complete(wide.table))
        }
        let table = try LabelFiles().read(labels: labels!, tasks: tasks, truth: truth).table
        try checkSize(tasks: table.tasks.count, workers: table.workers.count)
        let wide = LabelMatrix(table)
        return .fixed(wide.isComplete ? wide : try complete(table))
    }

    /// Refuses a matrix of all answers that memory cannot hold, beside its completion.
    private func checkSize(tasks: Int, workers: Int) throws {
        try Limits.checkMemory(
            [tasks, workers], bytes: 24,
            "replay needs the answers of all \(workers) workers to all \(tasks) tasks: they")
    }

    private func complete(_ table: LabelTable) throws -> LabelMatrix {
        let pairs = table.tasks.count * table.workers.count, rank = rank ?? 2
        guard rank <= table.workers.count else {
            throw ValidationError("--rank \(rank): it is at most the number of workers, \(table.workers.count).")
        }
        FileOptions.note(
            "\(table.labels.count) of \(pairs) labels are recorded; GROUSE (rank \(rank)) fills in the rest")
        return Grouse.complete(table, options: .init(rank: rank, seed: seed))
    }
}
