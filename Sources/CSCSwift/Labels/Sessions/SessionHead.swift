/// The records with which a session begins: what `create` writes and every opening reads.
///
/// In this order: `session` (version, seed, budget, N', score, classes), `method` unless it is BBTA (`pooled` with its
/// version, without one in journals of older programs), `stop` with a
/// posterior unless it is 1, `lease` and `max-open` where there are any, `contexts`, one `task` a task with its context's number, one `gold` a task whose class is known
/// beforehand, `models` with their names and one `soft` a task and model with the classes' probabilities where models are
/// heard, one `worker` a worker with the price of a label, one `family` a family with the names of its workers or models where
/// there are any, `start` with the time.
struct SessionHead {
    var options = LabelSession.Options(budget: 0)
    var classes: [String] = []
    var contexts: [String] = []
    var tasks: [LabelingTask] = []
    var workers: [LabelingWorker] = []
    /// Tasks whose class an expert knows beforehand, with the class.
    var gold: [(task: String, label: String)] = []
    /// What models say of the tasks; nil: nothing.
    private(set) var soft: SoftLabels?
    /// Workers, or models, whose errors go together.
    private(set) var families: [LabelFamily] = []
    /// While the head is read: the models' names and what they say.
    private var models: [String] = []
    private var rows: [(task: String, model: Int, probabilities: [Double])] = []
    /// Whether all lines have been read.
    private(set) var isComplete = false

    /// What is written; version 1, of older programs, is read too. From 2 on a journal has `journal.end` from its beginning.
    private static let version = "2"

    /// Nothing yet: `take` reads it.
    init() {}

    /// A new session's.
    /// - Throws: `CSCError.invalid` where no session can start so.
    init(
        options: LabelSession.Options, tasks: [LabelingTask], contexts: [String], classes: [String],
        workers: [LabelingWorker], gold: [(task: String, label: String)], soft: SoftLabels?,
        families: [LabelFamily]
    ) throws(CSCError) {
        self.soft = soft
        self.families = families + Self.unnamed(soft, besides: families)
        self.options = options
        self.tasks = tasks
        self.contexts = contexts
        self.classes = classes
        self.workers = workers
        self.gold = gold
        try check()
        try LabelBudget.check(options.budget, "the budget")
        for worker in workers { try LabelBudget.check(worker.cost, "the price of worker '\(worker.id)'") }
    }

    /// Whether a journal of these bytes must have `journal.end` beside it: it is of version 2.
    static func keepsEnd(_ journal: [UInt8]) -> Bool { journal.starts(with: "session\t\(version)\t".utf8) }

    /// How the journal calls the scores.
    private static let scores: [(name: String, score: ExponentialWeights.Score)] = [
        ("margin", .margin), ("least-confidence", .leastConfidence),
    ]

    /// The lines of a session that starts at this time, in seconds since 1970.
    func lines(startedAt time: Double) -> [[String]] {
        let score = Self.scores.first { $0.score == options.score }!.name
        var lines = [
            ["session", Self.version, "\(options.seed)", "\(options.budget)", "\(options.explore)", score] + classes
        ]
        if options.method != .bbta {
            let version = options.method == .pooled && options.pooledVersion != 1 ? ["\(options.pooledVersion)"] : []
            lines.append(["method", options.method.rawValue] + version)
        }
        if options.stopAt < 1 { lines.append(["stop", "\(options.stopAt)"]) }
        if let lease = options.lease { lines.append(["lease", "\(lease)"]) }
        if let maxOpen = options.maxOpen { lines.append(["max-open", "\(maxOpen)"]) }
        lines.append(["contexts"] + contexts)
        for task in tasks { lines.append(["task", task.id, "\(task.context)"]) }
        for known in gold { lines.append(["gold", known.task, known.label]) }
        if let soft {
            lines.append(["models"] + soft.models)
            for row in 0..<soft.count {
                let p = soft.probability[row * soft.classCount..<(row + 1) * soft.classCount]
                lines.append(["soft", tasks[Int(soft.task[row])].id, "\(soft.model[row])"] + p.map { "\($0)" })
            }
        }
        for worker in workers { lines.append(["worker", worker.id, "\(worker.cost)"]) }
        for family in families { lines.append(["family", family.name] + family.members) }
        lines.append(["start", "\(time)"])
        return lines
    }

