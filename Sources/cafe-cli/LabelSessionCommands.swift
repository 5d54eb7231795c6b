internal import ArgumentParser
internal import CSCSwift
internal import Foundation

/// What every command on a live session takes.
struct SessionOptions: ParsableArguments {
    @Argument(help: "The session's folder.") var folder: String
    @Flag(help: "Answer in JSON, one line.") var json = false
    @Option(help: "How many seconds to wait while another process has the session open.") var wait = 10.0

    /// Opens the session and says on standard error what had to be mended.
    func open() throws -> LabelSession {
        let session = try LabelSession(opening: folder, wait: wait)
        if let notice = session.notice { FileHandle.standardError.write(Data((notice + "\n").utf8)) }
        return session
    }
}

extension LabelSession.Question {
    var jsonValue: JSON {
        .object([
            ("task", .string(task)), ("worker", .string(worker)), ("probability", .number(probability)),
            ("exploration", .bool(exploration)), ("askedAt", .number(askedAt)),
        ])
    }
}

/// Names separated by commas.
func nameList(_ text: String) -> [String] {
    text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
}

/// `cafe-cli label init`.
struct LabelInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Start a live session: a folder that decides whom to ask about what, and keeps every answer.",
        discussion: """
            The tasks file has the column task and optionally context. Workers are given by name (--workers a,b,c, one \
            unit a label each) or by a file with the columns worker and cost; without either they join later, by \
            label next --join.
            """)

    @Argument(help: "The folder to make.") var folder: String
    @Option(help: "A table task[,context] of everything to be labelled.") var tasks: String
    @Option(help: "The possible labels, separated by commas.") var classes: String
    @Option(help: "What all labels together may cost; never exceeded.") var budget: Double
    @Option(help: "The workers' names, separated by commas.") var workers = ""
    @Option(name: .customLong("workers-file"), help: "A table worker[,cost].") var workersFile: String?
    @Option(help: "How many tasks of each context everyone labels first.") var explore = 0
    @Option(help: "Decides every draw.") var seed: UInt64 = 0
    @Flag(help: "Answer in JSON, one line.") var json = false

    func run() throws {
        let (list, contexts, _) = try LabelFiles().readTasks(tasks)
        var people = nameList(workers).map { LabelingWorker(id: $0) }
        if let workersFile {
            let table = try CSVReader(path: workersFile)
            let name = try table.column(LabelFiles.workerNames)
            let cost = try table.optionalColumn(["cost", "price", "pay"])
            while try table.next() {
                let price = try cost.map { column throws(CSCError) in try table.double(column, in: 0...1e9) }
                people.append(LabelingWorker(id: try table.string(name), cost: price ?? 1))
            }
        }
        let plain = list.map { LabelingTask(id: $0.id, context: $0.context) }
        let session = try LabelSession.create(
            folder: folder, tasks: plain, contexts: contexts, classes: nameList(classes), workers: people,
            options: .init(budget: budget, explore: explore, seed: seed))
        if json {
            print(
                JSON.object([
                    ("folder", .string(folder)), ("tasks", .integer(session.tasks.count)),
                    ("workers", .integer(session.workers.count)), ("budget", .number(budget)),
                ]).line)
        } else {
            print(
                "started \(folder): \(session.tasks.count) tasks in \(session.contexts.count) contexts, "
                    + "\(session.workers.count) workers, budget \(budget)")
        }
    }
}

/// `cafe-cli label next`.
struct LabelNext: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Decide which of the workers who are there now is asked about what.",
        discussion: """
            Prints task, worker and the probability of the draw. Several questions may be outstanding; the price of \
            each is set aside until it is recorded, declined or expired.
            """)

    @OptionGroup var session: SessionOptions
    @Option(help: "Who is there now: names separated by commas; everyone who has joined if left out.")
    var workers = ""
    @Option(help: "How many questions to ask.") var count = 1
    @Flag(help: "Let workers in who have not joined yet.") var join = false
    @Option(help: "What a label of those who join costs.") var cost = 1.0
    @Option(name: .customLong("expire-after"), help: "First withdraw questions outstanding for so many seconds.")
    var expireAfter: Double?

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count must be at least 1.") }
    }

    func run() throws {
        let live = try session.open()
        var names = nameList(workers)
        if join {
            let known = Set(live.workers.map(\.id))
            for name in names where !known.contains(name) { try live.join(LabelingWorker(id: name, cost: cost)) }
        }
        if names.isEmpty { names = live.workers.map(\.id) }
        let expired = try expireAfter.map { try live.expire(olderThan: $0) } ?? []
        var questions: [LabelSession.Question] = []
        while questions.count < count, let question = try live.next(workers: names) { questions.append(question) }
        let reason = questions.count < count ? live.reason(workers: names) : nil
        if session.json {
            print(
                JSON.object([
                    ("questions", .array(questions.map(\.jsonValue))), ("expired", .array(expired.map(\.jsonValue))),
                    ("reason", reason.map(JSON.string) ?? .null),
                ]).line)
            return
        }
        for question in expired { print("expired: task \(question.task), worker \(question.worker)") }
        for question in questions {
            print(
                "ask \(question.worker) about \(question.task) (probability "
                    + "\(Terminal.decimal(question.probability, 4))\(question.exploration ? ", exploration" : ""))")
        }
        if let reason { print("nothing\(questions.isEmpty ? "" : " more") to ask: \(reason)") }
    }
}

