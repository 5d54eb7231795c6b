internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label record`.
struct LabelRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Record an answer, or that a worker declines. Twice is harmless.",
        discussion: """
            With --file, all rows are checked before any is recorded: a row that is refused stops the command, and \
            nothing of the file is kept. With --skip-bad-rows such rows are counted and left out instead.
            """)

    @OptionGroup var session: SessionOptions
    @Option(help: "The task.") var task: String?
    @Option(help: "The worker.") var worker: String?
    @Option(help: "The label given.") var label: String?
    @Flag(help: "The worker will not answer: withdraw the question.") var decline = false
    @Option(help: "Record a table task,worker,label instead, all of it or nothing; - for standard input.")
    var file: String?
    @Flag(name: .customLong("skip-bad-rows"), help: "With --file: leave out rows that are refused, and count them.")
    var skipBadRows = false

    func validate() throws {
        if file != nil {
            guard task == nil && worker == nil && label == nil && !decline else {
                throw ValidationError("--file takes the place of --task, --worker, --label and --decline.")
            }
            return
        }
        guard !skipBadRows else { throw ValidationError("--skip-bad-rows goes with --file.") }
        guard task != nil, worker != nil, (label != nil) != decline else {
            throw ValidationError("Give --task, --worker and either --label or --decline.")
        }
    }

    func run() throws {
        let live = try session.open()
        let done = decline ? "declined" : "recorded"
        var report = LabelSession.TableReport()
        if let file {
            report = try live.record(try CSVReader(path: file), badRows: skipBadRows ? .skip : .fail)
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
