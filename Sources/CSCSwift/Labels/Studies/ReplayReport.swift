/// The curves of a replay as table, CSV, JSON and plot.
package enum ReplayReport {
    /// How much of what a replay plays on is recorded.
    package struct Completion: Sendable, Hashable {
        /// Pairs of a task and a worker with a recorded answer.
        package var recorded: Int
        /// All pairs.
        package var pairs: Int

        /// The counts of a table before it was completed.
        package init(recorded: Int, pairs: Int) {
            self.recorded = recorded
            self.pairs = pairs
        }

        /// The share of answers that were filled in, in [0, 1].
        package var completedShare: Double { pairs == 0 ? 0 : 1 - Double(recorded) / Double(pairs) }
        /// `82 % of the answers are not recorded but filled in by GROUSE`; nil where none are.
        package var warning: String? {
            guard recorded < pairs else { return nil }
            let share = 100 * completedShare
            let shown = Terminal.decimal(share < 99 ? max(1, share.rounded()) : share, share < 99 ? 0 : 1)
            return "\(shown) % of the answers are not recorded but filled in by GROUSE; accuracies are those of an "
                + "imagined crowd"
        }
    }

    /// What was replayed and what the table's entries are: the line above it.
    package static func heading(_ matrix: LabelMatrix, runs: Int) -> String {
        "\(Terminal.counted(matrix.tasks.count, "task")), \(Terminal.counted(matrix.workers.count, "worker")), "
            + "\(Terminal.counted(runs, "run")); accuracy"
            + (runs > 1 ? ": mean ± standard error over the runs" : "")
    }

    /// Means with standard errors, one row per budget, one column per method, and for each aggregator where there are
    /// several; beside a method that does not use up the budget, the labels that it used in the mean. "-": not within
    /// the budget.
    package static func table(_ curves: [ReplayCurve], tasks: Int) -> String {
        guard let first = curves.first else { return "" }
        var rows =
            [["labels", "a task"]]
            + first.budgets.indices.map {
                ["\(first.budgets[$0])", Terminal.amount((first.labelsPerTask[$0] * 100).rounded() / 100)]
            }
        for curve in curves {
            let strays = zip(curve.spent, curve.budgets).contains { $0 < 0.98 * Double($1) || $0 > Double($1) }
            for score in curve.scores {
                rows[0].append(curve.scores.count == 1 ? curve.method : "\(curve.method)/\(score.aggregator)")
                for b in curve.budgets.indices {
                    guard let mean = score.mean[b], let error = score.standardError[b] else {
                        rows[b + 1].append("-")
                        continue
                    }
                    let shown = Terminal.decimal(mean, 4)
                    rows[b + 1].append(score.runs.count > 1 ? "\(shown) ± \(Terminal.decimal(error, 4))" : shown)
                }
            }
            guard strays else { continue }
            rows[0].append("its labels")
            for b in curve.budgets.indices { rows[b + 1].append(Terminal.decimal(curve.spent[b], 1)) }
        }
        return Terminal.columns(rows)
    }

    /// `method,budget,spent,mean,se`, one row per point, and a column `aggregator` where there are several, `completed`
    /// (the share of answers that were filled in) where there are such. Mean and se are empty where the method did not
    /// keep to the budget.
    package static func csv(_ curves: [ReplayCurve], completion: Completion? = nil) -> String {
        let several = curves.contains { $0.scores.count > 1 || $0.scores[0].aggregator != "session" }
        let completed = completion.flatMap { $0.completedShare > 0 ? $0.completedShare : nil }
        var writer = CSVWriter(
            header: ["method"] + (several ? ["aggregator"] : []) + ["budget", "spent", "mean", "se"]
                + (completed == nil ? [] : ["completed"]))
        for curve in curves {
            for score in curve.scores {
                for b in curve.budgets.indices {
                    var row = [curve.method]
                    if several { row.append(score.aggregator) }
                    row.append("\(curve.budgets[b])")
                    row.append("\(curve.spent[b])")
                    row.append(score.mean[b].map { "\($0)" } ?? "")
                    row.append(score.standardError[b].map { "\($0)" } ?? "")
                    if let completed { row.append("\(completed)") }
                    writer.append(row)
                }
            }
        }
        return writer.text
    }

    /// `{"methods": {"bbta": {"budgets": [2, 3], "labels": [...], "spent": [...], "accuracy": {"session": {"mean":
    /// [...], "se": [...], "runs": [[...]]}}}}}`: budgets in labels per task, labels and spent in all, one array a run
    /// in `runs`; null where a method did not keep to the budget. `mean` and `se` of the first aggregator stand beside
    /// `budgets` too.
    package static func json(_ curves: [ReplayCurve], completion: Completion? = nil, recordedOnly: Bool = false) -> JSON
    {
        let numbers = { (values: [Double?]) in JSON.array(values.map { $0.map(JSON.number) ?? .null }) }
        let methods = curves.map { curve -> (String, JSON) in
            let accuracy = curve.scores.map { score in
                (
                    score.aggregator,
                    JSON.object([
                        ("mean", numbers(score.mean)), ("se", numbers(score.standardError)),
                        ("runs", .array(score.runs.map { .array($0.map(JSON.number)) })),
                    ])
                )
            }
            return (
                curve.method,
                .object([
                    ("budgets", .array(curve.labelsPerTask.map(JSON.number))),
                    ("labels", .array(curve.budgets.map(JSON.integer))), ("spent", numbers(curve.spent)),
                    ("accuracy", .object(accuracy)), ("mean", numbers(curve.scores[0].mean)),
                    ("se", numbers(curve.scores[0].standardError)),
                ])
            )
        }
        var members: [(String, JSON)] = [("recordedOnly", .bool(recordedOnly))]
        if let completion {
            members += [
                ("recorded", .integer(completion.recorded)), ("pairs", .integer(completion.pairs)),
                ("completedShare", .number(recordedOnly ? 0 : completion.completedShare)),
            ]
        }
        return .object([("methods", .object(methods))] + members)
    }

    /// Accuracy against labels per task actually spent, with standard errors.
    package static func panel(_ curves: [ReplayCurve], tasks: Int, title: String) -> Plot.Panel {
        Plot.Panel(
            title: title, xLabel: "labels per task", yLabel: "accuracy",
            series: curves.flatMap { curve in
                curve.scores.map { score in
                    let matched = curve.method == "iethresh" || curve.method == "crowdsense"
                    let x = matched ? curve.spent : curve.budgets.map(Double.init)
                    return .line(
                        displayName(curve.method) + (curve.scores.count > 1 ? ", \(score.aggregator)" : ""),
                        x: x.map { $0 / Double(max(tasks, 1)) }, y: score.mean.map { $0 ?? .nan },
                        error: score.standardError.map { $0 ?? .nan })
                }
            })
    }

    /// How a method is called in a legend.
    package static func displayName(_ method: String) -> String {
        let parts = method.split(separator: ":")
        let explore = parts.count == 2 ? " (N' = \(parts[1]))" : ""
        switch parts.first.map(String.init) ?? "" {
        case "random": return "random + majority"
        case "balanced": return "balanced + majority"
        case "bbta": return "BBTA" + explore
        case "bbta-lc": return "BBTA-LC" + explore
        case "optkg": return "OptKG"
        case "optkg-multi": return "OptKG (Multi.)"
        case "iethresh": return "IEThresh"
        case "crowdsense": return "CrowdSense"
        case "pooled": return "pooled (ours)"
        default: return method
        }
    }
}
