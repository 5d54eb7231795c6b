/// What learnt credit reads from a rollout: rows for the autoencoder and sums over agents' episodes.
struct CreditData {
    /// The decisions with an action, in order.
    var decisions: [Int] = []
    /// O = C + D + 2 and A = D + 1 numbers a decision, and the payments to predict.
    var batch = RewardVAEBatch(observations: [], actions: [], targets: [])
    /// The features of the action that takes no item, `[A]`.
    var noAction: [Float] = []
    /// [decisions]: 1 where an item was taken.
    var joined: [Bool] = []

    static func observationWidth(_ layout: PolicyLayout) -> Int { layout.contextWidth + layout.candidateWidth + 2 }
    static func actionWidth(_ layout: PolicyLayout) -> Int { layout.candidateWidth + 1 }

    /// Rows of every decision of a rollout with an action.
    ///
    /// - Observation: what the critic reads (context, mean of the allowed rows), then the mean over the candidates of
    ///   how many *others* chose the same item in the same window (a quarter of it), and how many candidates there
    ///   are (an eighth of it): the state after all actions of the window but one's own.
    /// - Own action: the row taken, then a quarter of the number of others who took the same item in this window.
    /// - Target: the payments of the candidates' items, realised or promised at the decision (in mean pays).
    ///
    /// O(rows (C + D)).
    init(_ rollout: RolloutBuffer, target: RewardVAEOptions.Target) {
        let layout = rollout.decisions.layout
        let (c, d) = (layout.contextWidth, layout.candidateWidth)
        let store = rollout.decisions, width = layout.rowWidth
        var takers = [Int32](repeating: 0, count: rollout.payments.count)
        noAction = [Float](repeating: 0, count: d + 1)
        if let idle = rollout.items.firstIndex(of: -1) {
            for j in 0..<d { noAction[j] = store.rows[idle * width + j] }
        }
        for episode in 0..<rollout.episodes.count - 1 {
            var start = rollout.episodes[episode]
            let last = rollout.episodes[episode + 1]
            while start < last {
                var end = start
                while end < last && rollout.times[end] == rollout.times[start] { end += 1 }
                for i in start..<end where rollout.actions[i] >= 0 {
                    let item = rollout.items[Int(store.offsets[i] + rollout.actions[i])]
                    if item >= 0 { takers[Int(item)] += 1 }
                }
                for i in start..<end where rollout.actions[i] >= 0 {
                    append(i, rollout, c, d, width, takers, target)
                }
                for i in start..<end where rollout.actions[i] >= 0 {
                    let item = rollout.items[Int(store.offsets[i] + rollout.actions[i])]
                    if item >= 0 { takers[Int(item)] = 0 }
                }
                start = end
            }
        }
    }

    private mutating func append(
        _ i: Int, _ rollout: RolloutBuffer, _ c: Int, _ d: Int, _ width: Int, _ takers: [Int32],
        _ target: RewardVAEOptions.Target
    ) {
        let store = rollout.decisions
        let rows = Int(store.offsets[i])..<Int(store.offsets[i + 1])
        let taken = rows.lowerBound + Int(rollout.actions[i])
        let item = rollout.items[taken]
        var others: Float = 0, candidates: Float = 0, money: Float = 0
        for row in rows where rollout.items[row] >= 0 {
            candidates += 1
            others += Float(takers[Int(rollout.items[row])] - (row == taken ? 1 : 0))
            switch target {
            case .realised: money += rollout.payments[Int(rollout.items[row])]
            case .expected:
                let column: PairFeature = row == taken ? .paymentAfter : .paymentBefore
                money += store.rows[row * width + column.rawValue]
            }
        }
        decisions.append(i)
        joined.append(item >= 0)
        batch.observations += store.criticInput[i * (c + d)..<(i + 1) * (c + d)]
        batch.observations.append(0.25 * others / max(candidates, 1))
        batch.observations.append(0.125 * candidates)
        batch.actions += store.rows[taken * width..<taken * width + d]
        batch.actions.append(item >= 0 ? 0.25 * Float(takers[Int(item)] - 1) : 0)
        batch.targets.append(money)
    }

    /// Every action that each decision could have taken, with the policy's probabilities: for the counterfactual
    /// that averages over the policy. `takers` of an action not taken are counted as they are. O(rows D).
    func alternatives(_ rollout: RolloutBuffer, probabilities: [Float]) -> ActionAlternatives {
        let layout = rollout.decisions.layout, store = rollout.decisions
        var made = ActionAlternatives(actions: [], offsets: [0], probabilities: [])
        for i in decisions {
            for row in Int(store.offsets[i])..<Int(store.offsets[i + 1]) {
                made.actions += store.rows[row * layout.rowWidth..<row * layout.rowWidth + layout.candidateWidth]
                made.actions.append(0)
                made.probabilities.append(probabilities[row])
            }
            made.offsets.append(Int32(made.probabilities.count))
        }
        return made
    }

    /// One row for each agent's episode: the sums of these columns, and eta times the sum of the column `money`.
    /// O(decisions K).
    static func regularizer(
        _ rollout: RolloutBuffer, columns: [Int], money: Int, revenueScale: Double
    ) -> CreditRegularizer {
        var made = CreditRegularizer(features: columns.count)
        for episode in 0..<rollout.episodes.count - 1 {
            let range = rollout.episodes[episode]..<rollout.episodes[episode + 1]
            let agents = range.reduce(-1) { max($0, Int(rollout.agents[$1])) } + 1
            var sums = [Double](repeating: 0, count: agents * columns.count)
            var targets = [Double](repeating: 0, count: agents)
            var seen = [Bool](repeating: false, count: agents)
            for i in range {
                let agent = Int(rollout.agents[i])
                seen[agent] = true
                targets[agent] += revenueScale * Double(rollout.rewards[money][i])
                for (k, column) in columns.enumerated() {
                    sums[agent * columns.count + k] += Double(rollout.rewards[column][i])
                }
            }
            for agent in 0..<agents where seen[agent] {
                made.append(
                    sums: Array(sums[agent * columns.count..<(agent + 1) * columns.count]), target: targets[agent])
            }
        }
        return made
    }
}
