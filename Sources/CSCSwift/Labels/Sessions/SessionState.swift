/// What a session says of itself.
extension LabelSession {
    /// Questions that have been asked and neither answered nor withdrawn, oldest first. O(open questions).
    public var outstanding: [Question] { ledger.open.map { question(Int($0)) } }

    /// How many questions are outstanding. O(1).
    public var outstandingCount: Int { ledger.open.count }

    /// How many seconds a question has been outstanding, by the session's clock. O(1).
    public func age(of question: Question) -> Double { max(0, clock() - question.askedAt) }

    /// The budget and what has become of it.
    public var budget: LabelBudget { engine?.budget ?? LabelBudget(limit: options.budget) }

    /// How many labels have been recorded or imported. O(tasks).
    public var labelCount: Int { ledger.labelCounts.reduce(0, +) }

    /// Who is barred from being asked, in the order of joining. O(workers).
    public var barredWorkers: [LabelingWorker] { workers.indices.filter { barred[$0] }.map { workers[$0] } }

    /// What the session's model has found out about the workers, in a sentence; nil before the first label and for methods
    /// without such a model.
    public var findings: String? { labelCount == 0 ? nil : (engine as? Pooled)?.findings }

    /// The present estimate for each task, by the engine. O(tasks), and the engine's labels.
    public var answers: [Answer] {
        let labels = engine?.labels, confidence = engine?.confidence
        let pooled = engine as? Pooled
        return tasks.indices.map { task in
            let known = gold[task].map { classes[$0] }
            return Answer(
                task: tasks[task].id,
                label: known
                    ?? (ledger.labelCounts[task] == 0 && pooled?.soft?.speaks(of: task) != true
                        ? nil : labels.map { classes[$0[task]] }),
                confidence: known != nil ? 1 : confidence?[task] ?? 0, labels: ledger.labelCounts[task])
        }
    }

    /// The labels so far, for the aggregators, and what models say.
    public var table: LabelTable {
        var table = LabelTable(
            tasks: tasks, workers: workers, contexts: contexts, classes: classes, labels: engine?.answers ?? [])
        table.soft = soft
        return table
    }

    /// What has been found out about the models of the session, in the order of their names. The quality is that of their
    /// most probable class, by gold labels and by the posterior, on tasks that workers or an expert have labelled.
    /// O(N C + rows C).
    public var models: [SoftModel] {
        guard let soft else { return [] }
        let pooled = engine as? Pooled
        let posterior = pooled?.posterior ?? [Double](repeating: 0, count: tasks.count * classes.count)
        let truth = tasks.indices.map { gold[$0] }
        let heard = tasks.indices.map { ledger.labelCounts[$0] > 0 || gold[$0] != nil }
        let qualities = soft.qualities(posterior: posterior, truth: truth, counted: heard)
        let weights = pooled?.softWeights ?? []
        let counts = soft.counts
        return soft.models.indices.map { m in
            SoftModel(
                name: soft.models[m], tasks: counts[m], weight: weights.isEmpty ? nil : weights[m],
                quality: qualities[m])
        }
    }

    /// Why `ask` gives nothing new to these workers now, if it gives nothing; nil for `names` means everyone. O(N workers).
    public func blockReason(workers names: [String]?) -> BlockReason {
        why(indices(names), isEveryone: names == nil, cap: options.maxOpen ?? .max).0 ?? .allAsked
    }

    /// The same as a sentence.
    public func reason(workers names: [String]?) -> String {
        why(indices(names), isEveryone: names == nil, cap: options.maxOpen ?? .max).1 ?? ""
    }

    private func indices(_ names: [String]?) -> [Int] {
        guard let names else { return Array(workers.indices) }
        return names.compactMap { workerIndex.find($0) }
    }

    /// Why nothing new can be asked of these workers, as a code and a sentence. `sparing`: something was asked just now, so
    /// the search for what is left may be short. O(N workers).
    func why(_ present: [Int], isEveryone: Bool, cap: Int, sparing: Bool = false) -> (BlockReason?, String?) {
        let who = isEveryone ? "everyone has" : "these workers have"
        guard !present.isEmpty else {
            return (.nobody, workers.isEmpty ? "nobody has joined" : "none of these workers has joined")
        }
        let allowed = present.filter { !barred[$0] }
        guard !allowed.isEmpty else { return (.barred, isEveryone ? "everyone is barred" : "these workers are barred") }
        let below = allowed.filter { ledger.openCount[$0] < cap }
        let free = budget.freeMicros, prices = allowed.map { LabelBudget.micros(workers[$0].cost) }
        if free < prices.min() ?? 0 { return money(prices.min() ?? 0) }
        let waiting = below.filter { j in
            LabelBudget.micros(workers[j].cost) > free && tasks.indices.contains { isOpen($0, j) }
        }
        if let cheapest = waiting.map({ LabelBudget.micros(workers[$0].cost) }).min() { return money(cheapest) }
        if below.count < allowed.count {
            let other = below.isEmpty ? "" : "the others have been asked about everything, and "
            return (
                .maxOpen,
                "\(other)\(below.isEmpty ? who : "the rest have") as many questions open as a worker may have (\(cap))"
            )
        }
        if settledStandsInTheWay(of: allowed) {
            let why =
                options.stopAt < 1
                ? "gold, or its label has reached the posterior \(Terminal.amount(options.stopAt))" : "gold"
            return (
                .settled,
                "every task that is left to \(isEveryone ? "ask about" : "ask these workers about") is settled: "
                    + "\(why); \(Terminal.amount(budget.free)) of the budget is left"
            )
        }
        let open = allowed.reduce(0) { $0 + Int(ledger.openCount[$1]) }
        return (
            .allAsked,
            who + " been asked about every task that is open to them"
                + (open > 0
                    ? "; \(Terminal.counted(open, "question")) of theirs \(open == 1 ? "is" : "are") outstanding" : "")
        )
    }

