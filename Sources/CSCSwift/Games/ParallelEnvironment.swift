/// A game of several agents who decide at the same time: PettingZoo's parallel API ([PettingZoo21]) on
/// arrays instead of dictionaries.
///
/// Not all agents decide at every step: `actingCount` says how many do now and `actingAgent(_:)` who they are. Each sees a
/// context row and one row for each of its actions, and picks one allowed action. Rows are written into arrays that
/// the caller owns, by the same function after `reset` and after `step`. Sizes: n acting agents, C `contextWidth`,
/// K `actionCount`, D `candidateWidth`.
///
/// An episode has `terminated` when the game itself has ended (nothing more can be earned) and is `truncated` when it
/// was cut short; never both folded into one "done".
public protocol ParallelEnvironment: AnyObject {
    /// What an episode is made from.
    associatedtype Episode

    /// M: how many agents there are in the present episode.
    var agentCount: Int { get }
    /// K: how many actions an acting agent has, masked ones included.
    var actionCount: Int { get }
    /// C: the width of a context row.
    var contextWidth: Int { get }
    /// D: the width of an action's row.
    var candidateWidth: Int { get }

    /// Starts an episode.
    func reset(_ episode: Episode)
    /// n: how many agents decide now; 0 is possible, then step with no actions.
    var actingCount: Int { get }
    /// The agent that decides in row `row`, 0 ..< actingCount.
    func actingAgent(_ row: Int) -> Int
    /// Writes what the acting agents see. `context` is [n, C], `candidates` [n, K, D], `mask` [n, K] with 1 for an allowed
    /// action; each may be longer. Each acting agent has at least one allowed action.
    func observe(
        context: inout MutableSpan<Float>, candidates: inout MutableSpan<Float>, mask: inout MutableSpan<UInt8>)
    /// Plays `actions[row]`, 0 ..< K, for each acting agent and moves time on.
    func step(actions: Span<Int32>)

    /// What the team has earned in the last step (0 after reset).
    var teamReward: Double { get }
    /// The time of the present decisions (minutes, or steps where a game has no clock).
    var now: Double { get }
    /// The game has ended by itself.
    var terminated: Bool { get }
    /// The episode has been cut short.
    var truncated: Bool { get }
}

extension ParallelEnvironment {
    /// Whether the episode has ended either way.
    public var isOver: Bool { terminated || truncated }
}
