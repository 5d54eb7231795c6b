internal import Foundation

/// How the worth of a plan is learnt (`PlanWorth`): a regression of what plans earn when they are played ahead on what describes
/// them, both as differences to the policy's own plan (docs/evolve.md, "The worth of a plan").
package struct PlanWorthOptions: Sendable, Hashable {
    /// Episodes that the policy plays, in whose windows plans are compared.
    package var episodes = 60
    /// The part of the windows that is looked at.
    package var part = 0.5
    /// Plans that are drawn in such a window beside the policy's own.
    package var plans = 8
    /// The standard deviation of their weights, in learning and in use, in units of `CoalitionWeights.scales`.
    package var spread = 0.4
    /// Futures that each plan is played into, the same for all plans of a window.
    package var futures = 4
    /// How far they are played (min), at least a job.
    package var horizon = 30.0
    /// The ridge penalty, in windows' plans.
    package var penalty = 100.0

    /// The defaults.
    package init() {}
}

/// Rows of the regression.
private struct PlanRows {
    /// What a plan earned beyond the policy's own in each future, in mean pays; the mean and its squared standard error.
    var gain: [Double] = []
    var noise: [Double] = []
    /// Differences of the terms, one row per plan.
    var terms: [Double] = []
}

extension LearntCoalitionPolicy {
    /// The policy with a worth of its plans, learnt on training episodes of a source: the policy plays them; in some windows several
    /// plans are played into the same futures by the policy, and the differences of what they earn are regressed on
    /// differences of `PlanTerm`s (weighted ridge regression). Nothing that is evaluated on is played. The same bits at any
    /// number of ranks and threads. O(episodes * windows * plans * futures * windows ahead of the rule).
    ///
    /// - Parameters:
    ///   - source: where episodes and futures come from.
    ///   - tasks: how many tasks an episode is asked to have, from 0.
    ///   - workers: how many workers an episode is asked to have, from 0.
    ///   - seed: of the episodes, the futures and the plans.
    ///   - search: how many episodes, plans and futures.
    ///   - played: called after each episode, on the thread that played it.
    /// - Returns: the policy itself where nothing could be learnt, such as of the plain rule.
    package func learningPlanWorth(
        on source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, search: PlanWorthOptions = .init(),
        played: (@Sendable () -> Void)? = nil
    ) -> LearntCoalitionPolicy {
        if constantPrice != nil { return self }
        let width = PlanTerm.allCases.count
        let rows = Ranks.map(search.episodes) { number in
            let rows = planRows(source, tasks: tasks, workers: workers, seed: seed, number: number, search)
            played?()
            return zip(rows.gain, rows.noise).flatMap { [$0, $1] } + rows.terms
        }
        var all = PlanRows()
        for row in rows {
            let count = row.count / (width + 2)
            for at in 0..<count {
                all.gain.append(row[2 * at])
                all.noise.append(row[2 * at + 1])
            }
            all.terms += row[(2 * count)...]
        }
        guard let terms = all.regression(width: width, penalty: search.penalty) else { return self }
        var policy = self
        policy.planWorth = PlanWorth(terms: terms, spread: search.spread)
        return policy
    }

