internal import Foundation

/// What a running study asks of `Pooled` beyond asking and answering: questions that lapsed, corrections, more tasks,
/// another budget.
extension Pooled {
    /// Takes a withdrawn pair out, as though it had never been asked; in the calibration it is asked again first.
    /// O(pairs of the task + log N).
    /// - Throws: `CSCError.invalid` if the pair was not withdrawn.
    public mutating func forget(task: Int, worker: Int) throws(CSCError) {
        guard context.indices.contains(task), (0..<workerCount).contains(worker),
            let index = pairs.find(task, worker: worker), pairs.pair(task, index).label == PairStore.declined
        else { throw .invalid("the question to worker \(worker) about task \(task) was not withdrawn") }
        pairs.remove(task, index)
        calibration.reopen(task: task, worker: worker)
        place(task)
    }

    /// Makes an assignment outstanding again that was withdrawn and forgotten. O(log N).
    /// - Throws: `CSCError.invalid` if the pair is known or its price is not free.
    public mutating func reinstate(_ assignment: Assignment) throws(CSCError) {
        let task = assignment.task, worker = assignment.worker
        guard context.indices.contains(task), (0..<workerCount).contains(worker),
            pairs.find(task, worker: worker) == nil
        else { throw .invalid("the question to worker \(worker) about task \(task) cannot be taken up again") }
        guard costs[worker] <= budget.freeMicros else { throw .invalid("its price is not free") }
        calibration.close(task: task, worker: worker)
        take(assignment)
    }

    /// Takes another label in place of one; everything is inferred again, once. O((labels + K S) kinds + N C).
    /// - Throws: `CSCError.invalid` if there is no label of this pair or the new one is not a class.
    public mutating func correct(task i: Int, worker j: Int, label y: Int) throws(CSCError) {
        guard context.indices.contains(i), (0..<workerCount).contains(j), let index = pairs.find(i, worker: j),
            pairs.pair(i, index).label >= 0,
            let n = labelIndex(task: i, cell: workforce.cell(worker: j, context: context[i]))
        else { throw .invalid("there is no label of task \(i) by worker \(j) to correct") }
        guard (0..<classCount).contains(y) else { throw .invalid("label \(y) is not a class: 0 ..< \(classCount)") }
        guard (n < labelled.count ? labelled.label[n] : fresh.label[n - labelled.count]) != Int32(y) else { return }
        pairs.setLabel(Int32(y), i, index)
        guard !refitsAside else { return correctAside(n, task: i, label: y) }
        let power = labelled.power.isEmpty ? 1 : labelled.power[n]
        for z in 0..<states {
            score[i * states + z] -= power * log(labelled.message[n * states + z])
            labelled.message[n * states + z] = 1  // the answer says nothing until the others have been heard
        }
        labelled.label[n] = Int32(y)
        refresh(sweeps: 3)
        unmirror()
        reorder()
    }

    /// Where a task's label by the worker of a cell stands, those since a refit began after the others; nil for none.
    /// O(labels).
    private func labelIndex(task: Int, cell: Int) -> Int? {
        for (labels, first) in [(fresh, labelled.count), (labelled, 0)] {
            for n in (0..<labels.count).reversed() where labels.task[n] == Int32(task) && labels.cell[n] == Int32(cell)
            {
                return first + n
            }
        }
        return nil
    }

    /// New tasks, after the others; they take no part in the calibration. O(N C + K S kinds).
    public mutating func addTasks(contexts new: [Int]) {
        precondition(new.allSatisfy { $0 >= 0 }, "Pooled.addTasks: a task has a negative context")
        giveUpRefit()
        let before = context.count
        context += new
        let more = max(contexts, (new.max() ?? 0) + 1) - contexts
        contexts += more
        if more > 0 {
            for n in 0..<labelled.count {
                let worker = Int(labelled.cell[n]) / (contexts - more)
                labelled.cell[n] = Int32(
                    workforce.cellAfterAdding(more, worker: worker, context: context[Int(labelled.task[n])]))
            }
            workforce.addContexts(more)
        }
        pairs = pairs.rearranged(segments: [context.count], old: context.indices.map { $0 < before ? $0 : nil })
        soft?.add(tasks: new.count, contexts: more)
        prior += freshPrior(more)
        for s in new { score += prior[s * states..<(s + 1) * states] }
        gold += [Int32](repeating: -1, count: new.count)
        outstanding += [Int32](repeating: 0, count: new.count)
        if !other.logOdds.isEmpty { other.logOdds += [Double](repeating: 0, count: new.count) }
        var order = (Int32(before)..<Int32(context.count)).map { $0 }
        stream.shuffle(&order)
        ranks += order
        if !eligible.isEmpty { eligible += new.map { _ in (0..<Int32(workerCount)).map { $0 } } }
        nextRefresh = labelled.count + Self.pause(context.count, labelled.count)
        tournament = Tournament(order: ranks)
        reorder()
    }

    /// Makes the errors of a worker who has just joined go with those of others. A refit that is under way is given up;
    /// the next label begins another. O(labels + K).
    mutating func relate(_ worker: Int, to others: [Int]) {
        guard !others.isEmpty else { return }
        if !begun.isEmpty {
            giveUpRefit()
            nextRefresh = labelCount
        }
        if kin.isEmpty { labelled.power = [Double](repeating: 1, count: labelled.count) }
        let pairs = others.map { ($0, worker) }
        families = families.adding(pairs, workers: workerCount)
        kin = kin.adding(pairs, workers: workerCount)
    }

    /// Another limit of the budget. O(1).
    /// - Throws: `CSCError.invalid` if that is less than what is spent and committed.
    public mutating func setBudget(_ limit: Double) throws(CSCError) { try budget.setLimit(limit) }

    /// Whether this worker may be asked about this task, money and presence aside. O(pairs of the task).
    public func isOpen(task: Int, worker: Int) -> Bool {
        if calibration.isWaiting(task: task, worker: worker) { return true }
        return gold[task] < 0 && !isCertain(task) && pairs.find(task, worker: worker) == nil
    }
}
