internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label import`.
struct LabelImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring labels that were collected elsewhere into a session. Idempotent.",
        discussion: """
            Reads a table with the columns task, worker, label (item, annotator, answer and others will do too, any others \
            by --columns), or lines of JSON objects with these keys. Answers to questions that lapsed are taken too. The \
            labels are free unless --spent is given: then their workers' prices count as spent from the budget. All rows \
            are checked before any is imported: a row that is refused stops the command, and nothing of the file is kept.

            The bandit learns from them as from its exploration: a worker is charged 1 for each label that differs from \
            the plurality of the imported labels of its task.

            With --server and --study no table is read: the study of that server's data folder, which must not run \
            meanwhile, becomes a new session in the folder; label export is the way back.
            """)

    @OptionGroup var session: SessionOptions
    @Argument(help: "The table of labels; - for standard input.") var file: String?
    @Option(help: "A server's data folder; with --study, in place of the table.") var server: String?
    @Option(help: "The study's id; with --server.") var study: String?
    @Flag(help: "Count the labels' prices as spent.") var spent = false
    @Flag(help: "Let workers in who have not joined yet.") var join = false
    @Option(parsing: .unconditional, help: "What a label of those who join costs (1 if left out).") var cost: Double?
    @Flag(name: .customLong("skip-bad-rows"), help: "Leave out rows that are refused, and count them.")
    var skipBadRows = false
    @OptionGroup var columns: ColumnOptions

    func validate() throws {
        guard (server == nil) == (study == nil) else { throw ValidationError("--server and --study go together.") }
        guard (file == nil) != (server == nil) else {
            throw ValidationError(
                file == nil ? "A table of labels is missing; - for standard input." : "--server goes without a table.")
        }
        guard let cost else { return }
        guard join else { throw ValidationError("--cost goes with --join: the price of those who join.") }
        try checkAmount(cost, "--cost")
    }

    func run() throws {
        if let server, let study {
            return try ServerProgram.become(["export", "--data", server, "--study", study, "--folder", session.folder])
        }
        let live = try session.open()
        let report = try live.importLabels(
            try columns.table(file ?? "-", for: LabelFiles.meanings), paid: spent, joiningAt: join ? cost ?? 1 : nil,
            badRows: skipBadRows ? .skip : .fail)
        if session.json {
            print(
                JSON.object(
                    report.jsonMembers("imported") + [
                        ("joined", .array(report.joined.map { .string($0.id) })),
                        ("spent", .number(live.budget.spent)), ("free", .number(live.budget.free)),
                    ]
                ).line)
            return
        }
        report.noteSkipped()
        print(report.summary("imported") + "; " + money(live.budget))
    }
}
