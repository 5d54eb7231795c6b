internal import Foundation

/// One HTML file about the folder of a run: curves of every measurement, where the time went, configuration, comparison
/// with other policies. It needs no network, no script and no other file.
package struct ReportPage: Sendable {
    /// A table of measurements, by iteration.
    package struct Table: Sendable, Hashable {
        /// The columns' names.
        package var columns: [String]
        /// The iterations.
        package var iterations: [Double]
        /// The values, [column][row]; a value that does not exist is NaN.
        package var values: [[Double]]
    }

    /// A row of a comparison: a policy's mean revenue and its 95 % interval.
    package struct Row: Sendable, Hashable {
        /// The policy.
        package var name: String
        /// Its mean.
        package var mean: Double
        /// The interval's ends.
        package var low: Double
        /// See `low`.
        package var high: Double
    }

    /// A comparison that `evaluate --json` has written.
    package struct Comparison: Sendable, Hashable {
        /// What was played.
        package var title: String
        /// The policies, in the order of the file.
        package var rows: [Row]
    }

    /// The title.
    package var title: String
    /// What each iteration measured.
    package var metrics: Table?
    /// What the clock said.
    package var timing: Table?
    /// Name and text of the files that describe the run.
    package var descriptions: [(name: String, text: String)] = []
    /// The comparisons.
    package var comparisons: [Comparison] = []

    /// Reads a run's folder: metrics.csv, timing.csv, the YAML files, and every result of `evaluate --json` in it;
    /// `results` names further such files. O(files).
    ///
    /// - Throws: `CSCError` where the folder is no run or a file is damaged.
    package init(run folder: String, results: [String] = []) throws(CSCError) {
        title = folder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? []
        guard names.contains("metrics.csv") else {
            throw CSCError.file(path: folder, reason: "is not the folder of a run: it has no metrics.csv")
        }
        metrics = try Self.table(AtomicFile.join(folder, "metrics.csv"))
        if names.contains("timing.csv") { timing = try Self.table(AtomicFile.join(folder, "timing.csv")) }
        for name in ["config.yaml", "evolution.yaml", "scenario.yaml"] where names.contains(name) {
            descriptions.append((name, try AtomicFile.readText(AtomicFile.join(folder, name))))
        }
        for name in names where name.hasSuffix(".json") {
            if let found = try? Self.comparison(AtomicFile.join(folder, name)) { comparisons.append(found) }
        }
        for path in results { comparisons.append(try Self.comparison(path)) }
    }

    /// Reads a table of measurements; a truncated last line is left out.
    static func table(_ path: String) throws(CSCError) -> Table {
        let lines = try AtomicFile.readText(path).split(separator: "\n", omittingEmptySubsequences: true)
        guard let header = lines.first else { throw CSCError.table(path: path, reason: "is empty") }
        let names = header.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var table = Table(
            columns: Array(names.dropFirst()), iterations: [], values: Array(repeating: [], count: names.count - 1))
        for (at, line) in lines.dropFirst().enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == names.count, let iteration = Double(fields[0]) else {
                if at == lines.count - 2 { break }
                throw CSCError.row(
                    path: path, line: at + 2, column: names[0], value: String(fields.first ?? ""),
                    reason: "has \(fields.count) fields, \(names.count) are wanted")
            }
            table.iterations.append(iteration)
            for column in table.values.indices { table.values[column].append(Double(fields[column + 1]) ?? .nan) }
        }
        return table
    }

    /// Reads what `evaluate --json` has written.
    static func comparison(_ path: String) throws(CSCError) -> Comparison {
        var found = Comparison(title: "", rows: [])
        var (source, tasks, workers) = ("", 0.0, 0.0)
        do throws(JSONCursor.Fault) {
            var cursor = try JSONCursor(try Self.bytes(path))
            try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                switch name {
                case "source": source = try cursor.string()
                case "tasks": tasks = try cursor.number()
                case "workers": workers = try cursor.number()
                case "policies":
                    try cursor.fields { (cursor, name) throws(JSONCursor.Fault) in
                        found.rows.append(try Self.row(name, &cursor))
                    }
                default: try cursor.skipValue()
                }
            }
        } catch {
            throw CSCError.file(path: path, reason: "is no result of evaluate --json: \(error.path) \(error.reason)")
        }
        if found.rows.isEmpty {
            throw CSCError.file(path: path, reason: "is no result of evaluate --json: it has no policies")
        }
        found.title = "\(source), \(Int(tasks)) tasks, \(Int(workers)) workers"
        return found
    }

    private static func bytes(_ path: String) throws(JSONCursor.Fault) -> [UInt8] {
        do {
            return try AtomicFile.read(path)
        } catch {
            throw JSONCursor.Fault(path: "", reason: "\(error)")
        }
    }

    private static func row(_ name: String, _ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Row {
        var row = Row(name: name, mean: .nan, low: .nan, high: .nan)
        try cursor.fields { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case "mean": row.mean = try cursor.null() ? .nan : try cursor.number()
            case "ci95":
                try cursor.array { (cursor, at) throws(JSONCursor.Fault) in
                    let value = try cursor.null() ? Double.nan : try cursor.number()
                    if at == 0 { row.low = value } else { row.high = value }
                }
            default: try cursor.skipValue()
            }
        }
        return row
    }

    // MARK: The page

    /// The file's text. O(measurements).
    package var html: String {
        var page = ReportStyle.head.replacingOccurrences(of: "<!--TITLE-->", with: ReplayPage.escape(title))
        page += summary
        for comparison in comparisons { page += Self.section("Comparison: \(comparison.title)", Self.bars(comparison)) }
        if let metrics, !metrics.iterations.isEmpty {
            for (group, columns) in Self.groups(metrics) {
                let charts = columns.map { HTMLChart.line(metrics.columns[$0], metrics.iterations, metrics.values[$0]) }
                page += Self.section(group, "<div class=\"grid\">\(charts.joined())</div>")
            }
        }
        if let timing, !timing.iterations.isEmpty { page += Self.section("Where the time went", Self.phases(timing)) }
        for (name, text) in descriptions {
            page +=
                "<details><summary>\(ReplayPage.escape(name))</summary><pre>\(ReplayPage.escape(text))</pre></details>"
        }
        return page + "</main></body></html>\n"
    }

    private static func section(_ title: String, _ body: String) -> String {
        "<section><h2>\(ReplayPage.escape(title))</h2>\(body)</section>"
    }

    private var summary: String {
        var cards = ""
        func card(_ name: String, _ value: String) {
            cards +=
                "<div class=\"card\"><b>\(ReplayPage.escape(value))</b><span>\(ReplayPage.escape(name))</span></div>"
        }
        if let metrics, let last = metrics.iterations.last {
            card("iterations", HTMLChart.figure(last))
            for (at, name) in metrics.columns.enumerated() where name.contains("revenue") || name.contains("return") {
                if let value = metrics.values[at].last(where: \.isFinite) {
                    card("\(name), last", HTMLChart.figure(value))
                }
            }
        }
        if let timing {
            for (at, name) in timing.columns.enumerated()
            where name.lowercased().contains("seconds") && !name.contains("/") {
                card(name, HTMLChart.figure(timing.values[at].filter(\.isFinite).reduce(0, +)))
            }
        }
        return "<div class=\"cards\">\(cards)</div>"
    }

    /// Columns by what stands before the slash of their names.
    private static func groups(_ table: Table) -> [(String, [Int])] {
        var order: [String] = []
        var groups: [String: [Int]] = [:]
        for (at, name) in table.columns.enumerated() where table.values[at].contains(where: \.isFinite) {
            let group = name.split(separator: "/").count > 1 ? String(name.split(separator: "/")[0]) : "measurements"
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(at)
        }
        return order.map { ($0, groups[$0]!) }
    }

    /// Bars of means with their intervals, and the table.
    private static func bars(_ comparison: Comparison) -> String {
        let top = comparison.rows.flatMap { [$0.mean, $0.high] }.filter(\.isFinite).max() ?? 1
        let first = comparison.rows[0].mean
        var rows = ""
        for row in comparison.rows {
            let share = max(0, min(1, row.mean / max(top, 1e-12)))
            let low = max(0, min(1, row.low / max(top, 1e-12))), high = max(0, min(1, row.high / max(top, 1e-12)))
            func percent(_ value: Double) -> String { value.isFinite ? "\((value * 1000).rounded() / 10)%" : "0%" }
            let interval = row.low.isFinite ? "[\(HTMLChart.figure(row.low)), \(HTMLChart.figure(row.high))]" : ""
            rows +=
                "<tr><th>\(ReplayPage.escape(row.name))</th><td class=\"bar\"><div><i style=\"width:\(percent(share))\"></i>"
                + (row.low.isFinite
                    ? "<u style=\"left:\(percent(low));width:\(percent(max(0, high - low)))\"></u>" : "")
                + "</div></td><td>\(HTMLChart.figure(row.mean))</td><td>\(interval)</td>"
                + "<td>\(first > 0 ? HTMLChart.figure(row.mean / first) : "")</td></tr>"
        }
        return "<table class=\"compare\"><tr><th>policy</th><th></th><th>mean</th><th>95 % interval</th>"
            + "<th>to the first</th></tr>\(rows)</table>"
    }

    /// Seconds of each phase in all, and their course.
    private static func phases(_ timing: Table) -> String {
        let charts = timing.columns.indices.filter { timing.values[$0].contains(where: \.isFinite) }.map {
            HTMLChart.line(timing.columns[$0], timing.iterations, timing.values[$0])
        }
        let phases = timing.columns.indices.filter {
            timing.columns[$0].contains("/") && timing.columns[$0].contains("seconds")
                || timing.columns[$0].hasPrefix("seconds/") || timing.columns[$0].hasPrefix("time/")
        }
        let sums = phases.map { timing.values[$0].filter(\.isFinite).reduce(0, +) }
        let all = sums.reduce(0, +)
        var rows = ""
        for (phase, sum) in zip(phases, sums).sorted(by: { $0.1 > $1.1 }) where all > 0 {
            let share = (sum / all * 1000).rounded() / 10
            rows +=
                "<tr><th>\(ReplayPage.escape(timing.columns[phase]))</th><td class=\"bar\"><div><i style=\"width:\(share)%\"></i></div></td>"
                + "<td>\(HTMLChart.figure(sum)) s</td><td>\(share) %</td></tr>"
        }
        return (rows.isEmpty ? "" : "<table class=\"compare\">\(rows)</table>")
            + "<div class=\"grid\">\(charts.joined())</div>"
    }
}