    /// The budget does not suffice for a label of this price.
    private func money(_ price: Int) -> (BlockReason, String) {
        let left =
            "what is left of the budget (\(Terminal.amount(budget.free))) is less than the cheapest label "
            + "(\(Terminal.amount(Double(price) / 1e6)))"
        if budget.committed > 0 {
            return (
                .budgetSetAside,
                left + "; \(Terminal.amount(budget.committed)) is set aside for "
                    + Terminal.counted(outstandingCount, "outstanding question")
            )
        }
        return (.budgetSpent, budget.free == 0 ? "the budget is spent" : left)
    }

    /// Whether a worker may be asked about a task, or could be again because the question lapsed.
    private func isOpen(_ i: Int, _ j: Int) -> Bool {
        engine?.isOpen(task: i, worker: j) == true || ledger.status(i, j) == .expired
    }
}

/// Whether a label fits the session: what `record` and the readers of tables share.
extension LabelSession {
    func index(ofTask name: String) throws(Refusal) -> Int {
        if let index = taskIndex.find(name) { return index }
        throw Refusal(
            field: .task, code: "unknown-task",
            reason: "there is no task '\(name)' in this session",
            hint: { [tasks] in Spelling.hint(for: name, among: tasks.lazy.prefix(10_000).map(\.id)) })
    }

    func index(ofWorker name: String) throws(Refusal) -> Int {
        if let index = workerIndex.find(name) { return index }
        throw Refusal(
            field: .worker, code: "unknown-worker",
            reason: "there is no worker '\(name)' in this session",
            hint: { [workers] in Spelling.hint(for: name, among: workers.lazy.prefix(10_000).map(\.id)) })
    }

    func index(ofLabel name: String) throws(Refusal) -> Int {
        if let index = classIndex(name) { return index }
        throw Refusal(
            field: .label, code: "unknown-class",
            reason: "'\(name)' is not a class of this session (\(Terminal.list(classes)))",
            hint: { [classes] in Spelling.hint(for: name, among: classes) })
    }

    func notAsked(_ task: String, _ worker: String) -> String {
        "worker '\(worker)' was not asked about task '\(task)'"
    }

    /// The refusal of a label for a pair that has one already.
    func standing(_ first: Int, _ task: String, _ worker: String, _ label: String) -> Refusal {
        Refusal(
            field: .label, code: "answered",
            reason: "worker '\(worker)' has answered '\(classes[first])' on task '\(task)' already; "
                + "the first answer stands and '\(label)' was not recorded")
    }

    /// What recording this answer would do; nothing is changed. `taken`: what late answers of the same batch cost already,
    /// in millionths. O(entries of the task).
    func reply(_ task: String, _ worker: String, _ label: String, taken: Int = 0) throws(Refusal) -> Reply {
        let value = try index(ofLabel: label)
        let i = try index(ofTask: task), j = try index(ofWorker: worker)
        guard let entry = ledger.find(i, j) else {
            throw Refusal(field: .task, code: "not-asked", reason: notAsked(task, worker))
        }
        switch ledger.status(of: entry) {
        case .asked: return Reply(entry: entry, label: value, outcome: .new)
        case .answered(value): return Reply(entry: entry, label: value, outcome: .known)
        case .answered(let first): throw standing(first, task, worker, label)
        case .declined:
            throw Refusal(
                field: .task, code: "declined",
                reason: "the question to worker '\(worker)' about task '\(task)' was declined; the answer was not "
                    + "recorded (label import takes it)")
        case .expired, .offered:
            let price = LabelBudget.micros(workers[j].cost), free = budget.freeMicros - taken
            guard price <= free else {
                throw Refusal(
                    field: .task, code: "expired",
                    reason: "the question to worker '\(worker)' about task '\(task)' has expired, and its price "
                        + "(\(Terminal.amount(workers[j].cost))) is not free any more "
                        + "(\(Terminal.amount(Double(free) / 1e6)) of the budget is); the answer was not recorded")
            }
            return Reply(entry: entry, label: value, outcome: .new, price: price)
        }
    }
}

/// Who is in the session.
extension LabelSession {
    /// Whether a worker of this name has joined. O(1).
    public func hasJoined(_ worker: String) -> Bool { workerIndex.find(worker) != nil }
}
