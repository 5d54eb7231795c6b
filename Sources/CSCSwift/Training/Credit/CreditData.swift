/// What learnt credit reads from a rollout: rows for the autoencoder and sums over agents' episodes.
struct CreditData {
    /// The decisions with an action, in order.
    var decisions: [Int] = []
    /// O = C + D + 2 and A = D + 1 numbers per decision, and the payments to predict.
    var batch = RewardVAEBatch(observations: [], actions: [], targets: [])
    /// The features of the action that takes no item, `[A]`.
    var noAction: [Float] = []
    /// [decisions]: 1 where an item was taken.
    var joined: [UInt8] = []

    static func observationWidth(_ layout: PolicyLayout) -> Int { layout.contextWidth + layout.candidateWidth + 2 }
    static func actionWidth(_ layout: PolicyLayout) -> Int { layout.candidateWidth + 1 }

    private var takers: [Int32] = []
    private var firsts: [Int64] = []

    /// No decisions yet.
    init() {}

    /// Rows of every decision of a rollout with an action.
    init(_ rollout: RolloutBuffer, target: RewardVAEOptions.Target) { read(rollout, target: target) }

    /// Holds the rows of every decision of a rollout with an action, in memory that is kept from rollout to rollout.
    ///
    /// - Observation: what the critic reads (context, mean of the allowed rows), then the mean over the candidates of
    ///   how many *others* chose the same item in the same window (a quarter of it), and how many candidates there
    ///   are (an eighth of it): the state after all actions of the window but one's own.
    /// - Own action: the row taken, then a quarter of the number of others who took the same item in this window.
    /// - Target: the payments of the candidates' items, realised or promised at the decision (in mean pays).
    ///
    /// O(rows + decisions (C + D)).
    mutating func read(_ rollout: RolloutBuffer, target: RewardVAEOptions.Target) {
        let layout = rollout.decisions.layout, store = rollout.decisions
        let d = layout.candidateWidth
        decisions.removeAll(keepingCapacity: true)
        firsts.removeAll(keepingCapacity: true)
        for episode in 0..<rollout.episodes.count - 1 {
            firsts.append(Int64(decisions.count))
            for i in rollout.episodes[episode]..<rollout.episodes[episode + 1] where rollout.actions[i] >= 0 {
                decisions.append(i)
            }
        }
        resize(&noAction, d + 1, 0)
        for j in noAction.indices { noAction[j] = 0 }
        if let idle = rollout.items.firstIndex(of: -1) {
            Rows.copy(store.rows, from: idle * layout.rowWidth, to: &noAction, at: 0, count: d)
        }
        let count = decisions.count
        resize(&batch.observations, count * Self.observationWidth(layout), 0)
        resize(&batch.actions, count * Self.actionWidth(layout), 0)
        resize(&batch.targets, count, 0)
        resize(&joined, count, 0)
        resize(&takers, rollout.payments.count, 0)
        CreditRows.fill(
            observations: &batch.observations, actions: &batch.actions, targets: &batch.targets, joined: &joined,
            takers: &takers,
            from: CreditRows.Played(
                times: rollout.times, taken: rollout.actions, rows: store.rows, offsets: store.offsets,
                summary: store.criticInput, items: rollout.items, payments: rollout.payments, sizes: store.sizes,
                episodes: rollout.episodes.map { Int64($0) }, firsts: firsts),
            columns: target == .realised
                ? nil
                : CreditRows.TargetColumns(
                    before: PairFeature.paymentBefore.rawValue, after: PairFeature.paymentAfter.rawValue))
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
