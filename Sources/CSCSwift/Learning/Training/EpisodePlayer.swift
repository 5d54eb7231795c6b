/// Plays episodes with a policy and writes them into a rollout: one object for each environment of a batch, each
/// used by one thread at a time.
///
/// After the first episodes of a size nothing is allocated.
public final class EpisodePlayer<Game: ParallelEnvironment & SendableMetatype>: @unchecked Sendable {
    /// Gives agents their rewards after a step, by `reward(agent:column:value:)`.
    public typealias Credit = (_ game: Game, _ player: EpisodePlayer<Game>) -> Void

    public let game: Game
    /// What was recorded since `rollout.removeAll()`.
    public let rollout: RolloutBuffer
    private let batch: PolicyBatch
    private let credit: Credit
    private let teamColumn: Int?
    private let recording: Bool

    private var context: [Float] = []
    private var candidates: [Float] = []
    private var mask: [UInt8] = []
    private var uniforms: [Float] = []
    private var chosen: [Int32] = []
    private var chosenLog: [Float] = []
    private var slots: [Int32] = []
    /// The last decision of each agent, or -1; and the team's reward by then.
    private var open: [Int32] = []
    private var teamBefore: [Double] = []
    private var teamSoFar = 0.0

    /// - Parameters:
    ///   - columns: the reward columns of the rollout; `team` is filled here, the others by `credit` or later.
    ///   - recording: without it the decisions are not kept: only the team's reward is of interest.
    ///   - credit: called after every step; gives rewards to agents by `reward(agent:column:value:)`.
    public init(
        game: Game, policy: ActorCritic, columns: [String], recording: Bool = true,
        credit: @escaping Credit = { _, _ in }
    ) {
        self.game = game
        self.recording = recording
        self.credit = credit
        rollout = RolloutBuffer(layout: policy.layout, columns: columns)
        teamColumn = columns.firstIndex(of: RolloutBuffer.team)
        batch = PolicyBatch(for: policy)
    }

    /// Adds to a column of the agent's last decision; nothing where the agent has not decided yet. O(1).
    public func reward(agent: Int, column: Int, value: Double) {
        let decision = Int(open[agent])
        guard decision >= 0 else { return }
        rollout.rewards[column][decision] += Float(value)
        rollout.delays[decision] = Float(game.now) - rollout.times[decision]
    }

    /// Plays one whole episode and records it as one.
    ///
    /// - Parameter sampled: draw actions from the policy; otherwise take the likeliest.
    /// - Returns: the team's reward.
    @discardableResult
    public func play(_ episode: Game.Episode, policy: ActorCritic, stream: RandomStream, sampled: Bool = true) -> Double
    {
        var stream = stream
        begin(episode)
        while !game.isOver { step(policy, &stream, sampled) }
        end()
        return finishEpisode()
    }

    /// Plays exactly `steps` steps, starting episodes as earlier ones end; the last one is cut short. Recorded as one
    /// episode of the rollout. For environments of a fixed horizon (CleanRL's numSteps).
    ///
    /// - Returns: the team's reward summed over the steps.
    @discardableResult
    public func play(
        steps: Int, episode: (Int) -> Game.Episode, policy: ActorCritic, stream: RandomStream, sampled: Bool = true
    ) -> Double {
        var stream = stream
        var started = 0
        for _ in 0..<steps {
            if started == 0 || game.isOver {
                if started > 0 { end() }
                begin(episode(started))
                started += 1
            }
            step(policy, &stream, sampled)
        }
        end()
        return finishEpisode()
    }

    private func begin(_ episode: Game.Episode) {
        game.reset(episode)
        open.removeAll(keepingCapacity: true)
        resize(&open, game.agentCount, -1)
        teamBefore.removeAll(keepingCapacity: true)
        resize(&teamBefore, game.agentCount, teamSoFar)
    }

    /// One step: observe, choose, record, act, credit.
    private func step(_ policy: ActorCritic, _ stream: inout RandomStream, _ sampled: Bool) {
        let deciders = game.deciderCount
        resize(&slots, deciders, 0)
        if deciders > 0 {
            observe(deciders)
            let first = rollout.count
            batch.decisions.replace(count: deciders, context: context, candidates: candidates, mask: mask)
            batch.predictActor(policy)
            choose(deciders, &stream, sampled)
            for row in 0..<deciders {
                slots[row] = Int32(batch.decisions.slots[Int(batch.decisions.offsets[row] + chosen[row])])
            }
            if recording {
                rollout.decisions.append(0..<deciders, of: batch.decisions)
                record(deciders, first: first)
            }
        }
        let actions = slots
        game.step(actions: actions.span)
        teamSoFar += game.teamReward
        credit(game, self)
    }

    private func observe(_ deciders: Int) {
        let layout = batch.decisions.layout
        if mask.count < deciders * layout.actionCount {
            let room = deciders + deciders / 2
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

    private func choose(_ deciders: Int, _ stream: inout RandomStream, _ sampled: Bool) {
        resize(&chosen, deciders, 0)
        resize(&chosenLog, deciders, 0)
        guard sampled else {
            batch.greedy(actions: &chosen)
            return
        }
        resize(&uniforms, deciders, 0)
        for row in 0..<deciders { uniforms[row] = min(Float(stream.unit()), 0x1.fffffep-1) }
        batch.sample(uniforms: uniforms, actions: &chosen, logProbabilities: &chosenLog)
    }

    /// Appends the present decisions (their rows are in the store already) and links each to its agent's last one.
    private func record(_ deciders: Int, first: Int) {
        let now = game.now
        for row in 0..<deciders {
            let agent = game.decider(row)
            close(agent, at: now, next: Int32(first + row))
            rollout.agents.append(Int32(agent))
            open[agent] = Int32(first + row)
            teamBefore[agent] = teamSoFar
        }
        rollout.complete(time: Float(now), actions: chosen, logProbabilities: chosenLog)
    }

    /// Ends what the agent's last decision covers: its duration, the team's reward meanwhile, its successor.
    private func close(_ agent: Int, at time: Double, next: Int32) {
        let last = Int(open[agent])
        guard last >= 0 else { return }
        rollout.next[last] = next
        rollout.durations[last] = Float(time) - rollout.times[last]
        if let teamColumn { rollout.rewards[teamColumn][last] += Float(teamSoFar - teamBefore[agent]) }
    }

    /// Closes all chains: for good where the game has ended, by a last observation where it was cut short.
    private func end() {
        guard recording else { return }
        if !game.terminated {
            let deciders = game.deciderCount
            if deciders > 0 { observe(deciders) }
            for row in 0..<deciders where open[game.decider(row)] >= 0 {
                let agent = game.decider(row)
                rollout.decisions.append(row: row, context: context, candidates: candidates, mask: mask)
                close(agent, at: game.now, next: Int32(rollout.count))
                rollout.agents.append(Int32(agent))
                rollout.complete(time: Float(game.now), actions: [-1], logProbabilities: [0])
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