    /// Takes the next line; the last one makes the head complete and is followed by the checks of `check`.
    /// - Throws: `CSCError.invalid` with what is wrong with the line.
    mutating func take(_ fields: [Substring]) throws(CSCError) {
        let stranger = CSCError.invalid("is not part of a session's beginning")
        guard classes.isEmpty == (fields[0] == "session") else { throw stranger }
        switch fields[0] {
        case "session":
            guard fields.count > 6, fields[1] == "1" || fields[1] == Self.version else { throw stranger }
            guard let seed = UInt64(fields[2]), let budget = Double(fields[3]), let explore = Int(fields[4]) else {
                throw .invalid("has a seed, a budget or an N' that is no number")
            }
            let name = String(fields[5]), names = Self.scores.map(\.name)
            guard let score = Self.scores.first(where: { $0.name == name })?.score else {
                throw .invalid(
                    "names the score '\(name)', which is none of \(names.joined(separator: ", "))"
                        + Spelling.hint(for: name, among: names))
            }
            // A journal without a line `method` is one of BBTA.
            options = LabelSession.Options(method: .bbta, budget: budget, explore: explore, score: score, seed: seed)
            classes = fields[6...].map(String.init)
        case "method":
            guard fields.count == 2 || fields.count == 3 else { throw stranger }
            let name = String(fields[1]), names = AssignmentMethod.allCases.map(\.rawValue)
            guard let method = AssignmentMethod(rawValue: name) else {
                throw .invalid(
                    "names the method '\(name)', which is none of \(names.joined(separator: ", "))"
                        + Spelling.hint(for: name, among: names))
            }
            if fields.count == 3, method != .pooled || fields[2] != "2" {
                throw .invalid("has version '\(fields[2])' of \(name), which this program does not know")
            }
            options.pooledVersion = fields.count == 3 ? 2 : 1
            options.method = method
        case "stop":
            guard fields.count == 2, let stopAt = Double(fields[1]) else { throw stranger }
            options.stopAt = stopAt
        case "lease":
            guard fields.count == 2, let lease = Double(fields[1]) else { throw stranger }
            options.lease = lease
        case "max-open":
            guard fields.count == 2, let most = Int(fields[1]) else { throw stranger }
            options.maxOpen = most
        case "gold":
            guard fields.count == 3 else { throw stranger }
            gold.append((String(fields[1]), String(fields[2])))
        case "models":
            guard models.isEmpty, fields.count >= 2 else { throw stranger }
            models = fields.dropFirst().map(String.init)
        case "soft":
            let numbers = fields.dropFirst(3).compactMap { Double($0) }
            guard fields.count == classes.count + 3, numbers.count == classes.count, let model = Int(fields[2]),
                models.indices.contains(model)
            else { throw stranger }
            rows.append((String(fields[1]), model, numbers))
        case "contexts": contexts = fields.dropFirst().map(String.init)
        case "task":
            guard fields.count == 3, let context = Int(fields[2]) else { throw stranger }
            tasks.append(LabelingTask(id: String(fields[1]), context: context))
        case "worker":
            guard fields.count == 3, let cost = Double(fields[2]) else { throw stranger }
            workers.append(LabelingWorker(id: String(fields[1]), cost: cost))
        case "family":
            guard fields.count >= 3 else { throw stranger }
            families.append(LabelFamily(name: String(fields[1]), members: fields.dropFirst(2).map(String.init)))
        case "start":
            do throws(CSCError) {
                try gatherSoft()
                try check()
            } catch { throw .invalid("ends a beginning in which \(error)") }
            isComplete = true
        default: throw stranger
        }
    }

    /// What models say, from the lines read.
    private mutating func gatherSoft() throws(CSCError) {
        guard !models.isEmpty else { return }
        var index = NameIndex(tasks.map(\.id))
        var known: [(task: Int, model: Int, probabilities: [Double])] = []
        for row in rows {
            guard let task = index.find(row.task) else { throw .invalid("soft: there is no task '\(row.task)'") }
            known.append((task, row.model, row.probabilities))
        }
        soft = try SoftLabels(models: models, rows: known, taskCount: tasks.count, classCount: classes.count)
        soft = soft.map { $0.families(LabelFamily.numbers(of: $0.models, in: families)) }
        (models, rows) = ([], [])
    }

