/// Random assignment with majority vote, live: what most studies do, and what the other methods are compared with.
///
/// The next task is a random one of those with the fewest labels (outstanding questions count), asked of a random worker
/// who may be asked about it: every task gets its n-th label before any gets another, as far as the workers who are there
/// allow. Each decision draws from a stream of its own, so following one costs no draw.
///
/// A decision costs O(K) and, of the least labelled tasks, those about which everyone available was asked.
package struct RandomLabels: LabelAssigner {
    /// N: how many tasks there are.
    package private(set) var taskCount: Int
    /// K: how many workers there are, those who have left included.
    package private(set) var workerCount: Int
    /// C: how many classes there are.
    package let classCount: Int
    /// What may be spent and what of it is spent, committed and free.
    package private(set) var budget: LabelBudget
    private let seed: UInt64
    private var costs: [Int]
    private var present: [Bool]
    private var pairs: PairStore
    /// [N, C]: how many labels of each class a task has.
    private var votes: [Int32]
    /// How many labels and outstanding questions each task has, the tasks of each such number, and each task's place there.
    private var level: [Int32]
    private var byLevel: [[Int32]]
    private var place: [Int32]
    /// How many decisions were made.
    private var step: UInt64 = 0
    /// Who may be asked about each task; empty where everyone may.
    private var eligible: [[Int32]] = []

    /// No labels yet. O(N).
    /// - Precondition: C >= 2; a budget that `LabelBudget` takes.
    package init(tasks: Int, workerCosts: [Double], classes: Int, budget: Double, seed: UInt64) {
        precondition(tasks >= 0 && classes >= 2, "RandomLabels: \(tasks) tasks, \(classes) classes")
        taskCount = tasks
        workerCount = workerCosts.count
        classCount = classes
        self.budget = LabelBudget(limit: budget)
        self.seed = seed
        costs = workerCosts.map(LabelBudget.micros)
        present = [Bool](repeating: true, count: workerCosts.count)
        pairs = PairStore(segments: [tasks])
        votes = [Int32](repeating: 0, count: tasks * classes)
        level = [Int32](repeating: 0, count: tasks)
        byLevel = [(0..<Int32(tasks)).map { $0 }]
        place = byLevel[0]
    }

    // MARK: Deciding

    /// See `LabelAssigner`.
    package mutating func next(available: [Int]?) -> Assignment? {
        let free = budget.freeMicros
        let who = (available ?? Array(0..<workerCount)).filter { present[$0] && costs[$0] <= free }
        guard !who.isEmpty else { return nil }
        var stream = RandomStream(seed: seed, purpose: .labelAssignment, index: step)
        for tasks in byLevel where !tasks.isEmpty {
            let first = stream.index(below: tasks.count)
            for k in tasks.indices {
                let task = Int(tasks[(first + k) % tasks.count])
                let left = who.filter { isOpen(task: task, worker: $0) }
                guard !left.isEmpty else { continue }
                let found = Assignment(
                    task: task, worker: left[stream.index(below: left.count)], probability: 1 / Double(left.count))
                step += 1
                take(found)
                return found
            }
        }
        return nil
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func apply(_ assignment: Assignment) throws(CSCError) {
        try checkFree(assignment)
        guard assignment.probability > 0, assignment.probability <= 1, !assignment.exploration else {
            throw .invalid("assigning task \(assignment.task) to worker \(assignment.worker) does not follow")
        }
        step += 1
        take(assignment)
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func reinstate(_ assignment: Assignment) throws(CSCError) {
        try checkFree(assignment)
        take(assignment)
    }

    private func checkFree(_ pair: Assignment) throws(CSCError) {
        guard exists(pair.task, pair.worker), pairs.find(pair.task, worker: pair.worker) == nil,
            costs[pair.worker] <= budget.freeMicros
        else {
            throw .invalid("task \(pair.task) cannot be assigned to worker \(pair.worker) now")
        }
    }

    private func exists(_ task: Int, _ worker: Int) -> Bool {
        (0..<taskCount).contains(task) && (0..<workerCount).contains(worker)
    }

    private mutating func take(_ pair: Assignment) {
        budget.commit(costs[pair.worker])
        pairs.append(pair.task, worker: pair.worker, label: PairStore.pending, probability: pair.probability)
        move(pair.task, by: 1)
    }

    /// A task has one label or question more or less.
    private mutating func move(_ task: Int, by change: Int32) {
        let from = Int(level[task]), at = Int(place[task]), to = from + Int(change)
        let last = byLevel[from].removeLast()
        if Int(last) != task {
            byLevel[from][at] = last
            place[Int(last)] = Int32(at)
        }
        while byLevel.count <= to { byLevel.append([]) }
        place[task] = Int32(byLevel[to].count)
        byLevel[to].append(Int32(task))
        level[task] = Int32(to)
    }

    // MARK: Answers

    private func pair(_ task: Int, _ worker: Int, where fits: (Int32) -> Bool) throws(CSCError) -> Int {
        guard exists(task, worker), let index = pairs.find(task, worker: worker), fits(pairs.pair(task, index).label)
        else { throw .invalid("task \(task) and worker \(worker) have no such question or label") }
        return index
    }

    private func checkClass(_ label: Int) throws(CSCError) {
        guard (0..<classCount).contains(label) else {
            throw .invalid("label \(label) is not a class: 0 ..< \(classCount)")
        }
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func record(task: Int, worker: Int, label: Int) throws(CSCError) {
        let index = try pair(task, worker) { $0 == PairStore.pending }
        try checkClass(label)
        pairs.setLabel(Int32(label), task, index)
        budget.spend(costs[worker])
        votes[task * classCount + label] += 1
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func decline(task: Int, worker: Int) throws(CSCError) {
        let index = try pair(task, worker) { $0 == PairStore.pending }
        pairs.setLabel(PairStore.declined, task, index)
        budget.release(costs[worker])
        move(task, by: -1)
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func forget(task: Int, worker: Int) throws(CSCError) {
        pairs.remove(task, try pair(task, worker) { $0 == PairStore.declined })
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package mutating func correct(task: Int, worker: Int, label: Int) throws(CSCError) {
        let index = try pair(task, worker) { $0 >= 0 }
        try checkClass(label)
        votes[task * classCount + Int(pairs.pair(task, index).label)] -= 1
        pairs.setLabel(Int32(label), task, index)
        votes[task * classCount + label] += 1
    }

    /// See `LabelAssigner`. O(pairs of the tasks).
    package mutating func adopt(_ labels: [(label: Label, paid: Bool)]) throws(CSCError) {
        let price = try priceOfAdopting(labels, pairs: pairs, row: { $0 }, costs: costs)
        budget.commit(price)
        budget.spend(price)
        for (label, _) in labels {
            let task = Int(label.task)
            pairs.append(task, worker: Int(label.worker), label: label.label, probability: 0)
            votes[task * classCount + Int(label.label)] += 1
            move(task, by: 1)
        }
    }

    // MARK: Steering

    /// See `LabelAssigner`. O(N + pairs).
    package mutating func addTasks(contexts: [Int]) {
        let before = taskCount, more = contexts.count
        taskCount += more
        pairs = pairs.rearranged(segments: [taskCount], old: (0..<taskCount).map { $0 < before ? $0 : nil })
        votes += [Int32](repeating: 0, count: more * classCount)
        level += [Int32](repeating: 0, count: more)
        for task in before..<taskCount {
            place.append(Int32(byLevel[0].count))
            byLevel[0].append(Int32(task))
        }
        if !eligible.isEmpty { eligible += contexts.map { _ in (0..<Int32(workerCount)).map { $0 } } }
    }

    /// See `LabelAssigner`. O(1).
    package mutating func setBudget(_ limit: Double) throws(CSCError) { try budget.setLimit(limit) }

    /// See `LabelAssigner`. O(1).
    package mutating func addWorker(cost: Double) -> Int {
        costs.append(LabelBudget.micros(cost))
        present.append(true)
        workerCount += 1
        return workerCount - 1
    }

    /// See `LabelAssigner`. O(1).
    package mutating func setPresent(_ isPresent: Bool, worker: Int) { present[worker] = isPresent }

    /// See `SequentialAssigner`. O(eligible pairs).
    package mutating func restrict(to eligible: [[Int32]]) {
        precondition(eligible.count == taskCount, "RandomLabels: \(eligible.count) lists for \(taskCount) tasks")
        self.eligible = eligible
    }

    /// See `LabelAssigner`. O(pairs of the task).
    package func isOpen(task: Int, worker: Int) -> Bool {
        (eligible.isEmpty || eligible[task].contains(Int32(worker))) && pairs.find(task, worker: worker) == nil
    }

    // MARK: Results

    /// The majority class of each task, [N]; ties, and tasks without labels, by a coin of the seed. O(N C).
    package var labels: [Int] {
        (0..<taskCount).map { task in
            let row = votes[task * classCount..<(task + 1) * classCount], top = row.max() ?? 0
            let tied = (0..<classCount).filter { row[task * classCount + $0] == top }
            let given = row.reduce(0) { $0 + Int($1) }
            return tied.count == 1 ? tied[0] : tied[tieCoin(seed: seed, task: task, pairs: given, among: tied.count)]
        }
    }

    /// [N]: (votes of the majority + 1) / (votes + C), the share with one vote more for each class; 1 / C without labels.
    /// O(N C).
    package var confidence: [Double] {
        (0..<taskCount).map { task in
            let row = votes[task * classCount..<(task + 1) * classCount]
            let given = row.reduce(0) { $0 + Int($1) }
            return Double((row.max() ?? 0) + 1) / Double(given + classCount)
        }
    }

    /// The labels taken so far, task by task. O(N + pairs).
    package var answers: [Label] { pairs.answers(rows: (0..<Int32(taskCount)).map { $0 }) }
}
