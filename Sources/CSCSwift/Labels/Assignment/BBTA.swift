internal import Foundation

/// Bandit-based task assignment ([BBTA], algorithm 1; step by step in docs/bbta.md): an adversarial contextual bandit
/// over workers, weighted voting over labels.
///
/// After `N'` tasks of each context have been labelled by everyone, each step takes the least confident task, draws a
/// worker with probability proportional to `exp(-eta_s L[s][j])`, and charges the worker `1 / p_j` if the label
/// disagrees with the weighted vote. More than two classes are our extension: one sum of weights per class; with two
/// the formulas are the paper's.
///
/// A step without loss costs O(K) for the weights, from 256 workers on O(log K) (`ExponentialSampler`), and O(log N) for
/// the order of tasks; a step with a loss also rescores its context, O(labels of the context). Nothing is allocated once
/// the pool of pairs has its size.
///
/// Where the paper is silent because it asks one pair at a time: a task with assignments outstanding comes after all
/// those with fewer; an answer is weighed by the probability with which its pair was drawn; `L` and `eta` are those of
/// the moment of the answer.
public struct BBTA: LabelAssigner {
    /// The options of BBTA; only the budget has no default.
    public struct Options: Sendable, Hashable, Codable {
        /// N': how many tasks of each context everyone labels first.
        public var explore: Int
        /// Margin (the paper) or least confidence (the authors' follow-up).
        public var score: ExponentialWeights.Score
        /// beta: the follow-up's preference for dense contexts; the chosen task maximises
        /// `(1 - c_i) (N_s / N)^beta`. 0 turns it off. The idea is that of [BBTA-LC], the form is ours.
        public var densityExponent: Double
        /// T: what all labels together may cost; never exceeded.
        public var budget: Double
        /// What a label of each worker costs; `nil` means 1 each.
        public var workerCosts: [Double]?
        /// Decides the exploration tasks, every draw and every tie.
        public var seed: UInt64

        /// The defaults are the paper's method with N' = 1 and labels that cost 1 each.
        public init(
            explore: Int = 1, score: ExponentialWeights.Score = .margin, densityExponent: Double = 0, budget: Double,
            workerCosts: [Double]? = nil, seed: UInt64 = 0
        ) {
            self.explore = explore
            self.score = score
            self.densityExponent = densityExponent
            self.budget = budget
            self.workerCosts = workerCosts
            self.seed = seed
        }
    }

    /// What the engine was started with; workers who join later are not in it.
    public let options: Options
    /// N: how many tasks there are.
    public internal(set) var taskCount: Int
    /// K: how many workers there are, those who have left included; `addWorker` raises it.
    public private(set) var workerCount: Int
    /// C: how many classes there are; 2 in the paper.
    public let classCount: Int
    /// S: the largest context of a task, plus one.
    public internal(set) var contextCount: Int
    /// T and what of it is spent, committed and free.
    public internal(set) var budget: LabelBudget

    // Tasks. What changes from step to step is kept by position, context by context and then by index, so that a pass
    // over a context reads memory from one end to the other; `position` and `order` translate at the edge.
    var context: [Int32]
    /// The task of each position.
    var order: [Int32]
    /// The position of each task.
    var position: [Int32]
    var span: [Range<Int>]
    var density: [Double]
    var tournament: Tournament
    var pairs: PairStore
    var scores: [Double]
    var votes: [Int32]
    var outstanding: [Int32]
    var closed: [Bool]
    private var skipped: [Int] = []
    private var sums: [Double]

    // Workers.
    var rows: ContextWeights
    private(set) var costs: [Int]
    private var dearest: Int
    private var present: [UInt8]
    private var allowed: [UInt8]
    private var allowedCount: Int
    private var allowsPresent = true
    private var excluded: [Int] = []
    /// By position, who may be asked; empty where everyone may.
    var eligible: [[Int32]] = []

    var exploration: Exploration
    private var stream: RandomStream