    /// Whether a session can start so. O(names).
    /// - Throws: `CSCError.invalid` where it cannot, in a sentence.
    func check() throws(CSCError) {
        try Self.checkNames(tasks.map(\.id), "task")
        try Self.checkNames(contexts, "context")
        try Self.checkNames(classes, "class")
        try Self.checkNames(workers.map(\.id), "worker")
        for task in tasks where !contexts.indices.contains(task.context) {
            throw .invalid("task '\(task.id)' has context number \(task.context) of \(contexts.count)")
        }
        guard !tasks.isEmpty else { throw .invalid("a session needs at least one task") }
        guard classes.count >= 2 else { throw .invalid("a session needs at least two classes to choose from") }
        try LabelBudget.checkRange(options.budget, "the budget")
        for worker in workers { try LabelBudget.checkRange(worker.cost, "the price of worker '\(worker.id)'") }
        guard options.explore >= 0 else {
            throw .invalid("\(options.explore) tasks a context to explore is less than 0")
        }
        try options.checkSettings()
        try checkKnown()
        try checkSoft()
        try checkFamilies()
        guard options.explore > 0 else { return }
        guard !workers.isEmpty else {
            throw .invalid("exploring \(options.explore) tasks a context needs the workers at the start")
        }
        var sizes = [Int](repeating: 0, count: contexts.count)
        for task in tasks { sizes[task.context] += 1 }
        let first = sizes.reduce(0) { $0 + min($1, options.explore) }
        let price = Double(first) * workers.reduce(0) { $0 + $1.cost }
        guard price <= options.budget else {
            throw .invalid(
                "exploring \(Terminal.counted(first, "task")) with everyone costs \(Terminal.amount(price)), "
                    + "more than the budget \(Terminal.amount(options.budget))")
        }
    }

    /// Whether gold and early stopping fit the method, the tasks and the classes.
    private func checkKnown() throws(CSCError) {
        guard options.stopAt > 0.5, options.stopAt <= 1 else {
            throw .invalid("stopping at a posterior of \(options.stopAt): it is above 0.5 and at most 1")
        }
        if options.stopAt < 1 || !gold.isEmpty { try options.method.checkTakesGold() }
        var seen: Set<ExactName> = []
        let names = Set(tasks.map { ExactName($0.id) })
        for known in gold {
            guard names.contains(ExactName(known.task)) else {
                throw .invalid("gold: there is no task '\(known.task)'")
            }
            guard classes.contains(where: { ExactName.same($0, known.label) }) else {
                throw .invalid("gold: '\(known.label)' is not a class")
            }
            guard seen.insert(ExactName(known.task)).inserted else {
                throw .invalid("gold: task '\(known.task)' is named twice")
            }
        }
    }

    /// Whether what models say fits the method, the tasks, the classes and the workers.
    private func checkSoft() throws(CSCError) {
        guard let soft else { return }
        guard options.method == .pooled, options.pooledVersion != 1 else {
            throw .invalid("soft labels go with the method pooled: \(options.method.rawValue) has no use for them")
        }
        guard soft.taskCount == tasks.count, soft.classCount == classes.count else {
            throw .invalid("the soft labels are of \(soft.taskCount) tasks and \(soft.classCount) classes")
        }
        try Self.checkNames(soft.models, "model")
        let names = Set(workers.map { ExactName($0.id) })
        if let both = soft.models.first(where: { names.contains(ExactName($0)) }) {
            throw .invalid("'\(both)' is a worker and a model: leave one of them out")
        }
    }

    static func checkNames(_ names: [String], _ what: String) throws(CSCError) {
        var seen: Set<ExactName> = []
        for name in names {
            try LabelSession.checkName(name, what)
            guard seen.insert(ExactName(name)).inserted else { throw .invalid("there are two of \(what) '\(name)'") }
        }
    }
}

extension LabelBudget {
    /// Whether an amount can be counted: not negative, below 9e12, and a whole number of millionths, the unit in which
    /// budgets are kept. `what` begins the sentence.
    /// - Throws: `CSCError.invalid` where it cannot.
    public static func check(_ amount: Double, _ what: String) throws(CSCError) {
        try checkRange(amount, what)
        let micros = amount * 1e6
        guard abs(micros - micros.rounded()) <= 1e-9 + 1e-14 * micros else {
            throw .invalid(
                "\(what), \(amount), is not a whole number of millionths (0.000001), the smallest unit of money")
        }
    }

    /// The first half of `check`: what an existing journal may hold.
    static func checkRange(_ amount: Double, _ what: String) throws(CSCError) {
        guard amount >= 0, amount < 9e12 else { throw .invalid("\(what), \(amount), is not between 0 and 9e12") }
    }
}

extension LabelSession {
    /// Whether a session can have this name for a `what` (task, context, class, worker): not empty, no control characters.
    /// O(name).
    /// - Throws: `CSCError.invalid` where it cannot.
    public static func checkName(_ name: String, _ what: String) throws(CSCError) {
        guard !name.isEmpty else { throw .invalid("a \(what) has no name") }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
            let shown = String(name.unicodeScalars.map { $0.value >= 32 && $0.value != 127 ? Character($0) : "?" })
            throw .invalid("the name of \(what) '\(shown)' holds a tab, a line end or another control character")
        }
    }
}
