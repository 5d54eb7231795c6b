internal import Foundation

/// BBTA's regret, measured in a replay, beside its bound.
package enum Regret {
    /// `2 sqrt(S K ln K (T - S K N')) + S N'`: derived here, docs/bbta.md, for the strategy that draws from all K
    /// workers; it is not the theorem of [BBTA]. 0 in the exploration phase. O(1).
    package static func bound(contexts s: Int, workers k: Int, explore: Int, budget: Int) -> Double {
        let adaptive = Double(max(0, budget - s * k * explore))
        return 2 * (Double(s * k) * log(Double(k)) * adaptive).squareRoot() + Double(s * explore)
    }

    /// The regret of BBTA after each of `budgets` labels: its losses in the adaptive phase, less those of the best worker
    /// of each context in hindsight, who would have answered at every appearance of the context. A loss is a label that
    /// differs from the weighted vote just after the step. O(last budget (K + step)).
    package static func measure(_ matrix: LabelMatrix, explore: Int, budgets: [Int], seed: UInt64) -> [Double] {
        let workers = matrix.workers.count
        var engine = BBTA(
            taskContexts: matrix.taskContexts, workers: workers, classes: matrix.classes.count,
            options: .init(explore: explore, budget: Double(budgets.last ?? 0), seed: seed))
        var all = [Int](repeating: 0, count: engine.contextCount * workers), own = 0, spent = 0
        return budgets.map { budget in
            while spent < budget, let pair = engine.next() {
                let row = pair.task * workers
                do {
                    let label = Int(matrix.entries[row + pair.worker])
                    try engine.record(task: pair.task, worker: pair.worker, label: label)
                } catch {
                    preconditionFailure("BBTA refused the answer to its own question: \(error)")
                }
                spent += 1
                guard !pair.exploration else { continue }
                let vote = Int32(engine.label(of: pair.task)), s = matrix.tasks[pair.task].context
                own += matrix.entries[row + pair.worker] != vote ? 1 : 0
                for worker in 0..<workers where matrix.entries[row + worker] != vote { all[s * workers + worker] += 1 }
            }
            let best = (0..<engine.contextCount).reduce(0) { $0 + all[$1 * workers..<($1 + 1) * workers].min()! }
            return Double(own - best)
        }
    }
}