    /// O(N + S K).
    /// - Parameters:
    ///   - taskContexts: the context of each task, 0-based.
    ///   - workers: K >= 1.
    ///   - classes: C >= 2.
    ///   - options: budget, costs and seed; `explore` from 0, and `workerCosts`, if given, one for each worker.
    public init(taskContexts: [Int], workers: Int, classes: Int = 2, options: Options) {
        precondition(workers >= 1 && classes >= 2, "BBTA: \(workers) workers, \(classes) classes")
        precondition(options.explore >= 0, "BBTA: explore \(options.explore) is negative")
        precondition(taskContexts.allSatisfy { $0 >= 0 }, "BBTA: a task has a negative context")
        precondition(
            options.workerCosts.map { $0.count == workers } ?? true,
            "BBTA: \(options.workerCosts?.count ?? 0) costs for \(workers) workers")
        self.options = options
        taskCount = taskContexts.count
        workerCount = workers
        classCount = classes
        let contexts = (taskContexts.max() ?? 0) + 1
        contextCount = contexts
        budget = LabelBudget(limit: options.budget)

        context = taskContexts.map { Int32($0) }
        var counts = [Int](repeating: 0, count: contexts)
        for s in taskContexts { counts[s] += 1 }
        var starts = [Int](repeating: 0, count: contexts)
        for s in 1..<max(contexts, 1) { starts[s] = starts[s - 1] + counts[s - 1] }
        span = (0..<contexts).map { starts[$0]..<starts[$0] + counts[$0] }
        density = counts.map { pow(Double($0) / Double(max(taskContexts.count, 1)), options.densityExponent) }
        var order = [Int32](repeating: 0, count: taskContexts.count), position = order
        for (task, s) in taskContexts.enumerated() {
            order[starts[s]] = Int32(task)
            position[task] = Int32(starts[s])
            starts[s] += 1
        }
        self.order = order
        self.position = position
        tournament = Tournament(order: order)
        let affordable = min(options.budget, Double(taskContexts.count) * Double(workers))
        let each = Int(affordable) / max(1, taskContexts.count)
        pairs = PairStore(
            segments: counts, room: min(max(each, 4), 16, max(workers, 1)), reserving: Int(min(affordable, 1e7)) * 2)
        scores = [Double](repeating: 0, count: taskContexts.count)
        votes = [Int32](repeating: 0, count: taskContexts.count)
        outstanding = votes
        closed = [Bool](repeating: false, count: taskContexts.count)
        sums = [Double](repeating: 0, count: classes)

        rows = ContextWeights(contexts: contexts, workers: workers)
        costs = options.workerCosts?.map(LabelBudget.micros) ?? [Int](repeating: LabelBudget.micros(1), count: workers)
        dearest = costs.max() ?? 0
        present = [UInt8](repeating: 1, count: workers)
        allowed = present
        allowedCount = workers
        stream = RandomStream(seed: options.seed, purpose: .labelAssignment)
        exploration = Exploration(
            contexts: span.map { Array(order[$0]) }, each: options.explore, workers: workers, classes: classes,
            stream: &stream)
        for task in exploration.tasks { closed[Int(position[task])] = true }
        for s in 0..<contexts { rescore(span[s]) }
    }

