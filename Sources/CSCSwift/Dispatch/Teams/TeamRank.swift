/// What a `TeamEngine` maximises: the order of a task's candidates and the rank of a team of them.
///
/// A protocol with two conformers, `ConstantPriceRank` and `LearntRank`; the engine is compiled for each, without
/// indirect calls. Positions n are of the engine's tasks in need, positions s of its supply.
protocol TeamRank {
    /// What the order of one task's candidates depends on, beside the candidates.
    associatedtype Order
    /// What is known of a team while it grows.
    associatedtype Offer

    /// What the engine may look at in this window.
    var limits: TeamLimits { get }
    /// Looks at the whole day, once per episode.
    mutating func begin(_ state: borrowing GameState)
    /// Sends idle workers who got no task to where they should wait; most ranks let them stand.
    mutating func relocate(_ state: inout GameState)
    /// Looks at a window before its workers and tasks are listed.
    mutating func beginWindow(_ state: borrowing GameState)
    /// Looks at the workers and tasks of a window.
    mutating func prepare(_ slots: [TeamSlot], _ needs: [TeamNeed], _ state: borrowing GameState)

    /// What orders the candidates of task n.
    func order(_ n: Int, _ terms: SpatialTask, now: Double) -> Order
    /// By what a candidate who would arrive at `arrival` stands in that order: the least first (min).
    func key(_ order: Order, _ s: Int, _ slot: TeamSlot, arrival: Double) -> Double

    /// An offer for task n, which has `existing` members and is worth `paid` on its present course, before anybody is
    /// added.
    func offer(_ n: Int, _ task: Int, existing: Int, paid: Double, _ state: borrowing GameState) -> Offer
    /// One more candidate, with whom the team would finish at `end`; false: the team does not grow any more.
    func admits(_ slot: TeamSlot, arrival: Double, end: Double, to offer: inout Offer) -> Bool
    /// The rank of candidates `first ..< first + size`, who would finish at `end` for a payment of `paid`: the largest is
    /// sent first, -infinity is not sent.
    func rank(
        _ offer: Offer, first: Int, size: Int, end: Double, paid: Double, _ candidates: [TeamCandidate],
        _ slots: [TeamSlot]
    ) -> Double
}

/// An open task that is not yet on course to be paid in full, and its best team.
struct TeamNeed {
    /// The task's index in the game.
    var task: Int32
    /// The size of its best team.
    var size: Int32 = 0
    /// The rank of its best team; -infinity: it has none.
    var score = -Double.infinity
}

/// What a team engine may look at.
struct TeamLimits {
    /// The most candidates of a task, and the most members that are added to a team at once.
    static let most = 12

    /// Candidates that are kept for a task, at most `most`.
    var candidates = TeamLimits.most
    /// Members that are added to a team at once, at most `candidates`.
    var largestTeam = TeamLimits.most
    /// Above so many slots candidates are looked for on a grid.
    var gridAbove: Int
    /// On the grid, among so many nearest; at least among twice as many as there is room for.
    var nearest = 0
    /// Workers who become free within so many minutes count; 0: idle ones only.
    var ahead = 0.0
    /// A task that nobody is on may take any single candidate, not only the first.
    var triesSingles = false
    /// In a window of more pairs of a task and a slot, what cannot send anybody now is left out (`TeamEngine.isCrowded`).
    var crowdedAbove = Double.infinity
    /// Single members are dealt to tasks all at once (`JointAssignment`) where that is affordable.
    var isJoint = false

    /// What is looked at in a crowded window: fewer of the nearest, and of the workers about to be free those who are so
    /// soonest (docs/results/generality.md, "Whole days").
    var crowded: TeamLimits {
        var limits = self
        limits.nearest = min(nearest, 2 * TeamLimits.most)
        limits.ahead = 0.2 * ahead
        return limits
    }
}

extension TeamRank {
    /// Idle workers stand.
    mutating func relocate(_ state: inout GameState) {}
}
