internal import ArgumentParser
internal import CSCSwift

/// What one row of the table has played.
struct EvaluatedPolicy {
    /// The policy as it was named.
    let choice: PolicyChoice
    /// The revenue by seed and episode.
    private(set) var revenues: [[Double]] = []
    /// All episodes together; nil where the policy does not tell.
    private(set) var tally: EpisodeTally? = EpisodeTally()
    /// The price by seed; nil for policies without one.
    private(set) var prices: [Double?] = []
    private var lastNote = ""

    init(choice: PolicyChoice) { self.choice = choice }

    /// Adds the episodes of a seed.
    mutating func add(_ outcomes: [Evaluation.Outcome], by policy: PolicySource) {
        revenues.append(outcomes.map(\.revenue))
        prices.append(policy.price)
        lastNote = policy.note
        for outcome in outcomes {
            if let more = outcome.tally { tally?.add(more) } else { tally = nil }
        }
    }

    var all: [Double] { revenues.flatMap(\.self) }
    var mean: Double { Summary(all).mean }
    var seedMeans: [Double] { revenues.map { Summary($0).mean } }
    /// Whether another run plays each seed, so that seeds and not episodes are the sample.
    var isOfRuns: Bool { choice.members.count > 1 }
    /// What the table says about a policy beyond its name.
    var note: String { isOfRuns ? "\(choice.members.count) runs, one for each seed" : lastNote }
}

/// A mean with its interval and what the interval is over.
private struct Estimate {
    let mean: Double
    let lower: Double
    let upper: Double
    let over: String
    let count: Int

    /// - Parameter values: nil where no interval can be given.
    init(mean: Double, over: String, values: [Double]?) {
        let summary = values.map { Summary($0) }
        let known = (summary?.count ?? 0) > 1
        self.mean = mean
        lower = known ? summary!.lower : -.infinity
        upper = known ? summary!.upper : .infinity
        self.over = known ? over : "none"
        count = summary?.count ?? 0
    }

    func range(_ places: Int) -> String {
        lower.isFinite ? "[\(Terminal.decimal(lower, places)), \(Terminal.decimal(upper, places))]" : ""
    }

    var json: JSON { .array([.number(lower), .number(upper)]) }
}

extension EvaluateCommand {
    /// Prints tables, writes the file of --marl-eval, and returns what --json writes.
    func report(_ rows: [EvaluatedPolicy], of setting: EvaluationSetting) throws -> JSON {
        say(setting.title)
        for remark in setting.remarks(isTuned: rows.contains { $0.isTuned }) { say("note: \(remark)") }
        if !rows.isEmpty && json != "-" {
            print(table(rows, setting))
            if details { print("\n" + detailTable(rows)) }
        }
        EvaluationSetting.warnOfNothing(rows.map(\.mean))
        var file = setting.json
        file.append(("policies", .object(rows.map { ($0.choice.name, entry($0, first: rows[0], setting)) })))
        if bounds { file.append(("bounds", try showBounds(setting))) }
        if let marlEval { try FileOptions.write(try marl(rows, setting).json.pretty, to: marlEval) }
        return .object(file)
    }

    // MARK: Figures

    private func estimate(_ row: EvaluatedPolicy, _ setting: EvaluationSetting) -> Estimate {
        let bySeed = setting.seeds.count > 1
        return Estimate(
            mean: row.mean, over: bySeed ? "seeds" : "episodes",
            values: setting.hasIntervals ? bySeed ? row.seedMeans : row.all : nil)
    }

    /// The paired difference to the first policy: over episodes where both are fixed, over the seeds' means where a run
    /// plays each seed, for then the runs are the sample.
    private func difference(
        _ row: EvaluatedPolicy, _ first: EvaluatedPolicy, _ setting: EvaluationSetting
    ) -> Estimate {
        let bySeed = row.isOfRuns || first.isOfRuns
        let pairs = bySeed ? zip(row.seedMeans, first.seedMeans) : zip(row.all, first.all)
        let values = pairs.map { $0 - $1 }
        return Estimate(
            mean: Summary(values).mean, over: bySeed ? "seeds" : "episodes", values: setting.hasIntervals ? values : nil
        )
    }

