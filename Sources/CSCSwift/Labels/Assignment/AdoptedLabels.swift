/// Labels that were collected elsewhere, and have not been asked for. In the store of pairs they carry the probability 0
/// unless everyone labels their task.
extension LabelAssigner {
    /// What labels of these pairs cost, in millionths: what `adopt` checks before it changes anything.
    func priceOfAdopting(
        _ labels: [(label: Label, paid: Bool)], pairs: PairStore, row: (Int) -> Int, costs: [Int]
    ) throws(CSCError) -> Int {
        var seen: Set<UInt64> = []
        var price = 0
        for (label, paid) in labels {
            let task = Int(label.task), worker = Int(label.worker)
            guard (0..<taskCount).contains(task), (0..<workerCount).contains(worker),
                (0..<classCount).contains(Int(label.label)), pairs.find(row(task), worker: worker) == nil,
                seen.insert(UInt64(task) << 32 | UInt64(worker)).inserted
            else { throw .invalid("label \(label.label) of task \(task) by worker \(worker) cannot be adopted") }
            price += paid ? costs[worker] : 0
        }
        guard price <= budget.freeMicros else {
            throw .invalid("the labels cost \(price) millionths, \(budget.freeMicros) are free")
        }
        return price
    }
}

extension BBTA {
    /// Takes labels that were collected elsewhere, in this order; `paid` ones count as spent. Nobody was drawn for them,
    /// so no loss is divided by a probability: each counts as an appearance of its context, and a worker is charged 1
    /// where the label differs from the plurality of the adopted labels of its task, as in step 3. On a task that
    /// everyone labels first it counts as that phase's.
    ///
    /// However labels are spread over calls, the state after them is the same. O(labels of the tasks, and of their
    /// contexts once).
    /// - Throws: `CSCError.invalid`, and nothing is changed, where a pair does not exist, was asked or adopted already,
    ///   a label is not a class, or what is paid is not free.
    public mutating func adopt(_ labels: [(label: Label, paid: Bool)]) throws(CSCError) {
        let price = try priceOfAdopting(labels, pairs: pairs, row: { Int(position[$0]) }, costs: costs)
        budget.commit(price)
        budget.spend(price)
        for (label, _) in labels {
            let task = Int(label.task), worker = Int(label.worker), value = Int(label.label)
            let at = Int(position[task])
            if exploration.contains(task) {
                exploration.adopt(task: task, worker: worker)
                pairs.append(at, worker: worker, label: label.label, probability: 1)
                let change = exploration.record(task: task, label: value, seed: options.seed)
                charge(task: task, worker: worker, label: value, change: change, drawnWith: 1)
                continue
            }
            var counts = [Int](repeating: 0, count: classCount)
            for k in pairs.pairs(of: at) where pairs.probability(at, k) == 0 {
                let answer = Int(pairs.pair(at, k).label)
                if answer >= 0 { counts[answer] += 1 }
            }
            let before = plurality(counts, seed: options.seed, task: task)
            counts[value] += 1
            let after = plurality(counts, seed: options.seed, task: task)
            pairs.append(at, worker: worker, label: label.label, probability: 0)
            rows.appear(Int(context[task]))
            charge(task: task, worker: worker, label: value, change: (before, after), drawnWith: 0)
        }
        for s in Set(labels.map { Int(context[Int($0.label.task)]) }) {
            rows.refresh(s)
            rescore(span[s])
        }
    }
}

extension Pooled {
    /// Takes labels that were collected elsewhere, in this order, each as though it had just been answered; `paid` ones
    /// count as spent. On a task that everyone labels first it counts as that phase's. However labels are spread over
    /// calls, the state after them is the same. The cost of as many `record`s. O(labels + rescoring of their contexts).
    /// - Throws: `CSCError.invalid`, and nothing is changed, where a pair does not exist, was asked or adopted already,
    ///   a label is not a class, or what is paid is not free.
    public mutating func adopt(_ labels: [(label: Label, paid: Bool)]) throws(CSCError) {
        let price = try priceOfAdopting(labels, pairs: pairs, row: { $0 }, costs: costs)
        budget.commit(price)
        budget.spend(price)
        for (label, _) in labels {
            let task = Int(label.task), worker = Int(label.worker)
            if calibration.contains(task) { calibration.adopt(task: task, worker: worker) }
            pairs.append(task, worker: worker, label: label.label, probability: 0)
            learn(task: task, worker: worker, label: Int(label.label))
        }
    }
}
