internal import ArgumentParser
internal import CSCSwift
internal import Foundation

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
            Missing labels of a recorded set are completed with GROUSE. Accuracy is taken at 2, 3, ... labels a task.
            Methods: \(ReplayMethod.names.joined(separator: ", ")); bbta:5 is BBTA with N' = 5.
            """
    )

    @Option(help: "A wide matrix of labels.") var matrix: String?
    @Option(help: "A table of task,worker,label.") var labels: String?
    @Option(help: "With --labels: a table of task,context,truth.") var tasks: String?
    @Option(help: "With --labels: a table of task,truth.") var truth: String?
    @Option(help: "One of UCI's original files.") var uci: String?
    @Option(help: "With --uci: spammer-hammer, one-coin or malicious.") var model: String?
    @Option(help: "With --uci: the number of contexts S (default: the letter's setting).") var contexts: Int?
    @Option(help: "With --uci: the number of workers K (default: the letter's setting).") var workers: Int?
    @Flag(help: "With --uci: draw the workers once, not for each run.") var oneDraw = false
    @Option(help: "Names separated by commas.")
    var methods = "random,bbta:0,bbta:1,optkg,optkg-multi,iethresh,crowdsense"
    @Option(help: "N' of BBTA: tasks of each context that everyone labels first.") var explore = 1
    @Option(help: "Accuracy is taken up to this many labels a task.") var budgetPerTask = 15
    @Option(help: "Runs to average.") var runs = 30
    @Option(help: "The seed of everything.") var seed: UInt64 = 0
    @Option(help: "GROUSE's rank, for recorded sets with missing labels.") var rank = 2
    @Option(help: "Threads (0: all cores).") var threads = 0
    @Option(help: "Write the curves as JSON.") var json: String?
    @Option(help: "Write the curves as CSV.") var csv: String?
    @Option(help: "Write the curves as an SVG plot.") var plot: String?
    @Option(help: "Write the answers of run 0 as a wide matrix.") var exportMatrix: String?

    func validate() throws {
        guard [matrix, labels, uci].compactMap({ $0 }).count == 1 else {
            throw ValidationError("Give exactly one of --matrix, --labels and --uci.")
        }
        if uci != nil && model.flatMap(WorkerModel.init(rawValue:)) == nil {
            throw ValidationError("--uci needs --model \(WorkerModel.allCases.map(\.rawValue).joined(separator: "|")).")
        }
        if methods.split(separator: ",").isEmpty { throw ValidationError("--methods names no method.") }
        guard runs >= 1, budgetPerTask >= 1, explore >= 0, rank >= 1 else {
            throw ValidationError("--runs, --budget-per-task and --rank are at least 1, --explore at least 0.")
        }
    }

    func run() throws {
        Threads.count = threads
        var replay = Replay(stage: try stage())
        replay.explore = explore
        replay.budgetPerTask = budgetPerTask
        replay.runs = runs
        replay.seed = seed
        if let exportMatrix { try AtomicFile.write(replay.matrix(run: 0).wideCSV, to: exportMatrix) }
        let names = methods.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let curves = try replay.curves(names)
        print(ReplayReport.table(curves, tasks: replay.matrix(run: 0).tasks.count))
        if let json { try AtomicFile.write(ReplayReport.json(curves).pretty, to: json) }
        if let csv { try AtomicFile.write(ReplayReport.csv(curves), to: csv) }
        if let plot {
            let count = replay.matrix(run: 0).tasks.count
            try Plot(panels: [ReplayReport.panel(curves, tasks: count, title: "")], panelWidth: 560, panelHeight: 400)
                .write(to: plot)
        }
    }

    private func stage() throws -> ReplayStage {
        if let uci, let kind = model.flatMap(WorkerModel.init(rawValue:)) {
            let data = try UCIDataset(path: uci)
            let s = contexts ?? data.setting.contexts
            let list = try data.tasks(contexts: s)
            guard (workers ?? 1) >= 1 else { throw ValidationError("--workers is at least 1.") }
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
            return .fixed(wide.isComplete ? wide : complete(wide.table))
        }
        let table = try LabelFiles().read(labels: labels!, tasks: tasks, truth: truth).table
        let wide = LabelMatrix(table)
        return .fixed(wide.isComplete ? wide : complete(table))
    }

    private func complete(_ table: LabelTable) -> LabelMatrix {
        let pairs = table.tasks.count * table.workers.count
        FileHandle.standardError.write(
            Data(
                "\(table.labels.count) of \(pairs) labels are recorded; GROUSE (rank \(rank)) fills in the rest\n".utf8)
        )
        return Grouse.complete(table, options: .init(rank: rank, seed: seed))
    }
}
