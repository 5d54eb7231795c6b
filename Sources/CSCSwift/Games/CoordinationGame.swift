/// A small game of coordination whose optimum is known exactly: for tests of learners.
///
/// In each of `steps` rounds every agent picks one of the options at once. An option with value v and need r pays v to
/// the team if at least r agents pick it; agents beyond r are
/// wasted. Everyone sees all values and needs, and its own index. A single agent alone can earn nothing from an option
/// that needs two, so independent greedy play fails while the best joint choice is found by dynamic programming.
public final class CoordinationGame: ParallelEnvironment {
    /// One episode: value and need of each option in each round, [steps][options].
    public struct Episode: Sendable, Hashable {
        /// What each option pays the team.
        public var values: [[Double]]
        /// How many agents each option needs.
        public var needs: [[Int]]

        /// Both arrays are [steps][options]. O(steps * options).
        public init(values: [[Double]], needs: [[Int]]) {
            precondition(
                values.count == needs.count && zip(values, needs).allSatisfy { $0.count == $1.count },
                "CoordinationGame.Episode: values and needs differ in shape")
            self.values = values
            self.needs = needs
        }

        /// Values uniform in [0, 1), needs uniform in `needs`. O(steps * options).
        public static func random(
            steps: Int, options: Int, needs: ClosedRange<Int>, stream: inout RandomStream
        ) -> Episode {
            Episode(
                values: (0..<steps).map { _ in (0..<options).map { _ in stream.unit() } },
                needs: (0..<steps).map { _ in
                    (0..<options).map { _ in needs.lowerBound + stream.index(below: needs.count) }
                })
        }

        /// The most that `agents` agents can earn: in each round a knapsack over options. O(steps * options * agents).
        public func optimum(agents: Int) -> Double {
            var total = 0.0
            for (values, needs) in zip(values, needs) {
                var best = [Double](repeating: 0, count: agents + 1)
                for (value, need) in zip(values, needs) where need <= agents {
                    for left in stride(from: agents, through: need, by: -1) {
                        best[left] = max(best[left], best[left - need] + value)
                    }
                }
                total += best[agents]
            }
            return total
        }
    }

    /// M.
    public let agentCount: Int
    private let options: Int
    private var episode = Episode(values: [], needs: [])
    private var round = 0
    /// What the last round paid.
    public private(set) var teamReward = 0.0

    /// A game of so many agents and options.
    public init(agents: Int, options: Int) {
        precondition(agents > 0 && options > 0, "CoordinationGame: \(agents) agents, \(options) options")
        self.agentCount = agents
        self.options = options
    }

    /// K: the options.
    public var actionCount: Int { options }
    /// The agent's index and its distance from the last, as shares.
    public var contextWidth: Int { 2 }
    /// Value, need as a share of the agents, the value's rank, and whether my index lies below the need.
    public var candidateWidth: Int { 4 }

    /// Starts an episode. O(steps).
    public func reset(_ episode: Episode) {
        precondition(
            episode.values.allSatisfy { $0.count == options },
            "CoordinationGame.reset: an episode with \(episode.values.first?.count ?? 0) options for \(options)")
        self.episode = episode
        round = 0
        teamReward = 0
    }

    /// Everyone decides in every round.
    public var actingCount: Int { terminated ? 0 : agentCount }
    /// Row and agent are the same.
    public func actingAgent(_ row: Int) -> Int { row }
    /// The number of the round.
    public var now: Double { Double(round) }
    /// All rounds have been played.
    public var terminated: Bool { round == episode.values.count }
    /// Never.
    public var truncated: Bool { false }

    /// See `contextWidth` and `candidateWidth` for the columns. O(agents * options^2).
    public func observe(
        context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>
    ) {
        let agents = Float(agentCount)
        for row in 0..<actingCount {
            context[row * 2] = Float(row) / agents
            context[row * 2 + 1] = (agents - 1 - Float(row)) / agents
            for option in 0..<options {
                let value = episode.values[round][option]
                let need = episode.needs[round][option]
                let better = episode.values[round].count { $0 > value }
                let base = (row * options + option) * 4
                candidates[base] = Float(value)
                candidates[base + 1] = Float(need) / agents
                candidates[base + 2] = Float(better) / Float(options)
                candidates[base + 3] = row < need ? 1 : 0
                mask[row * options + option] = 1
            }
        }
    }

    /// Plays one round. O(agents * options).
    public func step(actions: Span<Int32>) {
        precondition(
            actions.count >= actingCount, "CoordinationGame.step: \(actions.count) actions for \(actingCount) agents")
        teamReward = 0
        for option in 0..<options {
            var chosen = 0
            for row in 0..<actingCount where Int(actions[row]) == option { chosen += 1 }
            if chosen >= episode.needs[round][option] { teamReward += episode.values[round][option] }
        }
        round += 1
    }
}
