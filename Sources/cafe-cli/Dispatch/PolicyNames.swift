internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// A policy of the command line: `NAME`, or `NAME=RUN+RUN+...` for several training runs of one method.
struct PolicyChoice {
    /// What the table calls it.
    let name: String
    /// The names or folders; one, or one for each seed.
    let members: [String]

    /// Reads one. A folder whose own name holds '=' is meant as it is.
    init(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        if parts.count == 2, !parts[0].contains("/"), !DispatchPolicy.isRun(text) {
            name = parts[0]
            members = parts[1].split(separator: "+").map(String.init)
        } else {
            name = text
            members = [text]
        }
    }

    /// A name or folder, in one spelling for each folder.
    static func place(_ member: String) -> String {
        member.contains("/") || DispatchPolicy.isRun(member)
            ? URL(fileURLWithPath: member).standardizedFileURL.path : member
    }

    /// Who plays the episodes of the seed of that number.
    func member(_ number: Int) -> String { members.count == 1 ? members[0] : members[number] }
}

/// What a policy's name on the command line stands for.
struct PolicyNames {
    /// Where episodes come from.
    let source: any InstanceSource
    /// The rules in force.
    let rules: GameRules
    /// How NAME:lookahead looks ahead.
    let lookahead: LookaheadOptions
    /// Where it draws its futures from, or why it cannot.
    let futures: Result<any InstanceSource, ValidationError>

    private let prices = Prices()
    private final class Prices { var known: [String: Double] = [:] }

    private static let lookaheadSuffix = ":lookahead"
    private static let sampledSuffix = ":sampled"

    init(
        source: any InstanceSource, rules: GameRules, lookahead: LookaheadOptions,
        futures: Result<any InstanceSource, ValidationError>
    ) {
        self.source = source
        self.rules = rules
        self.lookahead = lookahead
        self.futures = futures
    }

    /// Whether a name asks for lookahead.
    static func looksAhead(_ name: String) -> Bool { name.hasSuffix(lookaheadSuffix) }

    /// The folder of a run of train that a name stands for, if it may be one.
    private static func run(_ name: String) -> (folder: String, sampled: Bool)? {
        let sampled = name.hasSuffix(sampledSuffix)
        let folder = sampled ? String(name.dropLast(sampledSuffix.count)) : name
        return name.contains("/") || DispatchPolicy.isRun(folder) ? (folder, sampled) : nil
    }

    /// The rules by which all these policies can be put into one table: those of the trained runs among them, which know
    /// no other; the usual ones where there is no run.
    ///
    /// - Parameters:
    ///   - reroute: whether workers on the road may be sent elsewhere; nil: as the runs were trained.
    ///   - relocate: whether idle workers may be moved, which no trained run knows.
    /// - Throws: `CSCError.invalid` where two runs were trained by different rules, or the parameters say otherwise.
    static func rules(of names: [String], reroute: Bool?, relocate: Bool = false) throws -> GameRules {
        var first: (folder: String, rules: GameRules)?
        for name in names where try !looksAhead(name) && LearntCoalitionPolicy.named(name) == nil {
            guard let folder = run(name)?.folder, DispatchPolicy.isRun(folder) else { continue }
            let rules = GameRules(try DispatchPolicy(contentsOf: folder).configuration.game)
            if relocate {
                throw CSCError.invalid(
                    "\(folder) is a run of train, whose agents cannot move idle workers: evaluate it without --relocate"
                )
            }
            guard rules.reroute == reroute ?? rules.reroute else {
                throw CSCError.invalid(
                    "\(folder) was trained with game.reroute \(rules.reroute): evaluate it "
                        + "\(rules.reroute ? "with" : "without") --reroute")
            }
            if let first, first.rules != rules {
                throw CSCError.invalid(
                    "\(first.folder) and \(folder) were trained by different rules (\(first.rules.text ?? "the usual ones") and "
                        + "\(rules.text ?? "the usual ones")): their revenues cannot be compared; evaluate them one by one"
                )
            }
            first = first ?? (folder, rules)
        }
        if let first { return first.rules }
        var rules = GameRules()
        rules.reroute = reroute ?? rules.reroute
        rules.relocate = relocate
        return rules
    }

    /// The policy of that name; priced dispatchers are tuned on training episodes of the setting.
    ///
    /// - Parameter played: called after each episode of the tuning.
    func policy(
        _ name: String, tasks: Int, workers: Int, seed: UInt64, played: (@Sendable () -> Void)? = nil
    ) throws -> PolicySource {
        let options = rules.options
        if Self.looksAhead(name) {
            let rule = String(name.dropLast(Self.lookaheadSuffix.count))
            guard let learnt = try LearntCoalitionPolicy.named(rule) else {
                throw ValidationError(
                    "\(name): only a learnt coalition rule looks ahead, such as cafe-chengdu or the folder of a run of "
                        + "evolve; '\(rule)' is none")
            }
            return adapted(learnt, tasks, workers, seed)
                .source(options: options, lookahead: lookahead, futures: try futures.get())
        }
        if let learnt = try LearntCoalitionPolicy.named(name) {
            return adapted(learnt, tasks, workers, seed).source(options: options)
        }
        if let (folder, sampled) = Self.run(name) {
            if try sampled && LearntCoalitionPolicy.named(folder) != nil {
                throw ValidationError("\(name): a learnt coalition rule draws no actions; name it without :sampled")
            }
            return try DispatchPolicy(contentsOf: folder).source(name: name, sampled: sampled)
        }
        let kind = try Self.kind(name)
        return kind.policy(
            tunedOn: source, tasks: tasks, workers: workers, seed: seed,
            price: kind == .coalition ? rulePrice(tasks, workers, seed, played) : nil, options: options, played: played)
    }

