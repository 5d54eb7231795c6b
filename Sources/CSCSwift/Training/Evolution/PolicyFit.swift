/// What is left of a fit: one of up to four policies, and by how much it is better than the others on episodes on which
/// nothing was learnt or chosen.
public struct PolicyFit: Sendable {
    /// Which policy was kept.
    public enum Choice: String, Sendable, CaseIterable {
        /// The one that was specialised.
        case fitted
        /// The one that the search began with.
        case start
        /// The plain coalition rule at its tuned price.
        case rule
        /// The one that was specialised, with a learnt worth of its plans.
        case withWorth
    }

    /// What was kept.
    public let choice: Choice
    /// It, ready to be written and played.
    public let policy: LearntCoalitionPolicy
    /// The rule's price, tuned on training episodes (money per worker-minute).
    public let price: Double
    /// Mean revenue of the kept policy on the held-out episodes.
    public let revenue: Summary
    /// The kept policy less the one that the search began with, paired over the held-out episodes.
    public let overStart: Summary
    /// The kept policy less the plain rule.
    public let overRule: Summary
    /// Mean revenue of the plain rule.
    public let rule: Summary

    /// Chooses among the fitted policy, the one that it began with and the tuned rule, by episodes of `EpisodeRange.choice`,
    /// and measures the choice on held-out ones. Where its interval to the one it began with lies below 0 there, that is kept,
    /// and where the interval to the rule does, the rule: what comes out is never known to be worse. O(episodes) of the
    /// policies, twice.
    ///
    /// - Parameters:
    ///   - fitted: the policy that was specialised.
    ///   - withWorth: the same with a learnt worth of its plans; nil where none was learnt.
    ///   - start: the policy that the search began with.
    ///   - price: the plain rule's, tuned on training episodes (money per worker-minute).
    ///   - training: where the policy was fitted: prices are tuned and the choice is made there.
    ///   - heldOut: where it is measured: the same generator, or other recorded days.
    ///   - tasks: how many tasks an episode is asked to have, from 0.
    ///   - workers: how many workers an episode is asked to have, from 0.
    ///   - seed: of the episodes, and of whatever is random in the policies.
    ///   - episodes: how many episodes each of choice and measurement plays.
    ///   - options: the rules of the game.
    /// - Precondition: `episodes` is at least 2.
    public init(
        fitted: LearntCoalitionPolicy, withWorth: LearntCoalitionPolicy? = nil, start: LearntCoalitionPolicy,
        price: Double, training: any InstanceSource, heldOut: any InstanceSource, tasks: Int, workers: Int,
        seed: UInt64, episodes: Int, options: GameOptions = GameOptions()
    ) {
        precondition(episodes >= 2, "PolicyFit: \(episodes) episodes have no interval")
        let sample = training.instance(tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.tuning[0])
        var plain = start
        plain.name = "coalition"
        plain.constantPrice = price / max(1e-300, sample.rate)
        plain.relocation = options.relocate ? .standing : start.relocation
        let policies = [fitted, start, plain] + [withWorth].compactMap(\.self)
        let sources = policies.map { $0.source(options: options) }
        func play(_ source: any InstanceSource, _ range: EpisodeRange) -> [[Double]] {
            Evaluation.run(
                sources, on: source, tasks: tasks, workers: workers, seed: seed, episodes: 0..<episodes, of: range)
        }
        let tried = play(training, .choice).map { Summary($0).mean }
        var kept = tried.indices.max { tried[$0] < tried[$1] } ?? 2
        let shown = play(heldOut, .heldOut)
        for other in [1, 2] where kept != 2 && Summary.paired(shown[kept], minus: shown[other]).upper < 0 {
            kept = other
        }
        self.price = price
        choice = Choice.allCases[kept]
        policy = policies[kept]
        revenue = Summary(shown[kept])
        rule = Summary(shown[2])
        overStart = Summary.paired(shown[kept], minus: shown[1])
        overRule = Summary.paired(shown[kept], minus: shown[2])
    }
}

extension Instance {
    /// Mean pay of a unit of work (money per worker-minute); 0 without tasks. O(tasks).
    var rate: Double {
        let work = tasks.reduce(0) { $0 + $1.workload }
        return work > 0 ? tasks.reduce(0) { $0 + $1.pay } / work : 0
    }
}
