internal import ArgumentParser
internal import CSCSwift

/// What `evaluate` plays: episodes of a source, as many as are really there, by one set of rules.
struct EvaluationSetting {
    /// Where episodes come from.
    let source: any InstanceSource
    /// Tasks and workers of an episode, as many as it will have; by day, of the fullest day.
    let tasks: Int
    /// See `tasks`.
    let workers: Int
    /// Episodes for each seed.
    let episodes: Int
    /// The seeds.
    let seeds: [UInt64]
    /// The rules that all policies play by.
    let rules: GameRules
    /// The source is one episode, the same for every seed.
    let isOneEpisode: Bool
    /// Which part of its orders an episode shares with any other on average; 0 where they are drawn again.
    let sharedOrders: Double
    /// What a user should be told beside the source's notes.
    private(set) var notes: [String] = []

    /// - Throws: `ValidationError` where an option has nothing to choose in this source.
    init(_ source: any InstanceSource, of command: EvaluateCommand, seeds: [UInt64], rules: GameRules) throws {
        self.source = source
        self.seeds = seeds
        self.rules = rules
        if let fixed = SourceOptions.base(of: source) as? FixedInstance {
            let given = [
                ("tasks", command.tasks), ("workers", command.workers),
                ("episodes", command.episodes == 1 ? nil : command.episodes),
            ]
            if let flag = given.first(where: { $0.1 != nil })?.0 {
                throw ValidationError(
                    "--\(flag): \(fixed.name) is one episode of \(fixed.instance.tasks.count) tasks and "
                        + "\(fixed.instance.workers.count) workers; leave it out")
            }
            (tasks, workers, episodes) = (fixed.instance.tasks.count, fixed.instance.workers.count, 1)
            (isOneEpisode, sharedOrders) = (true, 1)
            return
        }
        let wanted = command.tasks ?? 200
        let recorded = SourceOptions.base(of: source) as? RecordedDays
        (tasks, workers) = (min(wanted, recorded?.available ?? wanted), command.workers ?? 200)
        episodes = command.episodes ?? 100
        isOneEpisode = false
        // By day, episodes of different days share nothing.
        sharedOrders = recorded.map { $0.selection.cut == .pooled ? $0.sharedOrders(tasks: wanted) : 0 } ?? 0
        notes = [SourceOptions.shortage(source, tasks: wanted)].compactMap(\.self)
    }

    /// Whether episodes differ, so that an interval over them means something: not where there is one, nor where all hold
    /// the same orders.
    var hasIntervals: Bool { !isOneEpisode && sharedOrders < 1 }

    /// Says on standard error what is wrong with the first episode, such as workers out of reach of all tasks.
    func warnOfReach() {
        if isOneEpisode { return }  // said when it was opened
        let first = SourceOptions.base(of: source).instance(
            tasks: tasks, workers: workers, seed: seeds[0], episode: EpisodeRange.evaluation[0])
        for warning in ReachCheck(first).warnings { FileOptions.note("warning: \(warning)") }
    }

    /// The table's title: what was played.
    var title: String {
        let count =
            isOneEpisode
            ? "one episode" : Terminal.counted(episodes, "episode") + (seeds.count > 1 ? " for each seed" : "")
        return "\(source.name), \(Terminal.counted(tasks, "task")), \(Terminal.counted(workers, "worker")), \(count), "
            + (rules.text.map { "rules \($0), " } ?? "")
            + "seed\(seeds.count > 1 ? "s" : "") \(seeds.map(String.init).joined(separator: ","))"
    }

    /// What an evaluation's file says of itself.
    var json: [(String, JSON)] {
        var fields: [(String, JSON)] = [
            ("source", .string(source.name)), ("reroute", .bool(rules.reroute)), ("tasks", .integer(tasks)),
            ("workers", .integer(workers)), ("episodes", .integer(episodes)),
            ("seeds", .array(seeds.map { JSON.integer(Int(clamping: $0)) })),
            (
                "game",
                .object([
                    ("payment", .string(rules.payment.rawValue)), ("team_cap", .integer(rules.teamCap)),
                    ("window", .number(rules.window)), ("reroute", .bool(rules.reroute)),
                ])
            ), ("shared_orders", .number(sharedOrders)),
        ]
        let base = SourceOptions.base(of: source)
        if let recorded = base as? RecordedDays {
            let chosen = recorded.selection
            fields += [
                ("scenario", .string(recorded.scenario.name)), ("orders", recorded.overview.json),
                ("file", .string(recorded.overview.path)), ("format", .string(recorded.overview.format.rawValue)),
                (
                    "days",
                    chosen.days.map { .string("\($0.lowerBound)-\($0.upperBound - 1)") } ?? .string("all")
                ), ("part", chosen.part.map { .string("\($0.number)/\($0.count)") } ?? .null),
                ("cut", .string(chosen.cut.rawValue)), ("terms", .string(chosen.terms.rawValue)),
                (
                    "window",
                    chosen.window.map {
                        .object([("from", .string(RecordedDays.clock($0.from))), ("minutes", .number($0.length))])
                    } ?? .null
                ), ("orders_in_window", .integer(recorded.available)),
            ]
        } else if let city = base as? Scenario {
            fields.append(("scenario", .string(city.name)))
        } else {
            fields += [("file", .string(source.name)), ("format", .string(OrderFormat.instance.rawValue))]
        }
        return fields
    }
}
