internal import CSCSwift

/// The tables as plots, and Fig. 7: SVG.
struct ReproduceCafePlots {
    let report: ReproduceCafeReport
    let columns: [Int]
    let cities: [String]

    /// Revenue over tasks and over workers, one panel a city and sweep; error bars are 95 % intervals over seeds.
    func tables() -> Plot {
        var panels: [Plot.Panel] = []
        for sweep in ReproduceCafePublished.Sweep.allCases {
            for city in cities {
                var series: [Plot.Series] = []
                for method in report.methods {
                    let points = columns.compactMap { column in
                        report.summary(method.key, city, sweep, column).map { (Double(column), $0) }
                    }
                    guard !points.isEmpty else { continue }
                    series.append(
                        .line(
                            method.title, x: points.map(\.0), y: points.map(\.1.mean),
                            error: points.allSatisfy { $0.1.count > 1 } ? points.map(\.1.halfWidth) : []))
                }
                let paper = columns.compactMap { column in
                    ReproduceCafePublished.value(sweep, city, "CAFE", column).map { (Double(column), $0.0) }
                }
                series.append(
                    Plot.Series("paper: CAFE", kind: .dashed, x: paper.map(\.0), y: paper.map(\.1)))
                panels.append(
                    Plot.Panel(title: city, xLabel: sweep.symbol, yLabel: "revenue", series: series))
            }
        }
        return Plot(title: "Revenue", panels: panels, columns: max(1, cities.count))
    }

    /// One reward's training revenue by iteration, of every seed.
    struct Curve {
        let city: String
        let reward: String
        /// [seed][iteration]
        let seeds: [[Double]]
    }

    /// Fig. 7: revenue of the training episodes, mean over seeds with a band of their 95 % interval.
    func curves(_ curves: [Curve]) -> Plot? {
        var panels: [Plot.Panel] = []
        for city in cities {
            let series = curves.filter { $0.city == city && !$0.seeds.isEmpty }.map { curve in
                let length = curve.seeds.map(\.count).min() ?? 0
                let points = (0..<length).map { i in Summary(curve.seeds.map { $0[i] }) }
                return Plot.Series(
                    curve.reward, kind: .band, x: (0..<length).map { Double($0 + 1) }, y: points.map(\.mean),
                    error: curve.seeds.count > 1 ? points.map(\.halfWidth) : [])
            }
            if !series.isEmpty {
                panels.append(
                    Plot.Panel(title: city, xLabel: "iteration", yLabel: "training revenue", series: series))
            }
        }
        return panels.isEmpty ? nil : Plot(title: "Rewards in training", panels: panels, columns: panels.count)
    }
}
