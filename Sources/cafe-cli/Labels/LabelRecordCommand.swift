internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label record`.
struct LabelRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Record an answer, or that a worker declines. Idempotent.",
        discussion: """
            With --file, all rows are checked before any is recorded: a row that is refused stops the command, and \
            nothing of the file is kept. With --skip-bad-rows such rows are counted and left out instead. A late answer, to \
            a question that lapsed, is taken while its price is free.
            """)

    @OptionGroup var session: SessionOptions
    @Option(parsing: .unconditional, help: "The task.") var task: String?
    @Option(parsing: .unconditional, help: "The worker.") var worker: String?
    @Option(help: "The question's id (next --json), in place of --task and --worker.") var question: Int?
    @Option(parsing: .unconditional, help: "The label given.") var label: String?
    @Flag(help: "The worker will not answer: withdraw the question.") var decline = false
    @Option(help: "Record a table task,worker,label instead, all of it or nothing; - for standard input.")
    var file: String?
    @Flag(name: .customLong("skip-bad-rows"), help: "With --file: leave out rows that are refused, and count them.")
    var skipBadRows = false
    @OptionGroup var columns: ColumnOptions

    func validate() throws {
        if file != nil {
            guard task == nil && worker == nil && label == nil && question == nil && !decline else {
                throw ValidationError("--file takes the place of --task, --worker, --question, --label and --decline.")
            }
            return
        }
        guard columns.columns == nil else { throw ValidationError("--columns goes with --file.") }
        guard !skipBadRows else { throw ValidationError("--skip-bad-rows goes with --file.") }
        let isNamed = question != nil ? task == nil && worker == nil : task != nil && worker != nil
        guard isNamed, (label != nil) != decline else {
            throw ValidationError("Give --task and --worker, or --question, and either --label or --decline.")
        }
    }

    func run() throws {
        let live = try session.open()
        let done = decline ? "declined" : "recorded"
        var report = LabelSession.TableReport()
        if let file {
            report = try live.record(
                try columns.table(file, for: LabelFiles.meanings), badRows: skipBadRows ? .skip : .fail)
        } else if let question {
            let outcome =
                try label.map { try live.record(question: question, label: $0) } ?? live.decline(question: question)
            if outcome == .new { report.new = 1 } else { report.known = 1 }
        } else if let task, let worker {
            let outcome =
                try label.map { try live.record(task: task, worker: worker, label: $0) }
                ?? live.decline(task: task, worker: worker)
            if outcome == .new { report.new = 1 } else { report.known = 1 }
        }
        if session.json {
            print(
                JSON.object(
                    report.jsonMembers(done) + [
                        ("spent", .number(live.budget.spent)), ("free", .number(live.budget.free)),
                    ]
                ).line)
            return
        }
        report.noteSkipped()
        print(report.summary(done) + "; " + money(live.budget))
    }
}
