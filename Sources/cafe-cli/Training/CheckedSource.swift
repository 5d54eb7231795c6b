internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// Where `fit` and `refine` learn, and where they check what they learnt: other episodes of a scenario, one half of the rows of
/// recorded orders each, or days that are named for each.
struct CheckedSource {
    /// Where episodes to learn from come from.
    struct Training {
        /// The episodes.
        let source: any InstanceSource
        /// How recorded orders are read, for a run's description.
        let flags: [String: String]
        /// The scenario; what orders lack is drawn from it.
        let city: Scenario
    }

    /// As the command line names them.
    let source: SourceOptions
    /// The days that are checked on; nil: the other half of the rows.
    let checkDays: String?
    /// The name of the command, for its messages.
    let command: String

    /// - Throws: `ValidationError` where days to check on are named and none to learn from.
    func validate() throws {
        if checkDays != nil && (source.orders == nil || source.days == nil) {
            throw ValidationError("--check-days goes with --orders and --days")
        }
    }

    /// What each reads: as named, or each of two halves of the rows.
    var halves: (fitting: SourceOptions, checking: SourceOptions) {
        var (fitting, checking) = (source, source)
        if let checkDays {
            checking.days = checkDays
        } else if source.orders != nil {
            (fitting.part, checking.part) = ("1/2", "2/2")
        }
        return (fitting, checking)
    }

    /// Opens both; what the user should know goes to `note`.
    /// - Throws: `ValidationError` where nothing is left to check on, `CSCError` where a file cannot be read.
    func open(tasks: Int, note: (String) -> Void) throws -> (training: Training, checking: any InstanceSource) {
        let city = try Scenario.find(source.scenario)
        let (fitting, checking) = halves
        if source.orders != nil {
            if source.part != nil {
                throw ValidationError(
                    "--part cannot be given: \(command) divides the rows itself, or takes --days and --check-days")
            }
            if try source.isInstance() {
                throw ValidationError("--orders is one single episode: there is no other to check on")
            }
            if checkDays == nil {
                note("note: one row in two of the orders is fitted to, the other is checked on")
            } else if try !fitting.isApart(from: checking) {
                throw ValidationError("--days and --check-days must not share a day")
            }
        }
        let (opened, notes) = try fitting.open(drawingFrom: city)
        for line in notes + [SourceOptions.shortage(opened, tasks: tasks)].compactMap(\.self) { note("note: \(line)") }
        return (
            Training(source: opened, flags: fitting.recordedFlags, city: city),
            try checking.opened(drawingFrom: city).source
        )
    }
}

extension CheckedSource {
    /// Refuses a folder that holds something else, whose policy would be replaced.
    /// - Throws: `CSCError.invalid`.
    func checkFree(_ out: String) throws(CSCError) {
        for (name, what, owner) in [
            ("config.yaml", "a run of train", ""), ("evolution.yaml", "a run of evolve", ""),
            ("fit.json", "a result of fit", "fit"), ("refine.json", "a result of refine", ""),
        ] where owner != command && FileManager.default.fileExists(atPath: AtomicFile.join(out, name)) {
            throw .invalid("\(out) holds \(what): choose another folder")
        }
    }
}

extension LearntCoalitionPolicy {
    /// The policy tuned to a source, as `evaluate` plays it there, and the tuned price of the coalition rule.
    func tuned(
        to source: any InstanceSource, tasks: Int, workers: Int, seed: UInt64, options: GameOptions = GameOptions()
    ) -> (policy: LearntCoalitionPolicy, price: Double) {
        let price = DispatcherKind.coalition.tunedPrice(source, tasks: tasks, workers: workers, seed: seed)
        let adapted = adapted(
            to: source, past: source, tasks: tasks, workers: workers, rulePrice: price, seed: seed)
        return (adapted.calibrated(on: source, tasks: tasks, workers: workers, seed: seed, options: options), price)
    }
}

extension EvolutionOptions {
    /// How `fit` searches on from a policy: small steps at one size.
    static func fitting(tasks: Int, workers: Int, seed: UInt64) -> EvolutionOptions {
        var options = EvolutionOptions()
        options.seed = seed
        options.stepSize = 0.15
        options.settings = [.init(tasks: tasks, workers: workers)]
        options.episodes = max(2, min(8, 4000 / tasks))
        options.forecastEpisodes = tasks > 1000 ? 8 : 64
        options.referenceEpisodes = tasks > 1000 ? 4 : 16
        return options
    }
}

extension PolicyFit {
    /// The entries of `fit.json` and `refine.json` on what was kept and what it earns.
    var entries: [(String, JSON)] {
        func entry(_ summary: Summary) -> JSON {
            .object([
                ("mean", .number(summary.mean)), ("ci95", .array([.number(summary.lower), .number(summary.upper)])),
            ])
        }
        return [
            ("price", .number(price)), ("revenue", entry(revenue)), ("rule", entry(rule)),
            ("over_start", entry(overStart)),
            ("over_rule", entry(overRule)),
        ]
    }

    /// The table of what was kept and its gain over the rule and over what the search began with.
    ///
    /// - Parameters:
    ///   - kept: what the user calls the kept policy.
    ///   - start: what the user calls the one that the search began with.
    func table(kept: String, start: String) -> String {
        Terminal.columns(
            [
                ["kept", "revenue", "minus coalition", "minus \(start)"],
                [
                    kept, Terminal.decimal(revenue.mean, 3), Self.difference(overRule, of: rule.mean),
                    Self.difference(overStart, of: rule.mean),
                ],
            ], left: [0])
    }

    /// `+.123 [.1, .2], +1.2 %`
    private static func difference(_ summary: Summary, of whole: Double) -> String {
        "\(Terminal.decimal(summary.mean, 3)) [\(Terminal.decimal(summary.lower, 3)), \(Terminal.decimal(summary.upper, 3))], "
            + "\(Terminal.decimal(100 * summary.mean / (whole > 0 ? whole : .nan), 1)) %"
    }
}
