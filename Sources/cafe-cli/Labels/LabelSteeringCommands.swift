internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label budget`.
struct LabelBudgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget", abstract: "Give a running session another budget.",
        discussion: "`label budget study +100` adds 100, `label budget study 600` sets it to 600, up or down.")

    @OptionGroup var session: SessionOptions
    @Argument(help: "+AMOUNT to add, or AMOUNT to set; never below what is spent and set aside.") var amount: String

    private func value() throws -> (adds: Bool, amount: Double) {
        guard let value = Double(amount) else { throw ValidationError("'\(amount)' is not an amount, or +amount.") }
        try checkAmount(value, "the amount")
        return (amount.first == "+", value)
    }

    func validate() throws { _ = try value() }

    func run() throws {
        let live = try session.open()
        let (adds, amount) = try value()
        try live.setBudget(adds ? live.budget.limit + amount : amount)
        if session.json {
            print(JSON.object([("budget", .number(live.budget.limit))] + live.moneyMembers).line)
        } else {
            print("budget \(Terminal.amount(live.budget.limit)): " + money(live.budget))
        }
    }
}

/// `cafe-cli label tasks`.
struct LabelTasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Add tasks to a running session. Idempotent.",
        discussion: """
            `label tasks study add FILE` reads a table task[,context]; all of it or nothing. A context that no task had is \
            a new one. New tasks are not explored: nobody has to label them first.
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable { case add }

    @OptionGroup var session: SessionOptions
    @Argument(help: "add") var action: Action
    @Argument(help: "A table task[,context]; - for standard input.") var file: String
    @OptionGroup var columns: ColumnOptions

    func run() throws {
        let live = try session.open()
        let report = try live.addTasks(try columns.table(file, for: ["task", "context"]))
        if session.json {
            print(
                JSON.object(
                    report.jsonMembers("added") + [("tasks", .integer(live.tasks.count))]
                ).line)
        } else {
            print(
                report.summary("added") + "; \(Terminal.counted(live.tasks.count, "task")) in "
                    + Terminal.counted(live.contexts.count, "context"))
        }
    }
}

/// `cafe-cli label workers`.
struct LabelWorkersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Add workers to a running session, bar one from being asked, or let one back.",
        discussion: """
            `label workers study add cyd,dan --cost 0.5`, `label workers study bar dan`, `label workers study unbar dan`. \
            What a barred worker has not answered lapses and its price is free again; labels given keep their say.
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable { case add, bar, unbar }

    @OptionGroup var session: SessionOptions
    @Argument(help: "add, bar or unbar") var action: Action
    @Argument(help: "Names separated by commas.") var names: String
    @Option(parsing: .unconditional, help: "With add: what a label costs (1 if left out).") var cost: Double?
    @Option(parsing: .unconditional, help: "With add: the family whose errors go together; new or known.")
    var family: String?

    func validate() throws {
        guard !(try nameList(names, option: "the workers")).isEmpty else { throw ValidationError("Name a worker.") }
        guard action == .add || family == nil else { throw ValidationError("--family goes with add.") }
        guard let cost else { return }
        guard action == .add else { throw ValidationError("--cost goes with add.") }
        try checkAmount(cost, "--cost")
    }

    func run() throws {
        let live = try session.open()
        let names = try nameList(names, option: "the workers")
        var changed = 0
        var lapsed: [LabelSession.Question] = []
        switch action {
        case .add:
            try live.join(names.map { LabelingWorker(id: $0, cost: cost ?? 1) }, family: family)
            changed = names.count
        case .bar, .unbar:
            let known = Set(live.workers.map { ExactName($0.id) })
            for name in names where !known.contains(ExactName(name)) {  // all or none
                throw CSCError.refused(
                    code: "unknown-worker",
                    reason: "there is no worker '\(name)' in this session"
                        + Spelling.hint(for: name, among: live.workers.map(\.id)))
            }
            for name in names {
                let before = live.barredWorkers.count
                if action == .bar { lapsed += try live.bar(name) } else { try live.unbar(name) }
                if live.barredWorkers.count != before { changed += 1 }
            }
        }
        let done = action == .add ? "added" : action == .bar ? "barred" : "unbarred"
        if session.json {
            print(
                JSON.object([
                    (done, .integer(changed)), ("known", .integer(names.count - changed)),
                    ("expired", .array(lapsed.map { $0.jsonValue() })), ("workers", .integer(live.workers.count)),
                    ("barred", .array(live.barredWorkers.map { .string($0.id) })),
                ]).line)
            return
        }
        for question in lapsed { print("expired: task \(question.task), worker \(question.worker)") }
        let barred = live.barredWorkers.count
        print(
            "\(done) \(changed)" + (changed < names.count ? ", \(names.count - changed) known already" : "") + "; "
                + Terminal.counted(live.workers.count, "worker") + (barred > 0 ? ", \(barred) barred" : ""))
    }
}

/// `cafe-cli label correct`.
struct LabelCorrect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct", abstract: "Put another label in the place of one that was recorded. Idempotent.",
        discussion: """
            The correction is an event of its own: the journal keeps the first label. Votes and losses are those of the new \
            one from then on; its price stays.
            """)

    @OptionGroup var session: SessionOptions
    @Option(parsing: .unconditional, help: "The task.") var task: String
    @Option(parsing: .unconditional, help: "The worker.") var worker: String
    @Option(parsing: .unconditional, help: "The right label.") var label: String

    func run() throws {
        let live = try session.open()
        let outcome = try live.correct(task: task, worker: worker, label: label)
        if session.json {
            print(
                JSON.object([
                    ("corrected", .integer(outcome == .new ? 1 : 0)), ("known", .integer(outcome == .known ? 1 : 0)),
                ]).line)
        } else {
            print(outcome == .new ? "corrected 1" : "corrected 0, 1 known already")
        }
    }
}

/// `cafe-cli label set`.
struct LabelSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change the lease of questions or the cap of open questions of a running session."
    )

    @OptionGroup var session: SessionOptions
    @Option(help: "After how long a question lapses by itself: seconds, or 10m, 2h; or none.") var lease: String?
    @Option(name: .customLong("max-open"), help: "How many questions a worker may have open at once; or none.")
    var maxOpen: String?

    private func values() throws -> [(SessionSetting, Double?)] {
        var list: [(SessionSetting, Double?)] = []
        if let lease { list.append((.lease, lease == "none" ? nil : try LeaseDuration(lease).seconds)) }
        if let maxOpen {
            guard maxOpen == "none" || Int(maxOpen) ?? 0 > 0 else {
                throw ValidationError("--max-open '\(maxOpen)' is neither a whole number from 1 on nor none.")
            }
            list.append((.maxOpen, Double(maxOpen)))
        }
        return list
    }

    func validate() throws {
        guard !(try values()).isEmpty else { throw ValidationError("Give --lease, --max-open or both.") }
    }

    func run() throws {
        let live = try session.open()
        for (setting, value) in try values() { try live.set(setting, to: value) }
        if session.json {
            print(
                JSON.object([
                    ("lease", live.options.lease.map(JSON.number) ?? .null),
                    ("maxOpen", live.options.maxOpen.map(JSON.integer) ?? .null),
                ]).line)
        } else {
            print(live.settingsSentence)
        }
    }
}
