internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli label aggregate`: recorded labels in, one answer per task out.
struct LabelAggregate: ParsableCommand {
    private static let usual = "mv,ds"

    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Turn recorded labels into one answer a task, and say how good each worker is.",
        discussion: """
            Reads a table with the columns task, worker, label (item, question, annotator, answer and others will do \
            too; ids and labels may be any text). Exact repetitions of a row are dropped and counted; a worker's second, \
            different label of a task is reported and the first one kept unless --contradictions says otherwise.

            A task's label is one that somebody gave it; tasks without labels stay empty and are not scored.

            --soft takes a model's class probabilities, task,worker,CLASS,CLASS,..., as one more worker whose reliability \
            is learnt; \(SoftOption.listeners) listen to it.

            Methods: \(AggregationMethod.allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: "; ")).
            """
    )

    @Option(help: "The table of labels; - for standard input.") var labels: String
    @Option(help: "A table task,truth: accuracies are printed then.") var truth: String?
    @Option(help: "A table task[,context][,truth] of all tasks: worker qualities are given by context then.")
    var tasks: String?
    @OptionGroup var columns: ColumnOptions
    @Option(
        help:
            "For pooled, and for models: a table worker,family of those whose errors go together, who count as one voice."
    )
    var families: String?
    @Option(help: SoftOption.help) var soft: String?
    @Option(help: "One or more of \(AggregationMethod.names.joined(separator: ", ")), separated by commas.")
    var method = LabelAggregate.usual
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
    @Flag(help: "Show which of the methods predicts held-out labels best, and how far they agree, in place of results.")
    var compare = false
    @Option(help: "Write everything, every worker included, to this JSON file; - for standard output.") var json:
        String?
    @Option(help: "Write task,label,probability of the last method to this CSV file; - for standard output.")
    var out: String?

    func validate() throws {
        if try methods().isEmpty { throw ValidationError("--method names no method.") }
        try FileOptions.checkInput([
            ("--labels", labels), ("--truth", truth), ("--tasks", tasks), ("--families", families),
            ("--soft", soft),
        ])
        if try soft != nil && !methods().contains(where: \.takesSoft) {
            throw ValidationError("--soft: only with \(SoftOption.listeners).")
        }
        if soft != nil && compare {
            throw ValidationError("--compare compares methods on workers' labels: leave out --soft.")
        }
        guard try families == nil || soft != nil || compare || methods().contains(.pooled) else {
            throw ValidationError("--families: only with the method pooled, with --soft or with --compare.")
        }
        try FileOptions.checkShared([("--json", json), ("--out", out)])
        if compare && (out != nil || (json != nil && json != "-")) {
            throw ValidationError("--compare prints a comparison: leave out --out, and --json FILE for --json -.")
        }
    }

    private func methods() throws -> [AggregationMethod] {
        try method.split(separator: ",").map { part in
            guard let method = AggregationMethod(name: part.trimmingPrefix { $0 == " " }.description) else {
                let names = AggregationMethod.names
                throw ValidationError(
                    "'\(part)' is not a method: \(names.joined(separator: ", "))"
                        + Spelling.hint(for: String(part), among: names))
            }
            return method
        }
    }

    func run() throws {
        try FileOptions.checkOutputs([json, out])
        var format = CSVFormat(header: noHeader ? .absent : .firstLine)
        format.columns = try columns.mapping(for: LabelFiles.meanings)
        let files = LabelFiles(
            format: format, badRows: skipBadRows ? .skip : .fail, contradictions: contradictions)
        let read = try files.read(labels: labels, tasks: tasks, truth: truth, soft: soft), report = read.report
        var table = read.table
        for warning in report.warnings { FileOptions.note("warning: " + warning) }
        let kin = try families.map { try SoftOption.readFamilies($0, workers: table.workers, soft: &table.soft) }
        if compare {
            let named = try methods()
            for method in named { try method.check(classes: table.classes.count) }
            return ComparisonReport(
                table, methods: method == LabelAggregate.usual ? AggregationMethod.comparable : named, seed: seed,
                families: kin
            )
            .show(json: json == "-")
        }
        for method in try methods() {
            try table.checkSize(for: method, labels: labels)
        }
        let store = LabelStore(table)
        let gold = table.tasks.map(\.truth)
        let contexts = table.tasks.map(\.context)
        for method in try methods() { try method.check(classes: table.classes.count) }
        let results = try methods().map { method in
            var aggregator = method.aggregator(
                seed: seed, contexts: contexts, families: kin, iterations: iterations)
            return (method, aggregator.fitPredict(store))
        }
        let quiet = json == "-" || out == "-"
        if !quiet { show(table, report, store, gold, results) }
        if let json { try FileOptions.write(jsonValue(table, report, store, gold, results).pretty, to: json) }
        if let out, let last = results.last {
            var writer = CSVWriter(header: ["task", "label", "probability"])
            for row in rows(table, last.1) {
                writer.append([row.task, row.label ?? "", row.probability.map { "\($0)" } ?? ""])
            }
            try FileOptions.write(writer.text, to: out)
        }
    }

    /// One row per task; without label and probability where the task has no labels.
    private func rows(
        _ table: LabelTable, _ result: Aggregation
    ) -> [(task: String, label: String?, probability: Double?)] {
        let empty = Set(result.unlabelled)
        return table.tasks.enumerated().map { index, task in
            guard !empty.contains(index) else { return (task.id, nil, nil) }
            let label = result.labels[index]
            return (task.id, table.classes[label], result.probabilities(of: index)[label])
        }
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
                + "classes \(Terminal.list(table.classes))")
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
        if let empty = results.last?.1.unlabelled.count, empty > 0 {
            print("\(Terminal.counted(empty, "task")) without labels left empty")
        }
        print("Krippendorff's alpha \(number(Agreement.krippendorffAlpha(store)))")
        print()
        let scored = results[0].1.scoredCount(truth: gold)
        if scored > 0 { print("accuracy on \(Terminal.counted(scored, "task")) of known truth") }
        var rows = [["method", "accuracy", "expected over ties", "ties", "iterations", ""]]
        for (method, result) in results {
            rows.append([
                method.rawValue, number(result.accuracy(truth: gold)), number(result.expectedAccuracy(truth: gold)),
                "\(result.tieCount)", result.iterations == 0 ? "-" : "\(result.iterations)",
                result.converged ? "" : "(not converged)",
            ])
        }
        print(Terminal.columns(rows, left: [0, 5]))
        guard let (method, result) = results.last else { return }
        if let soft = store.soft { showModels(soft, gold, results) }
        for (method, result) in results where !result.overruled.isEmpty {
            print(
                "\(method.rawValue): \(Terminal.counted(result.overruled.count, "task")) against all their labels, the most "
                    + "probable class being one that nobody gave"
                    + (method == .dawidSkeneML ? "" : "; the most probable of those given stands"))
        }
        showLabels(table, method, result)
        guard workers > 0 else { return }
        print()
        let known = gold.contains { $0 != nil }
        print(
            known
                ? "workers by number of labels (how many are right, by the truth where it is known, else as "
                    + "\(method.rawValue) has it; share, and the 95 % interval of the accuracy)"
                : "workers by number of labels (how many are right as \(method.rawValue) has it; share, and the 95 % "
                    + "interval of the accuracy)")
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

    /// How far each method trusts each model, and how good the models are.
    private func showModels(_ soft: SoftLabels, _ gold: [Int?], _ results: [(AggregationMethod, Aggregation)]) {
        let heard = results.filter { !$0.1.softWeights.isEmpty }
        print()
        print(
            "models (weight: how much of its log-probabilities counts, 1 at its word, 0 not at all; right: its most probable "
                + "class, by the truth where it is known, else as the method has it)")
        var rows = [["model", "method", "weight", "right", "interval of 95 %"]]
        for (m, name) in soft.models.enumerated() {
            for (method, result) in heard {
                let quality = result.modelQualities(soft, truth: gold)[m]
                rows.append([
                    name, method.rawValue, Terminal.decimal(result.softWeights[m], 3),
                    "\(quality.accuracy.map { Terminal.decimal($0, 3) } ?? "-") of \(quality.labels)",
                    "[\(Terminal.decimal(quality.lower, 3)), \(Terminal.decimal(quality.upper, 3))]",
                ])
            }
        }
        print(Terminal.columns(rows, left: [0, 1]))
        let deaf = results.filter { $0.1.softWeights.isEmpty }.map(\.0.rawValue)
        if !deaf.isEmpty { print("not heard by \(deaf.joined(separator: ", "))") }
    }

    /// The first labels of the last method, and where to get all.
    private func showLabels(_ table: LabelTable, _ method: AggregationMethod, _ result: Aggregation) {
        print()
        let all = rows(table, result), shown = all.prefix(5)
        var lines = [["task", "label", method.isVote ? "share" : "probability"]]
        for row in shown { lines.append([row.task, row.label ?? "", row.probability.map { number($0) } ?? ""]) }
        print(Terminal.columns(lines, left: [0, 1]))
        if all.count > shown.count {
            print("... and \(all.count - shown.count) more: --out FILE writes the labels of \(method.rawValue)")
        }
    }

    private func number(_ value: Double) -> String { Terminal.decimal(value, 4) }

    /// `5 of 5 labels  1.000  [0.541, 0.996]`.
    private func line(_ quality: WorkerQuality) -> String {
        let right =
            abs(quality.right - quality.right.rounded()) < 1e-9
            ? "\(Int(quality.right.rounded()))" : Terminal.decimal(quality.right, 1)
        return Terminal.right("\(right) of \(quality.labels)", 12) + (quality.labels == 1 ? " label   " : " labels  ")
            + (quality.accuracy.map { Terminal.decimal($0, 3) } ?? "-") + "  ["
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
                ("labels", .integer(value.labels)), ("right", .number(value.right)),
                ("accuracy", optional(value.accuracy)),
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
            let labels = self.rows(table, result).enumerated().map { index, row -> JSON in
                .object([
                    ("task", .string(row.task)), ("label", row.label.map(JSON.string) ?? .null),
                    (
                        "probabilities",
                        row.label == nil ? .null : .array(result.probabilities(of: index).map(JSON.number))
                    ),
                ])
            }
            let models = (result.softWeights.isEmpty ? nil : store.soft).map { soft in
                zip(soft.models, result.modelQualities(soft, truth: gold)).enumerated().map { m, model in
                    JSON.object(
                        [("model", .string(model.0)), ("weight", .number(result.softWeights[m]))] + quality(model.1))
                }
            }
            return (
                method.rawValue,
                .object(
                    (models.map { [("models", .array($0))] } ?? []) + [
                        ("accuracy", optional(result.accuracy(truth: gold))),
                        ("expectedAccuracy", optional(result.expectedAccuracy(truth: gold))),
                        ("scored", .integer(result.scoredCount(truth: gold))),
                        ("unlabelled", .integer(result.unlabelled.count)),
                        ("classNobodyGave", .integer(result.overruled.count)),
                        ("ties", .integer(result.tieCount)), ("iterations", .integer(result.iterations)),
                        ("converged", .bool(result.converged)), ("workers", .array(workers)),
                        ("labels", .array(labels)),
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
