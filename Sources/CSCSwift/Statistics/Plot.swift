internal import Foundation

/// Line plots and histograms as SVG, on their own or as small multiples.
///
/// ```swift
/// let panel = Plot.Panel(title: "pima", xLabel: "labels per task", yLabel: "accuracy", series: [
///     .line("BBTA", x: [2, 3, 4], y: [0.8, 0.85, 0.9], error: [0.01, 0.01, 0.01])])
/// try Plot(panels: [panel]).write(to: "curve.svg")
/// ```
///
/// Plain SVG 1.1 of fixed size, no script, no font but the viewer's sans-serif. Colours are distinguished by the
/// colour-blind too ([OkabeIto08]), and lines also by their marks.
package struct Plot: Sendable {
    /// One set of values in a panel.
    package struct Series: Sendable {
        /// How a series is drawn.
        package enum Kind: Sendable, Hashable {
            /// Points joined by a line, each with an error bar where there is an error.
            case line
            /// The same with a shaded band instead of bars: for many points.
            case band
            /// A dashed line without marks: a bound or reference.
            case dashed
            /// Bars of the given x centres, as wide as the distance between them.
            case bars
        }
        /// What the legend calls it; series of one name share a colour. Empty: not in the legend.
        package var name: String
        /// How it is drawn.
        package var kind: Kind
        /// Where the points or bars lie; points with a coordinate that is not finite are left out.
        package var x: [Double]
        /// The height of each point or bar, as many as in `x`.
        package var y: [Double]
        /// Half the height of the bar or band at each point; empty for none.
        package var error: [Double]

        /// Points or bars of one colour.
        /// - Precondition: `x` and `y` of one length, `error` of that length or empty.
        package init(_ name: String, kind: Kind, x: [Double], y: [Double], error: [Double] = []) {
            precondition(
                x.count == y.count && (error.isEmpty || error.count == x.count),
                "Plot.Series \(name): x[\(x.count)], y[\(y.count)], error[\(error.count)]")
            self.name = name
            self.kind = kind
            self.x = x
            self.y = y
            self.error = error
        }

        /// Points joined by a line, with an error bar at each where `error` is given.
        package static func line(_ name: String, x: [Double], y: [Double], error: [Double] = []) -> Series {
            Series(name, kind: .line, x: x, y: y, error: error)
        }

        /// Counts of values in bins of one width: [low, low + width), ...; the last bin includes its end.
        package static func histogram(_ name: String, values: [Double], from low: Double, to high: Double, bins: Int)
            -> Series
        {
            precondition(bins >= 1 && high > low, "Plot.histogram: \(bins) bins from \(low) to \(high)")
            var counts = [Double](repeating: 0, count: bins)
            let width = (high - low) / Double(bins)
            for value in values where value >= low && value <= high {
                counts[min(Int((value - low) / width + 1e-9), bins - 1)] += 1
            }
            return Series(name, kind: .bars, x: (0..<bins).map { low + (Double($0) + 0.5) * width }, y: counts)
        }
    }

    /// One set of axes.
    package struct Panel: Sendable {
        /// Stands above the axes; empty for none.
        package var title: String
        /// Stands below the x axis.
        package var xLabel: String
        /// Stands beside the y axis, turned.
        package var yLabel: String
        /// What is drawn, the first at the back.
        package var series: [Series]
        /// Fixed limits of x; `nil` fits the data.
        package var xRange: ClosedRange<Double>?
        /// Fixed limits of y; `nil` fits the data.
        package var yRange: ClosedRange<Double>?

        /// Axes for some series; limits that are not given fit the data.
        package init(
            title: String = "", xLabel: String = "", yLabel: String = "", series: [Series],
            xRange: ClosedRange<Double>? = nil, yRange: ClosedRange<Double>? = nil
        ) {
            self.title = title
            self.xLabel = xLabel
            self.yLabel = yLabel
            self.series = series
            self.xRange = xRange
            self.yRange = yRange
        }
    }

    /// Stands above all panels; empty for none.
    package var title: String
    /// The panels, row by row.
    package var panels: [Panel]
    /// Panels side by side.
    package var columns: Int
    /// The width of one panel, in pixels.
    package var panelWidth: Double
    /// The height of one panel, in pixels.
    package var panelHeight: Double

    /// A picture of some panels, `columns` or fewer side by side.
    package init(
        title: String = "", panels: [Panel], columns: Int = 3, panelWidth: Double = 340, panelHeight: Double = 250
    ) {
        self.title = title
        self.panels = panels
        self.columns = max(1, min(columns, panels.count))
        self.panelWidth = panelWidth
        self.panelHeight = panelHeight
    }

    /// Writes the SVG to a file, whole or not at all.
    package func write(to path: String) throws(CSCError) { try AtomicFile.write(svg, to: path) }

    static let colours = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#8c6d31", "#7b2d8b", "#b2182b",
        "#66a61e", "#000000",
    ]

    /// The picture. One legend below all panels names each series once; a series has the same colour in every panel.
    package var svg: String {
        var names: [String] = []
        for series in panels.flatMap(\.series) where !names.contains(series.name) && !series.name.isEmpty {
            names.append(series.name)
        }
        let top = title.isEmpty ? 8.0 : 34.0
        let rows = (panels.count + columns - 1) / max(columns, 1)
        let width = panelWidth * Double(columns) + 16
        // 32 before the name; a character is about 6 wide
        let entryWidth = max(150, 44 + 6 * Double(names.map(\.count).max() ?? 0))
        let perLine = max(1, Int(width / entryWidth))
        let legendLines = names.count < 2 ? 0 : (names.count + perLine - 1) / perLine
        let height = top + panelHeight * Double(rows) + Double(legendLines) * 20 + 10
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(n(width))" height="\(n(height))" \
            viewBox="0 0 \(n(width)) \(n(height))" font-family="Helvetica, Arial, sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>

            """
        if !title.isEmpty {
            out += text(width / 2, 22, title, anchor: "middle", size: 15)
        }
        for (index, panel) in panels.enumerated() {
            let x = 8 + Double(index % columns) * panelWidth, y = top + Double(index / columns) * panelHeight
            out += draw(panel, x: x, y: y, names: names)
        }
        if legendLines > 0 {
            for (index, name) in names.enumerated() {
                let x = 20 + Double(index % perLine) * entryWidth
                let y = top + panelHeight * Double(rows) + Double(index / perLine) * 20 + 10
                let kind = panels.flatMap(\.series).first { $0.name == name }!.kind
                let colour = Plot.colours[index % Plot.colours.count]
                let dash = kind == .dashed ? " stroke-dasharray=\"5 3\"" : ""
                out += "<path d=\"M\(n(x)) \(n(y))h26\" stroke=\"\(colour)\" stroke-width=\"\(kind == .bars ? 9 : 2)\""
                out += "\(dash)/>\n"
                if kind == .line { out += mark(index, x + 13, y, colour) }
                out += text(x + 32, y + 4, name)
            }
        }
        return out + "</svg>\n"
    }

    private func draw(_ panel: Panel, x: Double, y: Double, names: [String]) -> String {
        let left = x + 52, right = x + panelWidth - 10
        let above = y + (panel.title.isEmpty ? 8 : 24), below = y + panelHeight - 42
        let xs = Axis(range: panel.xRange ?? Plot.extent(panel.series, { $0.halfBar }, { $0.x }), from: left, to: right)
        let ys = Axis(
            range: panel.yRange ?? Plot.extent(panel.series, { _ in 0 }, { $0.heights }), from: below, to: above)
        var out = ""
        if !panel.title.isEmpty {
            out += text((left + right) / 2, y + 15, panel.title, anchor: "middle", size: 12)
        }
        for tick in ys.ticks {
            let at = n(ys.place(tick))
            out += "<path d=\"M\(n(left)) \(at)H\(n(right))\" stroke=\"#e4e4e4\"/>\n"
            out += text(left - 5, ys.place(tick) + 4, ys.label(tick), anchor: "end")
        }
        for tick in xs.ticks {
            out += "<path d=\"M\(n(xs.place(tick))) \(n(below))v4\" stroke=\"#444\"/>\n"
            out += text(xs.place(tick), below + 16, xs.label(tick), anchor: "middle")
        }
        for series in panel.series {
            let index = names.firstIndex(of: series.name) ?? 0
            out += draw(series, colour: Plot.colours[index % Plot.colours.count], index: index, xs, ys)
        }
        out += "<rect x=\"\(n(left))\" y=\"\(n(above))\" width=\"\(n(right - left))\" height=\"\(n(below - above))\""
        out += " fill=\"none\" stroke=\"#444\"/>\n"
        out += text((left + right) / 2, below + 32, panel.xLabel, anchor: "middle")
        let turn = "transform=\"rotate(-90 \(n(x + 13)) \(n((above + below) / 2)))\""
        return out + text(x + 13, (above + below) / 2, panel.yLabel, anchor: "middle", extra: turn)
    }

    private func draw(_ series: Series, colour: String, index: Int, _ xs: Axis, _ ys: Axis) -> String {
        let points = series.x.indices.filter { series.x[$0].isFinite && series.y[$0].isFinite }
        func at(_ k: Int, _ shift: Double = 0) -> String {
            "\(n(xs.clamped(series.x[k]))) \(n(ys.clamped(series.y[k] + shift)))"
        }
        var out = ""
        if series.kind == .bars {
            let half = series.halfBar * 0.92
            for k in points where series.y[k] > 0 {
                let l = xs.clamped(series.x[k] - half), r = xs.clamped(series.x[k] + half), t = ys.clamped(series.y[k])
                out += "<rect x=\"\(n(l))\" y=\"\(n(t))\" width=\"\(n(r - l))\" height=\"\(n(ys.clamped(0) - t))\""
                out += " fill=\"\(colour)\" fill-opacity=\"0.8\"/>\n"
            }
            return out
        }
        if series.kind == .band && !series.error.isEmpty && !points.isEmpty {
            let up = points.map { at($0, series.error[$0]) }, down = points.reversed().map { at($0, -series.error[$0]) }
            out += "<path d=\"M\((up + down).joined(separator: "L"))Z\" fill=\"\(colour)\" fill-opacity=\"0.2\"/>\n"
        }
        let dash = series.kind == .dashed ? " stroke-dasharray=\"5 3\"" : ""
        if !points.isEmpty {
            out += "<path d=\"M\(points.map { at($0) }.joined(separator: "L"))\" fill=\"none\" stroke=\"\(colour)\""
            out += " stroke-width=\"1.6\"\(dash)/>\n"
        }
        guard series.kind == .line else { return out }
        for k in points {
            if !series.error.isEmpty && series.error[k] > 0 {
                let px = n(xs.clamped(series.x[k]))
                let low = n(ys.clamped(series.y[k] - series.error[k]))
                let high = n(ys.clamped(series.y[k] + series.error[k]))
                out += "<path d=\"M\(px) \(low)V\(high)\" stroke=\"\(colour)\"/>\n"
            }
            out += mark(index, xs.clamped(series.x[k]), ys.clamped(series.y[k]), colour)
        }
        return out
    }

    /// A small mark whose shape goes round with the colour.
    private func mark(_ index: Int, _ x: Double, _ y: Double, _ colour: String) -> String {
        let fill = index % 2 == 0 ? colour : "white"
        let style = "fill=\"\(fill)\" stroke=\"\(colour)\""
        switch index / 2 % 4 {
        case 0: return "<circle cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"2.6\" \(style)/>\n"
        case 1: return "<rect x=\"\(n(x - 2.4))\" y=\"\(n(y - 2.4))\" width=\"4.8\" height=\"4.8\" \(style)/>\n"
        case 2: return "<path d=\"M\(n(x)) \(n(y - 3.2))l3 5.4h-6z\" \(style)/>\n"
        default: return "<path d=\"M\(n(x)) \(n(y - 3.4))l3.2 3.4l-3.2 3.4l-3.2 -3.4z\" \(style)/>\n"
        }
    }

    private func text(
        _ x: Double, _ y: Double, _ content: String, anchor: String = "start", size: Int = 11, extra: String = ""
    ) -> String {
        guard !content.isEmpty else { return "" }
        let safe = content.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        return
            "<text x=\"\(n(x))\" y=\"\(n(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" \(extra)>\(safe)</text>\n"
    }

    private func n(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }

    private static func extent(
        _ series: [Series], _ margin: (Series) -> Double, _ values: (Series) -> [Double]
    ) -> ClosedRange<Double> {
        var low = Double.infinity, high = -Double.infinity
        for one in series {
            for value in values(one) where value.isFinite {
                low = min(low, value - margin(one))
                high = max(high, value + margin(one))
            }
        }
        guard low <= high else { return 0...1 }
        if low == high { return low - 0.5...high + 0.5 }
        return low...high + 0.02 * (high - low)
    }
}

extension Plot.Series {
    fileprivate var halfBar: Double {
        guard kind == .bars else { return 0 }
        return x.count > 1 ? abs(x[1] - x[0]) / 2 : 0.5
    }

    /// What the y axis must show.
    fileprivate var heights: [Double] {
        let reach = error.isEmpty ? y : zip(y, error).flatMap { [$0 - $1, $0 + $1] }
        return kind == .bars ? reach + [0] : reach
    }
}

/// One axis: where a value lies, and round tick values (1, 2 or 5 times a power of ten).
private struct Axis {
    let low, high, from, to: Double
    let ticks: [Double]
    let places: Int

    init(range: ClosedRange<Double>, from: Double, to: Double) {
        low = range.lowerBound
        high = range.upperBound > range.lowerBound ? range.upperBound : range.lowerBound + 1
        self.from = from
        self.to = to
        let rough = (high - low) / 5, power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].first { $0 * power >= rough }! * power
        places = max(0, Int(-floor(log10(step) + 1e-9)))
        ticks = Array(stride(from: ceil(low / step - 1e-9) * step, through: high + 1e-9 * step, by: step))
    }

    func place(_ value: Double) -> Double { from + (value - low) / (high - low) * (to - from) }
    func clamped(_ value: Double) -> Double { place(min(max(value, low), high)) }
    func label(_ value: Double) -> String { String(format: "%.\(places)f", value == 0 ? 0 : value) }
}
