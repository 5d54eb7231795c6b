internal import Foundation

/// The decisions of one or more episodes as a semi-Markov process: agents decide at different times, and an agent's
/// next decision follows some minutes after this one.
///
/// The decisions of one agent form a chain: `next[i]` is the agent's following decision, -1 at the end of the chain
/// (the game has ended: nothing follows), or an *observation without action* (`actions[i]` = -1): what the agent saw
/// when the episode was cut short, kept only so that the chain can be bootstrapped from its value. Decisions lie in
/// order of time within an episode, so `next[i]` > i.
///
/// What was earned is kept apart by reward feature, one column each: `rewards[k][i]` is what feature k gave between
/// decision i and its successor. A reward is any weighted sum of columns, and so, with the critic held fixed, is its
/// advantage. Written by one thread between the passes in which several read it.
package final class RolloutBuffer: @unchecked Sendable {
    /// What the acting agents saw.
    package internal(set) var decisions: DecisionStore
    /// The names of the reward columns.
    package let columns: [String]
    /// The column that collects the team's reward from decision to decision.
    static let team = "team"

    /// The agent that decided, within its episode.
    package internal(set) var agents: [Int32] = []
    /// When it decided (minutes, or steps).
    package internal(set) var times: [Float] = []
    /// How long until its next decision or the end (minutes).
    package internal(set) var durations: [Float] = []
    /// How long until it was rewarded: until its task ended, where it took one; 0 where nothing came.
    package internal(set) var delays: [Float] = []
    /// The agent's next decision, or -1.
    package internal(set) var next: [Int32] = []
    /// The chosen row within the decision's rows (not the slot), or -1 for an observation without action.
    package internal(set) var actions: [Int32] = []
    /// log pi(action) when it was chosen.
    package internal(set) var logProbabilities: [Float] = []
    /// [columns][n]: what each reward feature gave for each decision.
    package var rewards: [[Float]]
    /// [R]: which of `payments` each row of `decisions` stands for, -1 for none; empty where the game has no items.
    package internal(set) var items: [Int32] = []
    /// What each item (task) of the episodes has been paid.
    package internal(set) var payments: [Float] = []
    /// The first decision of each episode, and their number: episode e owns `episodes[e] ..< episodes[e + 1]`.
    package internal(set) var episodes: [Int] = [0]
    /// The team's reward of each episode.
    package internal(set) var returns: [Double] = []

    /// An empty rollout. Traps where a reward column is named twice.
    package init(layout: PolicyLayout, columns: [String]) {
        precondition(Set(columns).count == columns.count, "RolloutBuffer: a reward column is named twice in \(columns)")
        decisions = DecisionStore(layout: layout)
        self.columns = columns
        rewards = [[Float]](repeating: [], count: columns.count)
    }

    /// n: how many decisions there are, observations without action included.
    package var count: Int { actions.count }
    /// How many decisions have an action.
    package var actedCount: Int { actions.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }
    /// The position of a reward column. Traps where there is none of that name.
    package func column(_ name: String) -> Int {
        guard let index = columns.firstIndex(of: name) else {
            preconditionFailure("RolloutBuffer: no reward column '\(name)' among \(columns)")
        }
        return index
    }

    /// Forgets everything but keeps the memory.
    package func removeAll() {
        decisions.removeAll()
        agents.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        durations.removeAll(keepingCapacity: true)
        delays.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        actions.removeAll(keepingCapacity: true)
        logProbabilities.removeAll(keepingCapacity: true)
        for k in rewards.indices { rewards[k].removeAll(keepingCapacity: true) }
        items.removeAll(keepingCapacity: true)
        payments.removeAll(keepingCapacity: true)
        episodes.removeAll(keepingCapacity: true)
        episodes.append(0)
        returns.removeAll(keepingCapacity: true)
    }

    /// Completes the columns of decisions made at `time`, whose rows and agents are there already: nothing has come of
    /// them yet. O(their number).
    func complete(time: Float, actions made: [Int32], logProbabilities logs: [Float]) {
        let total = count + made.count
        actions.append(contentsOf: made)
        logProbabilities.append(contentsOf: logs)
        resize(&times, total, time)
        resize(&durations, total, 0)
        resize(&delays, total, 0)
        resize(&next, total, -1)
        for k in rewards.indices { resize(&rewards[k], total, 0) }
    }

    /// Adds the episodes of another buffer of the same layout and columns. O(size).
    package func append(_ other: RolloutBuffer) {
        precondition(other.columns == columns, "RolloutBuffer.append: columns \(other.columns) to \(columns)")
        let shift = count
        decisions.append(0..<other.decisions.count, of: other.decisions)
        agents += other.agents
        times += other.times
        durations += other.durations
        delays += other.delays
        for index in other.next { next.append(index < 0 ? -1 : index + Int32(shift)) }
        actions += other.actions
        logProbabilities += other.logProbabilities
        for k in rewards.indices { rewards[k] += other.rewards[k] }
        for item in other.items { items.append(item < 0 ? -1 : item + Int32(payments.count)) }
        payments += other.payments
        for end in other.episodes.dropFirst() { episodes.append(end + shift) }
        returns += other.returns
    }

    /// rewards = sum over columns of weights[k] * column k. `weights` are in the order of `columns`. A `delayDiscount`
    /// below 1 multiplies each reward by itself to the power of the minutes until the agent was paid; not the team's,
    /// whose parts come at times of their own (`EpisodePlayer` discounts them). O(n columns).
    package func combinedRewards(weights: [Double], delayDiscount: Double = 1, into combined: inout [Float]) {
        precondition(
            weights.count == columns.count, "RolloutBuffer: \(weights.count) weights for \(columns.count) columns")
        combined.removeAll(keepingCapacity: true)
        resize(&combined, count, 0)
        for k in columns.indices where weights[k] != 0 && columns[k] != Self.team {
            let weight = Float(weights[k])
            for i in 0..<count { combined[i] += weight * rewards[k][i] }
        }
        if delayDiscount < 1 {
            let logDiscount = Foundation.log(max(delayDiscount, 1e-30))
            for i in 0..<count where delays[i] > 0 {
                combined[i] *= Float(Foundation.exp(logDiscount * Double(delays[i])))
            }
        }
        for k in columns.indices where weights[k] != 0 && columns[k] == Self.team {
            let weight = Float(weights[k])
            for i in 0..<count { combined[i] += weight * rewards[k][i] }
        }
    }

    /// gamma to the power of each decision's duration. O(n).
    package func discounts(gamma: Double, into discounts: inout [Float]) {
        resize(&discounts, count, 0)
        let logGamma = gamma > 0 ? Foundation.log(gamma) : 0
        for i in 0..<count {
            discounts[i] = gamma > 0 ? Float(Foundation.exp(logGamma * Double(durations[i]))) : 0
        }
    }

    /// Generalised advantage estimation along the chains ([Schulman16], eq. 16, with a discount for each
    /// step's duration):
    ///
    ///     delta_i = r_i + discount_i * V(next_i) - V_i        (V = 0 after the end of a chain)
    ///     A_i     = delta_i + discount_i * lambda * A(next_i)
    ///
    /// An observation without action has advantage 0. With `values` all 0 and one column as rewards this is that
    /// feature's part of the advantage: advantages are linear in the rewards. One pass from the end, in Double; O(n).
    package func advantages(
        rewards: [Float], values: [Float], discounts: [Float], lambda: Double, into advantages: inout [Float]
    ) {
        precondition(
            rewards.count == count && values.count == count && discounts.count == count,
            "RolloutBuffer.advantages: \(rewards.count) rewards, \(values.count) values, \(discounts.count) discounts "
                + "for \(count) decisions")
        resize(&advantages, count, 0)
        for i in stride(from: count - 1, through: 0, by: -1) {
            if actions[i] < 0 {
                advantages[i] = 0
                continue
            }
            let discount = Double(discounts[i])
            var advantage = Double(rewards[i]) - Double(values[i])
            if next[i] >= 0 {
                let follower = Int(next[i])
                advantage += discount * (Double(values[follower]) + lambda * Double(advantages[follower]))
            }
            advantages[i] = Float(advantage)
        }
    }
}
