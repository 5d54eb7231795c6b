/// A trained policy as a dispatcher: each window, every idle worker with a candidate decides at once, by the most
/// probable action of the policy or by a draw from it.
package final class LearntDispatcher: Dispatcher {
    /// The name in tables.
    package let name: String
    /// Whether actions are drawn from the policy; otherwise the most probable is taken.
    package let sampled: Bool
    private let policy: ActorCritic
    private let batch: PolicyBatch
    private var stream = RandomStream(seed: 0, purpose: .policy)
    private var context: [Float] = []
    private var candidates: [Float] = []
    private var mask: [UInt8] = []
    private var uniforms: [Float] = []
    private var logs: [Float] = []
    private var chosen: [Int32] = []
    private var pairs: [(worker: Int, task: Int)] = []

    /// Plays `policy`, which must not be trained meanwhile.
    package init(name: String, policy: ActorCritic, sampled: Bool = false) {
        self.name = name
        self.policy = policy
        self.sampled = sampled
        batch = PolicyBatch(for: policy)
    }

    /// Takes the stream of the draws. Traps where the game shows agents something else than the policy was trained on.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) {
        self.stream = stream
        precondition(
            PolicyLayout(game) == policy.layout,
            "LearntDispatcher: the game shows \(PolicyLayout(game)), the policy was trained on \(policy.layout)")
    }

    /// Commits the workers who decide to go. Workers who find the team full by then stay idle.
    package func dispatch(_ game: SpatialCrowdsourcing) {
        for (worker, task) in decide(game) where game.canTake(worker, task) { game.commit(worker: worker, task: task) }
    }

    /// What the present acting agents choose: (worker, task), those who wait left out. O(acting agents * K * P).
    package func decide(_ game: SpatialCrowdsourcing) -> [(worker: Int, task: Int)] {
        pairs.removeAll(keepingCapacity: true)
        let actingAgents = game.actingCount
        guard actingAgents > 0 else { return pairs }
        let layout = policy.layout
        if mask.count < actingAgents * layout.actionCount {
            let room = actingAgents + actingAgents / 2
            resize(&context, room * layout.contextWidth, 0)
            resize(&candidates, room * layout.actionCount * layout.candidateWidth, 0)
            resize(&mask, room * layout.actionCount, 0)
        }
        LearntDispatcher.observe(game, &context, &candidates, &mask)
        batch.decisions.replace(count: actingAgents, context: context, candidates: candidates, mask: mask)
        batch.predictActor(policy)
        resize(&chosen, actingAgents, 0)
        if sampled {
            resize(&uniforms, actingAgents, 0)
            resize(&logs, actingAgents, 0)
            for row in 0..<actingAgents { uniforms[row] = min(Float(stream.unit()), 0x1.fffffep-1) }
            batch.sample(uniforms: uniforms, actions: &chosen, logProbabilities: &logs)
        } else {
            batch.greedy(actions: &chosen)
        }
        for row in 0..<actingAgents where chosen[row] >= 0 {  // below 0: the outputs are not finite
            let slot = Int(batch.decisions.slots[Int(batch.decisions.offsets[row] + chosen[row])])
            let task = game.candidateTask(agent: row, slot: slot)
            if task >= 0 { pairs.append((game.actingAgent(row), task)) }
        }
        return pairs
    }

    private static func observe(
        _ game: SpatialCrowdsourcing, _ context: inout [Float], _ candidates: inout [Float], _ mask: inout [UInt8]
    ) {
        var contextSpan = context.mutableSpan
        var candidateSpan = candidates.mutableSpan
        var maskSpan = mask.mutableSpan
        game.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
    }
}
