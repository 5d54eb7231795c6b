internal import CSCSwift
internal import Foundation

/// Turns cells into the paper's two tables: markdown, CSV and JSON. Nothing is computed but means and intervals.
struct ReproduceCafeReport {
    let methods: [ReproduceCafeMethod]
    let cells: [ReproduceCafeCell]
    typealias Sweep = ReproduceCafePublished.Sweep

    /// The means of one cell over the seeds, by seed.
    func seedMeans(_ method: String, _ city: String, _ tasks: Int, _ workers: Int) -> [(seed: Int, mean: Double)] {
        cells.filter { $0.method == method && $0.city == city && $0.tasks == tasks && $0.workers == workers }
            .sorted { $0.seed < $1.seed }.map { ($0.seed, $0.mean) }
    }

    func summary(_ method: String, _ city: String, _ sweep: Sweep, _ column: Int) -> Summary? {
        let (tasks, workers) = sweep.setting(column)
        let means = seedMeans(method, city, tasks, workers).map(\.mean)
        return means.isEmpty ? nil : Summary(means)
    }

    /// The paired difference of two methods over the seeds that both have.
    func difference(_ first: String, _ second: String, _ city: String, _ sweep: Sweep, _ column: Int) -> Summary? {
        let (tasks, workers) = sweep.setting(column)
        let left = seedMeans(first, city, tasks, workers)
        let right = Dictionary(uniqueKeysWithValues: seedMeans(second, city, tasks, workers).map { ($0.seed, $0.mean) })
        let pairs = left.compactMap { pair in right[pair.seed].map { (pair.mean, $0) } }
        return pairs.isEmpty ? nil : Summary.paired(pairs.map(\.0), minus: pairs.map(\.1))
    }

    private func text(_ summary: Summary?) -> String {
        guard let summary else { return "" }
        let middle = "\(Terminal.decimal(summary.mean, 2)) ± \(Terminal.decimal(summary.sd, 2))"
        guard summary.count > 1 else { return Terminal.decimal(summary.mean, 2) }
        return middle + " [\(Terminal.decimal(summary.lower, 2)), \(Terminal.decimal(summary.upper, 2))]"
    }

    // MARK: - Markdown

    func markdown() -> String {
        var out = ""
        for sweep in Sweep.allCases {
            let fixed = sweep == .tasks ? "200 workers" : "200 tasks"
            out += "## Revenue over \(sweep.symbol) (\(fixed))\n\n"
            out += "Mean ± sd over seeds [95 % interval of the mean]; rows in italics are the paper's own values.\n\n"
            for city in ReproduceCafePublished.cities { out += table(sweep, city) }
        }
        out += "## Differences that the paper's order claims\n\n"
        out += "Paired over seeds, mean [95 % interval]; **bold** where the interval lies above 0.\n\n"
        for sweep in Sweep.allCases {
            for city in ReproduceCafePublished.cities { out += order(sweep, city) }
        }
        return out
    }

    private func header(_ sweep: Sweep, _ first: String) -> String {
        let columns = ReproduceCafePublished.columns
        return "| \(first) | " + columns.map { "\(sweep.symbol) = \($0)" }.joined(separator: " | ") + " |\n|---|"
            + String(repeating: "---|", count: columns.count) + "\n"
    }

    private func table(_ sweep: Sweep, _ city: String) -> String {
        var out = "### \(city)\n\n" + header(sweep, "method")
        for method in methods {
            let row = ReproduceCafePublished.columns.map { text(summary(method.key, city, sweep, $0)) }
            if row.contains(where: { !$0.isEmpty }) {
                out += "| \(method.title) | " + row.joined(separator: " | ") + " |\n"
            }
            guard let name = method.paper else { continue }
            let theirs = ReproduceCafePublished.columns.map { column in
                ReproduceCafePublished.value(sweep, city, name, column)
                    .map { "*\(Terminal.decimal($0.0, 2)) ± \(Terminal.decimal($0.1, 2))*" } ?? ""
            }
            out += "| *paper: \(name)* | " + theirs.joined(separator: " | ") + " |\n"
        }
        return out + "\n"
    }

    /// The comparisons of the paper's order, and CAFE against the rules that it does not show.
    static let comparisons = [
        ("ippo", "greedy"), ("pau", "ippo"), ("ca-nofe", "pau"), ("ca-nofe", "ippo"), ("cafe", "ca-nofe"),
        ("cafe", "ippo"), ("cafe", "greedy"), ("cafe", "marginal"), ("cafe", "coalition"),
        ("evolved", "coalition"),
    ]

    private func order(_ sweep: Sweep, _ city: String) -> String {
        var out = "### \(city), over \(sweep.symbol)\n\n" + header(sweep, "difference")
        for (first, second) in Self.comparisons {
            let row = ReproduceCafePublished.columns.map { column -> String in
                guard let d = difference(first, second, city, sweep, column) else { return "" }
                let mean = (d.mean < 0 ? "" : "+") + Terminal.decimal(d.mean, 2)
                if d.count < 2 { return mean }
                let text = mean + " [\(Terminal.decimal(d.lower, 2)), \(Terminal.decimal(d.upper, 2))]"
                return d.lower > 0 ? "**\(text)**" : text
            }
            if row.contains(where: { !$0.isEmpty }) {
                out += "| \(first) - \(second) | " + row.joined(separator: " | ") + " |\n"
            }
        }
        return out + "\n"
    }

    // MARK: - CSV and JSON

    private struct Line: Codable {
        var sweep: String
        var city: String
        var method: String
        var value: Int
        var seeds: Int
        var mean: Double
        var sd: Double
        var lower: Double?
        var upper: Double?
        var publishedMean: Double?
        var publishedSpread: Double?
    }

    private func lines() -> [Line] {
        var lines: [Line] = []
        for sweep in Sweep.allCases {
            for city in ReproduceCafePublished.cities {
                for method in methods {
                    for column in ReproduceCafePublished.columns {
                        guard let s = summary(method.key, city, sweep, column) else { continue }
                        let paper = method.paper.flatMap { ReproduceCafePublished.value(sweep, city, $0, column) }
                        lines.append(
                            Line(
                                sweep: sweep.rawValue, city: city, method: method.key, value: column, seeds: s.count,
                                mean: s.mean, sd: s.sd, lower: s.count > 1 ? s.lower : nil,
                                upper: s.count > 1 ? s.upper : nil, publishedMean: paper?.0, publishedSpread: paper?.1))
                    }
                }
            }
        }
        return lines
    }

    func csv() -> String {
        func text(_ value: Double?) -> String { value.map { Terminal.decimal($0, 4) } ?? "" }
        return "sweep,city,method,value,seeds,mean,sd,lower95,upper95,published_mean,published_spread\n"
            + lines().map { line in
                [
                    line.sweep, line.city, line.method, "\(line.value)", "\(line.seeds)", text(line.mean),
                    text(line.sd), text(line.lower), text(line.upper), text(line.publishedMean),
                    text(line.publishedSpread),
                ].joined(separator: ",") + "\n"
            }.joined()
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(lines()), as: UTF8.self) + "\n"
    }
}
