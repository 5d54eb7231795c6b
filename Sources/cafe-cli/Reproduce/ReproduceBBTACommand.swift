internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli reproduce bbta`: the figures of the BBTA paper.
struct ReproduceBBTACommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bbta",
        abstract: "The figures of the BBTA paper: simulated workers on UCI sets, recorded labels, N' and regret.",
        discussion: """
            Writes, for each figure, an SVG, and over all of them results.md, results.csv and results.json.
            The full setting is 30 runs; --quick makes three. The data are not part of CAFE: UCI's three files go to
            uci/ and the recorded label sets to labels/ below --data.
            """
    )

    @Option(help: "The folder that holds uci/ and labels/.") var data = "../shared/data"
    @Option(help: "Where to write.") var output = "docs/results/bbta"
    @Option(help: "Runs to average.", transform: Limits.runs.parse) var runs = 30
    @Flag(help: "Three runs.") var quick = false
    @Option(help: "The seed of everything.") var seed: UInt64 = 2015
    @Option(help: "Threads (0: all cores).", transform: Limits.threads.parse) var threads = 0

    func run() throws {
        try FileOptions.checkFolder(output)
        Output.startThreads(threads)
        let work = Reproduction(data: data, runs: quick ? 3 : runs, seed: seed)
        try AtomicFile.makeFolder(output)
        let simulated = try work.simulated(), recorded = try work.recorded()
        let progress = ProgressLine(
            "reproducing",
            total: work.runs
                * (simulated.count * (work.baselines.count + work.sweep.count + 1) + recorded.count
                    * work.baselines.count)
                + draws * toyRuns * Reproduction.toyTable.count, unit: "runs")
        try histograms("fig1", "Fig. 1: true accuracy of simulated workers (run 0)", work, simulated)
        try histograms("fig4", "Fig. 4: true accuracy of recorded workers", work, recorded)
        var report =
            "| figure | case | method | " + [2, 4, 6, 8, 10, 12, 15].map { "\($0) N" }.joined(separator: " | ")
        report += " |\n|" + String(repeating: "---|", count: 10) + "\n"
        var csv = CSVWriter(header: ["figure", "case", "method", "budget", "spent", "mean", "se"])
        var json: [(String, JSON)] = [("runs", .integer(work.runs)), ("seed", .integer(Int(truncatingIfNeeded: seed)))]
        for (figure, title, cases, methods) in [
            ("fig2", "Fig. 2: accuracy by budget, simulated workers", simulated, work.baselines),
            ("fig3", "Fig. 3: BBTA with N' = 0, 1, 5, 10", simulated, work.sweep),
            ("fig5", "Fig. 5: accuracy by budget, recorded labels", recorded, work.baselines),
        ] {
            var panels: [Plot.Panel] = [], found: [(String, JSON)] = []
            for one in cases {
                let curves = try work.curves(one, methods: methods, played: { progress.advance() })
                note("\(figure) \(one.name)")
                panels.append(ReplayReport.panel(curves, tasks: one.tasks, title: one.name))
                found.append((one.name, ReplayReport.json(curves)))
                for curve in curves {
                    let points = [2, 4, 6, 8, 10, 12, 15].map { per in
                        let b = curve.budgets.firstIndex(of: per * one.tasks)!
                        guard curve.mean[b].isFinite else { return "-" }  // not within the budget
                        return "\(Terminal.decimal(curve.mean[b], 3)) ± \(Terminal.decimal(curve.standardError[b], 3))"
                    }
                    let name = ReplayReport.displayName(curve.method)
                    report += "| \(figure) | \(one.name) | \(name) | \(points.joined(separator: " | ")) |\n"
                    for b in curve.budgets.indices {
                        csv.append([
                            figure, one.name, curve.method, String(curve.budgets[b]), String(curve.spent[b]),
                            curve.scores[0].mean[b].map { String($0) } ?? "",
                            curve.scores[0].standardError[b].map { String($0) } ?? "",
                        ])
                    }
                }
            }
            try Plot(title: title, panels: panels).write(to: "\(output)/\(figure).svg")
            json.append((figure, .object(found)))
        }
        try regret(work, simulated, &json, progress)
        report += try toy(progress)
        progress.finish()
        try AtomicFile.write(report, to: "\(output)/results.md")
        try csv.write(to: "\(output)/results.csv")
        try AtomicFile.write(JSON.object(json).pretty, to: "\(output)/results.json")
        print(report)
        print("\(output): fig1-5.svg, regret.svg, results.md, results.csv, results.json")
    }

    /// How many matrices the toy experiment draws.
    private var draws: Int { quick ? 3 : 20 }
    /// Runs on each of them.
    private var toyRuns: Int { 10 }

    /// The authors' toy experiment: mean and spread over draws of the matrix, ten runs each, beside their one draw.
    private func toy(_ progress: ProgressLine) throws -> String {
        var found: [String: [Int: [Double]]] = [:]
        for draw in 0..<draws {
            let work = Reproduction(data: data, runs: toyRuns, seed: seed)
            let one = Reproduction.toy(seed: seed + UInt64(draw))
            for curve in try work.curves(
                one, methods: Reproduction.toyTable.map(\.method), played: { progress.advance() })
            {
                for (budget, mean) in zip(curve.budgets, curve.mean) {
                    found[curve.method, default: [:]][budget, default: []].append(mean)
                }
            }
            note("toy, draw \(draw + 1) of \(draws)")
        }
        var report = "\n| toy setting | budget | authors, one draw | ours, mean of \(draws) draws | sd of a draw |\n"
        report += "|---|---|---|---|---|\n"
        for (method, points) in Reproduction.toyTable {
            for (budget, theirs) in points {
                let ours = Summary(found[method]![budget]!)
                report += "| \(ReplayReport.displayName(method)) | \(budget) | \(Terminal.decimal(theirs, 3)) | "
                report += "\(Terminal.decimal(ours.mean, 3)) | \(Terminal.decimal(ours.sd, 3)) |\n"
            }
        }
        return report
    }

    private func histograms(_ name: String, _ title: String, _ work: Reproduction, _ cases: [Reproduction.Case]) throws
    {
        let panels = cases.map { one in
            Plot.Panel(
                title: one.name, xLabel: "true accuracy", yLabel: "workers",
                series: [.histogram("", values: work.accuracies(one), from: 0.2, to: 1, bins: 16)])
        }
        try Plot(title: title, panels: panels).write(to: "\(output)/\(name).svg")
    }

    private func regret(
        _ work: Reproduction, _ cases: [Reproduction.Case], _ json: inout [(String, JSON)], _ progress: ProgressLine
    ) throws {
        var panels: [Plot.Panel] = [], found: [(String, JSON)] = []
        for one in cases {
            let result = work.regret(one), x = result.budgets.map { Double($0) / Double(one.tasks) }
            note("regret \(one.name)")
            progress.advance(by: work.runs)
            panels.append(
                Plot.Panel(
                    title: one.name, xLabel: "labels per task", yLabel: "regret",
                    series: [
                        .line(
                            "measured", x: x, y: result.measured.map(\.mean),
                            error: result.measured.map(\.standardError)),
                        Plot.Series("bound", kind: .dashed, x: x, y: result.bound),
                    ]))
            found.append(
                (
                    one.name,
                    .object([
                        ("budgets", .array(result.budgets.map(JSON.integer))),
                        ("mean", .array(result.measured.map { .number($0.mean) })),
                        ("se", .array(result.measured.map { .number($0.standardError) })),
                        ("bound", .array(result.bound.map(JSON.number))),
                    ])
                ))
        }
        try Plot(title: "Measured regret of BBTA (N' = 1) and its bound", panels: panels)
            .write(to: "\(output)/regret.svg")
        json.append(("regret", .object(found)))
    }

    private func note(_ text: String) { Output.note(text) }
}
