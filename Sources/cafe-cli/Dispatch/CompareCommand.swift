internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli compare`: is learning worth it for this day?
struct CompareCommand: RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Rules, cafe, cafe with lookahead and full-information bounds on the same episodes: one table, one plot.",
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
    @Option(parsing: .unconditional, help: "Tasks of an episode (default: 200).", transform: Limits.trainingSize.parse)
    var tasks: Int?
    @Option(parsing: .unconditional, help: "Workers of an episode (default: 50).", transform: Limits.trainingSize.parse)
    var workers: Int?
    @Option(parsing: .unconditional, help: "Episodes (default: 60).", transform: Limits.episodes.parse)
    var episodes: Int?
    @Option(
        parsing: .unconditional, help: "Episodes of cafe:lookahead and of the bounds; 0 leaves them out (default: 4).",
        transform: Limits.optionalEpisodes.parse)
    var slowEpisodes: Int?
    @Option(parsing: .unconditional, help: "The seed of the episodes.")
    var seed: UInt64 = 7
    @Option(
        parsing: .unconditional, help: "Threads; 0 for one per processor. Changes nothing but the time.",
        transform: Limits.threads.parse)
    var threads = 0
    @Option(help: "Write the results to this file as JSON; - for standard output, in place of the table.")
    var json: String?
    @Flag(help: RelocationFlag.help)
    var relocate = false
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
        var price: Double?
    }

    func validate() throws {
        if let episodes, episodes < 2 {
            throw ValidationError("--episodes \(episodes): at least 2 are needed for an interval")
        }
        if let slowEpisodes, slowEpisodes == 1 || slowEpisodes > episodes ?? 60 {
            throw ValidationError("--slow-episodes \(slowEpisodes) is neither 0 nor in 2...\(episodes ?? 60)")
        }
        try FileOptions.checkShared([("--json", json), ("--plot", plot)])
    }

    func run() throws {
        try FileOptions.checkOutputs([json, plot])
        Output.startThreads(threads, quiet: json == "-")
        var wanted = ["greedy", "nearest", "marginal", Self.rule, "cafe"]
        wanted += policy.split(separator: ",").map(String.init).filter { !wanted.contains($0) && $0 != Self.ahead }
        if Set(wanted).count != wanted.count { throw ValidationError("--policy names a policy twice") }
        let rules = try PolicyNames.rules(of: wanted, reroute: nil, relocate: relocate)
        let (opened, notes) = try source.open()
        if relocate { try RelocationFlag.check(opened) }
        let futures = try ahead.futures(beside: source)
        let setting = try EvaluationSetting(
            opened, tasks: tasks, workers: workers, episodes: episodes, usual: (200, 50, 60), seeds: [seed],
            rules: rules)
        for line in notes + setting.notes { say("note: \(line)") }
        setting.warnOfReach()
        let slow = slowCount(setting, futures)
        try Ranks.requireSame(
            RankFacts.source(source, opened, tasks: setting.tasks, workers: setting.workers, seed: seed)
                + RankFacts.policies(policy.split(separator: ",").map(String.init)))
        let names = PolicyNames(source: opened, rules: rules, lookahead: try ahead.options(), futures: futures)
        let progress = ProgressLine(
            "comparing", total: (wanted.count + 1) * setting.episodes + slow * 400, unit: "%")
        var rows: [Row] = []
        for name in wanted {
            rows.append(try play(name, names, setting, count: setting.episodes, weight: 1, progress))
            if name == Self.rule { progress.advance(by: setting.episodes, at: "its price") }
        }
        if slow > 0 {
            rows.append(try play(Self.ahead, names, setting, count: slow, weight: 200, progress))
            rows += bounds(setting, slow, progress)
        }
        progress.finish()
        try show(rows, setting)
    }

    /// How many episodes lookahead and bounds play: none where there are no futures, and that is said.
    private func slowCount(
        _ setting: EvaluationSetting, _ futures: Result<any InstanceSource, ValidationError>
    ) -> Int {
        let count = min(slowEpisodes ?? 4, setting.episodes)
        guard count > 0 else { return 0 }
        if setting.isOneEpisode {
            say("note: without lookahead and bounds: it is one episode")
            return 0
        }
        if case .failure(let reason) = futures {
            say("note: without lookahead and bounds: \(reason)")
            return 0
        }
        let unknown = FullInformation.unknown(
            in: setting.source, tasks: setting.tasks, workers: setting.workers, seed: seed, episodes: count)
        if let unknown {
            say("note: without lookahead and bounds: the bounds do not know \(unknown), which the episodes have")
            return 0
        }
        return count
    }

    /// Plays a policy a few episodes at a time, so that the progress moves.
    private func play(
        _ name: String, _ names: PolicyNames, _ setting: EvaluationSetting, count: Int, weight: Int,
        _ progress: ProgressLine
    ) throws -> Row {
        let row = try names.policy(name, tasks: setting.tasks, workers: setting.workers, seed: seed)
        let before = ProcessUsage().cpuSeconds
        var revenue: [Double] = []
        let step = (weight > 1 ? 2 : 16) * Ranks.current.size
        for first in stride(from: 0, to: count, by: step) {
            let last = min(count, first + step)
            revenue +=
                Evaluation.run(
                    [row], on: setting.source, tasks: setting.tasks, workers: setting.workers, seed: seed,
                    episodes: first..<last)[0]
            progress.advance(by: (last - first) * weight, at: name)
        }
        return Row(
            name: name, revenue: revenue, note: row.note,
            seconds: (ProcessUsage().cpuSeconds - before) / Double(max(1, count)), price: row.price)
    }

    private func bounds(_ setting: EvaluationSetting, _ count: Int, _ progress: ProgressLine) -> [Row] {
        var (low, high): ([Double], [Double]) = ([], [])
        for first in stride(from: 0, to: count, by: Ranks.current.size) {
            let last = min(count, first + Ranks.current.size)
            let found = FullInformation.bounds(
                on: setting.source, tasks: setting.tasks, workers: setting.workers, seed: seed,
                episodes: first..<last, moves: 80_000, options: setting.rules.options)
            low += found.map(\.annealed)
            high += found.map(\.upper)
            progress.advance(by: 200 * found.count, at: "the bounds")
        }
        return [
            Row(name: "full information, annealed", revenue: low, note: "the future known: a lower bound", seconds: 0),
            Row(name: "upper bound", revenue: high, note: "relaxation: nobody can earn more", seconds: 0),
        ]
    }

    /// What a row earns over the coalition rule on the same episodes, and in percent of it; nil where it earns nothing.
    private func gain(_ row: Row, _ rule: [Double]) -> (gain: Summary, percent: Double?) {
        let same = Array(rule.prefix(row.revenue.count))
        let gain = Summary.paired(row.revenue, minus: same)
        let mean = Summary(same).mean
        return (gain, mean > 0 ? 100 * gain.mean / mean : nil)
    }

    private func show(_ rows: [Row], _ setting: EvaluationSetting) throws {
        let rule = rows.first { $0.name == Self.rule }?.revenue ?? []
        var lines = [["policy", "revenue", "95 % interval", "minus coalition", "%", "episodes", "CPU s"]]
        let places = EvaluationSetting.places(rows.map { Summary($0.revenue).mean })
        for row in rows {
            let total = Summary(row.revenue)
            let (gain, percent) = gain(row, rule)
            let isRule = row.name == Self.rule
            lines.append([
                row.name, Terminal.decimal(total.mean, places), range(total, places, setting),
                isRule ? "" : Terminal.decimal(gain.mean, places) + " " + range(gain, places, setting),
                isRule ? "" : percent.map { Terminal.decimal($0, 1) } ?? "", "\(row.revenue.count)",
                row.seconds > 0 ? Terminal.decimal(row.seconds, 3) : "",
            ])
        }
        say(setting.title)
        for remark in setting.remarks(isTuned: true) { say("note: \(remark)") }
        say(Terminal.columns(lines, left: [0, 2, 3]))
        EvaluationSetting.warnOfNothing(rows.filter { $0.name != "upper bound" }.map { Summary($0.revenue).mean })
        if let plot { try FileOptions.write(drawing(rows, rule, setting).svg, to: plot) }
        if let json {
            let entries = rows.map { ($0.name, entry($0, rule, setting)) }
            try FileOptions.write(JSON.object(setting.json + [("policies", .object(entries))]).pretty, to: json)
        }
    }

    private func entry(_ row: Row, _ rule: [Double], _ setting: EvaluationSetting) -> JSON {
        let total = Summary(row.revenue)
        let (gain, percent) = gain(row, rule)
        func interval(_ summary: Summary) -> JSON {
            setting.hasIntervals ? .array([.number(summary.lower), .number(summary.upper)]) : .array([.null, .null])
        }
        return .object([
            ("episodes", .integer(row.revenue.count)), ("mean", .number(total.mean)), ("ci95", interval(total)),
            (
                "minus_coalition",
                .object([
                    ("mean", .number(gain.mean)), ("percent", percent.map(JSON.number) ?? .null),
                    ("ci95", interval(gain)), ("pairs", .integer(gain.count)),
                ])
            ),
            ("price", row.price.map(JSON.number) ?? .null), ("cpu_seconds_an_episode", .number(row.seconds)),
            ("note", .string(row.note)),
        ])
    }

    /// What each row earns relative to the coalition rule, in the order of the table.
    private func drawing(_ rows: [Row], _ rule: [Double], _ setting: EvaluationSetting) -> Plot {
        let series = rows.enumerated().map { at, row in
            let mean = Summary(Array(rule.prefix(row.revenue.count))).mean
            let unit = (mean > 0 ? mean : 1) / 100
            let gain = gain(row, rule).gain
            return Plot.Series.line(
                row.name, x: [Double(at + 1)], y: [gain.mean / unit],
                error: setting.hasIntervals && gain.halfWidth.isFinite ? [gain.halfWidth / unit] : [])
        }
        let panel = Plot.Panel(
            title: setting.title, xLabel: "row of the table", yLabel: "% over the coalition rule", series: series)
        return Plot(panels: [panel], panelWidth: 640, panelHeight: 420)
    }

    private func range(_ summary: Summary, _ places: Int, _ setting: EvaluationSetting) -> String {
        setting.hasIntervals
            ? "[\(Terminal.decimal(summary.lower, places)), \(Terminal.decimal(summary.upper, places))]" : ""
    }

    private func say(_ text: String) {
        if json != "-" { print(text) }
    }
}
