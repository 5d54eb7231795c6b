internal import CSCSwift
internal import Foundation
internal import Synchronization

/// How far a long piece of work has come and how long it still takes, on standard error: one line redrawn on a terminal,
/// a line every ten seconds elsewhere, nothing where it is done within a second. Any thread may report.
final class ProgressLine: Sendable {
    private struct State {
        var done = 0
        var shown: ContinuousClock.Instant
        var isDrawn = false
    }

    private let what: String
    private let unit: String
    private let total: Int
    private let start = ContinuousClock.now
    private let interactive: Bool
    private let quiet: Bool
    private let state: Mutex<State>

    /// - Parameters:
    ///   - what: the line's subject, such as a policy's name.
    ///   - total: how many steps there are.
    ///   - unit: what a step is, in the plural; `%` where steps are parts of unequal work.
    init(_ what: String, total: Int, unit: String = "episodes", quiet: Bool = false) {
        self.what = what
        self.unit = unit
        self.total = total
        self.quiet = quiet || Output.listener.get() != nil
        interactive = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        state = Mutex(State(shown: ContinuousClock.now))
    }

    /// One more step is done, or several.
    /// - Parameter subject: what the work is at now, in place of the line's subject.
    func advance(by steps: Int = 1, at subject: String? = nil) {
        if quiet { return }
        let text: String? = state.withLock { state in
            state.done = min(total, state.done + steps)
            let now = ContinuousClock.now
            let pause: Duration = interactive ? .milliseconds(state.isDrawn ? 200 : 1000) : .seconds(10)
            guard now - state.shown > pause else { return nil }
            state.shown = now
            state.isDrawn = true
            return line(subject ?? what, state.done, (now - start) / .seconds(1))
        }
        if let text { write(interactive ? "\r" + String(text.prefix(Terminal.width - 1)) + "\u{1B}[K" : text + "\n") }
    }

    /// The work is done: the line goes away.
    func finish() {
        if interactive && state.withLock({ $0.isDrawn }) { write("\r\u{1B}[K") }
    }

    private func line(_ what: String, _ done: Int, _ seconds: Double) -> String {
        let left =
            done > 0 && done < total
            ? ", about \(Terminal.duration(seconds / Double(done) * Double(total - done))) left" : ""
        return unit == "%"
            ? "\(what): \(100 * done / max(1, total)) %" + left : "\(what): \(done) of \(total) \(unit)" + left
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Foundation.write(STDERR_FILENO, bytes, bytes.count)
    }
}
