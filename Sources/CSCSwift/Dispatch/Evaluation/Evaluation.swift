/// Something that plays episodes: a dispatcher, a trained run, whatever a table has a row for.
public struct PolicySource: Sendable {
    /// Plays one episode and returns its revenue. The stream drives whatever is random in the policy.
    public typealias Player = (Instance, RandomStream) -> Double

    /// The row's name.
    public let name: String
    /// What a reader of the table should know, such as a tuned price; may be empty.
    public let note: String
    /// Makes a player; each is used by one thread at a time.
    public let makePlayer: @Sendable () -> Player

    /// A policy under a name.
    public init(name: String, note: String = "", makePlayer: @escaping @Sendable () -> Player) {
        self.name = name
        self.note = note
        self.makePlayer = makePlayer
    }
}

/// Plays policies on the same episodes.
public enum Evaluation {
    /// Episodes played by one player before the next one is made: fixed, so that results do not depend on the number
    /// of threads even if a player should keep something between episodes.
    private static let chunk = 4

    /// The revenue of each policy in each episode, [policy][episode], all on the same instances: those episodes of the
    /// range. They are shared among the threads; the result has the same bits at any thread count.
    /// O(policies * episodes) episodes.
    public static func run(
        _ policies: [PolicySource], on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64,
        episodes: Range<Int>, of range: EpisodeRange = .evaluation
    ) -> [[Double]] {
        play(policies, episodes, seed: seed, stream: { range[$0].stream }) { episode in
            source.instance(tasks: tasks, workers: workers, seed: seed, episode: range[episode])
        }
    }

    /// The revenue of one policy on given instances, in their order; instance i is played with stream i of `seed`. The
    /// same bits at any thread count. O(instances) episodes.
    public static func run(_ policy: PolicySource, on instances: [Instance], seed: UInt64) -> [Double] {
        play([policy], instances.indices, seed: seed, stream: { UInt64($0) }) { instances[$0] }[0]
    }

    private static func play(
        _ policies: [PolicySource], _ episodes: Range<Int>, seed: UInt64,
        stream index: @escaping @Sendable (Int) -> UInt64, instance: @escaping @Sendable (Int) -> Instance
    ) -> [[Double]] {
        let starts = Array(stride(from: episodes.lowerBound, to: episodes.upperBound, by: chunk))
        // One policy and a few episodes at a time.
        let played = Threads.map(policies.count * starts.count) { at in
            let player = policies[at / starts.count].makePlayer()
            let first = starts[at % starts.count]
            return (first..<min(first + chunk, episodes.upperBound)).map { episode in
                player(instance(episode), RandomStream(seed: seed, purpose: .dispatcher, index: index(episode)))
            }
        }
        return policies.indices.map { policy in
            played[policy * starts.count..<(policy + 1) * starts.count].flatMap(\.self)
        }
    }
}
