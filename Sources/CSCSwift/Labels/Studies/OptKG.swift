/// Optimistic knowledge gradient with worker reliability ([OptKG13]). Binary labels.
///
/// theta_i ~ Beta(a_i, b_i) is how positive a task is, rho_j ~ Beta(c_j, d_j) how reliable a worker is, and a label is
/// +1 with probability `theta rho + (1 - theta)(1 - rho)`. Each step asks the unasked pair whose better outcome raises
/// `max(P(theta_i >= 1/2), P(theta_i < 1/2))` most; posteriors are matched to the first two moments. Equal gains are
/// broken by a random number drawn for each pair beforehand.
///
/// After a label only one row and one column of the gains change: O(N + K) gains per step, O((N + K) log K)
/// comparisons.
package struct OptKG: SequentialAssigner {
    private let workers: Int
    private(set) var a: [Double]
    private(set) var b: [Double]
    private(set) var c: [Double]
    private(set) var d: [Double]
    private var tail: [Double]
    private var column: [Double]
    private var rows: PairTournament

    /// - Parameters:
    ///   - workerPrior: Beta(c, d) of every worker; (4, 1) is the paper's, mean 0.8.
    package init(tasks: Int, workers: Int, workerPrior: (c: Double, d: Double) = (4, 1), seed: UInt64) {
        precondition(workers >= 1, "OptKG: \(workers) workers")
        self.workers = workers
        a = [Double](repeating: 1, count: tasks)
        b = a
        c = [Double](repeating: workerPrior.c, count: workers)
        d = [Double](repeating: workerPrior.d, count: workers)
        tail = [Double](repeating: 0.5, count: tasks)
        column = [Double](repeating: 0, count: tasks)
        var stream = RandomStream(seed: seed, purpose: .labelAssignment)
        rows = PairTournament(rows: tasks, columns: workers, stream: &stream)
        if tasks > 0 {
            var row = [Double](repeating: 0, count: workers)
            BetaTail.gains(&row, start: 0, task: (1, 1, 0.5), c: c, d: d)
            for task in 0..<tasks { rows.setRow(task, row) }
        }
    }

    /// See `SequentialAssigner`. O(N K).
    package mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == a.count, "OptKG: \(eligible.count) lists for \(a.count) tasks")
        var row = [Double](repeating: 0, count: workers)
        BetaTail.gains(&row, start: 0, task: (1, 1, 0.5), c: c, d: d)
        for (task, list) in eligible.enumerated() {
            var open = [Bool](repeating: false, count: workers)
            for worker in list { open[Int(worker)] = true }
            for worker in 0..<workers where !open[worker] { rows.close(row: task, column: worker) }
            rows.setRow(task, row)
        }
    }

    /// The unasked pair with the largest gain, `nil` when all have been asked. O(1).
    package mutating func next() -> Assignment? {
        guard let (task, worker) = rows.best else { return nil }
        return Assignment(task: task, worker: worker, probability: 1)
    }

    /// The label of an unasked pair: 1 is +1, 0 is -1. O((N + K) log K).
    package mutating func record(task i: Int, worker j: Int, label: Int) throws(CSCError) {
        guard a.indices.contains(i), c.indices.contains(j), !rows.isClosed(row: i, column: j) else {
            throw .invalid("OptKG: task \(i), worker \(j) is not open")
        }
        guard label == 0 || label == 1 else { throw .invalid("OptKG takes two classes, not label \(label)") }
        (a[i], b[i], c[j], d[j]) = OptKG.posterior(a: a[i], b: b[i], c: c[j], d: d[j], positive: label == 1)
        tail[i] = BetaTail.smaller(a: [a[i]], b: [b[i]])[0]
        rows.close(row: i, column: j)
        BetaTail.gains(&column, a: a, b: b, tail: tail, worker: (c[j], d[j]))
        rows.setColumn(j, column)
        var row = [Double](repeating: 0, count: workers)
        BetaTail.gains(&row, start: 0, task: (a[i], b[i], tail[i]), c: c, d: d)
        rows.setRow(i, row)
    }

    /// 1 where `a >= b`.
    package var labels: [Int] { zip(a, b).map { $0 >= $1 ? 1 : 0 } }

    /// All gains, row by row, -infinity where asked: for tests of the incremental update. O(N K).
    package var gains: [Double] { rows.keys }

    /// All gains computed afresh from the parameters.
    package func recomputedGains() -> [Double] {
        var all = [Double](repeating: 0, count: a.count * workers)
        for i in a.indices {
            BetaTail.gains(&all, start: i * workers, task: (a[i], b[i], tail[i]), c: c, d: d)
            for j in 0..<workers where rows.isClosed(row: i, column: j) { all[i * workers + j] = -.infinity }
        }
        return all
    }

    /// The moments after one label, all from the old (a, b, c, d), and the Beta parameters that match them.
    package static func posterior(
        a: Double, b: Double, c: Double, d: Double, positive: Bool
    ) -> (a: Double, b: Double, c: Double, d: Double) {
        let m = moments(a: a, b: b, c: c, d: d, positive: positive)
        let theta = (m.theta - m.theta2) / (m.theta2 - m.theta * m.theta)
        let rho = (m.rho - m.rho2) / (m.rho2 - m.rho * m.rho)
        return (m.theta * theta, (1 - m.theta) * theta, m.rho * rho, (1 - m.rho) * rho)
    }

    /// E and E of the square of theta and rho given one label, and the label's probability: derived here, docs/bbta.md.
    /// O(1).
    package static func moments(
        a: Double, b: Double, c: Double, d: Double, positive: Bool
    ) -> (probability: Double, theta: Double, theta2: Double, rho: Double, rho2: Double) {
        let (u, v) = positive ? (c, d) : (d, c)  // what multiplies theta, 1 - theta
        let (p, q) = positive ? (a, b) : (b, a)  // what multiplies rho, 1 - rho
        let norm = a * u + b * v, s = a + b, r = c + d
        return (
            norm / (s * r),
            a * ((a + 1) * u + b * v) / ((s + 1) * norm),
            a * (a + 1) * ((a + 2) * u + b * v) / ((s + 1) * (s + 2) * norm),
            c * (p * (c + 1) + q * d) / ((r + 1) * norm),
            c * (c + 1) * (p * (c + 2) + q * d) / ((r + 1) * (r + 2) * norm)
        )
    }
}

