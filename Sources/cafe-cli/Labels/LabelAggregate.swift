internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli label aggregate`: recorded labels in, one answer a task out.
struct LabelAggregate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Turn recorded labels into one answer a task, and say how good each worker is.",
        discussion: """
            Reads a table with the columns task, worker, label (item, question, annotator, answer and others will do \
            too; ids and labels may be any text). Exact repetitions of a row are dropped and counted; a worker's second, \
            different label of a task is reported and the first one kept unless --contradictions says otherwise.

            Methods: mv (majority vote), weighted (votes weighted by agreement with the majority), ds (Dawid-Skene), \
            one-coin (Dawid-Skene with one accuracy a worker), glad (abilities and easiness).
            """
    )

    @Option(help: "The table of labels; - for standard input.") var labels: String
    @Option(help: "A table task,truth: accuracies are printed then.") var truth: String?
    @Option(help: "A table task[,context][,truth] of all tasks: worker qualities are given by context then.")
    var tasks: String?
    @Option(help: "One or more of mv, weighted, ds, one-coin, glad, separated by commas.") var method = "mv,ds"
    @Flag(name: .customLong("no-header"), help: "The label table has no header: its columns are task, worker, label.")
    var noHeader = false
    @Flag(name: .customLong("skip-bad-rows"), help: "Leave rows out that cannot be read, and count them.")
    var skipBadRows = false
    @Option(
        help: "What a worker's second, different label of a task does: first (keep the first), last or fail.",
        transform: { text in
            guard let value = LabelFiles.Contradictions(rawValue: text) else {
                throw ValidationError("'\(text)' is none of first, last, fail.")
            }
            return value
        })
    var contradictions = LabelFiles.Contradictions.first
    @Option(help: "Decides ties.") var seed: UInt64 = 0
    @Option(help: "At most so many iterations of ds, one-coin and glad.", transform: Limits.iterations.parse)
    var iterations = 100
    @Option(help: "How many workers to list, those with most labels first.", transform: Limits.episodeSize.parse)
    var workers = 10
    @Option(help: "Write everything, every worker included, to this JSON file; - for standard output.") var json:
        String?
    @Option(help: "Write task,label,probability of the last method to this CSV file; - for standard output.")
    var out: String?

    func validate() throws {
        if try methods().isEmpty { throw ValidationError("--method names no method.") }
        try FileOptions.checkInput([("--labels", labels), ("--truth", truth), ("--tasks", tasks)])
        _ = try FileOptions.takeOutput([("--json", json), ("--out", out)])
    }

    private func methods() throws -> [AggregationMethod] {
        try method.split(separator: ",").map { part in
            guard let method = AggregationMethod(rawValue: String(part)) else {
                let names = AggregationMethod.allCases.map(\.rawValue)
                throw ValidationError(
                    "'\(part)' is not a method: \(names.joined(separator: ", "))"
                        + Spelling.hint(for: String(part), among: names))
            }
            return method
        }
    }

    func run() throws {
        let format = CSVFormat(header: noHeader ? .absent : .firstLine)
        let files = LabelFiles(
            format: format, badRows: skipBadRows ? .skip : .fail, contradictions: contradictions)
        let (table, report) = try files.read(labels: labels, tasks: tasks, truth: truth)
        for method in try methods() {
            try table.checkSize(for: method, labels: labels)
        }
        let store = LabelStore(table)
        let gold = table.tasks.map(\.truth)
        let results = try methods().map { method in (method, self.aggregate(method, store)) }
        let quiet = json == "-" || out == "-"
        if !quiet { show(table, report, store, gold, results) }
        if let json { try FileOptions.write(jsonValue(table, report, store, gold, results).pretty, to: json) }
        if let out, let last = results.last {
            var writer = CSVWriter(header: ["task", "label", "probability"])
            for (index, task) in table.tasks.enumerated() {
                let label = last.1.labels[index]
                let probability = last.1.probabilities(of: index)[label]
                writer.append([task.id, table.classes[label], "\(probability)"])
            }
            try FileOptions.write(writer.text, to: out)
        }
    }

    private func aggregate(_ method: AggregationMethod, _ store: LabelStore) -> Aggregation {
        let options = EMOptions(maxIterations: iterations)
        var aggregator: any LabelAggregator =
            switch method {
            case .dawidSkene: DawidSkene(options: options, seed: seed)
            case .oneCoin: OneCoin(options: options, seed: seed)
            case .glad: GLAD(options: EMOptions(maxIterations: iterations, tolerance: 1e-5), seed: seed)
            case .majority, .weighted: method.aggregator(seed: seed)
            }
        return aggregator.fitPredict(store)
    }

    // MARK: For people

    private func show(
        _ table: LabelTable, _ report: LabelFiles.Report, _ store: LabelStore, _ gold: [Int?],
        _ results: [(AggregationMethod, Aggregation)]
    ) {
        let number = { (value: Double?) in value.map { Terminal.decimal($0, 4) } ?? "-" }
        print(
            "\(Terminal.counted(store.labelCount, "label")) of \(Terminal.counted(table.tasks.count, "task")) by "
                + "\(Terminal.counted(table.workers.count, "worker")), "
                + "classes \(table.classes.joined(separator: ", "))")
        if report.duplicates > 0 { print("dropped \(Terminal.counted(report.duplicates, "repeated row"))") }
        if report.contradictions > 0 {
            let verb = report.contradictions == 1 ? "contradicts" : "contradict"
            print(
                "\(Terminal.counted(report.contradictions, "row")) \(verb) an earlier one "
                    + "(kept: \(contradictions.rawValue)), such as")
            print("  " + report.contradictionExamples[0])
        }
        if report.badRows.skipped > 0 {
            print("skipped \(Terminal.counted(report.badRows.skipped, "row")) that cannot be read, such as")
            print("  \(report.badRows.reasons[0])")
        }
        if report.truthsWithoutLabels > 0 {
            print("\(Terminal.counted(report.truthsWithoutLabels, "truth")) of tasks without labels left out")
        }
        print("Krippendorff's alpha \(number(Agreement.krippendorffAlpha(store)))")
        print()
        var rows = [["method", "accuracy", "expected over ties", "ties", "iterations", ""]]
        for (method, result) in results {
            rows.append([
                method.rawValue, number(result.accuracy(truth: gold)), number(result.expectedAccuracy(truth: gold)),
                "\(result.tieCount)", result.iterations == 0 ? "-" : "\(result.iterations)",
                result.converged ? "" : "(not converged)",
            ])
        }
        print(Terminal.columns(rows, left: [0, 5]))
        guard let (method, result) = results.last, workers > 0 else { return }
        print()
        let known = gold.contains { $0 != nil }
        print(
            known
                ? "workers by number of labels (accuracy against the truth, where it is known, with its 95 % interval)"
                : "workers by number of labels (accuracy as \(method.rawValue) estimates it, with its 95 % interval)")
        let contexts = table.tasks.map(\.context)
        let overall = result.workerQualities(store, truth: gold)[0]
        let byContext = result.workerQualities(
            store, contexts: contexts, contextCount: table.contexts.count, truth: gold)
        let order = table.workers.indices.sorted { (overall[$0].labels, $1) > (overall[$1].labels, $0) }
        let width = max(6, order.prefix(workers).map { table.workers[$0].id.count }.max() ?? 0)
        for index in order.prefix(workers) {
            let id = Terminal.left(table.workers[index].id, width)
            print("\(id)  \(line(overall[index]))")
            guard table.contexts.count > 1 else { continue }
            for (context, row) in zip(table.contexts, byContext) where row[index].labels > 0 {
                print("\(String(repeating: " ", count: width))    \(line(row[index]))  \(context)")
            }
        }
        if order.count > workers { print("... and \(order.count - workers) more (--workers N, --json FILE)") }
    }

    private func line(_ quality: WorkerQuality) -> String {
        Terminal.right("\(quality.labels)", 6) + (quality.labels == 1 ? " label   " : " labels  ")
            + Terminal.decimal(quality.accuracy, 3) + "  ["
            + Terminal.decimal(quality.lower, 3) + ", " + Terminal.decimal(quality.upper, 3) + "]"
    }

    // MARK: For programs

    private func jsonValue(
        _ table: LabelTable, _ report: LabelFiles.Report, _ store: LabelStore, _ gold: [Int?],
        _ results: [(AggregationMethod, Aggregation)]
    ) -> JSON {
        let optional = { (value: Double?) in value.map(JSON.number) ?? .null }
        func quality(_ value: WorkerQuality) -> [(String, JSON)] {
            [
                ("labels", .integer(value.labels)), ("accuracy", .number(value.accuracy)),
                ("lower", .number(value.lower)), ("upper", .number(value.upper)),
            ]
        }
        let contexts = table.tasks.map(\.context)
        let methods = results.map { method, result -> (String, JSON) in
            let overall = result.workerQualities(store)[0]
            let rows = result.workerQualities(store, contexts: contexts, contextCount: table.contexts.count)
            let known = gold.contains { $0 != nil }
            let measured = result.workerQualities(store, truth: gold)[0]
            let workers = table.workers.enumerated().map { index, worker -> JSON in
                let inContext = zip(table.contexts, rows).filter { $1[index].labels > 0 }
                return .object(
                    [("worker", .string(worker.id))] + quality(overall[index])
                        + (known ? [("againstTruth", .object(quality(measured[index])))] : [])
                        + [("contexts", .object(inContext.map { ($0, .object(quality($1[index]))) }))])
            }
            let labels = table.tasks.enumerated().map { index, task -> JSON in
                .object([
                    ("task", .string(task.id)), ("label", .string(table.classes[result.labels[index]])),
                    ("probabilities", .array(result.probabilities(of: index).map(JSON.number))),
                ])
            }
            return (
                method.rawValue,
                .object([
                    ("accuracy", optional(result.accuracy(truth: gold))),
                    ("expectedAccuracy", optional(result.expectedAccuracy(truth: gold))),
                    ("ties", .integer(result.tieCount)), ("iterations", .integer(result.iterations)),
                    ("converged", .bool(result.converged)), ("workers", .array(workers)), ("labels", .array(labels)),
                ])
            )
        }
        return .object([
            ("labels", .integer(store.labelCount)), ("tasks", .integer(table.tasks.count)),
            ("workers", .integer(table.workers.count)), ("classes", .array(table.classes.map(JSON.string))),
            ("duplicates", .integer(report.duplicates)), ("contradictions", .integer(report.contradictions)),
            ("skippedRows", .integer(report.badRows.skipped)), ("seed", .string("\(seed)")),
            ("krippendorffAlpha", optional(Agreement.krippendorffAlpha(store))), ("methods", .object(methods)),
        ])
    }
}
