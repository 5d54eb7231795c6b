/// What each event does to a session: the same for one that happens now and for one that is followed later.
extension LabelSession {
    /// Follows events that happened earlier, with the numbers of their records.
    /// - Throws: `CSCError.damaged` with the place of the first that cannot have happened.
    func follow(_ events: [(event: SessionEvent, number: Int)]) throws(CSCError) {
        var imports: [Import] = []  // one after the other: the state depends on their order alone
        var golden: [(task: Int, label: Int)] = []  // those of one call: everything is inferred anew once
        var added: [(task: String, context: String)] = []  // those of one call: their random order is drawn at once
        for (index, (event, number)) in events.enumerated() {
            let next = index + 1 < events.count ? events[index + 1].event : nil
            do throws(CSCError) {
                switch event {
                case .imported:
                    imports.append(try imported(event, number))
                    if case .imported? = next { continue }
                    try adopt(imports)
                    imports = []
                case .gold(let task, let label, _, let first):
                    golden.append(try known(task, label))
                    if case .gold(_, _, _, first)? = next { continue }
                    try takeGold(golden)
                    golden = []
                case .added(let task, let context, _, let first):
                    added.append((task, context))
                    if case .added(_, _, _, first)? = next { continue }
                    try SessionHead.checkNames(added.map(\.task), "task")
                    take(added)
                    added = []
                default: try follow(event, number)
                }
            } catch {
                throw .damaged(path: storage.place(of: number), reason: "line \(number): \(error)")
            }
        }
    }

    private func follow(_ event: SessionEvent, _ number: Int) throws(CSCError) {
        switch event {
        case .joined(let worker, let cost, let family):
            try LabelBudget.checkRange(cost, "a price")
            if let family { try check(family: family) }
            try admit(LabelingWorker(id: worker, cost: cost), family: family)
        case .asked(let task, let worker, let probability, let exploration, let time):
            let (i, j) = try pair(task, worker)
            guard ledger.status(i, j) == nil || ledger.status(i, j) == .offered else { throw stranger }
            let assignment = Assignment(task: i, worker: j, probability: probability, exploration: exploration)
            try engine?.apply(assignment)
            ledger.ask(assignment, id: number, at: time)
        case .answered(let task, let worker, let label, let time):
            guard let value = classIndex(label) else { throw stranger }
            try answer(try entry(task, worker), label: value, at: time)
        case .declined(let task, let worker, _): try withdraw(try entry(task, worker), declined: true)
        case .expired(let task, let worker, _): try withdraw(try entry(task, worker), declined: false)
        case .offered(let task, let worker, _): try offer(try entry(task, worker))
        case .corrected(let task, let worker, let label, _):
            guard let value = classIndex(label) else { throw stranger }
            try change(try entry(task, worker), to: value)
        case .budget(let limit, _):
            try LabelBudget.checkRange(limit, "a budget")
            try takeBudget(limit)
        case .barred(let worker, _), .unbarred(let worker, _):
            guard let j = workerIndex.find(worker) else { throw stranger }
            if case .barred = event { bar(j, true) } else { bar(j, false) }
        case .set(let setting, let value, _): try take(setting, value)
        case .refitted(let number, _):
            guard let refit = pooledRefit, refit.number == number else { throw stranger }
            try put(followed(refit))
        case .imported, .gold, .added: throw stranger  // taken by the caller
        }
    }

    private var stranger: CSCError { .invalid("this is not an event of this session") }

    private func pair(_ task: String, _ worker: String) throws(CSCError) -> (Int, Int) {
        guard let i = taskIndex.find(task), let j = workerIndex.find(worker) else { throw stranger }
        return (i, j)
    }

    private func entry(_ task: String, _ worker: String) throws(CSCError) -> Int {
        let (i, j) = try pair(task, worker)
        guard let entry = ledger.find(i, j) else { throw stranger }
        return entry
    }

    /// A line about an imported label.
    private func imported(_ event: SessionEvent, _ number: Int) throws(CSCError) -> Import {
        guard case .imported(let task, let worker, let label, let paid, let time) = event else { throw stranger }
        let (i, j) = try pair(task, worker)
        guard let value = classIndex(label) else { throw stranger }
        return Import(label: Label(task: i, worker: j, label: value), paid: paid, number: number, at: time)
    }

    private func known(_ task: String, _ label: String) throws(CSCError) -> (task: Int, label: Int) {
        guard options.method.takesGold, let i = taskIndex.find(task), let value = classIndex(label), gold[i] == nil
        else { throw stranger }
        return (i, value)
    }
}

