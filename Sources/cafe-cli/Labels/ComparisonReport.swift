internal import CSCSwift

/// Which aggregator to take where no truth is known: what `label labels --compare` and `label aggregate --compare` show.
struct ComparisonReport {
    let comparison: AggregatorComparison
    /// The class that a session's own method gives each task; nil without a session.
    let own: [Int?]?

    init(
        _ table: LabelTable, methods: [AggregationMethod] = AggregationMethod.comparable, seed: UInt64,
        own: [Int?]? = nil, families: [Int]? = nil
    ) {
        comparison = AggregatorComparison(
            LabelStore(table), contexts: table.tasks.map(\.context), families: families, methods: methods, seed: seed)
        self.own = own
    }

    /// The share of tasks on which an aggregator agrees with the session's own answers.
    private func agreement(_ result: Aggregation) -> Double? {
        guard let own else { return nil }
        let known = own.indices.filter { own[$0] != nil }
        guard !known.isEmpty else { return nil }
        return Double(known.count(where: { own[$0] == result.labels[$0] })) / Double(known.count)
    }

    func show(json: Bool) {
        let best = comparison.entries[0]
        if json {
            let rows = comparison.entries.map { entry in
                JSON.object([
                    ("method", .string(entry.method.rawValue)), ("evidence", .number(entry.evidence)),
                    ("standardError", .number(entry.standardError)), ("agreement", .number(entry.agreement)),
                    ("agreementWithSession", agreement(entry.result).map(JSON.number) ?? .null),
                ])
            }
            print(
                JSON.object([("recommended", .string(best.method.rawValue)), ("methods", .array(rows))]).line)
            return
        }
        let session = own != nil
        var lines = [["method", "held-out log-likelihood", "below the best", "agrees with it"]]
        if session { lines[0].append("with the session") }
        for entry in comparison.entries {
            let below = best.evidence - entry.evidence
            var line = [
                entry.method.rawValue, Terminal.decimal(entry.evidence, 4),
                entry.method == best.method
                    ? "-" : "\(Terminal.decimal(below, 4)) ± \(Terminal.decimal(entry.standardError, 4))",
                Terminal.decimal(entry.agreement, 3),
            ]
            if session { line.append(agreement(entry.result).map { Terminal.decimal($0, 3) } ?? "-") }
            lines.append(line)
        }
        print(Terminal.columns(lines, left: [0]))
        let near = comparison.entries.dropFirst().filter { best.evidence - $0.evidence < 2 * $0.standardError }
        print(
            "recommended: \(best.method.rawValue), which predicts held-out labels best"
                + (near.isEmpty ? "" : "; hardly worse: \(near.map(\.method.rawValue).joined(separator: ", "))"))
    }
}