    private func ratio(_ row: EvaluatedPolicy, _ first: EvaluatedPolicy) -> Double? {
        first.mean > 0 ? row.mean / first.mean : nil
    }

    // MARK: Tables

    private func table(_ rows: [EvaluatedPolicy], _ setting: EvaluationSetting) -> String {
        var lines = [["policy", "revenue", "95 % interval", "minus \(rows[0].choice.name)", "ratio", ""]]
        let places = EvaluationSetting.places(rows.map(\.mean))
        for (at, row) in rows.enumerated() {
            let total = estimate(row, setting)
            let apart = difference(row, rows[0], setting)
            let ratio = ratio(row, rows[0])
            lines.append([
                row.choice.name, Terminal.decimal(total.mean, places), total.range(places),
                at == 0 ? "" : Terminal.decimal(apart.mean, places) + " " + apart.range(places),
                at == 0 ? "" : ratio.map { Terminal.decimal($0, 3) } ?? "", Self.short(row.note),
            ])
        }
        return Terminal.columns(lines, left: [0, 2, 3, 5])
    }

    /// A note that fits a line of the table; the whole is in the JSON.
    static func short(_ note: String, width: Int = 48) -> String {
        if note.count <= width { return note }
        let cut = note.prefix(width - 3)
        return String(cut[..<(cut.lastIndex(of: " ") ?? cut.endIndex)]) + " ..."
    }

    private func detailTable(_ rows: [EvaluatedPolicy]) -> String {
        func percent(_ share: Double) -> String { Terminal.decimal(100 * share, 1) + " %" }
        let moves = rows.contains { ($0.tally?.relocations ?? 0) > 0 }
        var lines = [
            ["policy", "served", "in full", "late", "money", "sent", "travel min", "busy"]
                + (moves ? ["moved", "moved min"] : [])
        ]
        for row in rows {
            guard let tally = row.tally else {
                lines.append([row.choice.name] + [String](repeating: "-", count: moves ? 9 : 7))
                continue
            }
            func episode(_ sum: Double) -> String { Terminal.decimal(sum / Double(max(1, row.all.count)), 1) }
            lines.append(
                [
                    row.choice.name, percent(tally.served), percent(tally.servedOnTime),
                    percent(Double(tally.late) / Double(max(1, tally.tasks))), percent(tally.paidShare),
                    episode(Double(tally.sendings)), Terminal.decimal(tally.meanTravel, 2), percent(tally.utilisation),
                ] + (moves ? [episode(Double(tally.relocations)), episode(tally.relocationMinutes)] : []))
        }
        return Terminal.columns(lines, left: [0])
            + "\nserved: tasks finished, in time to be paid in full or late; money: paid of what could be paid; sent: workers "
            + "sent\nin an episode; travel: mean way of one who is sent; busy: part of the shifts bound to tasks"
            + (moves
                ? "\nmoved: how often an idle worker was sent to another place in an episode, and minutes on such ways"
                : "")
    }

    // MARK: Files

