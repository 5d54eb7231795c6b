/// What a session says of itself.
extension LabelSession {
    /// Questions that have been asked and neither answered nor withdrawn, oldest first.
    public var outstanding: [Question] {
        outstandingKeys.compactMap { pairs[$0] }.sorted { $0.line < $1.line }.map(\.question)
    }

    /// How many questions are outstanding. O(1).
    public var outstandingCount: Int { outstandingKeys.count }

    /// The budget and what has become of it.
    public var budget: LabelBudget { engine?.budget ?? LabelBudget(limit: options.budget) }

    /// How many labels have been recorded or imported.
    public var labelCount: Int { labelCounts.reduce(0, +) }

    /// The present estimate for each task, by the engine.
    public var answers: [Answer] {
        let labels = engine?.labels, confidence = engine?.confidence
        return tasks.indices.map { task in
            let known = gold[task].map { classes[$0] }
            return Answer(
                task: tasks[task].id,
                label: known ?? (labelCounts[task] == 0 ? nil : labels.map { classes[$0[task]] }),
                confidence: known != nil ? 1 : confidence?[task] ?? 0, labels: labelCounts[task])
        }
    }

    /// The labels so far, for the aggregators.
    public var table: LabelTable {
        LabelTable(
            tasks: tasks, workers: workers, contexts: contexts, classes: classes, labels: engine?.answers ?? [])
    }

    /// What became of a pair; nil where it was neither asked nor imported.
    func fate(_ task: Int, _ worker: Int) -> Fate? { pairs[Self.key(task, worker)]?.fate }

    /// Why `next` gives nothing to these workers now, if it gives nothing; nil for `names` means everyone. O(N workers).
    public func hindrance(workers names: [String]?) -> Hindrance {
        let prices = (names?.compactMap { workerIndex[$0] } ?? Array(workers.indices)).map { workers[$0].cost }
        guard let cheapest = prices.min() else { return .nobody }
        guard budget.free < cheapest else { return settledStandsInTheWay(of: names) ? .settled : .allAsked }
        return budget.committed > 0 ? .budgetSetAside : .budgetSpent
    }

    /// The same as a sentence.
    public func reason(workers names: [String]?) -> String {
        let prices = (names?.compactMap { workerIndex[$0] } ?? Array(workers.indices)).map { workers[$0].cost }
        let left =
            "what is left of the budget (\(Terminal.amount(budget.free))) is less than the cheapest label "
            + "(\(Terminal.amount(prices.min() ?? 0)))"
        switch hindrance(workers: names) {
        case .nobody: return workers.isEmpty ? "nobody has joined" : "none of these workers has joined"
        case .budgetSetAside:
            return left + "; \(Terminal.amount(budget.committed)) is set aside for "
                + Terminal.counted(outstandingCount, "outstanding question")
        case .budgetSpent: return budget.free == 0 ? "the budget is spent" : left
        case .settled:
            let why =
                options.stopAt < 1
                ? "gold, or its label has reached the posterior \(Terminal.amount(options.stopAt))" : "gold"
            return "every task that is left to \(names == nil ? "ask about" : "ask these workers about") is settled: "
                + "\(why); \(Terminal.amount(budget.free)) of the budget is left"
        case .allAsked:
            return (names == nil ? "everyone has" : "these workers have")
                + " been asked about every task that is open to them"
        }
    }
}

/// Whether a label fits the session: what `record` and the readers of tables share.
extension LabelSession {
    func index(ofTask name: String) throws(Refusal) -> Int {
        if let index = taskIndex[name] { return index }
        throw Refusal(
            field: .task,
            reason: "there is no task '\(name)' in this session",
            hint: { [tasks] in Spelling.hint(for: name, among: tasks.lazy.prefix(10_000).map(\.id)) })
    }

    func index(ofWorker name: String) throws(Refusal) -> Int {
        if let index = workerIndex[name] { return index }
        throw Refusal(
            field: .worker,
            reason: "there is no worker '\(name)' in this session",
            hint: { [workers] in Spelling.hint(for: name, among: workers.lazy.prefix(10_000).map(\.id)) })
    }

    func index(ofLabel name: String) throws(Refusal) -> Int {
        if let index = classIndex[name] { return index }
        throw Refusal(
            field: .label,
            reason: "'\(name)' is not a class of this session (\(classes.joined(separator: ", ")))",
            hint: { [classes] in Spelling.hint(for: name, among: classes) })
    }

    func notAsked(_ task: String, _ worker: String) -> String {
        "worker '\(worker)' was not asked about task '\(task)'"
    }

    /// The refusal of a label for a pair that has one already.
    func standing(_ first: Int, _ task: String, _ worker: String, _ label: String) -> Refusal {
        Refusal(
            field: .label,
            reason: "worker '\(worker)' has answered '\(classes[first])' on task '\(task)' already; "
                + "the first answer stands and '\(label)' was not recorded")
    }

    /// The refusal of a label for a question that was withdrawn; nil for other fates.
    func withdrawn(_ fate: Fate?, _ task: String, _ worker: String) -> Refusal? {
        guard fate == .declined || fate == .expired else { return nil }
        let how = fate == .declined ? "was declined" : "has expired"
        return Refusal(
            field: .task,
            reason: "the question to worker '\(worker)' about task '\(task)' \(how); the answer was not recorded")
    }

    /// What recording this answer would do; nothing is changed. O(1).
    func reply(_ task: String, _ worker: String, _ label: String) throws(Refusal) -> (label: Label, outcome: Recorded) {
        let value = try index(ofLabel: label)
        let i = try index(ofTask: task), j = try index(ofWorker: worker)
        let answer = Label(task: i, worker: j, label: value)
        switch fate(i, j) {
        case .asked: return (answer, .new)
        case .answered(value): return (answer, .known)
        case .answered(let first): throw standing(first, task, worker, label)
        case .declined, .expired, nil:
            throw withdrawn(fate(i, j), task, worker)
                ?? Refusal(field: .task, reason: notAsked(task, worker))
        }
    }
}
