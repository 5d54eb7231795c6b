internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label labels`.
struct LabelLabels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels", abstract: "Print one answer a task, by the session's weighted votes or an aggregator.",
        discussion: """
            The table is task, label, how sure the method is of it, and labels (how many). How sure is called margin (session: between the two \
            largest weighted votes, over the weight of all workers), share (mv, weighted: of the votes) or probability \
            (ds, one-coin, glad: by the method's model).
            """)

    @OptionGroup var session: SessionOptions
    @Option(help: "session (the engine's own), \(AggregationMethod.names.joined(separator: ", ")).") var method =
        "session"
    @Flag(
        help: "Show which aggregator predicts held-out labels best, and how far they agree; the table is not printed.")
    var compare = false
    @Option(help: "Write the table to this CSV file; - for standard output.") var out: String?
    @Option(help: "Write every recorded label, task,worker,label, to this CSV file; - for standard output.")
    var raw: String?

    func validate() throws {
        guard method == "session" || AggregationMethod(name: method) != nil else {
            let names = ["session"] + AggregationMethod.names
            throw ValidationError(
                "'\(method)' is not a method: \(names.joined(separator: ", "))"
                    + Spelling.hint(for: method, among: names))
        }
        if compare && (out != nil || raw != nil) {
            throw ValidationError("--compare prints a comparison and no labels: leave out --out and --raw.")
        }
        try FileOptions.checkShared([("--out", out), ("--raw", raw), ("--json", session.json ? "-" : nil)])
    }

    func run() throws {
        try FileOptions.checkOutputs([out, raw])
        let live = try session.open()
        let table = live.table
        if compare {
            guard !table.labels.isEmpty else { throw CSCError.invalid("there are no labels to compare aggregators on") }
            let own = live.answers.map { answer in answer.label.flatMap { table.classes.firstIndex(of: $0) } }
            return ComparisonReport(table, seed: live.options.seed, own: own, families: live.workerFamilies)
                .show(json: session.json)
        }
        let (answers, sureness) = try answers(live, table)
        var writer = CSVWriter(header: ["task", "label", sureness, "labels"])
        for answer in answers {
            writer.append([
                answer.task, answer.label ?? "", answer.label == nil ? "" : Terminal.decimal(answer.confidence, 6),
                "\(answer.labels)",
            ])
        }
        if let raw {
            var labels = CSVWriter(header: ["task", "worker", "label"])
            for label in table.labels {
                labels.append([
                    table.tasks[Int(label.task)].id, table.workers[Int(label.worker)].id,
                    table.classes[Int(label.label)],
                ])
            }
            try FileOptions.write(labels.text, to: raw)
        }
        if let out { try FileOptions.write(writer.text, to: out) }
        if session.json {
            let rows = answers.map { answer in
                JSON.object([
                    ("task", .string(answer.task)), ("label", answer.label.map(JSON.string) ?? .null),
                    (sureness, answer.label == nil ? .null : .number(answer.confidence)),
                    ("labels", .integer(answer.labels)),
                ])
            }
            print(JSON.object([("method", .string(method)), ("answers", .array(rows))]).line)
        } else if out == nil && raw != "-" {
            try FileOptions.write(writer.text, to: "-")
        }
    }

    /// One answer per task, and what the method's sureness is called.
    private func answers(_ live: LabelSession, _ table: LabelTable) throws -> ([LabelSession.Answer], String) {
        let answers = live.answers
        guard let aggregation = AggregationMethod(name: method) else { return (answers, live.confidenceName) }
        try aggregation.check(classes: table.classes.count)
        var aggregator = aggregation.aggregator(
            seed: live.options.seed, contexts: table.tasks.map(\.context), families: live.workerFamilies)
        let result = aggregator.fitPredict(LabelStore(table))
        let sureness = aggregation.isVote ? "share" : "probability"
        let gold = live.goldLabels, unlabelled = Set(result.unlabelled)
        return (
            answers.indices.map { index in
                if gold[index] != nil { return answers[index] }
                let label = result.labels[index]
                return LabelSession.Answer(
                    task: answers[index].task, label: unlabelled.contains(index) ? nil : table.classes[label],
                    confidence: result.probabilities(of: index)[label], labels: answers[index].labels)
            }, sureness
        )
    }
}