    private func entry(_ row: EvaluatedPolicy, first: EvaluatedPolicy, _ setting: EvaluationSetting) -> JSON {
        let total = estimate(row, setting)
        let apart = difference(row, first, setting)
        let prices = row.prices.map { $0.map(JSON.number) ?? .null }
        let same = Set(row.prices).count == 1
        var fields: [(String, JSON)] = [
            ("episodes", .integer(row.all.count)), ("mean", .number(total.mean)),
            ("sd", .number(Statistics.sd(row.all))), ("ci95", total.json), ("interval_over", .string(total.over)),
            ("seed_means", .array(row.seedMeans.map(JSON.number))), ("note", .string(row.note)),
            ("runs", .array(row.choice.members.map(JSON.string))),
            ("price", same ? prices[0] : .array(prices)),
            (
                "minus_first",
                .object([
                    ("policy", .string(first.choice.name)), ("mean", .number(apart.mean)), ("ci95", apart.json),
                    ("interval_over", .string(apart.over)), ("pairs", .integer(apart.count)),
                ])
            ), ("ratio_to_first", ratio(row, first).map(JSON.number) ?? .null),
        ]
        if row.prices.contains(where: { $0 != nil }) {
            fields.append(
                (
                    "price_tuned_on",
                    .string(
                        setting.isOneEpisode
                            ? "the evaluated episode"
                            : SourceOptions.base(of: setting.source) is RecordedDays
                                ? "other draws from the evaluated orders" : "training episodes")
                ))
        }
        if let tally = row.tally {
            fields.append(
                (
                    "details",
                    .object([
                        ("tasks", .integer(tally.tasks)), ("served", .number(tally.served)),
                        ("paid_in_full", .number(tally.servedOnTime)),
                        ("late", .number(Double(tally.late) / Double(max(1, tally.tasks)))),
                        ("not_served", .number(Double(tally.expired) / Double(max(1, tally.tasks)))),
                        ("paid_share", .number(tally.paidShare)), ("sent", .integer(tally.sendings)),
                        ("mean_travel_minutes", .number(tally.meanTravel)), ("utilisation", .number(tally.utilisation)),
                        ("relocations", .integer(tally.relocations)),
                        ("relocation_minutes", .number(tally.relocationMinutes)),
                    ])
                ))
        }
        return .object(fields)
    }

    private func marl(_ rows: [EvaluatedPolicy], _ setting: EvaluationSetting) throws -> MarlEval {
        var file = MarlEval(environment: setting.source.name, metric: "revenue")
        for row in rows {
            for (seed, values) in zip(setting.seeds, row.revenues) {
                try file.add(
                    task: "\(setting.tasks) tasks \(setting.workers) workers", algorithm: row.choice.name,
                    run: "seed_\(seed)", steps: [MarlEval.Step(stepCount: 0, values: values)], absolute: values)
            }
        }
        return file
    }

    /// - Throws: `ValidationError` where the bounds are asked for and do not know all of the game: before anything is
    ///   played.
    func checkBounds(_ setting: EvaluationSetting) throws {
        if !bounds { return }
        let unknown = FullInformation.unknown(
            in: setting.source, tasks: setting.tasks, workers: setting.workers, seed: setting.seeds[0],
            episodes: min(boundEpisodes ?? 4, setting.episodes))
        if let unknown {
            throw ValidationError("--bounds do not know \(unknown), which the episodes have: leave it out")
        }
    }

    /// Computes and prints what full information could earn.
    private func showBounds(_ setting: EvaluationSetting) throws -> JSON {
        let count = min(boundEpisodes ?? 4, setting.episodes)
        let progress = ProgressLine("full information", total: count)
        let results = FullInformation.bounds(
            on: setting.source, tasks: setting.tasks, workers: setting.workers, seed: setting.seeds[0],
            episodes: 0..<count, moves: annealingMoves ?? 80_000, options: setting.rules.options,
            played: { progress.advance() })
        progress.finish()
        let lower = Summary(results.map(\.annealed))
        let start = Summary(results.map(\.start))
        let upper = Summary(results.map(\.upper))
        say(
            "\nfull information, \(Terminal.counted(count, "episode")): annealing \(Terminal.decimal(lower.mean, 3)) from "
                + "coalition \(Terminal.decimal(start.mean, 3)); upper bound \(Terminal.decimal(upper.mean, 3))"
                + (setting.rules.options.reroute
                    ? "\nAnnealing does not re-route: with --reroute a policy may earn more than its schedules." : ""))
        return .object([
            ("episodes", .integer(count)), ("annealing", .number(lower.mean)), ("coalition", .number(start.mean)),
            ("upper", .number(upper.mean)),
        ])
    }
}

extension EvaluatedPolicy {
    /// Whether its price was tuned for the setting.
    var isTuned: Bool { prices.contains { $0 != nil } }
}
