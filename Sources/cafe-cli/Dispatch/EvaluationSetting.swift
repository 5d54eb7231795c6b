internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// What `evaluate` and `compare` play: episodes of a source, as many as are really there, by one set of rules.
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

    /// - Parameters:
    ///   - tasks: what the option of that name says; nil where it is not given. So with `workers` and `episodes`.
    ///   - usual: what they are where they are not given.
    /// - Throws: `ValidationError` where an option has nothing to choose in this source.
    init(
        _ source: any InstanceSource, tasks askedTasks: Int?, workers askedWorkers: Int?, episodes askedEpisodes: Int?,
        usual: (tasks: Int, workers: Int, episodes: Int) = (200, 200, 100), seeds: [UInt64], rules: GameRules
    ) throws {
        self.source = source
        self.seeds = seeds
        self.rules = rules
        if let fixed = SourceOptions.base(of: source) as? FixedInstance {
            try SourceOptions.refuse(
                [
                    ("--tasks", askedTasks != nil), ("--workers", askedWorkers != nil),
                    ("--episodes", (askedEpisodes ?? 1) != 1),
                ], for: fixed)
            (tasks, workers, episodes) = (fixed.instance.tasks.count, fixed.instance.workers.count, 1)
            (isOneEpisode, sharedOrders) = (true, 1)
            return
        }
        let wanted = askedTasks ?? usual.tasks
        let recorded = SourceOptions.base(of: source) as? RecordedDays
        (tasks, workers) = (min(wanted, recorded?.available ?? wanted), askedWorkers ?? usual.workers)
        episodes = askedEpisodes ?? usual.episodes
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
        SourceOptions.warnOfReach(source, tasks: tasks, workers: workers, seed: seeds[0])
    }

    /// How many decimal places show revenues of any unit of money: three, or more where the largest is below a tenth.
    static func places(_ means: [Double]) -> Int {
        guard let largest = means.map(abs).max(), largest > 0, largest < 0.1 else { return 3 }
        return min(60, 3 + Int((-log10(largest)).rounded(.up)))
    }

    /// Says on standard error that nobody earned anything, where that is so.
    static func warnOfNothing(_ means: [Double]) {
        if !means.isEmpty && means.allSatisfy({ $0 == 0 }) {
            FileOptions.note("warning: no policy earned anything: are pay, deadlines, shifts and places what you mean?")
        }
    }

    /// What prices were tuned on, for a table; nil where nothing need be said.
    func remarks(isTuned: Bool) -> [String] {
        var remarks: [String] = []
        if isOneEpisode && isTuned {
            remarks.append("prices were tuned on this very episode")
        } else if SourceOptions.base(of: source) is RecordedDays, isTuned {
            remarks.append("prices were tuned on other draws from the same orders")
        }
        if isOneEpisode {
            remarks.append("it is one episode, so there is no interval")
        } else if !hasIntervals {
            remarks.append("all episodes hold the same orders, so there is no interval: what differs is drawn for them")
        }
        return remarks
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
                    ("relocate", .bool(rules.relocate)),
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
