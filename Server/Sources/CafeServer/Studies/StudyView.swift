internal import CSCSwift
internal import Dispatch
internal import GRDB

/// A study as it was at one moment, to be read and reported on aside from the queue.
struct StudyView: @unchecked Sendable {  // the copy of the session is used by one thread
    let serial: Int64
    let id: String
    let name: String
    let state: Study.State
    let cost: Double
    let instructions: String
    let isOpen: Bool
    let completionURL: String?
    let created: Double
    let session: LabelSession

    /// The study now. O(1), but for what its next change copies.
    init(_ study: Study) {
        serial = study.serial
        id = study.id
        name = study.name
        state = study.state
        cost = study.cost
        instructions = study.instructions
        isOpen = study.isOpen
        completionURL = study.completionURL
        created = study.created
        session = study.session.copy()
    }

    /// Runs what takes long on a thread of its own, so that no request waits for it.
    static func aside<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Self.thread.async { continuation.resume(with: Result(catching: body)) }
        }
    }
    private static let thread = DispatchQueue(label: "cafe.reports", qos: .utility)
}

/// The documents that tell of a study. O(labels) and more: run aside.
extension StudyView {
    /// One line of the list of studies.
    var summary: JSON {
        .object([
            ("id", .string(id)), ("name", .string(name)), ("state", .string(state.rawValue)),
            ("tasks", .integer(session.tasks.count)), ("labels", .integer(session.labelCount)),
            ("budget", .number(session.budget.limit)), ("spent", .number(session.budget.spent)),
        ])
    }

    /// `GET /v1/studies/{id}`.
    func status(link: String, history: JSON) -> JSON {
        let answers = session.answers, budget = session.budget
        let sure = answers.filter { $0.labels > 0 || session.goldLabel(of: $0.task) != nil }
        var histogram = [Int](repeating: 0, count: 10)
        for answer in sure { histogram[max(0, min(9, Int(answer.confidence * 10)))] += 1 }
        let mean = sure.isEmpty ? nil : sure.reduce(0) { $0 + $1.confidence } / Double(sure.count)
        return .object([
            ("id", .string(id)), ("name", .string(name)), ("state", .string(state.rawValue)),
            ("method", .string(session.options.method.rawValue)),
            ("classes", .array(session.classes.map(JSON.string))),
            ("contexts", .array(session.contexts.map(JSON.string))), ("join", .string(isOpen ? "open" : "invited")),
            ("lease_seconds", session.options.lease.map(JSON.number) ?? .null),
            ("stop_at", .number(session.options.stopAt)),
            ("completion_url", completionURL.map(JSON.string) ?? .null), ("instructions", .string(instructions)),
            ("cost", .number(cost)), ("created_at", .string(ServiceClock.iso(created))),
            ("tasks", .integer(session.tasks.count)), ("gold", .integer(session.goldCount)),
            ("labels", .integer(session.labelCount)), ("budget", .number(budget.limit)),
            ("spent", .number(budget.spent)),
            ("set_aside", .number(budget.committed)), ("free", .number(budget.free)),
            ("outstanding", .integer(session.outstandingCount)), ("settled", .integer(session.settledCount)),
            ("confidence", mean.map(JSON.number) ?? .null),
            ("confidence_histogram", .array(histogram.map(JSON.integer))),
            ("agreement", agreement.map(JSON.number) ?? .null), ("history", history), ("workers", workers),
            ("link", .string(link)),
        ])
    }

    /// The share of pairs of labels of one task that agree; nil without such a pair.
    private var agreement: Double? {
        let table = session.table, classes = table.classes.count
        guard !table.labels.isEmpty else { return nil }
        var counts = [Int](repeating: 0, count: table.tasks.count * classes)
        for label in table.labels { counts[Int(label.task) * classes + Int(label.label)] += 1 }
        var same = 0, all = 0
        for task in table.tasks.indices {
            let row = counts[task * classes..<(task + 1) * classes], given = row.reduce(0, +)
            same += row.reduce(0) { $0 + $1 * ($1 - 1) }
            all += given * (given - 1)
        }
        return all == 0 ? nil : Double(same) / Double(all)
    }

    /// Pay, labels, time and quality of each worker.
    var workers: JSON {
        let report = session.report
        let families = session.families, home = LabelFamily.numbers(of: report.workers.map(\.worker), in: families)
        return .array(
            zip(report.workers, home).map { row, home in
                let quality = row.quality
                return .object([
                    ("id", .string(row.worker)), ("labels", .integer(row.labels)), ("pay", .number(row.pay)),
                    ("open", .integer(row.open)), ("lapsed", .integer(row.lapsed)),
                    ("declined", .integer(row.declined)),
                    ("late", .integer(row.late)), ("barred", .bool(row.isBarred)),
                    ("family", home >= 0 ? .string(families[home].name) : .null),
                    ("median_seconds", row.medianSeconds.map(JSON.number) ?? .null),
                    ("quality", quality.accuracy.map(JSON.number) ?? .null),
                    ("quality_low", quality.labels == 0 ? .null : .number(quality.lower)),
                    ("quality_high", quality.labels == 0 ? .null : .number(quality.upper)),
                    (
                        "contexts",
                        .array(
                            zip(report.contexts, row.contexts).filter { $0.1.labels > 0 }.map { name, quality in
                                .object([
                                    ("context", .string(name)), ("quality", quality.accuracy.map(JSON.number) ?? .null),
                                    ("low", .number(quality.lower)), ("high", .number(quality.upper)),
                                    ("labels", .integer(quality.labels)),
                                ])
                            })
                    ),
                ])
            })
    }

    /// The answer of each task, by the study's engine or an aggregator.
    /// - Throws: `Problem` where there is no such method, or it does not go with so many classes.
    func answers(method: String?) throws -> [LabelSession.Answer] {
        let answers = session.answers
        guard let method, method != "session", method != session.options.method.rawValue else { return answers }
        guard let aggregation = AggregationMethod(name: method) else {
            let names = ["session"] + AggregationMethod.names
            throw Problem.query(
                "method",
                "'\(method)' is none of \(names.joined(separator: ", "))" + Spelling.hint(for: method, among: names))
        }
        let table = session.table
        do throws(CSCError) {
            try aggregation.check(classes: table.classes.count)
            try table.checkSize(for: aggregation, labels: "labels")
        } catch { throw Problem.query("method", "\(error)") }
        if table.labels.isEmpty { return answers }
        var aggregator = aggregation.aggregator(seed: session.options.seed, contexts: table.tasks.map(\.context))
        let result = aggregator.fitPredict(LabelStore(table)), gold = session.goldLabels
        return answers.indices.map { task in
            if gold[task] != nil { return answers[task] }
            let label = result.labels[task]
            return LabelSession.Answer(
                task: answers[task].task, label: answers[task].labels == 0 ? nil : table.classes[label],
                confidence: result.probabilities(of: task)[label], labels: answers[task].labels)
        }
    }
}
