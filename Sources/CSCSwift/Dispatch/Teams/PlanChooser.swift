/// Draws the plans of a window by other weights and follows the one of the largest learnt worth (`PlanWorth`), unless the policy's
/// own is as good. The weights are drawn once, the same for every window and episode, so that a moment alone decides.
struct PlanChooser {
    private let learnt: PlanWorth
    private var description: PlanDescription
    private var engines: [TeamEngine<LearntRank>]
    private var draft = GameState(options: GameOptions())

    /// The number that the plans' weights are drawn by.
    private static let seed: UInt64 = 1

    /// The plans of that policy, with its worth of a plan.
    init(_ policy: LearntCoalitionPolicy, _ learnt: PlanWorth) {
        self.learnt = learnt
        description = PlanDescription(policy)
        var stream = RandomStream(seed: Self.seed, purpose: .dispatcher)
        engines = (0..<learnt.plans).map { _ in
            var drawn = policy
            drawn.weights = policy.weights.drawn(policy.features, spread: learnt.spread, &stream)
            return TeamEngine(LearntRank(drawn))
        }
    }

    /// Starts an episode. O(plans * (tasks + workers + horizon)).
    mutating func begin(_ state: borrowing GameState) {
        description.begin(state)
        for at in engines.indices { engines[at].begin(state) }
    }

    /// The plan to follow in a window, where `own` makes the policy's own. O(plans * (the rule's plan + its description)).
    mutating func choose(_ state: GameState, own: inout TeamEngine<LearntRank>) -> [PlanMove] {
        let first = own.moves(state, &draft)
        guard description.prepare(state) else { return first }
        var seen: Set<[PlanMove]> = [first]
        var best = (plan: first, worth: 0.0)
        for at in engines.indices {
            let plan = engines[at].moves(state, &draft)
            if !seen.insert(plan).inserted { continue }
            if seen.count == 2 { best.worth = learnt.worth(of: description.describe(first, state)) + learnt.margin }
            let worth = learnt.worth(of: description.describe(plan, state))
            if worth > best.worth { best = (plan, worth) }
        }
        return best.plan
    }
}

extension TeamEngine {
    /// Whom the rule sends where in this window, in rising index of workers; not those who were sent already and go. The rule
    /// plays in `draft`. O(the rule's plan).
    mutating func moves(_ state: GameState, _ draft: inout GameState) -> [PlanMove] {
        draft = state
        dispatch(&draft)
        return draft.idle.compactMap { worker in
            let task = draft.workerTask[Int(worker)]
            return task >= 0 && state.workerTask[Int(worker)] < 0 ? PlanMove(worker: worker, task: task) : nil
        }
    }
}

extension CoalitionWeights {
    /// Weights around these: those that the features read, each with its scale times `spread` as standard deviation. O(weights).
    func drawn(
        _ features: LearntCoalitionPolicy.Features, spread: Double, _ stream: inout RandomStream
    ) -> CoalitionWeights {
        var drawn = self
        var vector = vector
        for at in Self.read(by: features) { vector[at] += spread * Self.scales[at] * stream.normal() }
        drawn.vector = vector
        return drawn
    }
}
