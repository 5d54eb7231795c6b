internal import Foundation

/// Facts about the terminal, and text made for it.
package enum Terminal {
    /// Whether standard output is a terminal that can redraw lines (and not, say, a file or a pipe).
    package static var isInteractive: Bool {
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// The number of columns of the terminal; 100 where it cannot be known.
    package static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// A bar of `width` cells, of which a share `fraction` in 0...1 is filled.
    package static func bar(_ fraction: Double, width: Int) -> String {
        let filled = min(max(Int((fraction * Double(width)).rounded()), 0), width)
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// Seconds as `4.2 s`, `3 min 05 s` or `2 h 10 min`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "?" }
        if seconds < 60 { return "\(decimal(seconds, 1)) s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60) min \(whole % 60 < 10 ? "0" : "")\(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60 < 10 ? "0" : "")\(whole % 3600 / 60) min"
    }

    /// A number with a fixed number of decimals.
    package static func decimal(_ value: Double, _ places: Int) -> String {
        value.isFinite ? String(format: "%.\(places)f", value) : "-"
    }

    /// The text at the left of a column of `width` characters; unchanged where it is longer.
    package static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// The text at the right of a column of `width` characters; unchanged where it is longer.
    package static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// A count in few characters: 950, 12.3 k, 4.56 M.
    package static func count(_ value: Double) -> String {
        if value < 1000 { return decimal(value, 0) }
        if value < 1e6 { return decimal(value / 1e3, value < 1e5 ? 1 : 0) + " k" }
        return decimal(value / 1e6, 2) + " M"
    }

    /// An amount of money as people write it: at most six decimals, none that are 0. 60, 0.7, 0.000001.
    package static func amount(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        var text = String(format: "%.6f", value)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Names with commas between them, the first `most` and how many more there are. O(characters).
    package static func list(_ names: [String], most: Int = 20) -> String {
        let shown = names.prefix(most).joined(separator: ", ")
        return names.count > most ? shown + " and \(names.count - most) more" : shown
    }

    /// How many there are of a thing: 1 label, 3 labels; `plural` where it does not end in s.
    package static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
        "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
    }

    /// Rows of text in columns, two blanks apart, each as wide as its widest field; flush right but for those whose
    /// numbers are in `left`. No row ends in blanks. O(characters).
    package static func columns(_ rows: [[String]], left: Set<Int> = []) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = row.indices.map {
                left.contains($0) ? Terminal.left(row[$0], widths[$0]) : Terminal.right(row[$0], widths[$0])
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// A series as one character a value, the lowest ▁ and the highest █; the last `width` values are shown.
    package static func sparkline(_ values: [Double], width: Int) -> String {
        let shown = values.suffix(width).filter(\.isFinite)
        guard let low = shown.min(), let high = shown.max() else { return "" }
        let marks = Array("▁▂▃▄▅▆▇█")
        return String(
            shown.map { value in
                high > low ? marks[min(Int((value - low) / (high - low) * 8), 7)] : marks[3]
            })
    }
}

/// A few lines at the bottom of the terminal that are redrawn in place; on anything that is not a terminal, plain
/// lines written once.
///
/// Not to be shared between threads.
package final class LiveDisplay {
    private let interactive: Bool
    private var drawn = 0
    private let write: (String) -> Void

    /// A display on standard output. `interactive` nil asks the terminal; `write` replaces the output in tests.
    package init(interactive: Bool? = nil, write: ((String) -> Void)? = nil) {
        self.interactive = interactive ?? Terminal.isInteractive
        // What cannot be written is found by whoever flushes standard output at the end: a run continues without
        // readers.
        self.write =
            write ?? { text in
                print(text, terminator: "")
                fflush(nil)
            }
    }

    /// Whether lines are redrawn in place.
    package var isInteractive: Bool { interactive }

    /// Shows the present state: `lines` on a terminal, in place of those shown before. Elsewhere `plain` is written,
    /// unless it is nil. O(text).
    package func show(lines: [String], plain: String?) {
        guard interactive else {
            if let plain { write(plain + "\n") }
            return
        }
        let width = Terminal.width
        var text = erase()
        for line in lines { text += String(line.prefix(width - 1)) + "\n" }
        drawn = lines.count
        write(text)
    }

    /// Writes a line that stays, above the live ones.
    package func note(_ line: String) {
        write((interactive ? erase() : "") + line + "\n")
    }

    /// Leaves the last state on the screen and continues below it.
    package func finish() { drawn = 0 }

    private func erase() -> String {
        defer { drawn = 0 }
        return drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
    }
}
