import CSCSwift
import Foundation
import Testing

@Suite struct RolloutTests {
    private func play(
        _ script: ScriptedGame.Script, seed: UInt64 = 3, teamDiscount: Double = 1
    ) -> EpisodePlayer<ScriptedGame> {
        let game = ScriptedGame()
        let policy = ActorCritic(ActorCritic.Design(layout: PolicyLayout(game), actorWidths: [8]), seed: seed)
        let player = EpisodePlayer(game: game, policy: policy, columns: ["team", "other"], teamDiscount: teamDiscount)
        player.play(script, policy: policy, stream: RandomStream(seed: seed, purpose: .policy))
        return player
    }

    private let script = ScriptedGame.Script(
        agents: 2,
        moments: [
            .init(time: 0, actingAgents: [0, 1], reward: 1), .init(time: 2, actingAgents: [1], reward: 10),
            .init(time: 3, actingAgents: [0], reward: 100), .init(time: 7, actingAgents: [1], reward: 1000),
        ], end: 9)

    /// Decisions 0..4 belong to agents 0, 1, 1, 0, 1.
    @Test func chainsFollowAgents() {
        let rollout = play(script).rollout
        #expect(rollout.agents == [0, 1, 1, 0, 1])
        #expect(rollout.next == [3, 2, 4, -1, -1])
        #expect(rollout.times == [0, 0, 2, 3, 7])
        #expect(rollout.durations == [3, 2, 5, 6, 2])
        // What the team earned from a decision to the agent's next one.
        #expect(rollout.rewards[0] == [11, 1, 110, 1100, 1000])
        #expect(rollout.returns == [1111])
        #expect(rollout.episodes == [0, 5])
    }

    /// At 0.5 a minute: 1 + 10/4; 1; 10 + 100/2; 100 + 1000/16; 1000.
    @Test func teamRewardsAreDiscountedToTheDecision() {
        let rollout = play(script, teamDiscount: 0.5).rollout
        #expect(rollout.rewards[0] == [3.5, 1, 60, 162.5, 1000])
        #expect(rollout.returns == [1111])
        var combined: [Float] = []
        rollout.rewards[1] = [8, 8, 8, 8, 8]
        rollout.combinedRewards(weights: [2, 1], delayDiscount: 0.5, into: &combined)
        #expect(combined == [15, 10, 128, 333, 2008])
    }

    @Test func storedRowsAreTheAllowedActions() {
        let decisions = play(script).rollout.decisions
        #expect(decisions.count == 5 && decisions.rowCount == 10)
        #expect(decisions.slots == [1, 2, 0, 2, 0, 2, 1, 2, 0, 2])
        // Decision 2: agent 1 at time 2, actions 0 and 2; a row is candidate ++ context.
        #expect(Array(decisions.rows[4 * 3..<6 * 3]) == [10, 1, 2, 12, 1, 2])
        // The critic reads context ++ mean row.
        #expect(Array(decisions.criticInput[2 * 3..<3 * 3]) == [1, 2, 11])
    }

    /// Generalised advantages of the chains above, worked by hand with gamma = 0.5 a minute and lambda = 0.5.
    ///
    /// Agent 1: decisions 1, 2, 4 at 0, 2, 7, end 9; rewards 1, 110, 1000; values 4, 8, 16.
    ///   A4 = 1000 - 16 = 984
    ///   A2 = 110 + 2^-5 * 16 - 8 + 2^-5 * 0.5 * 984 = 117.875
    ///   A1 = 1 + 2^-2 * 8 - 4 + 2^-2 * 0.5 * 117.875 = 13.734375
    /// Agent 0: decisions 0, 3 at 0, 3; rewards 11, 1100; values 2, 32.
    ///   A3 = 1100 - 32 = 1068;  A0 = 11 + 2^-3 * 32 - 2 + 2^-3 * 0.5 * 1068 = 79.75
    @Test func advantagesByHand() {
        let rollout = play(script).rollout
        var discounts: [Float] = []
        rollout.discounts(gamma: 0.5, into: &discounts)
        #expect(discounts == [0.125, 0.25, 0.03125, 0.015625, 0.25])
        var advantages: [Float] = []
        rollout.advantages(
            rewards: rollout.rewards[0], values: [2, 4, 8, 32, 16], discounts: discounts, lambda: 0.5,
            into: &advantages)
        #expect(advantages == [79.75, 13.734375, 117.875, 1068, 984])
    }

    /// Cut short at 9 with agent 1 deciding then: its chain is bootstrapped from the last observation, agent 0's ends.
    @Test func truncationBootstrapsAndTerminationDoesNot() {
        var cut = script
        cut.cutShort = [1]
        let rollout = play(cut).rollout
        #expect(rollout.actions.last == -1)
        #expect(rollout.actedCount == 5 && rollout.count == 6)
        #expect(rollout.next == [3, 2, 4, -1, 5, -1])
        var discounts: [Float] = []
        rollout.discounts(gamma: 0.5, into: &discounts)
        var advantages: [Float] = []
        rollout.advantages(
            rewards: rollout.rewards[0], values: [2, 4, 8, 32, 16, 64], discounts: discounts, lambda: 0.5,
            into: &advantages)
        // A4 = 1000 + 2^-2 * 64 - 16
        #expect(advantages[4] == 1000)
        #expect(advantages[3] == 1068)
        #expect(advantages[5] == 0)
    }

    /// With the critic fixed, the advantage of a weighted reward is the weighted sum of the columns' advantages plus
    /// that of no reward at all: what the outer level of CAFE rests on.
    @Test func advantagesAreLinearInTheRewardColumns() {
        let rollout = play(script).rollout
        rollout.rewards[1] = [3, -1, 4, 1, -5]
        let values: [Float] = [0.5, 1, -2, 3, 0.25]
        let zeros = [Float](repeating: 0, count: 5)
        var discounts: [Float] = []
        rollout.discounts(gamma: 0.9, into: &discounts)
        func advantages(_ rewards: [Float], _ values: [Float]) -> [Float] {
            var out: [Float] = []
            rollout.advantages(rewards: rewards, values: values, discounts: discounts, lambda: 0.8, into: &out)
            return out
        }
        var combined: [Float] = []
        rollout.combinedRewards(weights: [0.01, 2], into: &combined)
        let whole = advantages(combined, values)
        let team = advantages(rollout.rewards[0], zeros)
        let other = advantages(rollout.rewards[1], zeros)
        let critic = advantages(zeros, values)
        for i in 0..<5 { #expect(abs(whole[i] - (0.01 * team[i] + 2 * other[i] + critic[i])) < 1e-4) }
    }

    @Test func rolloutsAppend() {
        let one = play(script).rollout
        let both = RolloutBuffer(layout: one.decisions.layout, columns: one.columns)
        both.append(one)
        both.append(play(script, seed: 4).rollout)
        #expect(both.count == 10)
        #expect(both.episodes == [0, 5, 10])
        #expect(both.next[5...] == [8, 7, 9, -1, -1])
        #expect(both.decisions.offsets.last == 20)
        #expect(both.returns == [1111, 1111])
    }
}
