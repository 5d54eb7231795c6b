internal import Foundation

/// What a running study asks of the bandit beyond asking and answering: questions that lapsed, corrections, more tasks,
/// another budget.
extension BBTA {
    /// Takes a withdrawn pair out, as though it had never been asked; in the exploration phase it is asked again first.
    /// O(pairs of the task + log N).
    /// - Throws: `CSCError.invalid` if the pair was not withdrawn.
    public mutating func forget(task: Int, worker: Int) throws(CSCError) {
        let (at, index) = try pair(task, worker)
        guard pairs.pair(at, index).label == PairStore.declined else {
            throw .invalid("the question to worker \(worker) about task \(task) was not withdrawn")
        }
        pairs.remove(at, index)
        exploration.reopen(task: task, worker: worker)
        tournament.set(at, key(at))
    }

    /// Makes an assignment outstanding again that was withdrawn and forgotten: its context appears again. O(K + log N).
    /// - Throws: `CSCError.invalid` if the pair is known or its price is not free.
    public mutating func reinstate(_ assignment: Assignment) throws(CSCError) {
        let task = assignment.task, worker = assignment.worker
        guard (0..<taskCount).contains(task), (0..<workerCount).contains(worker), assignment.probability > 0,
            assignment.probability <= 1, pairs.find(Int(position[task]), worker: worker) == nil
        else { throw .invalid("the question to worker \(worker) about task \(task) cannot be taken up again") }
        guard costs[worker] <= budget.freeMicros else {
            throw .invalid("its price is not free")
        }
        if exploration.contains(task) {
            exploration.close(task: task, worker: worker)
        } else {
            rows.appear(Int(context[task]))
            rows.refresh(Int(context[task]))
        }
        take(assignment)
    }

    /// Takes another label in place of one. Votes and majorities are those of the new one; the loss that the old one was
    /// charged is taken back, and the new one is charged where it disagrees with the vote: at the probability of its draw,
    /// as in `record`, or by 1 in the exploration phase and for an adopted label. O(tasks and labels of the context).
    /// - Throws: `CSCError.invalid` if there is no label of this pair or the new one is not a class.
    public mutating func correct(task: Int, worker: Int, label: Int) throws(CSCError) {
        let (at, index) = try pair(task, worker), s = Int(context[task]), old = Int(pairs.pair(at, index).label)
        guard old >= 0 else { throw .invalid("there is no label of task \(task) by worker \(worker) to correct") }
        guard (0..<classCount).contains(label) else {
            throw .invalid("label \(label) is not a class: 0 ..< \(classCount)")
        }
        guard label != old else { return }
        let p = pairs.probability(at, index)
        if exploration.contains(task) || p == 0 {
            let change: (before: Int, after: Int)
            if exploration.contains(task) {
                change = exploration.correct(task: task, from: old, to: label, seed: options.seed)
            } else {
                var counts = adopted(at)
                let before = plurality(counts, seed: options.seed, task: task)
                counts[old] -= 1
                counts[label] += 1
                change = (before, plurality(counts, seed: options.seed, task: task))
            }
            rows.adjust(s, worker: worker, old != change.before ? -1 : 0)  // `charge` counts this worker anew
            pairs.setLabel(Int32(label), at, index)
            charge(task: task, worker: worker, label: label, change: change, drawnWith: p)
        } else {
            pairs.setLabel(Int32(label), at, index)
            if pairs.isCharged(at, index) { rows.adjust(s, worker: worker, -1 / p) }
            rows.adjusted(s)
            rows.refresh(s)
            rescore(at..<at + 1)
            let isCharged = self.label(of: task) != label
            if isCharged { rows.adjust(s, worker: worker, 1 / p) }
            rows.adjusted(s)
            pairs.setCharged(isCharged, at, index)
        }
        rows.refresh(s)
        rescore(span[s])
    }

    /// How many adopted labels a task has of each class.
    private func adopted(_ at: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for k in pairs.pairs(of: at) where pairs.probability(at, k) == 0 {
            let answer = Int(pairs.pair(at, k).label)
            if answer >= 0 { counts[answer] += 1 }
        }
        return counts
    }

    private func pair(_ task: Int, _ worker: Int) throws(CSCError) -> (at: Int, index: Int) {
        guard (0..<taskCount).contains(task), (0..<workerCount).contains(worker),
            let index = pairs.find(Int(position[task]), worker: worker)
        else { throw .invalid("worker \(worker) was not asked about task \(task)") }
        return (Int(position[task]), index)
    }

    /// New tasks, after the others of their contexts; they take no part in the exploration phase. O(N + pairs).
    public mutating func addTasks(contexts: [Int]) {
        precondition(contexts.allSatisfy { $0 >= 0 }, "BBTA.addTasks: a task has a negative context")
        let before = position, known = contextCount
        context += contexts.map { Int32($0) }
        taskCount = context.count
        contextCount = max(contextCount, (contexts.max() ?? 0) + 1)
        rows.addContexts(contextCount - known)
        var counts = [Int](repeating: 0, count: contextCount)
        for s in context { counts[Int(s)] += 1 }
        var starts = [Int](repeating: 0, count: contextCount)
        for s in 1..<max(contextCount, 1) { starts[s] = starts[s - 1] + counts[s - 1] }
        span = (0..<contextCount).map { starts[$0]..<starts[$0] + counts[$0] }
        density = counts.map { pow(Double($0) / Double(max(taskCount, 1)), options.densityExponent) }
        order = [Int32](repeating: 0, count: taskCount)
        position = order
        for (task, s) in context.enumerated() {
            order[starts[Int(s)]] = Int32(task)
            position[task] = Int32(starts[Int(s)])
            starts[Int(s)] += 1
        }
        let old = order.map { $0 < before.count ? Int(before[Int($0)]) : nil }
        pairs = pairs.rearranged(segments: counts, old: old)
        scores = old.map { $0.map { scores[$0] } ?? 0 }
        votes = old.map { $0.map { votes[$0] } ?? 0 }
        outstanding = old.map { $0.map { outstanding[$0] } ?? 0 }
        closed = old.map { $0.map { closed[$0] } ?? false }
        tournament = Tournament(order: order)
        for s in Set(contexts) { rows.refresh(s) }
        for task in before.count..<taskCount { rescore(Int(position[task])..<Int(position[task]) + 1) }
        for position in order.indices { tournament.stage(position, key(position)) }
        tournament.repair(order.indices)
    }

    /// Another limit of the budget. O(1).
    /// - Throws: `CSCError.invalid` if that is less than what is spent and committed.
    public mutating func setBudget(_ limit: Double) throws(CSCError) { try budget.setLimit(limit) }

    /// Whether this worker may be asked about this task, money and presence aside. O(pairs of the task).
    public func isOpen(task: Int, worker: Int) -> Bool {
        let at = Int(position[task])
        if exploration.contains(task) { return exploration.isWaiting(task: task, worker: worker) }
        return !closed[at] && pairs.find(at, worker: worker) == nil
    }
}
