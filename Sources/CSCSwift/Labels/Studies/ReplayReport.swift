/// The curves of a replay as table, CSV, JSON and plot.
public enum ReplayReport {
    /// What was replayed and what the table's entries are: the line above it.
    public static func heading(_ matrix: LabelMatrix, runs: Int) -> String {
        "\(Terminal.counted(matrix.tasks.count, "task")), \(Terminal.counted(matrix.workers.count, "worker")), "
            + "\(Terminal.counted(runs, "run")); accuracy"
            + (runs > 1 ? ": mean ± standard error over the runs" : "")
    }

    /// Means with standard errors, one row a budget, one column a method; beside a method that does not keep to the
    /// budget, the labels that it used in the mean.
    public static func table(_ curves: [ReplayCurve], tasks: Int) -> String {
        guard let first = curves.first else { return "" }
        var rows =
            [["labels", "a task"]]
            + first.budgets.map {
                ["\($0)", Terminal.amount((Double($0) / Double(max(tasks, 1)) * 100).rounded() / 100)]
            }
        for curve in curves {
            let strays = zip(curve.spent, curve.budgets).contains { $0 < 0.98 * Double($1) || $0 > Double($1) }
            rows[0] += [curve.method] + (strays ? ["its labels"] : [])
            for b in curve.budgets.indices {
                let mean = Terminal.decimal(curve.mean[b], 4), error = Terminal.decimal(curve.standardError[b], 4)
                rows[b + 1].append(curve.accuracies.count > 1 ? "\(mean) ± \(error)" : mean)
                if strays { rows[b + 1].append(Terminal.decimal(curve.spent[b], 1)) }
            }
        }
        return Terminal.columns(rows)
    }

    /// `method,budget,spent,mean,se`, one row a point.
    public static func csv(_ curves: [ReplayCurve]) -> String {
        var writer = CSVWriter(header: ["method", "budget", "spent", "mean", "se"])
        for curve in curves {
            for b in curve.budgets.indices {
                writer.append([
                    curve.method, String(curve.budgets[b]), String(curve.spent[b]), String(curve.mean[b]),
                    String(curve.standardError[b]),
                ])
            }
        }
        return writer.text
    }

    /// `{"methods": {"bbta": {"budgets": [...], "mean": [...], "se": [...], "spent": [...]}}}`.
    public static func json(_ curves: [ReplayCurve]) -> JSON {
        .object([
            (
                "methods",
                .object(
                    curves.map { curve in
                        (
                            curve.method,
                            .object([
                                ("budgets", .array(curve.budgets.map(JSON.integer))),
                                ("mean", .array(curve.mean.map(JSON.number))),
                                ("se", .array(curve.standardError.map(JSON.number))),
                                ("spent", .array(curve.spent.map(JSON.number))),
                            ])
                        )
                    })
            )
        ])
    }

    /// Accuracy against labels a task actually spent, with standard errors.
    public static func panel(_ curves: [ReplayCurve], tasks: Int, title: String) -> Plot.Panel {
        Plot.Panel(
            title: title, xLabel: "labels per task", yLabel: "accuracy",
            series: curves.map { curve in
                let matched = curve.method == "iethresh" || curve.method == "crowdsense"
                let x = matched ? curve.spent : curve.budgets.map(Double.init)
                return .line(
                    displayName(curve.method), x: x.map { $0 / Double(max(tasks, 1)) }, y: curve.mean,
                    error: curve.standardError)
            })
    }

    /// How a method is called in a legend.
    public static func displayName(_ method: String) -> String {
        let parts = method.split(separator: ":")
        let explore = parts.count == 2 ? " (N' = \(parts[1]))" : ""
        switch parts.first.map(String.init) ?? "" {
        case "random": return "random + majority"
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
