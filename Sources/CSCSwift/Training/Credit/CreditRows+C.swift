internal import CCore

/// The core's pass over played decisions that prepares the data of learnt credit; `CreditData` says what lies in them.
enum CreditRows {
    /// What is read: a packed store of n decisions and what became of them, as in `RolloutBuffer`.
    struct Played {
        let times: [Float]
        let taken: [Int32]
        let rows: [Float]
        let offsets: [Int32]
        let summary: [Float]
        let items: [Int32]
        let payments: [Float]
        let sizes: DecisionRows.Sizes
        /// [E + 1]: where the episodes begin.
        let episodes: [Int64]
        /// [E]: the output row of each episode's first decision with an action.
        let firsts: [Int64]
    }

    /// The columns that give the targets in place of payments: of the rows not taken, and of the row taken.
    struct TargetColumns {
        let before: Int
        let after: Int
    }

    /// Fills outputs of the right size: observations [m, C + D + 2], actions [m, D + 1], targets [m], joined [m];
    /// see `cafe_credit_rows`. `takers` is as long as `payments` and all 0. Traps where an array does not fit.
    /// O(rows + m (C + D)), episodes side by side.
    static func fill(
        observations: inout [Float], actions: inout [Float], targets: inout [Float], joined: inout [UInt8],
        takers: inout [Int32], from played: Played, columns: TargetColumns?
    ) {
        let (n, width, m) = (played.taken.count, played.sizes.context + played.sizes.candidate, targets.count)
        requireCount(played.times.count, n, "CreditRows.fill: times")
        requireCount(played.offsets.count, n + 1, "CreditRows.fill: offsets")
        requireCount(played.summary.count, n * width, "CreditRows.fill: summary")
        requireCount(played.items.count * width, played.rows.count, "CreditRows.fill: items times width")
        requireCount(Int(played.offsets[n]), played.items.count, "CreditRows.fill: the last offset")
        requireCount(takers.count, played.payments.count, "CreditRows.fill: takers")
        requireCount(observations.count, m * (width + 2), "CreditRows.fill: observations")
        requireCount(actions.count, m * (played.sizes.candidate + 1), "CreditRows.fill: actions")
        requireCount(joined.count, m, "CreditRows.fill: joined")
        requireCount(played.firsts.count, played.episodes.count - 1, "CreditRows.fill: firsts")
        requireCount(Int(played.episodes[played.firsts.count]), n, "CreditRows.fill: the episodes' decisions")
        cafe_credit_rows(
            &observations, &actions, &targets, &joined, &takers, played.times, played.taken, played.rows,
            played.offsets, played.summary, played.items, played.payments, played.sizes.lent,
            Int32(columns?.before ?? -1), Int32(columns?.after ?? -1), played.episodes, played.firsts,
            Int64(played.firsts.count))
    }
}