/// The changes themselves: engine and ledger together.
extension LabelSession {
    /// A label from elsewhere.
    struct Import {
        let label: Label
        let paid: Bool
        /// The number of its record.
        let number: Int
        let at: Double
    }

    func admit(_ worker: LabelingWorker, family: String? = nil) throws(CSCError) {
        guard workerIndex.find(worker.id) == nil else { throw .invalid("worker '\(worker.id)' has joined already") }
        if engine == nil {
            startEngine([worker])
        } else {
            workerIndex.append(worker.id)
            workers.append(worker)
            barred.append(false)
            ledger.addWorker()
            _ = engine?.addWorker(cost: worker.cost)
        }
        if let family { enter(family: family) }
    }

    /// The answer to an outstanding question, or a late one to a question that lapsed, whose price is taken again.
    func answer(_ entry: Int, label: Int, at time: Double) throws(CSCError) {
        let i = Int(ledger.task[entry]), j = Int(ledger.worker[entry])
        switch ledger.status(of: entry) {
        case .asked: break
        case .expired, .offered:
            if ledger.status(of: entry) == .expired { try engine?.forget(task: i, worker: j) }
            try engine?.reinstate(
                Assignment(
                    task: i, worker: j, probability: ledger.probability[entry],
                    exploration: ledger.isExploration(entry)))
        case .answered, .declined: throw .invalid("this question has no answer to come")
        }
        try engine?.record(task: i, worker: j, label: label)
        ledger.answer(entry, label: label, at: time)
    }

    func withdraw(_ entry: Int, declined: Bool) throws(CSCError) {
        try engine?.decline(task: Int(ledger.task[entry]), worker: Int(ledger.worker[entry]))
        ledger.withdraw(entry, declined: declined)
    }

    /// A question that lapsed may be asked again.
    func offer(_ entry: Int) throws(CSCError) {
        guard ledger.status(of: entry) == .expired else { throw .invalid("this question has not lapsed") }
        try engine?.forget(task: Int(ledger.task[entry]), worker: Int(ledger.worker[entry]))
        ledger.offer(entry)
    }

    /// Labels from elsewhere, also of questions that were withdrawn.
    func adopt(_ imports: [Import]) throws(CSCError) {
        for each in imports {
            let i = Int(each.label.task), j = Int(each.label.worker)
            if let status = ledger.status(i, j), status == .declined || status == .expired {
                try engine?.forget(task: i, worker: j)
            }
        }
        try engine?.adopt(imports.map { ($0.label, $0.paid) })
        for each in imports { ledger.adopt(each.label, paid: each.paid, id: each.number, at: each.at) }
    }

    func change(_ entry: Int, to label: Int) throws(CSCError) {
        guard case .answered = ledger.status(of: entry) else { throw .invalid("there is no label to correct") }
        try engine?.correct(task: Int(ledger.task[entry]), worker: Int(ledger.worker[entry]), label: label)
        ledger.correct(entry, label: label)
    }

    func bar(_ worker: Int, _ isBarred: Bool) {
        barred[worker] = isBarred
        engine?.setPresent(!isBarred, worker: worker)
    }

    func takeBudget(_ limit: Double) throws(CSCError) {
        if engine == nil {
            var budget = budget
            try budget.setLimit(limit)
        }
        try engine?.setBudget(limit)
        options.budget = limit
    }

    /// New tasks, whose contexts go by their names.
    func take(_ added: [(task: String, context: String)]) {
        var numbers: [Int] = []
        for (task, context) in added {
            let s: Int
            if let known = contexts.firstIndex(where: { ExactName.same($0, context) }) {
                s = known
            } else {
                s = contexts.count
                contexts.append(context)
            }
            numbers.append(s)
            tasks.append(LabelingTask(id: task, context: s))
            taskIndex.append(task)
        }
        ledger.addTasks(added.count)
        soft?.addTasks(added.count)
        engine?.addTasks(contexts: numbers)
    }

    func take(_ setting: SessionSetting, _ value: Double?) throws(CSCError) {
        switch setting {
        case .lease: options.lease = value
        case .maxOpen: options.maxOpen = value.flatMap { Int(exactly: $0) }
        case .refitsAside:
            options.refitsAside = value == 1
            withPooled { $0.setRefitsAside(value == 1) }
        }
        try options.checkSettings()
    }
}