/// `cafe-cli label record`.
struct LabelRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Record an answer, or that a worker declines. Twice is harmless.")

    @OptionGroup var session: SessionOptions
    @Option(help: "The task.") var task: String?
    @Option(help: "The worker.") var worker: String?
    @Option(help: "The label given.") var label: String?
    @Flag(help: "The worker will not answer: withdraw the question.") var decline = false
    @Option(help: "Record a table task,worker,label instead; it stops at the first row that is refused.")
    var file: String?

    func validate() throws {
        if file != nil {
            guard task == nil && worker == nil && label == nil && !decline else {
                throw ValidationError("--file stands alone.")
            }
            return
        }
        guard task != nil, worker != nil, (label != nil) != decline else {
            throw ValidationError("Give --task, --worker and either --label or --decline.")
        }
    }

    func run() throws {
        let live = try session.open()
        var new = 0
        var known = 0
        func count(_ outcome: LabelSession.Recorded) { if outcome == .new { new += 1 } else { known += 1 } }
        if let file {
            let table = try CSVReader(path: file)
            let columns = (
                try table.column(LabelFiles.taskNames), try table.column(LabelFiles.workerNames),
                try table.column(LabelFiles.labelNames)
            )
            while try table.next() {
                do {
                    count(
                        try live.record(
                            task: table.string(columns.0), worker: table.string(columns.1),
                            label: table.string(columns.2)))
                } catch {
                    throw table.error(columns.2, "\(error)")
                }
            }
        } else if let task, let worker {
            let outcome =
                try label.map { try live.record(task: task, worker: worker, label: $0) }
                ?? live.decline(task: task, worker: worker)
            count(outcome)
        }
        let budget = live.budget
        if session.json {
            print(
                JSON.object([
                    ("recorded", .integer(new)), ("known", .integer(known)), ("spent", .number(budget.spent)),
                    ("free", .number(budget.free)),
                ]).line)
        } else {
            let what = decline ? "declined" : "recorded \(new)"
            print(what + (known > 0 ? ", \(known) known already" : "") + "; spent \(budget.spent), free \(budget.free)")
        }
    }
}

/// `cafe-cli label status`.
struct LabelStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say what a session has spent, who is being asked, and how sure it is.")

    @OptionGroup var session: SessionOptions

    func run() throws {
        let live = try session.open()
        let budget = live.budget
        let answers = live.answers
        let labelled = answers.count(where: { $0.labels > 0 })
        let confidence = answers.reduce(0) { $0 + $1.confidence } / Double(answers.count)
        if session.json {
            print(
                JSON.object([
                    ("tasks", .integer(answers.count)), ("labelled", .integer(labelled)),
                    ("labels", .integer(live.labelCount)),
                    ("workers", .array(live.workers.map { .string($0.id) })), ("budget", .number(budget.limit)),
                    ("spent", .number(budget.spent)), ("committed", .number(budget.committed)),
                    ("free", .number(budget.free)), ("meanConfidence", .number(confidence)),
                    ("outstanding", .array(live.outstanding.map(\.jsonValue))),
                ]).line)
            return
        }
        print(
            "\(live.labelCount) labels; \(labelled) of \(answers.count) tasks have one; \(live.workers.count) workers")
        print("budget \(budget.limit): spent \(budget.spent), set aside \(budget.committed), free \(budget.free)")
        print("mean confidence \(Terminal.decimal(confidence, 3))")
        for question in live.outstanding { print("outstanding: worker \(question.worker), task \(question.task)") }
    }
}

/// `cafe-cli label labels`.
struct LabelLabels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels", abstract: "Print one answer a task, by the session's weighted votes or an aggregator.")

    @OptionGroup var session: SessionOptions
    @Option(help: "session (the engine's weighted votes), mv, weighted, ds, one-coin or glad.") var method = "session"
    @Option(help: "Write the table to this CSV file.") var out: String?
    @Option(help: "Write every recorded label, task,worker,label, to this CSV file.") var raw: String?

    func validate() throws {
        guard method == "session" || AggregationMethod(rawValue: method) != nil else {
            let names = ["session"] + AggregationMethod.allCases.map(\.rawValue)
            throw ValidationError(
                "'\(method)' is not a method: \(names.joined(separator: ", "))"
                    + Spelling.hint(for: method, among: names))
        }
    }

    func run() throws {
        let live = try session.open()
        var answers = live.answers
        let table = live.table
        if let aggregation = AggregationMethod(rawValue: method) {
            var aggregator = aggregation.aggregator(seed: live.options.seed)
            let result = aggregator.fitPredict(LabelStore(table))
            answers = answers.indices.map { index in
                let label = result.labels[index]
                return LabelSession.Answer(
                    task: answers[index].task, label: answers[index].labels == 0 ? nil : table.classes[label],
                    confidence: result.probabilities(of: index)[label], labels: answers[index].labels)
            }
        }
        var writer = CSVWriter(header: ["task", "label", "confidence", "labels"])
        for answer in answers {
            writer.append([answer.task, answer.label ?? "", "\(answer.confidence)", "\(answer.labels)"])
        }
        if let raw {
            var labels = CSVWriter(header: ["task", "worker", "label"])
            for label in table.labels {
                labels.append([
                    table.tasks[Int(label.task)].id, table.workers[Int(label.worker)].id,
                    table.classes[Int(label.label)],
                ])
            }
            try AtomicFile.write(labels.text, to: raw)
        }
        if let out { try AtomicFile.write(writer.text, to: out) }
        if session.json {
            let rows = answers.map { answer in
                JSON.object([
                    ("task", .string(answer.task)), ("label", answer.label.map(JSON.string) ?? .null),
                    ("confidence", .number(answer.confidence)), ("labels", .integer(answer.labels)),
                ])
            }
            print(JSON.object([("method", .string(method)), ("answers", .array(rows))]).line)
        } else if out == nil {
            print(writer.text, terminator: "")
        }
    }
}