/// A small chart as SVG that takes its colours from the page.
enum HTMLChart {
    /// A curve with its running mean. O(points).
    static func line(_ title: String, _ x: [Double], _ y: [Double]) -> String {
        let points = zip(x, y).filter { $0.1.isFinite }
        let low = points.map(\.1).min() ?? 0, high = points.map(\.1).max() ?? 1
        let span = high > low ? high - low : max(abs(high), 1e-9)
        let (bottom, top) = high > low ? (low, high) : (low - span / 2, high + span / 2)
        let (first, last) = (points.first?.0 ?? 0, max(points.last?.0 ?? 1, (points.first?.0 ?? 0) + 1))
        let (width, height, left, base) = (320.0, 150.0, 52.0, 126.0)
        func place(_ point: (Double, Double)) -> String {
            let px = left + (point.0 - first) / (last - first) * (width - left - 10)
            let py = base - (point.1 - bottom) / (top - bottom) * (base - 12)
            return "\((px * 10).rounded() / 10),\((py * 10).rounded() / 10)"
        }
        var marks = ""
        for share in [0.0, 0.5, 1] {
            let value = bottom + share * (top - bottom)
            let py = base - share * (base - 12)
            marks +=
                "<line class=\"g\" x1=\"\(left)\" x2=\"\(width - 10)\" y1=\"\(py)\" y2=\"\(py)\"/>"
                + "<text x=\"\(left - 6)\" y=\"\(py + 4)\" text-anchor=\"end\">\(figure(value))</text>"
        }
        marks +=
            "<text x=\"\(left)\" y=\"144\">\(figure(first))</text>"
            + "<text x=\"\(width - 10)\" y=\"144\" text-anchor=\"end\">\(figure(last))</text>"
        let raw = points.map(place).joined(separator: " ")
        let smooth = zip(points.map(\.0), running(points.map(\.1))).map(place).joined(separator: " ")
        let dots =
            points.count < 3
            ? points.map {
                "<circle class=\"d\" r=\"3\" cx=\"\(place($0).split(separator: ",")[0])\" cy=\"\(place($0).split(separator: ",")[1])\"/>"
            }.joined() : ""
        return "<figure><figcaption>\(ReplayPage.escape(title))</figcaption>"
            + "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\">\(marks)"
            + "<polyline class=\"r\" points=\"\(raw)\"/><polyline class=\"s\" points=\"\(smooth)\"/>\(dots)</svg></figure>"
    }