    /// The rows of one episode.
    private func planRows(
        _ source: some InstanceSource, tasks: Int, workers: Int, seed: UInt64, number: Int, _ search: PlanWorthOptions
    ) -> PlanRows {
        var rows = PlanRows()
        let instance = source.instance(
            tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.training[number])
        if instance.extensions != nil { return rows }
        var stream = RandomStream(seed: seed, purpose: .evolution, index: EpisodeRange.training[number].stream)
        var state = GameState(options: GameOptions())
        var draft = state
        state.reset(instance)
        var own = TeamEngine(LearntRank(self))
        var other = own
        var description = PlanDescription(self)
        own.begin(state)
        description.begin(state)
        var ahead = LookaheadOptions()
        (ahead.coursePart, ahead.terminalPrice, ahead.nearPrice, ahead.lastJob) = (0.85, 0.5, 0.4, 0.3)
        ahead.horizon = max(search.horizon, own.rank.measures.job)
        let lane = LookaheadLane(self, ahead)
        lane.begin(state)
        while !state.isOver {
            if !state.idle.isEmpty && !state.open.isEmpty {
                var plans = [own.moves(state, &draft)]
                if stream.unit() < search.part && description.prepare(state) {
                    var seen = Set(plans)
                    for _ in 0..<search.plans {
                        other.rank.use(weights.drawn(features, spread: search.spread, &stream))
                        other.begin(state)
                        let plan = other.moves(state, &draft)
                        if seen.insert(plan).inserted { plans.append(plan) }
                    }
                    if plans.count > 1 {
                        let first = (number << 16 + state.windowIndex) * search.futures
                        compare(plans, state, lane, &description, search, &rows) {
                            source.instance(
                                tasks: tasks, workers: workers, seed: seed, episode: EpisodeRange.futures[first + $0])
                        }
                    }
                }
                for move in plans[0] { state.commit(worker: Int(move.worker), task: Int(move.task)) }
            }
            state.advance()
        }
        return rows
    }

    /// Plays the plans of a window into futures and adds a row for each but the first.
    private func compare(
        _ plans: [[PlanMove]], _ state: GameState, _ lane: LookaheadLane, _ description: inout PlanDescription,
        _ search: PlanWorthOptions, _ rows: inout PlanRows, future: (Int) -> Instance
    ) {
        var gains = [[Double]](repeating: [], count: plans.count)
        for number in 0..<search.futures {
            lane.play(plans, from: state, into: future(number))
            for at in plans.indices { gains[at].append((lane.values[at] - lane.values[0]) / description.pay) }
        }
        let own = description.describe(plans[0], state)
        for at in plans.indices.dropFirst() {
            let count = Double(search.futures)
            let mean = gains[at].reduce(0, +) / count
            let spread = gains[at].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            rows.gain.append(mean)
            rows.noise.append(spread / max(1, count - 1) / count)
            rows.terms += zip(description.describe(plans[at], state), own).map { $0 - $1 }
        }
    }
}

extension PlanRows {
    /// Plans differ by so much beyond the noise (mean pays).
    private static let spread = 0.15

    /// The weights of a ridge regression without intercept, rows weighted by 1 / (their noise + its mean + what plans differ by);
    /// terms are penalised in units of their own root mean square. nil without rows. O(rows * terms^2).
    func regression(width: Int, penalty: Double) -> [Double]? {
        let count = gain.count
        if count == 0 { return nil }
        let noise = self.noise.sorted()[count / 2]
        let weights = self.noise.map { 1 / ($0 + noise + Self.spread * Self.spread) }
        let total = weights.reduce(0, +)
        var scale = [Double](repeating: 0, count: width)
        for row in 0..<count {
            for k in 0..<width { scale[k] += weights[row] * terms[row * width + k] * terms[row * width + k] }
        }
        for k in 0..<width { scale[k] = (scale[k] / total).squareRoot() + 1e-9 }
        var matrix = [Double](repeating: 0, count: width * width)
        var right = [Double](repeating: 0, count: width)
        var unit = [Double](repeating: 0, count: width)
        for row in 0..<count {
            for k in 0..<width { unit[k] = terms[row * width + k] / scale[k] }
            for i in 0..<width {
                let weighted = weights[row] * unit[i]
                right[i] += weighted * gain[row]
                for j in 0..<width { matrix[i * width + j] += weighted * unit[j] }
            }
        }
        for k in 0..<width { matrix[k * width + k] += penalty * total / Double(count) }
        var matrixSpan = matrix.mutableSpan
        var rightSpan = right.mutableSpan
        guard
            PositiveDefinite.solve(matrix: &matrixSpan, rightHandSides: &rightSpan, dimension: width) == .solved
        else { return nil }
        return zip(right, scale).map { $0 / $1 }
    }
}