    /// See `SequentialAssigner`. The exploration passes over pairs that are not eligible. O(N).
    public mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == taskCount, "BBTA: \(eligible.count) lists for \(taskCount) tasks")
        self.eligible = order.map { eligible[Int($0)] }
        reopen()
    }

    private func isEligible(_ position: Int, _ worker: Int) -> Bool {
        eligible.isEmpty || eligible[position].contains(Int32(worker))
    }

    // MARK: Deciding

    /// The next pair: the exploration's (step 3) while any is left for those allowed, then steps 4a to 4c; `nil` if
    /// none can be asked now. O(K + log N), again as much for each task met for which nobody is left.
    public mutating func next(available: [Int]?) -> Assignment? {
        allow(available)
        guard allowedCount > 0 else { return nil }
        while let pair = exploration.next(allowed: allowed) {
            guard isEligible(Int(position[pair.task]), pair.worker) else { continue }
            let found = Assignment(task: pair.task, worker: pair.worker, probability: 1, exploration: true)
            take(found)
            return found
        }
        var found: Assignment?
        while found == nil, let position = tournament.least {
            if let (worker, p) = draw(position) {
                found = Assignment(task: Int(order[position]), worker: worker, probability: p)
                take(found!)
            } else {  // nobody is left for this task: aside, until someone joins or for this call only
                tournament.set(position, .infinity)
                if !allowsPresent { skipped.append(position) }
            }
        }
        while let position = skipped.popLast() { tournament.set(position, key(position)) }
        return found
    }

    /// Follows a decision made earlier (a journal) instead of making one. O(K + log N).
    /// - Throws: `CSCError.invalid` where it cannot follow from the state: a pair that does not exist or was asked
    ///   already, a probability outside (0, 1], a price that is not free, a pair that is not the worker's next in the
    ///   exploration.
    public mutating func apply(_ assignment: Assignment) throws(CSCError) {
        let task = assignment.task, worker = assignment.worker
        guard (0..<taskCount).contains(task), (0..<workerCount).contains(worker), assignment.probability > 0,
            assignment.probability <= 1, pairs.find(Int(position[task]), worker: worker) == nil,
            costs[worker] <= budget.freeMicros, exploration.contains(task) == assignment.exploration
        else { throw .invalid("assigning task \(task) to worker \(worker) does not follow from what went before") }
        if assignment.exploration {
            guard exploration.follow(task: task, worker: worker) else {
                throw .invalid("task \(task) is not worker \(worker)'s next in the exploration phase")
            }
        } else {
            let s = Int(context[task])
            rows.appear(s)
            rows.refresh(s)
            _ = stream.next()
        }
        take(assignment)
    }

    /// Who may be asked in this call: those available, present and affordable. O(K) unless that is all those present.
    private mutating func allow(_ available: [Int]?) {
        let free = budget.freeMicros
        if available == nil && free >= dearest {
            if allowsPresent { return }
            allowsPresent = true
            allowed = present
        } else {
            allowsPresent = false
            for worker in 0..<workerCount { allowed[worker] = 0 }
            for worker in available ?? Array(0..<workerCount) {
                precondition(worker >= 0 && worker < workerCount, "BBTA: worker \(worker) of \(workerCount)")
                allowed[worker] = costs[worker] <= free ? present[worker] : 0
            }
        }
        allowedCount = allowed.reduce(0) { $0 + Int($1) }
    }

    /// Steps 4b and 4c: the weights at this appearance of the context, and a draw among those not yet asked.
    private mutating func draw(_ position: Int) -> (worker: Int, probability: Double)? {
        let s = Int(context[Int(order[position])])
        if !eligible.isEmpty { return drawEligible(position, s) }
        for k in pairs.pairs(of: position) {
            let worker = pairs.pair(position, k).worker
            if allowed[worker] != 0 {
                allowed[worker] = 0
                excluded.append(worker)
            }
        }
        defer {
            for worker in excluded { allowed[worker] = 1 }
            excluded.removeAll(keepingCapacity: true)
        }
        guard excluded.count < allowedCount else { return nil }
        rows.appear(s)  // t[s] += 1
        rows.refresh(s)  // eta, w
        return rows.draw(
            s, allowed: allowed, excluded: excluded, everyone: allowedCount == workerCount, stream: &stream)
    }

    /// The same among those who may be asked about the task at all. O(K).
    private mutating func drawEligible(_ position: Int, _ s: Int) -> (worker: Int, probability: Double)? {
        var some = [UInt8](repeating: 0, count: workerCount)
        for worker in eligible[position] { some[Int(worker)] = allowed[Int(worker)] }
        for k in pairs.pairs(of: position) { some[pairs.pair(position, k).worker] = 0 }
        guard some.contains(1) else { return nil }
        rows.appear(s)
        rows.refresh(s)
        return rows.draw(s, allowed: some, excluded: [], everyone: false, stream: &stream)
    }

    mutating func take(_ assignment: Assignment) {
        let at = Int(position[assignment.task])
        budget.commit(costs[assignment.worker])
        outstanding[at] += 1
        pairs.append(at, worker: assignment.worker, label: PairStore.pending, probability: assignment.probability)
        tournament.set(at, key(at))
    }

    // MARK: Learning

    /// Takes the answer to an outstanding pair: steps 4d to 4f, or step 3 in the exploration phase. O(K + log N), and
    /// with a loss O(K + tasks and labels of the context + log N).
    /// - Throws: `CSCError.invalid` if the pair is not outstanding or the label is not a class.
    public mutating func record(task: Int, worker: Int, label: Int) throws(CSCError) {
        let index = try pending(task: task, worker: worker), at = Int(position[task])
        guard (0..<classCount).contains(label) else {
            throw .invalid("label \(label) is not a class: 0 ..< \(classCount)")
        }
        pairs.setLabel(Int32(label), at, index)
        budget.spend(costs[worker])
        outstanding[at] -= 1
        let s = Int(context[task])
        if exploration.contains(task) {
            let change = exploration.record(task: task, label: label, seed: options.seed)
            charge(task: task, worker: worker, label: label, change: change, drawnWith: 1)
            rows.refresh(s)
            // Before the first adaptive step all weights are 1 and the losses move no vote; after it they move all of them.
            rescore(rows.appearances[s] == 0 ? at..<at + 1 : span[s])
            return
        }
        rows.refresh(s)
        rescore(at..<at + 1)  // yhat_i with the weights of this step
        if votes[at] != Int32(label) {
            rows.charge(s, worker: worker, 1 / pairs.probability(at, index))  // L[s][j] += l / p_j
            pairs.setCharged(true, at, index)
            rows.refresh(s)
            rescore(span[s])
        }
    }

    /// Withdraws an outstanding pair as though its context had not appeared: the price is free again, and this worker
    /// is not asked about this task again. O(K + log N).
    /// - Throws: `CSCError.invalid` if the pair is not outstanding.
    public mutating func decline(task: Int, worker: Int) throws(CSCError) {
        let index = try pending(task: task, worker: worker), at = Int(position[task])
        pairs.setLabel(PairStore.declined, at, index)
        budget.release(costs[worker])
        outstanding[at] -= 1
        // As though it had not appeared: the weights are 1 again before the first time.
        if !exploration.contains(task) {
            let s = Int(context[task])
            rows.withdraw(s)
            if rows.appearances[s] == 0 { rows.refresh(s) }
        }
        tournament.set(at, key(at))
    }

    /// Which of the task's pairs is outstanding with this worker.
    private func pending(task: Int, worker: Int) throws(CSCError) -> Int {
        guard (0..<taskCount).contains(task), (0..<workerCount).contains(worker),
            let index = pairs.find(Int(position[task]), worker: worker),
            pairs.pair(Int(position[task]), index).label == PairStore.pending
        else { throw .invalid("task \(task) is not outstanding with worker \(worker)") }
        return index
    }

    /// Keeps `L[s][j]` at the number of tasks on which j differs from the plurality so far: step 3, and adopted labels.
    /// The pairs that count are those of the probability `p`.
    mutating func charge(
        task: Int, worker: Int, label: Int, change: (before: Int, after: Int), drawnWith p: Double
    ) {
        let s = Int(context[task]), at = Int(position[task])
        for k in pairs.pairs(of: at) where pairs.probability(at, k) == p {
            let (who, answer) = pairs.pair(at, k), what = Int(answer)
            guard what >= 0 else { continue }
            if who == worker {
                rows.adjust(s, worker: who, what != change.after ? 1 : 0)
            } else if change.before != change.after {
                rows.adjust(
                    s, worker: who, (what != change.after ? 1 : 0) - (what != change.before ? 1 : 0))
            }
        }
        rows.adjusted(s)
    }

    /// Vote and confidence of a range of positions of one context, and the order of the tasks.
    mutating func rescore(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let s = Int(context[Int(order[range.lowerBound])])
        let total = rows.weigh(range, pairs: pairs, context: s)
        ExponentialWeights.vote(
            range, tasks: order, pairs: pairs, weights: rows.weight, start: rows.start(s), total: total,
            rule: options.score, classes: classCount, seed: options.seed, scores: &scores, votes: &votes, sums: &sums)
        for position in range { tournament.stage(position, key(position)) }
        tournament.repair(range)
    }

    /// What the tournament minimises: the confidence, after the number of outstanding assignments.
    func key(_ position: Int) -> Double {
        let room = eligible.isEmpty ? workerCount : eligible[position].count
        guard !closed[position], Int(pairs.count[position]) < room else { return .infinity }
        let c = scores[position]
        let least =
            options.densityExponent == 0 ? c : 1 - (1 - c) * density[Int(context[Int(order[position])])]
        return least + 2 * Double(outstanding[position])
    }

    // MARK: Workers who come and go

    /// A worker who joins starts, in each context, at the loss that the strategy itself carries in expectation,
    /// `sum_j p_j L[s][j]`, and takes no part in the exploration phase. O(N + S K).
    public mutating func addWorker(cost: Double = 1) -> Int {
        let worker = workerCount
        rows.addWorker()
        workerCount += 1
        costs.append(LabelBudget.micros(cost))
        dearest = max(dearest, costs[worker])
        present.append(1)
        allowed.append(1)
        allowsPresent = false
        exploration.addWorker()
        reopen()
        return worker
    }

    /// Lets a worker leave or come back; the labels already given keep their say. O(1), O(N) on coming back.
    /// - Precondition: the worker exists.
    public mutating func setPresent(_ isPresent: Bool, worker: Int) {
        precondition(worker >= 0 && worker < workerCount, "BBTA: worker \(worker) of \(workerCount)")
        present[worker] = isPresent ? 1 : 0
        allowsPresent = false
        if isPresent { reopen() }
    }

    private mutating func reopen() {
        for position in order.indices { tournament.stage(position, key(position)) }
        tournament.repair(order.indices)
    }

    // MARK: Results

    /// `yhat_i`, [N]: the last weighted votes; a tie, or no label, is decided by a coin of the seed. O(N).
    public var labels: [Int] { position.map { Int(votes[Int($0)]) } }
    /// The present estimate for one task. O(1).
    public func label(of task: Int) -> Int { Int(votes[Int(position[task])]) }
    /// `c_i`, [N], by the score of `options`; 0 while a task has no label. O(N).
    public var confidence: [Double] { position.map { scores[Int($0)] } }
    /// The labels taken so far, task by task, each task's in the order of asking. O(N + labels).
    public var answers: [Label] { pairs.answers(rows: position) }
    /// The pairs that have been assigned and neither answered nor declined, task by task. O(pairs).
    public var outstandingPairs: [(task: Int, worker: Int)] { pairs.outstanding(rows: position) }
    /// `L[s][j]` for the workers of one context. O(K).
    public func losses(context s: Int) -> [Double] { rows.losses(s) }
    /// `w_j` of one context as of its last step, relative to the best worker's. O(K).
    public func weights(context s: Int) -> [Double] { rows.weights(s) }
    /// `t[s]`: how often each context has appeared since the exploration phase.
    public var contextAppearances: [Int] { rows.appearances }
    /// The tasks that everyone labels first.
    public var explorationTasks: [Int] { exploration.tasks }
}