    /// The mean of a tenth of the points around each. O(points).
    private static func running(_ values: [Double]) -> [Double] {
        let reach = values.count / 20
        if reach == 0 { return values }
        var sums = [0.0]
        for value in values { sums.append(sums[sums.count - 1] + value) }
        return values.indices.map { at in
            let (low, high) = (max(0, at - reach), min(values.count, at + reach + 1))
            return (sums[high] - sums[low]) / Double(high - low)
        }
    }

    /// A number in four digits or so.
    static func figure(_ value: Double) -> String {
        if !value.isFinite { return "" }
        if value == value.rounded() && abs(value) < 1e6 { return String(Int(value)) }
        let size = abs(value)
        if size >= 1e6 || size < 1e-3 { return String(format: "%.2e", value) }
        return String(format: size >= 100 ? "%.1f" : size >= 1 ? "%.3f" : "%.4f", value)
    }
}

/// The page's head.
enum ReportStyle {
    static let head = #"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title><!--TITLE--></title><style>
        :root { color-scheme: light dark; --bg: #f6f7f9; --panel: #fff; --ink: #1d2430; --soft: #5d6878; --line: #d9dee6; --accent: #0072b2; --warm: #d55e00; }
        @media (prefers-color-scheme: dark) { :root { --bg: #12161c; --panel: #1a2029; --ink: #e6ebf2; --soft: #97a3b4; --line: #2d3642; --accent: #56b4e9; --warm: #f0803c; } }
        * { box-sizing: border-box; } body { margin: 0; background: var(--bg); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 1180px; margin: 0 auto; padding: 18px 20px 40px; } h1 { font-size: 19px; margin: 0 0 12px; } h2 { font-size: 15px; margin: 0 0 10px; }
        .cards { display: flex; flex-wrap: wrap; gap: 10px; margin-bottom: 14px; } .card { background: var(--panel); border: 1px solid var(--line); border-radius: 9px; padding: 9px 14px; }
        .card b { display: block; font-size: 19px; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: 12.5px; }
        section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin-bottom: 14px; }
        .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 10px 14px; } figure { margin: 0; } figcaption { font-size: 12.5px; color: var(--soft); }
        svg { width: 100%; height: auto; display: block; } svg text { font-size: 10.5px; fill: var(--soft); } .g { stroke: var(--line); }
        .r { fill: none; stroke: var(--accent); opacity: .35; } .s { fill: none; stroke: var(--accent); stroke-width: 1.8; } .d { fill: var(--accent); }
        table.compare { border-collapse: collapse; width: 100%; margin-bottom: 10px; font-variant-numeric: tabular-nums; } .compare th { text-align: left; font-weight: 600; padding: 4px 12px 4px 0; }
        .compare td { padding: 4px 12px 4px 0; white-space: nowrap; } .compare td.bar { width: 55%; } .bar div { position: relative; } .bar i { display: block; height: 14px; background: var(--accent); opacity: .75; border-radius: 3px; }
        .bar u { position: absolute; top: 50%; height: 3px; margin-top: -1.5px; background: var(--warm); min-width: 2px; } details { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 10px 16px; margin-bottom: 10px; }
        summary { cursor: pointer; font-weight: 600; } pre { overflow-x: auto; font-size: 12.5px; }
        </style></head><body><main><h1><!--TITLE--></h1>
        """#
}