/// OptKG (Multi.): one OptKG a context, each with its share `T N_s / N` of the budget at every T (the paper,
/// section 5.1): the next label goes to the context that is furthest behind its share.
package struct OptKGMulti: SequentialAssigner {
    private var instances: [OptKG]
    private let members: [[Int]]
    private let local: [Int]
    private let contexts: [Int]
    private var asked: [Int]

    /// Instances without labels; context s takes a seed made of `seed` and s. O(N K).
    ///
    /// - Parameters:
    ///   - taskContexts: the context of each task, 0-based.
    ///   - workers: K >= 1.
    ///   - seed: decides the order of equal gains.
    package init(taskContexts: [Int], workers: Int, seed: UInt64) {
        contexts = taskContexts
        var members = [[Int]](repeating: [], count: (taskContexts.max() ?? -1) + 1)
        var local: [Int] = []
        for (task, s) in taskContexts.enumerated() {
            local.append(members[s].count)
            members[s].append(task)
        }
        self.members = members
        self.local = local
        asked = [Int](repeating: 0, count: members.count)
        instances = members.enumerated().map { s, tasks in
            OptKG(tasks: tasks.count, workers: workers, seed: seed &+ UInt64(s) &* 0x9E37_79B9_7F4A_7C15)
        }
    }

    /// See `SequentialAssigner`. O(N K).
    package mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == contexts.count, "OptKG: \(eligible.count) lists for \(contexts.count) tasks")
        for s in members.indices { instances[s].restrict(to: members[s].map { eligible[$0] }) }
    }

    /// The best pair of the context that is furthest behind its share, of the next where all its pairs are asked; `nil`
    /// when all are. O(S log S).
    package mutating func next() -> Assignment? {
        let byShare = members.indices.filter { !members[$0].isEmpty }.sorted {
            let x = Double(asked[$0] + 1) / Double(members[$0].count)
            let y = Double(asked[$1] + 1) / Double(members[$1].count)
            return x != y ? x < y : $0 < $1
        }
        for s in byShare {
            if let pair = instances[s].next() {
                return Assignment(task: members[s][pair.task], worker: pair.worker, probability: 1)
            }
        }
        return nil
    }

    /// The label of an unasked pair: 1 is +1, 0 is -1. O((N_s + K) log K) in the task's context s.
    /// - Throws: `CSCError.invalid` if there is no such pair, it has a label already, or the label is neither 0 nor 1.
    package mutating func record(task: Int, worker: Int, label: Int) throws(CSCError) {
        guard contexts.indices.contains(task) else { throw .invalid("OptKG: no task \(task)") }
        try instances[contexts[task]].record(task: local[task], worker: worker, label: label)
        asked[contexts[task]] += 1
    }

    /// 1 where `a >= b` in the task's own instance, else 0, [N]. O(N).
    package var labels: [Int] {
        var all = [Int](repeating: 0, count: contexts.count)
        for (instance, tasks) in zip(instances, members) {
            for (task, label) in zip(tasks, instance.labels) { all[task] = label }
        }
        return all
    }
}
