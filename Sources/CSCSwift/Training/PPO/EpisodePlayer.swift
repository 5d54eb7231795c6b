internal import Foundation

/// A game whose actions are about items that are paid in the end: tasks. Learnt credit predicts their payments.
package protocol ItemEnvironment: ParallelEnvironment {
    /// How many items the present episode has.
    var itemCount: Int { get }
    /// The item that action `slot` of acting agent `row` takes, or -1 for none.
    func item(row: Int, slot: Int) -> Int
}

extension SpatialCrowdsourcing: ItemEnvironment {
    /// Tasks of the present episode.
    public var itemCount: Int { tasks.count }
    /// The candidate task behind an action; -1 for "wait" and for an empty slot. O(1).
    public func item(row: Int, slot: Int) -> Int { candidateTask(agent: row, slot: slot) }
}

/// Plays episodes with a policy and writes them into a rollout: one object for each environment of a batch, each
/// used by one thread at a time.
///
/// After the first episodes of a size nothing is allocated.
package final class EpisodePlayer<Game: ParallelEnvironment & SendableMetatype>: @unchecked Sendable {
    /// Gives agents their rewards after a step, by `reward(agent:column:value:)`.
    package typealias Credit = (_ game: Game, _ player: EpisodePlayer<Game>) -> Void

    /// The environment that is played, with its last episode's state.
    package let game: Game
    /// What was recorded since `rollout.removeAll()`.
    package let rollout: RolloutBuffer
    private let batch: PolicyBatch
    private let credit: Credit
    private let teamColumn: Int?
    private let itemized: (any ItemEnvironment)?
    private var firstItem = 0
    private let recording: Bool

    private var context: [Float] = []
    private var candidates: [Float] = []
    private var mask: [UInt8] = []
    private var uniforms: [Float] = []
    private var chosen: [Int32] = []
    private var chosenLog: [Float] = []
    private var slots: [Int32] = []
    /// The discount of the team's reward for each minute after the decision.
    private let teamDiscount: Double
    /// The last decision of each agent, or -1; and the team's reward by then, discounted to the episode's beginning.
    private var open: [Int32] = []
    private var teamBefore: [Double] = []
    private var teamSoFar = 0.0
    private var teamDiscounted = 0.0
    private var startedAt = 0.0
    /// Whether the policy's outputs were no probabilities somewhere; the first action was taken there.
    private(set) var sawNonFinite = false

    /// - Parameters:
    ///   - columns: the reward columns of the rollout; `team` is filled here, the others by `credit` or later.
    ///   - teamDiscount: what a minute between a decision and a reward of the team multiplies it by, in `team`.
    ///   - recording: without it the decisions are not kept: only the team's reward is of interest.
    ///   - credit: called after every step; gives rewards to agents by `reward(agent:column:value:)`.
    package init(
        game: Game, policy: ActorCritic, columns: [String], teamDiscount: Double = 1, recording: Bool = true,
        credit: @escaping Credit = { _, _ in }
    ) {
        self.game = game
        self.teamDiscount = teamDiscount
        self.recording = recording
        self.credit = credit
        rollout = RolloutBuffer(layout: policy.layout, columns: columns)
        teamColumn = columns.firstIndex(of: RolloutBuffer.team)
        batch = PolicyBatch(for: policy)
        itemized = recording ? game as? any ItemEnvironment : nil
    }

    /// Adds what an item of the present episode has been paid. O(1).
    package func paid(item: Int, value: Double) {
        if itemized != nil { rollout.payments[firstItem + item] += Float(value) }
    }

    /// Adds to a column of the agent's last decision; nothing where the agent has not decided yet. O(1).
    package func reward(agent: Int, column: Int, value: Double) {
        let decision = Int(open[agent])
        guard decision >= 0 else { return }
        rollout.rewards[column][decision] += Float(value)
        rollout.delays[decision] = Float(game.now) - rollout.times[decision]
    }

    /// Plays one whole episode and records it as one.
    ///
    /// - Parameter sampled: draw actions from the policy; otherwise take the most probable.
    /// - Returns: the team's reward.
    @discardableResult
    package func play(_ episode: Game.Episode, policy: ActorCritic, stream: RandomStream, sampled: Bool = true)
        -> Double
    {
        var stream = stream
        begin(episode)
        while !game.isOver { step(policy, &stream, sampled) }
        end()
        return finishEpisode()
    }

    private func begin(_ episode: Game.Episode) {
        game.reset(episode)
        firstItem = rollout.payments.count
        if let itemized { resize(&rollout.payments, firstItem + itemized.itemCount, 0) }
        open.removeAll(keepingCapacity: true)
        resize(&open, game.agentCount, -1)
        teamBefore.removeAll(keepingCapacity: true)
        teamDiscounted = 0
        startedAt = game.now
        resize(&teamBefore, game.agentCount, 0)
    }

    /// One step: observe, choose, record, act, credit.
    private func step(_ policy: ActorCritic, _ stream: inout RandomStream, _ sampled: Bool) {
        let actingAgents = game.actingCount
        resize(&slots, actingAgents, 0)
        if actingAgents > 0 {
            observe(actingAgents)
            let first = rollout.count
            batch.decisions.replace(count: actingAgents, context: context, candidates: candidates, mask: mask)
            batch.predictActor(policy)
            choose(actingAgents, &stream, sampled)
            batch.decisions.slots(of: chosen, into: &slots)
            if recording {
                rollout.decisions.append(0..<actingAgents, of: batch.decisions)
                recordItems(actingAgents)
                record(actingAgents, first: first)
            }
        }
        let actions = slots
        let discount = discount(since: startedAt)
        game.step(actions: actions.span)
        teamSoFar += game.teamReward
        teamDiscounted += discount * game.teamReward
        credit(game, self)
    }

    private func observe(_ actingAgents: Int) {
        let layout = batch.decisions.layout
        if mask.count < actingAgents * layout.actionCount {
            let room = actingAgents + actingAgents / 2
            resize(&context, room * layout.contextWidth, 0)
            resize(&candidates, room * layout.actionCount * layout.candidateWidth, 0)
            resize(&mask, room * layout.actionCount, 0)
        }
        write(&context, &candidates, &mask)
    }

    private func write(_ context: inout [Float], _ candidates: inout [Float], _ mask: inout [UInt8]) {
        var contextSpan = context.mutableSpan
        var candidateSpan = candidates.mutableSpan
        var maskSpan = mask.mutableSpan
        game.observe(context: &contextSpan, candidates: &candidateSpan, mask: &maskSpan)
    }

    private func choose(_ actingAgents: Int, _ stream: inout RandomStream, _ sampled: Bool) {
        resize(&chosen, actingAgents, 0)
        resize(&chosenLog, actingAgents, 0)
        if sampled {
            resize(&uniforms, actingAgents, 0)
            Self.draw(&stream, into: &uniforms)
            batch.sample(uniforms: uniforms, actions: &chosen, logProbabilities: &chosenLog)
        } else {
            batch.greedy(actions: &chosen)
        }
        for row in 0..<actingAgents where chosen[row] < 0 {
            chosen[row] = 0
            sawNonFinite = true
        }
    }

    /// Numbers in [0, 1): one that rounds to 1 is the largest below it.
    private static func draw(_ stream: inout RandomStream, into uniforms: inout [Float]) {
        var span = uniforms.mutableSpan
        for row in span.indices { span[row] = min(Float(stream.unit()), 0x1.fffffep-1) }
    }

    /// Notes which item each row of the present decisions stands for.
    private func recordItems(_ actingAgents: Int) {
        guard let itemized else { return }
        for row in 0..<actingAgents {
            for index in Int(batch.decisions.offsets[row])..<Int(batch.decisions.offsets[row + 1]) {
                let item = itemized.item(row: row, slot: Int(batch.decisions.slots[index]))
                rollout.items.append(item < 0 ? -1 : Int32(firstItem + item))
            }
        }
    }

    /// Appends the present decisions (their rows are in the store already) and links each to its agent's last one.
    private func record(_ actingAgents: Int, first: Int) {
        let now = game.now
        for row in 0..<actingAgents {
            let agent = game.actingAgent(row)
            close(agent, at: now, next: Int32(first + row))
            rollout.agents.append(Int32(agent))
            open[agent] = Int32(first + row)
            teamBefore[agent] = teamDiscounted
        }
        rollout.complete(time: Float(now), actions: chosen, logProbabilities: chosenLog)
    }

    /// Ends what the agent's last decision covers: its duration, the team's reward meanwhile, its successor.
    private func close(_ agent: Int, at time: Double, next: Int32) {
        let last = Int(open[agent])
        guard last >= 0 else { return }
        rollout.next[last] = next
        rollout.durations[last] = Float(time) - rollout.times[last]
        if let teamColumn {
            let begun = teamDiscount == 1 ? 1 : pow(teamDiscount, Double(rollout.times[last]) - startedAt)
            rollout.rewards[teamColumn][last] += Float((teamDiscounted - teamBefore[agent]) / max(begun, 1e-200))
        }
    }

    /// teamDiscount to the power of the minutes since then.
    private func discount(since time: Double) -> Double {
        teamDiscount == 1 ? 1 : pow(teamDiscount, game.now - time)
    }

    /// Closes all chains: permanently where the game has ended, by a last observation where it was cut short.
    private func end() {
        guard recording else { return }
        if !game.terminated {
            let actingAgents = game.actingCount
            if actingAgents > 0 { observe(actingAgents) }
            for row in 0..<actingAgents where open[game.actingAgent(row)] >= 0 {
                let agent = game.actingAgent(row)
                rollout.decisions.append(row: row, context: context, candidates: candidates, mask: mask)
                close(agent, at: game.now, next: Int32(rollout.count))
                rollout.agents.append(Int32(agent))
                rollout.complete(time: Float(game.now), actions: [-1], logProbabilities: [0])
                if itemized != nil { resize(&rollout.items, rollout.decisions.rowCount, -1) }
                open[agent] = -1
            }
        }
        for agent in open.indices { close(agent, at: game.now, next: -1) }
    }

    private func finishEpisode() -> Double {
        rollout.episodes.append(rollout.count)
        rollout.returns.append(teamSoFar)
        defer { teamSoFar = 0 }
        return teamSoFar
    }
}
