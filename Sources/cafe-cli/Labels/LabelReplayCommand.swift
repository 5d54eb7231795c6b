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
            --recorded-only asks only pairs whose answer is recorded: a worker is not there for a task that he or she has
            not labelled. Without it missing labels are filled in by GROUSE, and the share of those is said: with many of
            them the accuracies are those of an imagined crowd. Accuracy is taken at --budgets labels a task, or at 2,
            3, ... as far as there are workers. --aggregate scores each method's labels by other aggregators too. Input files may be - (standard input); so may one output file (standard output),
            which then takes the table's place.
            --gold and --stop-at are for pooled: gold tasks are drawn anew in each run and do not count in its accuracy.
            Methods: \(ReplayMethod.names.joined(separator: ", ")); bbta:5 is BBTA with N' = 5.
            Aggregators: session (the method's own answers), \(AggregationMethod.names.joined(separator: ", ")).
            """
    )

    @Option(help: "A wide matrix of labels.") var matrix: String?
    @Option(help: "A table of task,worker,label.") var labels: String?
    @Option(
        parsing: .unconditional,
        help: "With --matrix: what stands for a label that is not there (-1 where that is no class, if left out).")
    var missing: String?
    @Option(help: "With --labels: a table of task,context,truth.") var tasks: String?
    @Option(help: "With --labels: a table of task,truth.") var truth: String?
    @Option(help: "One of UCI's original files.") var uci: String?
    @Option(help: "With --uci: spammer-hammer, one-coin or malicious.") var model: String?
    @Option(
        help: "With --uci: the number of contexts S (default: the paper's setting).",
        transform: Limits.labelTasks.parse) var contexts: Int?
    @Option(
        help: "With --uci: the number of workers K (default: the paper's setting).",
        transform: Limits.labelWorkers.parse) var workers: Int?
    @Flag(help: "With --uci: draw the workers once, not for each run.") var oneDraw = false
    @Option(
        help: "Names separated by commas (random,bbta:0,bbta:1,iethresh,crowdsense,pooled; with two classes OptKG too)."
    )
    var methods: String?
    @Flag(name: .customLong("recorded-only"), help: "Ask only pairs whose answer is recorded; fill in nothing.")
    var recordedOnly = false
    @Option(name: .customLong("aggregate"), help: "How labels are read: session and names of aggregators, by commas.")
    var aggregators = "session"
    @Option(help: "Accuracy is taken at so many labels a task: numbers separated by commas.") var budgets: String?
    @Option(help: "N' of BBTA: tasks of each context that everyone labels first.", transform: Limits.explore.parse)
    var explore = 1
    @Option(help: "For pooled: a table worker,family of workers whose errors go together, who count as one voice.")
    var families: String?
    @Option(
        help: "For pooled and the aggregators that listen: \(SoftOption.table)")
    var soft: String?
    @Option(
        help: "With the method pooled: how many tasks' class an expert tells beforehand.",
        transform: Limits.explore.parse)
    var gold = 0
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

    private static let usual = ["random", "bbta:0", "bbta:1", "iethresh", "crowdsense", "pooled"]

    /// Those named; nil where none are, and the data decide.
    private var names: [String]? { methods.map(Self.list) }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
    }

    private func labelsPerTask() throws -> [Double]? {
        guard let budgets else { return nil }
        let list = try Self.list(budgets).map { text in
            guard let value = Double(text), value > 0, value <= 1e6 else {
                throw ValidationError("--budgets: '\(text)' is not a number of labels a task.")
            }
            return value
        }
        guard !list.isEmpty, list == list.sorted(), Set(list).count == list.count else {
            throw ValidationError("--budgets takes labels a task in ascending order, such as 2,3,4,6,8.")
        }
        return list
    }

    func validate() throws {
        guard [matrix, labels, uci].compactMap({ $0 }).count == 1 else {
            throw ValidationError("Give exactly one of --matrix, --labels and --uci.")
        }
        if uci != nil && model.flatMap(WorkerModel.init(rawValue:)) == nil {
            throw ValidationError("--uci needs --model \(WorkerModel.allCases.map(\.rawValue).joined(separator: "|")).")
        }
        try refuse([("--tasks", tasks != nil), ("--truth", truth != nil)], without: "--labels", labels != nil)
        try refuse([("--missing", missing != nil)], without: "--matrix", matrix != nil)
        try refuse(
            [
                ("--model", model != nil), ("--contexts", contexts != nil), ("--workers", workers != nil),
                ("--one-draw", oneDraw),
            ], without: "--uci", uci != nil)
        if uci != nil && rank != nil {
            throw ValidationError("--rank is for recorded sets; --uci has no missing labels.")
        }
        let names = names ?? Self.usual
        if names.isEmpty { throw ValidationError("--methods names no method.") }
        if Set(names).count != names.count { throw ValidationError("--methods names a method twice.") }
        for name in names {
            do { _ = try ReplayMethod(name: name) } catch { throw ValidationError("\(error)") }
        }
        let readings = Self.list(aggregators)
        if readings.isEmpty { throw ValidationError("--aggregate names no aggregator.") }
        if Set(readings).count != readings.count { throw ValidationError("--aggregate names one twice.") }
        for name in readings where name != "session" && AggregationMethod(name: name) == nil {
            let known = ["session"] + AggregationMethod.names
            throw ValidationError(
                "--aggregate '\(name)' is none of \(known.joined(separator: ", "))"
                    + Spelling.hint(for: name, among: known))
        }
        _ = try labelsPerTask()
        if recordedOnly && uci != nil { throw ValidationError("--recorded-only is for recorded sets, not --uci.") }
        if recordedOnly && rank != nil { throw ValidationError("--rank: nothing is filled in with --recorded-only.") }
        try checkKnown(gold: gold > 0, stopAt: stopAt, pooled: names.contains("pooled"))
        try FileOptions.checkInput([
            ("--matrix", matrix), ("--labels", labels), ("--tasks", tasks), ("--truth", truth), ("--uci", uci),
            ("--families", families), ("--soft", soft),
        ])
        if uci != nil && soft != nil { throw ValidationError("--soft is for recorded sets, not --uci.") }
        let heard =
            names.contains("pooled") || names.contains("bayes")
            || readings.contains { AggregationMethod(name: $0)?.takesSoft == true }
        if soft != nil && !heard {
            throw ValidationError("--soft: only with the method pooled, or --aggregate \(SoftOption.listeners).")
        }
        try FileOptions.checkShared(outputs)
    }

    /// Refuses options that mean nothing without another one.
    private func refuse(_ options: [(name: String, given: Bool)], without other: String, _ hasOther: Bool) throws {
        let given = options.filter(\.given).map(\.name)
        guard hasOther || given.isEmpty else {
            throw ValidationError("\(given.joined(separator: ", ")): only with \(other).")
        }
    }

    func run() throws {
        let takesOutput = try FileOptions.takeOutput(outputs)
        Output.startThreads(threads)
        let (stage, completion) = try stage()
        var replay = Replay(stage: stage)
        let first = replay.matrix(run: 0)
        let count = first.tasks.count
        replay.recordedOnly = recordedOnly
        var models = try soft.map {
            try LabelFiles.readSoft($0, tasks: first.tasks, classes: first.classes, workers: first.workers)
        }
        replay.families = try families.map {
            try SoftOption.readFamilies($0, workers: first.workers, soft: &models)
        }
        replay.soft = models
        replay.aggregators = Self.list(aggregators)
        replay.labelsPerTask = try labelsPerTask()
        let names = names ?? Self.usual + (first.classes.count == 2 ? ["optkg", "optkg-multi"] : [])
        replay.explore = explore
        replay.budgetPerTask = min(budgetPerTask, first.workers.count)
        replay.gold = gold
        replay.stopAt = stopAt ?? 1
        replay.runs = runs
        replay.seed = seed
        let progress = ProgressLine("replaying", total: runs * names.count, unit: "runs")
        let curves = try replay.curves(names, played: { progress.advance() })
        progress.finish()
        let warning = recordedOnly ? nil : completion?.warning
        if !takesOutput {
            print(ReplayReport.heading(first, runs: runs))
            if let warning { print(warning) }
            print(ReplayReport.table(curves, tasks: count))
        }
        if let exportMatrix { try FileOptions.write(first.wideCSV, to: exportMatrix) }
        if let json {
            try FileOptions.write(
                ReplayReport.json(curves, completion: completion, recordedOnly: recordedOnly).pretty, to: json)
        }
        if let csv {
            try FileOptions.write(ReplayReport.csv(curves, completion: recordedOnly ? nil : completion), to: csv)
        }
        if let plot {
            let panel = ReplayReport.panel(curves, tasks: count, title: warning ?? "")
            try FileOptions.write(Plot(panels: [panel], panelWidth: 560, panelHeight: 400).svg, to: plot)
        }
    }

    /// Where the answers come from, and how many of a recorded set's are recorded.
    private func stage() throws -> (ReplayStage, ReplayReport.Completion?) {
        if let uci, let kind = model.flatMap(WorkerModel.init(rawValue:)) {
            let data = try UCIDataset(path: uci)
            let s = contexts ?? data.setting.contexts
            let list = try data.tasks(contexts: s)
            try checkSize(tasks: list.count, workers: workers ?? data.setting.workers)
            let stage = ReplayStage.simulated(
                tasks: list, contexts: (0..<s).map { "cluster \($0 + 1)" }, classes: ["0", "1"], model: kind,
                workers: workers ?? data.setting.workers)
            guard oneDraw else { return (stage, nil) }
            var once = Replay(stage: stage)
            once.seed = seed
            return (.fixed(once.matrix(run: 0)), nil)
        }
        let table: LabelTable
        if let matrix {
            let (wide, gaps) = try LabelMatrix.read(wideCSV: matrix, missing: missing)
            if let sentence = gaps.sentence { FileOptions.note("\(matrix): \(sentence)") }
            for warning in gaps.warnings { FileOptions.note("warning: " + warning) }
            table = wide.table
        } else {
            let (read, report) = try LabelFiles().read(labels: labels ?? "", tasks: tasks, truth: truth)
            for warning in report.warnings { FileOptions.note("warning: " + warning) }
            table = read
        }
        let completion = ReplayReport.Completion(
            recorded: table.labels.count, pairs: table.tasks.count * table.workers.count)
        if recordedOnly || completion.recorded == completion.pairs { return (.fixed(LabelMatrix(table)), completion) }
        try checkSize(tasks: table.tasks.count, workers: table.workers.count)
        return (.fixed(try complete(table, completion)), completion)
    }

    /// Refuses a matrix of all answers that memory cannot hold, beside its completion.
    private func checkSize(tasks: Int, workers: Int) throws {
        try Limits.checkMemory(
            [tasks, workers], bytes: 24,
            "replay needs the answers of all \(workers) workers to all \(tasks) tasks: they")
    }

    private func complete(_ table: LabelTable, _ completion: ReplayReport.Completion) throws -> LabelMatrix {
        let workers = table.workers.count
        if let rank, rank > workers {
            throw CSCError.invalid("--rank \(rank): the set has \(Terminal.counted(workers, "worker"))")
        }
        let rank = rank ?? min(2, workers)
        FileOptions.note(
            "\(completion.recorded) of \(completion.pairs) labels are recorded; GROUSE (rank \(rank)) fills in the rest; "
                + "--recorded-only asks for recorded answers alone")
        return Grouse.complete(table, options: .init(rank: rank, seed: seed))
    }
}
