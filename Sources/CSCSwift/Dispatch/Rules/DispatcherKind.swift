internal import Foundation

/// The dispatchers that do not learn, by the names that tables and `--policy` use.
public enum DispatcherKind: String, Sendable, CaseIterable {
    /// Each idle worker waits or takes any task that it can help, with equal chance.
    case random
    /// The largest pay among tasks not yet on course to be paid in full; behaves like Greedy in [CAFE].
    case greedy
    /// The nearest task whose payment the worker raises.
    case nearest
    /// The task that pays most with the worker in its team.
    case bestPayment = "best-payment"
    /// The task whose payment the worker raises most.
    case marginal
    /// The one-to-one assignment of the largest sum of marginal payment minus a price per minute ([Kuhn55]).
    case hungarian
    /// The pair of the largest marginal payment minus a price per minute, repeatedly.
    case pairGreedy = "pair-greedy"
    /// An equilibrium of the game in which each worker maximises its marginal payment minus a price per minute.
    case bestResponse = "best-response"
    /// The team of the largest net payment per minute, repeatedly (`CoalitionRule`).
    case coalition

    /// One line for people.
    public var summary: String {
        switch self {
        case .random: "each idle worker waits or takes any task in need, with equal chance"
        case .greedy: "the largest pay among tasks not yet on course (behaves like the paper's Greedy; weak)"
        case .nearest: "the nearest task whose payment it raises"
        case .bestPayment: "the task that then pays most"
        case .marginal: "the task whose payment it raises most"
        case .hungarian: "the best one-to-one assignment of marginal payment minus a price per minute"
        case .pairGreedy: "the best pair of marginal payment minus a price per minute, again and again"
        case .bestResponse: "an equilibrium of the priced marginal game"
        case .coalition: "the best-paying team per minute, again and again: the rule to beat"
        }
    }

    /// Whether the rule has a price per worker-minute, to be tuned.
    public var isPriced: Bool {
        switch self {
        case .hungarian, .pairGreedy, .bestResponse, .coalition: true
        default: false
        }
    }

    /// The rule with that price (money per worker-minute; without meaning for rules that have none).
    public func make(price: Double = 0) -> any Dispatcher {
        switch self {
        case .random: OneByOneDispatcher(.random)
        case .greedy: OneByOneDispatcher(.greedy)
        case .nearest: OneByOneDispatcher(.nearest)
        case .bestPayment: OneByOneDispatcher(.bestPayment)
        case .marginal: OneByOneDispatcher(.marginal)
        case .hungarian: PricedDispatcher(.hungarian, price: price)
        case .pairGreedy: PricedDispatcher(.pairGreedy, price: price)
        case .bestResponse: PricedDispatcher(.bestResponse, price: price)
        case .coalition: CoalitionRule(price: price)
        }
    }

    /// The kind of that name. O(kinds).
    ///
    /// - Throws: `CSCError.configuration` with the nearest known name.
    public static func named(_ name: String) throws -> DispatcherKind {
        if let kind = DispatcherKind(rawValue: name) { return kind }
        let names = allCases.map(\.rawValue)
        throw CSCError.configuration(
            key: "policy", reason: "no policy is called '\(name)'\(Spelling.hint(for: name, among: names))")
    }

    /// Episodes over which a price is tuned, and how many prices are tried.
    public static let tuningEpisodes = 24
    private static let tuningPrices = 13

    /// How many episodes the tuning of a price plays on a source.
    public static func tuningPlays(_ source: any InstanceSource) -> Int {
        tuningPrices * min(tuningEpisodes, source.episodeCount ?? tuningEpisodes)
    }

    /// The price that earns most over training episodes of a setting: a grid of 13 multiples, 0 to 0.6, of the mean
    /// pay per unit of work. The episodes are of `EpisodeRange.tuning`, never evaluated on. The same bits
    /// at any thread count. O(13 * episodes) episodes.
    ///
    /// - Parameters:
    ///   - source: where the instances come from.
    ///   - tasks: how many tasks an instance is asked to have, from 0.
    ///   - workers: how many workers an instance is asked to have, from 0.
    ///   - seed: of the instances, and of whatever is random in the rule.
    ///   - episodes: how many episodes each price plays, from 1; fewer where the source has fewer.
    ///   - options: the rules of the game: window, payment, largest team.
    ///   - played: called after each episode, by whichever thread played it.
    /// - Returns: the price of a worker-minute (money); 0 for a rule without a price and where there is no work.
    public func tunedPrice(
        _ source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, episodes: Int = tuningEpisodes,
        options: GameOptions = GameOptions(), played: (@Sendable () -> Void)? = nil
    ) -> Double {
        if !isPriced { return 0 }
        // Where the source has fewer episodes, more plays would be the same ones again.
        let episodes = min(episodes, source.episodeCount ?? episodes)
        let sample = source.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.tuning[0])
        let pay = sample.tasks.reduce(0) { $0 + $1.pay }
        let work = sample.tasks.reduce(0) { $0 + $1.workload }
        if work == 0 { return 0 }
        let prices = (0..<Self.tuningPrices).map { Double($0) * 0.05 * pay / work }
        let policies = prices.map { price in
            PolicySource(name: "\(rawValue) \(price)") { self.player(price: price, options: options) }
        }
        let revenues = Evaluation.run(
            policies, on: source, tasks: tasks, workers: workers, seed: seed,
            episodes: 0..<episodes, of: .tuning, played: played)
        let totals = revenues.map { $0.reduce(0, +) }
        return prices[totals.indices.max { totals[$0] < totals[$1] }!]
    }

    /// The rule as a policy to evaluate, its price tuned on training episodes of the setting.
    public func policy(
        tunedOn source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, price known: Double? = nil,
        options: GameOptions = GameOptions(), played: (@Sendable () -> Void)? = nil
    ) -> PolicySource {
        let price =
            known
            ?? tunedPrice(source, tasks: tasks, workers: workers, seed: seed, options: options, played: played)
        return PolicySource(
            name: rawValue, note: isPriced ? "price \(Self.short(price)) per worker-minute" : "",
            price: isPriced ? price : nil
        ) {
            self.player(price: price, options: options)
        }
    }

    /// A price with four digits that say something, whatever the unit of money.
    private static func short(_ price: Double) -> String {
        if price == 0 || !price.isFinite { return "\(price)" }
        let digit = pow(10, 3 - log10(abs(price)).rounded(.down))
        return digit.isFinite && digit > 0 ? "\((price * digit).rounded() / digit)" : "\(price)"
    }

    private func player(price: Double, options: GameOptions) -> PolicySource.Seat {
        let game = SpatialCrowdsourcing(options: options)
        let dispatcher = make(price: price)
        return PolicySource.Seat(game: game) { dispatcher.play($0, in: game, stream: $1) }
    }
}