    /// The dispatcher of that name.
    ///
    /// - Throws: `CSCError.configuration` with the nearest name among dispatchers and trained policies.
    static func kind(_ name: String) throws -> DispatcherKind {
        if let kind = DispatcherKind(rawValue: name) { return kind }
        let names = DispatcherKind.allCases.map(\.rawValue) + LearntCoalitionPolicy.builtInNames
        throw CSCError.configuration(
            key: "policy",
            reason: "no policy is called '\(name)'\(Spelling.hint(for: name, among: names)), and there is no such run; "
                + "'cafe-cli policies' lists them")
    }
}

extension PolicyNames {
    /// The policy with a forecast of the days that are played, and in the form that is best on such days. The forecast is counted over others: those that are named for
    /// lookahead, or all that take no part; where a file has no others, over these, as prices are tuned on them.
    private func adapted(
        _ policy: LearntCoalitionPolicy, _ tasks: Int, _ workers: Int, _ seed: UInt64
    ) -> LearntCoalitionPolicy {
        var others: (any InstanceSource)? = (SourceOptions.base(of: source) as? RecordedDays)?.others
        if let travelling = source as? TravelSource, let plain = others { others = travelling.with(plain) }
        let past = (try? futures.get()) ?? others ?? source
        if !policy.isGeneral { return policy.adapted(to: source, past: past, tasks: tasks, workers: workers) }
        return policy.adapted(
            to: source, past: past, tasks: tasks, workers: workers, rulePrice: rulePrice(tasks, workers, seed),
            seed: seed
        ).calibrated(on: source, tasks: tasks, workers: workers, seed: seed, options: rules.options)
    }

    /// The coalition rule's price, tuned once for each setting.
    private func rulePrice(
        _ tasks: Int, _ workers: Int, _ seed: UInt64, _ played: (@Sendable () -> Void)? = nil
    ) -> Double {
        let key = "\(tasks)/\(workers)/\(seed)"
        if let price = prices.known[key] { return price }
        let price = DispatcherKind.coalition.tunedPrice(
            source, tasks: tasks, workers: workers, seed: seed, options: rules.options, played: played)
        prices.known[key] = price
        return price
    }
}

/// The flags of lookahead.
struct LookaheadFlags: ParsableArguments {
    @Option(
        name: .customLong("lookahead"),
        help:
            "How NAME:lookahead looks ahead, KEY=VALUE: \(LookaheadOptions.fields.map(\.key).joined(separator: ", ")).")
    var settings: [String] = []
    @Option(
        parsing: .unconditional,
        help: "The days of --orders from which NAME:lookahead draws its futures: none of those evaluated on.")
    var futureDays: String?
    @Option(
        parsing: .unconditional, help: "The part of the rows, K/N, from which NAME:lookahead draws its futures.")
    var futurePart: String?

    /// Names of the flags that were given.
    var given: [String] {
        (settings.isEmpty ? [] : ["--lookahead"]) + (futureDays == nil ? [] : ["--future-days"])
            + (futurePart == nil ? [] : ["--future-part"])
    }

    /// How it looks ahead.
    func options() throws -> LookaheadOptions {
        var options = LookaheadOptions()
        try options.apply(overrides: settings)
        return options
    }

    /// Where futures are drawn from: the scenario or, of recorded orders, days or rows that are named for it.
    func futures(beside evaluated: SourceOptions) throws -> Result<any InstanceSource, ValidationError> {
        let city = try Scenario.find(evaluated.scenario)
        guard evaluated.orders != nil else {
            if futureDays != nil || futurePart != nil {
                throw ValidationError("--future-days and --future-part choose among --orders, which are not given")
            }
            return .success(try evaluated.travelling(city))
        }
        var past = evaluated
        (past.days, past.part) = (futureDays, futurePart)
        guard try past.isApart(from: evaluated) else {
            return .failure(
                ValidationError(
                    "NAME:lookahead would draw its futures from the very orders that it is evaluated on: give --days and "
                        + "--future-days that share no day, or --part and --future-part, such as 2/2 and 1/2"))
        }
        let source = try past.opened(drawingFrom: city).source
        return SourceOptions.base(of: source) is FixedInstance
            ? .failure(
                ValidationError("--orders is one episode and has no days from which NAME:lookahead could draw futures"))
            : .success(source)
    }
}
