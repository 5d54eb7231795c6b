/// Something that plays episodes: a dispatcher, a trained run, whatever a table has a row for.
public struct PolicySource: Sendable {
    /// Plays one episode and returns its revenue. The stream drives whatever is random in the policy.
    public typealias Player = (Instance, RandomStream) -> Double

    /// A player, and the game that it plays in: after a play the game tells what became of its tasks.
    public struct Seat {
        let game: SpatialCrowdsourcing?
        let play: Player

        /// A player of a game; nil where it has none of its own, and then only revenue is known.
        public init(game: SpatialCrowdsourcing?, play: @escaping Player) {
            self.game = game
            self.play = play
        }
    }

    /// The row's name.
    public let name: String
    /// What a reader of the table should know, such as a tuned price; may be empty.
    public let note: String
    /// The price of a worker-minute by which it plays (money); nil where it has none.
    public let price: Double?
    /// Makes a player; each is used by one thread at a time.
    public var makePlayer: @Sendable () -> Player {
        let makeSeat = makeSeat
        return { makeSeat().play }
    }
    let makeSeat: @Sendable () -> Seat

    /// A policy under a name.
    public init(name: String, note: String = "", makePlayer: @escaping @Sendable () -> Player) {
        self.init(name: name, note: note) { Seat(game: nil, play: makePlayer()) }
    }

    /// A policy under a name whose plays can be looked at.
    public init(
        name: String, note: String = "", price: Double? = nil, makeSeat: @escaping @Sendable () -> Seat
    ) {
        self.name = name
        self.note = note
        self.price = price
        self.makeSeat = makeSeat
    }
}

/// Plays policies on the same episodes.
public enum Evaluation {
    /// One episode: what it earned and, where the policy's game can be looked at, what became of its tasks.
    public struct Outcome: Sendable, Hashable, BitwiseCopyable {
        /// The sum of all payments.
        public var revenue: Double
        /// Tasks, travel and use of the workers; nil where they are not known.
        package var tally: EpisodeTally?
    }

    /// Episodes played by one player before the next one is made: fixed, so that results do not depend on the number
    /// of threads even if a player should keep something between episodes.
    private static let chunk = 4

    /// The revenue of each policy in each episode, [policy][episode], all on the same instances: those episodes of the
    /// range. They are shared among the ranks (`Ranks`) and their threads; the result has the same bits at any number of both.
    /// O(policies * episodes) episodes.
    ///
    /// - Parameters:
    ///   - policies: what plays, in the order of the result.
    ///   - source: where the instances come from.
    ///   - tasks: how many tasks an instance is asked to have, from 0.
    ///   - workers: how many workers an instance is asked to have, from 0.
    ///   - seed: of the instances, and of whatever is random in the policies.
    ///   - episodes: numbers in `range`, within 0..<2^40.
    ///   - range: which of the ranges of episodes is played.
    ///   - played: called after each episode, by whichever thread played it.
    public static func run(
        _ policies: [PolicySource], on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64,
        episodes: Range<Int>, of range: EpisodeRange = .evaluation, played: (@Sendable () -> Void)? = nil
    ) -> [[Double]] {
        outcomes(
            policies, on: source, tasks: tasks, workers: workers, seed: seed, episodes: episodes, of: range,
            played: played
        ).map { $0.map(\.revenue) }
    }

    /// As `run`, with what became of the tasks. O(policies * episodes) episodes.
    public static func outcomes(
        _ policies: [PolicySource], on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64,
        episodes: Range<Int>, of range: EpisodeRange = .evaluation, played: (@Sendable () -> Void)? = nil
    ) -> [[Outcome]] {
        play(policies, episodes, seed: seed, stream: { range[$0].stream }, played: played) { episode in
            source.instance(tasks: tasks, workers: workers, seed: seed, episode: range[episode])
        }
    }

    /// The revenue of one policy on given instances, in their order; instance i is played with stream i of `seed`. The
    /// same bits at any thread count. O(instances) episodes.
    public static func run(_ policy: PolicySource, on instances: [Instance], seed: UInt64) -> [Double] {
        play([policy], instances.indices, seed: seed, stream: { UInt64($0) }, played: nil) { instances[$0] }[0]
            .map(\.revenue)
    }

    private static func play(
        _ policies: [PolicySource], _ episodes: Range<Int>, seed: UInt64,
        stream index: @escaping @Sendable (Int) -> UInt64, played: (@Sendable () -> Void)?,
        instance: @escaping @Sendable (Int) -> Instance
    ) -> [[Outcome]] {
        let starts = Array(stride(from: episodes.lowerBound, to: episodes.upperBound, by: chunk))
        // One policy and a few episodes at a time.
        let outcomes = Ranks.map(policies.count * starts.count) { at in
            let seat = policies[at / starts.count].makeSeat()
            let first = starts[at % starts.count]
            return (first..<min(first + chunk, episodes.upperBound)).map { episode in
                let stream = RandomStream(seed: seed, purpose: .dispatcher, index: index(episode))
                let revenue = seat.play(instance(episode), stream)
                played?()
                return Outcome(revenue: revenue, tally: seat.game?.tally)
            }
        }
        return policies.indices.map { policy in
            outcomes[policy * starts.count..<(policy + 1) * starts.count].flatMap(\.self)
        }
    }
}
