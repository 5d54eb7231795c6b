internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label plan`.
struct LabelPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say by simulation what accuracy a budget buys.",
        discussion: """
            Simulates whole sessions with the engine of live sessions, from the first label on, on tasks of equally \
            likely classes. A task without a label counts as guessed.

            Without a session, the workers' accuracies are drawn uniformly from --accuracy. With a session's folder, \
            its tasks, workers and prices are taken; the accuracies are drawn from what the labels of tasks with two or \
            more say of them (one-coin Dawid-Skene, by context), starting from a belief as wide as 0.55-0.9, so that \
            before any label the plan is that of unknown workers. --accuracy takes the place of both. Members of a \
            family are supposed to be right and wrong together. What models say (--soft of init) is not in such a plan.

            --crew, repeated, shows each crew alone and all together: NAME=COUNT@PRICE:LOW-HIGH[:CORRELATION] are workers, \
            NAME=soft@PRICE:LOW-HIGH[:OVERCONFIDENCE] is a model that gives class probabilities beforehand, as --soft of \
            init. Its price is of a task, and all tasks are paid before anybody is asked; where a budget does not reach for \
            it, it is left out. It is calibrated, its most probable class right with an accuracy of the range; an \
            overconfidence of 2 doubles its log-probabilities.
            """)

    @Argument(help: "A session's folder; otherwise give --tasks and --workers.") var folder: String?
    @Option(help: "How many tasks (100 if left out).", transform: Limits.labelTasks.parse) var tasks: Int?
    @Option(help: "Into how many contexts of equal size they fall (1).", transform: Limits.labelTasks.parse)
    var contexts: Int?
    @Option(help: "How many workers (10).", transform: Limits.labelWorkers.parse) var workers: Int?
    @Option(help: "How many classes (2).", transform: Limits.classes.parse) var classes: Int?
    @Option(help: "The range of the workers' accuracies, such as 0.55-0.9.") var accuracy: String?
    @Option(help: "What a label costs (1).") var cost: Double?
    @Option(help: "The budgets to try, separated by commas; 1, 2, 3, 5, 8, 15 labels a task if left out.")
    var budgets: String?
    @Option(help: "How many tasks of each context everyone labels first (0).", transform: Limits.explore.parse)
    var explore: Int?
    @Option(
        help: ArgumentHelp(
            "A crew NAME=COUNT@PRICE:LOW-HIGH[:CORRELATION], or a model NAME=soft@PRICE:LOW-HIGH[:OVERCONFIDENCE]; repeat it "
                + "to see which mix buys the accuracy.",
            valueName: "crew"))
    var crew: [String] = []
    @Option(help: "Who decides (pooled): \(AssignmentMethod.list).") var method: String?
    @Option(
        help: "With --method pooled: how many tasks' class an expert tells, drawn anew in each session (0).",
        transform: Limits.explore.parse)
    var gold: Int?
    @Option(name: .customLong("stop-at"), help: "With --method pooled: the posterior at which a task is settled.")
    var stopAt: Double?
    @Option(
        help: "How many simulated sessions; if left out, so many that they hold 20,000 tasks, 20 to 1000.",
        transform: Limits.runs.parse)
    var runs: Int?
    @Option(help: "Decides every draw.") var seed: UInt64 = 0
    @Flag(help: "Answer in JSON, one line.") var json = false

    func validate() throws {
        let pooled = try method.map { try AssignmentMethod(option: $0).takesGold } ?? true
        try checkKnown(gold: gold ?? 0 > 0, stopAt: stopAt, pooled: pooled)
        if let cost {
            try checkAmount(cost, "--cost")
            guard cost > 0 else { throw ValidationError("--cost must be more than 0.") }
        }
        if folder != nil {
            let given = [
                ("--tasks", tasks != nil), ("--contexts", contexts != nil), ("--workers", workers != nil),
                ("--classes", classes != nil), ("--cost", cost != nil), ("--explore", explore != nil),
                ("--method", method != nil),
            ].filter(\.1).map(\.0)
            guard given.isEmpty else {
                throw ValidationError(
                    "\(given.joined(separator: ", ")): a session has its own; leave out one of the two.")
            }
        }
        if !crew.isEmpty {
            let given = [
                ("a session", folder != nil), ("--workers", workers != nil), ("--contexts", contexts != nil),
                ("--cost", cost != nil), ("--accuracy", accuracy != nil), ("--gold", gold != nil),
                ("--explore", explore != nil), ("--method", method.map { $0 != "pooled" && $0 != "bayes" } ?? false),
            ].filter(\.1).map(\.0)
            guard given.isEmpty else {
                throw ValidationError("\(given.joined(separator: ", ")): not with --crew, which says its own.")
            }
            do { for text in crew { try LabelCrew(text: text).check(classes: classes ?? 2) } } catch {
                throw ValidationError("--crew: \(error).")
            }
        }
        guard folder != nil || gold ?? 0 < tasks ?? 100 else {
            throw ValidationError("--gold: not all tasks can be known beforehand.")
        }
        guard contexts ?? 1 <= tasks ?? 100 else { throw ValidationError("There are more --contexts than --tasks.") }
        _ = try range()
        _ = try amounts()
    }

    private func range() throws -> ClosedRange<Double>? {
        guard let accuracy else { return nil }
        let parts = accuracy.split(separator: "-").map { Double($0) }
        guard parts.count == 2, let low = parts[0], let high = parts[1], low >= 0, low <= high, high <= 1 else {
            throw ValidationError("--accuracy '\(accuracy)' is not a range such as 0.55-0.9.")
        }
        return low...high
    }

    private func amounts() throws -> [Double]? {
        guard let budgets else { return nil }
        let list = try budgets.split(separator: ",").map { part in
            guard let value = Double(part.trimmingPrefix { $0 == " " }) else {
                throw ValidationError("--budgets: '\(part)' is not an amount.")
            }
            try checkAmount(value, "--budgets")
            return value
        }
        guard !list.isEmpty else { throw ValidationError("--budgets names no amount.") }
        return list
    }

    func run() throws {
        if !crew.isEmpty {
            return try CrewPlan(
                crews: crew.map { try LabelCrew(text: $0) }, tasks: tasks ?? 100, classes: classes ?? 2,
                budgets: try amounts(), stopAt: stopAt ?? 1, runs: runs, seed: seed
            ).show(json: json)
        }
        let (plan, assumed) = try plan()
        let count = plan.taskContexts.count
        let runs = runs ?? min(1000, max(20, 20_000 / count))
        let budgets = try amounts() ?? defaults(plan)
        for budget in budgets { try LabelBudget.check(budget, "the budget for some labels a task at these prices") }
        let progress = ProgressLine("planning", total: runs, unit: "runs")
        let points = plan.simulate(budgets: budgets, runs: runs, seed: seed, played: { progress.advance() })
        progress.finish()
        if json {
            let rows = points.map { point in
                JSON.object([
                    ("budget", .number(point.budget)), ("accuracy", .number(point.accuracy)),
                    ("standardError", runs > 1 ? .number(point.standardError) : .null),
                    ("labels", .number(point.labels)),
                ])
            }
            print(
                JSON.object([("runs", .integer(runs)), ("assumed", .string(assumed)), ("points", .array(rows))]).line)
            return
        }
        print(
            "\(Terminal.counted(count, "task")), \(Terminal.counted(plan.workerCosts.count, "worker")), "
                + "\(Terminal.counted(runs, "run")); \(assumed)")
        var lines = [["budget", "labels", "accuracy", "standard error"]]
        for point in points {
            lines.append([
                Terminal.amount(point.budget), Terminal.decimal(point.labels, point.labels < 100 ? 1 : 0),
                Terminal.decimal(point.accuracy, 4), runs > 1 ? Terminal.decimal(point.standardError, 4) : "-",
            ])
        }
        print(Terminal.columns(lines))
        notes(plan, points)
    }

    /// What a reader might take amiss.
    private func notes(_ plan: LabelPlan, _ points: [LabelPlan.Point]) {
        let all = plan.workerCosts.reduce(0, +) * Double(plan.taskContexts.count)
        if points.contains(where: { $0.labels == 0 }) {
            print(
                "where nothing is bought, the accuracy is that of guessing among "
                    + "\(Terminal.counted(plan.classCount, "class", plural: "classes"))")
        }
        if plan.gold > 0 {
            print(
                "\(Terminal.counted(plan.gold, "task")) of known class in each run, not counted in the accuracy"
                    + (plan.explore == 0 ? "; nobody is asked about them without --explore" : ""))
        }
        if let last = points.last, last.budget > all + 1e-9 {
            print("everyone on everything costs \(Terminal.amount(all)); more than that buys nothing")
        }
    }

    /// 1, 2, 3, 5, 8, 15 labels per task at the mean price, as far as there are workers to give them.
    private func defaults(_ plan: LabelPlan) -> [Double] {
        let workers = plan.workerCosts.count
        let price = plan.workerCosts.reduce(0, +) / Double(workers) * Double(plan.taskContexts.count)
        let steps = [1, 2, 3, 5, 8, 15].filter { $0 < workers } + [min(workers, 15)]
        return steps.map { ((Double($0) * price) * 1e6).rounded() / 1e6 }
    }

    private func plan() throws -> (LabelPlan, assumed: String) {
        let range = try range()
        let drawn = "accuracies drawn from \((range ?? LabelPlan.usualAccuracies).shown)"
        guard let folder else {
            try Limits.checkMemory(
                [tasks ?? 100, workers ?? 10, Threads.count], bytes: 8,
                "\(tasks ?? 100) tasks with \(workers ?? 10) workers each, on \(Terminal.counted(Threads.count, "thread")),"
            )
            let list = (0..<(tasks ?? 100)).map { $0 % (contexts ?? 1) }
            let plan = try LabelPlan(
                taskContexts: list, workerCosts: [Double](repeating: cost ?? 1, count: workers ?? 10),
                classCount: classes ?? 2, assumption: .uniform(range ?? LabelPlan.usualAccuracies),
                explore: explore ?? 0, method: AssignmentMethod(option: method ?? "pooled"), gold: gold ?? 0,
                stopAt: stopAt ?? 1)
            return (plan, drawn)
        }
        let live = try LabelSession(opening: folder)
        if let notice = live.notice { FileOptions.note(notice) }
        guard !live.workers.isEmpty else { throw CSCError.invalid("\(folder): nobody has joined this session yet") }
        var table = live.table
        let counts = table.labels.reduce(into: [Int32: Int]()) { $0[$1.task, default: 0] += 1 }
        table.labels.removeAll { counts[$0.task] == 1 }  // nothing to compare them with
        let plan = LabelPlan(
            taskContexts: live.tasks.map(\.context), workerCosts: live.workers.map(\.cost),
            classCount: live.classes.count, assumption: range.map { .uniform($0) } ?? Self.estimate(table),
            explore: live.options.explore, method: live.options.method, gold: try gold(for: live),
            stopAt: stopAt ?? live.options.stopAt, families: live.workerFamilies)
        let together = live.workerFamilies == nil ? "" : "; the members of a family are right and wrong together"
        guard range == nil else { return (plan, drawn + together) }
        let assumed =
            table.labels.isEmpty
            ? "workers unknown: accuracies spread like \(LabelPlan.usualAccuracies.shown)"
            : "accuracies as \(Terminal.counted(table.labels.count, "label")) of tasks with two or more say, "
                + "spread like \(LabelPlan.usualAccuracies.shown) beforehand"
        return (plan, assumed + together)
    }

    /// How many gold tasks a plan for this session has: as many as the session, by default.
    private func gold(for live: LabelSession) throws -> Int {
        if gold ?? 0 > 0 || stopAt != nil { try live.options.method.checkTakesGold() }
        let count = gold ?? live.goldCount
        guard count < live.tasks.count else {
            throw CSCError.invalid("all \(live.tasks.count) tasks are gold: there is nothing to plan")
        }
        return count
    }

    private static func estimate(_ table: LabelTable) -> LabelPlan.Assumption {
        let store = LabelStore(table)
        var model = OneCoin()
        let fitted = model.fitPredict(store)
        let rows = fitted.workerQualities(
            store, contexts: table.tasks.map(\.context), contextCount: table.contexts.count)
        return .estimated(rows, prior: LabelPlan.usualBelief)
    }
}

extension ClosedRange<Double> {
    fileprivate var shown: String { "\(Terminal.amount(lowerBound))-\(Terminal.amount(upperBound))" }
}
