internal import ArgumentParser
internal import CSCSwift

/// `cafe-cli label report`.
struct LabelReport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Say what each worker of a session did, earned and is worth.",
        discussion: """
            Quality is the share of right labels with its 95 % interval, as gold and the labels of others tell it; labels of \
            tasks that nobody else labelled do not count in it. Time is the median from question to answer.
            """)

    @OptionGroup var session: SessionOptions
    @Flag(name: .customLong("by-context"), help: "Quality in each context too.") var byContext = false
    @Option(help: "Write the table to this CSV file; - for standard output.") var out: String?

    func validate() throws {
        try FileOptions.checkShared([("--out", out), ("--json", session.json ? "-" : nil)])
    }

    func run() throws {
        try FileOptions.checkOutputs([out])
        let live = try session.open()
        let report = live.report
        if let out { try FileOptions.write(csv(report), to: out) }
        if session.json {
            print(json(report, live).line)
        } else if out != "-" {
            show(report, live)
        }
    }

    private func quality(_ quality: WorkerQuality) -> String {
        guard let accuracy = quality.accuracy else { return "-" }
        return "\(Terminal.decimal(accuracy, 3)) [\(Terminal.decimal(quality.lower, 3)), "
            + "\(Terminal.decimal(quality.upper, 3))] of \(quality.labels)"
    }

    private func show(_ report: SessionReport, _ live: LabelSession) {
        var rows = [["worker", "labels", "pay", "quality", "time", "open", "lapsed", "declined", ""]]
        for row in report.workers {
            rows.append([
                row.worker, "\(row.labels)", Terminal.amount(row.pay), quality(row.quality),
                row.medianSeconds.map(Terminal.age) ?? "-", "\(row.open)", "\(row.lapsed)", "\(row.declined)",
                row.isBarred ? "(barred)" : "",
            ])
            guard byContext, report.contexts.count > 1 else { continue }
            for (context, cell) in zip(report.contexts, row.contexts) where cell.labels > 0 {
                rows.append(["  " + context, "", "", quality(cell), "", "", "", "", ""])
            }
        }
        print(Terminal.columns(rows, left: [0, 3, 8]))
        print("paid \(Terminal.amount(report.pay)); " + money(live.budget))
    }

    private func csv(_ report: SessionReport) -> String {
        var writer = CSVWriter(header: [
            "worker", "labels", "pay", "quality", "lower", "upper", "judged", "median_seconds", "open", "lapsed",
            "declined",
            "late", "barred",
        ])
        for row in report.workers {
            let known = row.quality.labels > 0
            writer.append([
                row.worker, "\(row.labels)", Terminal.amount(row.pay),
                row.quality.accuracy.map { Terminal.decimal($0, 6) } ?? "",
                known ? Terminal.decimal(row.quality.lower, 6) : "",
                known ? Terminal.decimal(row.quality.upper, 6) : "", "\(row.quality.labels)",
                row.medianSeconds.map { "\($0)" } ?? "", "\(row.open)", "\(row.lapsed)", "\(row.declined)",
                "\(row.late)",
                row.isBarred ? "yes" : "no",
            ])
        }
        return writer.text
    }

    private func json(_ report: SessionReport, _ live: LabelSession) -> JSON {
        func quality(_ quality: WorkerQuality) -> JSON {
            guard quality.labels > 0 else { return .null }
            return .object([
                ("accuracy", quality.accuracy.map(JSON.number) ?? .null), ("lower", .number(quality.lower)),
                ("upper", .number(quality.upper)), ("judged", .integer(quality.labels)),
            ])
        }
        let rows = report.workers.map { row in
            JSON.object([
                ("worker", .string(row.worker)), ("labels", .integer(row.labels)), ("pay", .number(row.pay)),
                ("quality", quality(row.quality)),
                ("contexts", .object(zip(report.contexts, row.contexts).map { ($0, quality($1)) })),
                ("medianSeconds", row.medianSeconds.map(JSON.number) ?? .null), ("open", .integer(row.open)),
                ("lapsed", .integer(row.lapsed)), ("declined", .integer(row.declined)), ("late", .integer(row.late)),
                ("barred", .bool(row.isBarred)),
            ])
        }
        return .object([("workers", .array(rows)), ("pay", .number(report.pay))] + live.moneyMembers)
    }
}

/// `cafe-cli label check`.
struct LabelCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Follow a session's whole journal, and compare its snapshot with what comes out.",
        discussion: """
            Other commands begin at the latest snapshot. This one reads every line, and replaces a snapshot that does not \
            agree.
            """)

    @OptionGroup var session: SessionOptions

    func run() throws {
        let before = try fromSnapshot()
        let whole = try LabelSession(
            storage: try JournalFolder(opening: session.folder, wait: session.wait, usesSnapshot: false))
        let agrees = Summary(whole) == before
        if !agrees { try whole.takeSnapshot() }
        if session.json {
            print(
                JSON.object([
                    ("lines", .integer(whole.eventCount)), ("labels", .integer(whole.labelCount)),
                    ("snapshot", .string(agrees ? "agrees" : "replaced")),
                ]).line)
        } else {
            print(
                "\(Terminal.counted(whole.eventCount, "line")), \(Terminal.counted(whole.labelCount, "label")): "
                    + (agrees ? "whole" : "whole; the snapshot did not agree and is replaced"))
        }
    }

    /// As other commands see it; closed again.
    private func fromSnapshot() throws -> Summary { Summary(try session.open()) }

    /// What of a session must be the same.
    private struct Summary: Equatable {
        let answers: [LabelSession.Answer]
        let outstanding: [LabelSession.Question]
        let budget: LabelBudget
        let labels: [Label]

        init(_ session: LabelSession) {
            answers = session.answers
            outstanding = session.outstanding
            budget = session.budget
            labels = session.table.labels
        }
    }
}
