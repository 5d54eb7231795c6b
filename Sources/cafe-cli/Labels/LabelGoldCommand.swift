internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label gold`.
struct LabelGold: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gold",
        abstract: "Tell a session the class of tasks that an expert knows. Idempotent.",
        discussion: """
            For sessions of --method pooled. The class stands from then on, the task is not asked about any more, and \
            the answers that it has show what their workers are worth. With --file, a table task,class (or truth, gold, \
            label), all rows are checked before any is taken.
            """)

    @OptionGroup var session: SessionOptions
    @Option(parsing: .unconditional, help: "The task.") var task: String?
    @Option(name: .customLong("class"), parsing: .unconditional, help: "Its class.") var label: String?
    @Option(help: "A table task,class instead, all of it or nothing; - for standard input.") var file: String?
    @OptionGroup var columns: ColumnOptions

    func validate() throws {
        if file != nil {
            guard task == nil && label == nil else {
                throw ValidationError("--file takes the place of --task and --class.")
            }
        } else if task == nil || label == nil {
            throw ValidationError("Give --task and --class, or --file.")
        }
    }

    func run() throws {
        let live = try session.open()
        var report = LabelSession.TableReport()
        if let file {
            report = try live.setGold(try columns.table(file, for: ["task", "truth"]))
        } else if let task, let label {
            if try live.setGold(task: task, label: label) == .new {
                report.new = 1
            } else {
                report.known = 1
            }
        }
        if session.json {
            print(
                JSON.object([
                    ("gold", .integer(report.new)), ("known", .integer(report.known)),
                    ("allGold", .integer(live.goldCount)), ("settled", .integer(live.settledCount)),
                ]).line)
        } else {
            print(report.summary("gold:") + "; " + live.settledSentence)
        }
    }
}

extension LabelSession {
    /// How many tasks are settled and why.
    var settledSentence: String {
        let known = "\(goldCount) gold"
        let certain =
            options.stopAt < 1 ? ", the others at a posterior of \(Terminal.amount(options.stopAt))" : ""
        return
            "\(settledCount) of \(Terminal.counted(tasks.count, "task")) settled (\(known)\(certain))"
    }
}
