internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// `cafe-cli compare`: is learning worth it for this day?
struct CompareCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Rules, cafe, cafe with lookahead and full-information bounds on the same episodes: one table, one plot.",
        discussion: """
            Plays greedy, nearest, marginal, coalition (its price tuned on other episodes), cafe and cafe:lookahead, and \
            whatever --policy adds, on the same episodes. All differences are to the coalition rule, the rule to beat, \
            paired, with 95 % intervals. Lookahead and bounds are slow: they take --slow-episodes of the episodes, and are \
            compared with the rule on these.

            Example: cafe-cli compare --scenario mine.yaml --tasks 200 --workers 50 --plot mine.svg
                     cafe-cli compare --scenario haikou --orders orders.csv --days 15- --future-days 0-14 --workers 50
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var ahead: LookaheadFlags
    @OptionGroup var ranks: RankOptions
    @Option(help: "Further policies, separated by commas.")
    var policy = ""
    @Option(help: "Tasks of an episode.")
    var tasks = 200
    @Option(help: "Workers of an episode.")
    var workers = 50
    @Option(help: "Episodes.")
    var episodes = 60
    @Option(help: "Episodes of cafe:lookahead and of the bounds; 0 leaves them out.")
    var slowEpisodes = 4
    @Option(help: "The seed of the episodes.")
    var seed: UInt64 = 7
    @Option(help: "Threads; 0 for one per processor. Changes nothing but the time.")
    var threads = 0
    @Option(help: "Write the results to this file as JSON; - for standard output, in place of the table.")
    var json: String?
    @Option(help: "Write the plot to this file (SVG).")
    var plot: String?

    private static let rule = "coalition"
    private static let ahead = "cafe:lookahead"

    /// A row: a policy and what it earned, or a bound.
    private struct Row {
        let name: String
        let revenue: [Double]
        let note: String
        let seconds: Double
    }

    func validate() throws {
        if !(1...1_000_000).contains(tasks) || !(1...1_000_000).contains(workers) {
            throw ValidationError("--tasks and --workers are numbers from 1 to 1000000")
        }
        if !(2...1_000_000).contains(episodes) { throw ValidationError("--episodes \(episodes) is not in 2...1000000") }
        if !(0...episodes).contains(slowEpisodes) || slowEpisodes == 1 {
            throw ValidationError("--slow-episodes \(slowEpisodes) is neither 0 nor in 2...\(episodes)")
        }
    }

    func run() throws {
        Output.startThreads(threads)
        let (opened, notes) = try source.open()
        let futures = try ahead.futures(beside: source)
        for line in notes + [SourceOptions.shortage(opened, tasks: tasks)].compactMap(\.self) { say("note: \(line)") }
        try Ranks.requireSame(
            RankFacts.source(source, opened, tasks: tasks, workers: workers, seed: seed)
                + RankFacts.policies(policy.split(separator: ",").map(String.init)))
        let names = PolicyNames(
            source: opened, rules: GameRules(), lookahead: try ahead.options(), futures: futures)
        var wanted = ["greedy", "nearest", "marginal", Self.rule, "cafe"]
        wanted += policy.split(separator: ",").map(String.init).filter { !wanted.contains($0) && $0 != Self.ahead }
        var slow = slowEpisodes
        if slow > 0, opened is FixedInstance { slow = 0 }
        if slow > 0, case .failure(let reason) = futures {
            say("note: without lookahead and bounds: \(reason)")
            slow = 0
        }
        let progress = Progress(steps: (wanted.count + 1) * episodes + slow * 400)
        var rows: [Row] = []
        for name in wanted {
            rows.append(try play(name, names, opened, count: episodes, weight: 1, progress))
            if name == Self.rule { progress.advance(by: episodes, at: "its price") }
        }
        if slow > 0 {
            rows.append(try play(Self.ahead, names, opened, count: slow, weight: 200, progress))
            rows += bounds(opened, slow, progress)
        }
        progress.finish()
        try show(rows, opened.name)
    }

    /// Plays a policy a few episodes at a time, so that the progress moves.
    private func play(
        _ name: String, _ names: PolicyNames, _ opened: any InstanceSource, count: Int, weight: Int, _ progress: Progress
    ) throws -> Row {
        let row = try names.policy(name, tasks: tasks, workers: workers, seed: seed)
        let before = ProcessUsage().cpuSeconds
        var revenue: [Double] = []
        let step = (weight > 1 ? 2 : 16) * Ranks.current.size
        for first in stride(from: 0, to: count, by: step) {
            let last = min(count, first + step)
            revenue += Evaluation.run(
                [row], on: opened, tasks: tasks, workers: workers, seed: seed, episodes: first..<last)[0]
            progress.advance(by: (last - first) * weight, at: name)
        }
        return Row(
            name: name, revenue: revenue, note: row.note,
            seconds: (ProcessUsage().cpuSeconds - before) / Double(max(1, count)))
    }

    private func bounds(_ opened: any InstanceSource, _ count: Int, _ progress: Progress) -> [Row] {
        var (low, high): ([Double], [Double]) = ([], [])
        for first in stride(from: 0, to: count, by: Ranks.current.size) {
            let last = min(count, first + Ranks.current.size)
            let found = FullInformation.bounds(
                on: opened, tasks: tasks, workers: workers, seed: seed, episodes: first..<last, moves: 80_000)
            low += found.map(\.annealed)
            high += found.map(\.upper)
            progress.advance(by: 200 * found.count, at: "the bounds")
        }
        return [
            Row(name: "full information, annealed", revenue: low, note: "the future known: a lower bound", seconds: 0),
            Row(name: "upper bound", revenue: high, note: "relaxation: nobody can earn more", seconds: 0),
        ]
    }

    private func show(_ rows: [Row], _ name: String) throws {
        let rule = rows.first { $0.name == Self.rule }?.revenue ?? []
        var lines = [["policy", "revenue", "95 % interval", "minus coalition", "%", "episodes", "CPU s"]]
        var entries: [(String, JSON)] = []
        for row in rows {
            let total = Summary(row.revenue)
            let same = Array(rule.prefix(row.revenue.count))
            let gain = Summary.paired(row.revenue, minus: same)
            let percent = 100 * gain.mean / max(Summary(same).mean, 1e-12)
            let isRule = row.name == Self.rule
            lines.append([
                row.name, Terminal.decimal(total.mean, 3), range(total),
                isRule ? "" : Terminal.decimal(gain.mean, 3) + " " + range(gain),
                isRule ? "" : Terminal.decimal(percent, 1), "\(row.revenue.count)",
                row.seconds > 0 ? Terminal.decimal(row.seconds, 3) : "",
            ])
            entries.append(
                (
                    row.name,
                    .object([
                        ("episodes", .integer(row.revenue.count)), ("mean", .number(total.mean)),
                        ("ci95", .array([.number(total.lower), .number(total.upper)])),
                        (
                            "minus_coalition",
                            .object([
                                ("mean", .number(gain.mean)), ("percent", .number(percent)),
                                ("ci95", .array([.number(gain.lower), .number(gain.upper)])),
                            ])
                        ),
                        ("cpu_seconds_an_episode", .number(row.seconds)), ("note", .string(row.note)),
                    ])
                ))
        }
        say("\(name), \(tasks) tasks, \(workers) workers, \(episodes) episodes, seed \(seed)")
        say(Terminal.columns(lines, left: [0, 2, 3]))
        if let plot { try drawing(rows, rule, name).write(to: plot) }
        if let json {
            let file = JSON.object([
                ("source", .string(name)), ("tasks", .integer(tasks)), ("workers", .integer(workers)),
                ("seed", .integer(Int(clamping: seed))), ("policies", .object(entries)),
            ])
            try FileOptions.write(file.pretty, to: json)
        }
    }

    /// What each row earns relative to the coalition rule, in the order of the table.
    private func drawing(_ rows: [Row], _ rule: [Double], _ name: String) -> Plot {
        let series = rows.enumerated().map { at, row in
            let same = Array(rule.prefix(row.revenue.count))
            let unit = max(Summary(same).mean, 1e-12) / 100
            let gain = Summary.paired(row.revenue, minus: same)
            return Plot.Series.line(
                row.name, x: [Double(at + 1)], y: [gain.mean / unit],
                error: gain.halfWidth.isFinite ? [gain.halfWidth / unit] : [])
        }
        let panel = Plot.Panel(
            title: "\(name), \(tasks) tasks, \(workers) workers", xLabel: "row of the table",
            yLabel: "% over the coalition rule", series: series)
        return Plot(panels: [panel], panelWidth: 640, panelHeight: 420)
    }

    private func range(_ summary: Summary) -> String {
        "[\(Terminal.decimal(summary.lower, 3)), \(Terminal.decimal(summary.upper, 3))]"
    }

    private func say(_ text: String) {
        if json != "-" { print(text) }
    }
}

/// One line on a terminal's standard error: what is being done, how far it is, how long it will take.
final class Progress {
    private let steps: Int
    private var done = 0
    private let begun = Date()
    private let isShown = isatty(STDERR_FILENO) == 1

    init(steps: Int) { self.steps = max(1, steps) }

    /// So many more steps are done.
    func advance(by count: Int, at what: String) {
        done = min(steps, done + count)
        if !isShown { return }
        let seconds = Date().timeIntervalSince(begun)
        let left = seconds / Double(max(1, done)) * Double(steps - done)
        let line = "\(100 * done / steps) %  \(what)  about \(Terminal.duration(left)) left"
        FileHandle.standardError.write(Data(("\r" + Terminal.left(line, 70)).utf8))
    }

    /// Takes the line away.
    func finish() {
        if isShown { FileHandle.standardError.write(Data(("\r" + Terminal.left("", 70) + "\r").utf8)) }
    }
}
