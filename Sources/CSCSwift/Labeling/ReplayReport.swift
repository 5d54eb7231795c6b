/// The curves of a replay as table, CSV, JSON and plot.
public enum ReplayReport {
    /// Means with standard errors, one row a budget, one column a method; the labels spent where that is less.
    public static func table(_ curves: [ReplayCurve], tasks: Int) -> String {
        guard let first = curves.first else { return "" }
        let width = max(17, (curves.map(\.method.count).max() ?? 0) + 2)
        func pad(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        var lines = [" labels" + curves.map { pad($0.method) }.joined()]
        for (b, budget) in first.budgets.enumerated() {
            let label = String(budget)
            var line = String(repeating: " ", count: max(0, 7 - label.count)) + label
            for curve in curves {
                line += pad("\(Terminal.decimal(curve.mean[b], 4)) ± \(Terminal.decimal(curve.standardError[b], 4))")
            }
            lines.append(line)
        }
        for curve in curves
        where zip(curve.spent, curve.budgets).contains(where: { $0 < 0.98 * Double($1) || $0 > Double($1) }) {
            let per = curve.spent.map { Terminal.decimal($0 / Double(max(tasks, 1)), 1) }.joined(separator: " ")
            lines.append("\(curve.method) used, labels a task: \(per)")
        }
        return lines.joined(separator: "\n")
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
