import CSCSwift

/// What `cafe_session_call` answers; the documents are those of `cafe-cli label ... --json`.
enum SessionVerbs {
    private static let all: [(name: String, run: @Sendable (LabelSession, String) throws -> JSON)] = [
        ("bar", { session, json in try bar(session, Who(json: json)) }),
        ("budget", { session, json in try budget(session, Amount(json: json)) }),
        ("decline", { session, json in try decline(session, Reply(json: json)) }),
        ("expire", { session, json in try expire(session, Age(json: json)) }),
        ("gold", { session, json in try gold(session, SessionBeginning.Known(json: json)) }),
        ("join", { session, json in try join(session, People(json: json)) }),
        ("labels", { session, json in try labels(session, Reading(json: json)) }),
        ("next", { session, json in try next(session, Asking(json: json)) }),
        ("raw", { session, _ in raw(session) }),
        ("record", { session, json in try record(session, Reply(json: json)) }),
        ("status", { session, _ in try status(session) }),
        ("unbar", { session, json in try unbar(session, Who(json: json)) }),
    ]

    /// The answer to a document. Throws a sentence for an unknown verb and for what the session refuses. Questions whose
    /// lease has ended lapse first.
    static func answer(_ session: LabelSession, _ verb: String, _ json: String) throws -> String {
        guard let entry = all.first(where: { $0.name == verb }) else {
            let names = all.map(\.name)
            throw Misuse(
                "unknown verb '\(verb)'\(Spelling.hint(for: verb, among: names)); a session knows "
                    + names.joined(separator: ", "))
        }
        try session.lapse()
        return try entry.run(session, json).line
    }

    // MARK: Documents

    struct Asking: Document {
        var workers: [String]?
        var count: Int?
        var join: Bool?
        var cost: Double?
        var family: String?
        var new: Bool?
        var maxOpen: Int?
        var expireAfter: Double?
        enum CodingKeys: String, CodingKey, CaseIterable {
            case workers, count, join, cost, family, new, maxOpen, expireAfter
        }
    }
    struct Reply: Document {
        var question: Int?
        var task: String?
        var worker: String?
        var label: String?
        enum CodingKeys: String, CodingKey, CaseIterable { case question, task, worker, label }
    }
    struct People: Document {
        var workers: [Strict<SessionBeginning.Person>]
        enum CodingKeys: String, CodingKey, CaseIterable { case workers }
    }
    struct Who: Document {
        var worker: String
        enum CodingKeys: String, CodingKey, CaseIterable { case worker }
    }
    struct Amount: Document {
        var limit: Double
        enum CodingKeys: String, CodingKey, CaseIterable { case limit }
    }
    struct Age: Document {
        var seconds: Double
        enum CodingKeys: String, CodingKey, CaseIterable { case seconds }
    }
    struct Reading: Document {
        var method: String?
        enum CodingKeys: String, CodingKey, CaseIterable { case method }
    }

    // MARK: Asking

    private static func next(_ session: LabelSession, _ asking: Asking) throws -> JSON {
        try check("count", asking.count ?? 1, 1...1_000_000)
        try check("maxOpen", asking.maxOpen ?? 1, 1...1_000_000)
        try check("expireAfter", asking.expireAfter ?? 0, 0...1e9)
        var known: [String]?
        var newcomers: [LabelingWorker] = []
        if let workers = asking.workers {
            let joined = Set(session.workers.map { ExactName($0.id) })
            let joins = asking.join ?? false
            known = joins ? workers.filter { joined.contains(ExactName($0)) } : workers
            newcomers =
                joins
                ? workers.filter { !joined.contains(ExactName($0)) }
                    .map { LabelingWorker(id: $0, cost: asking.cost ?? 1) } : []
        } else if asking.join == true {
            throw Misuse("join needs workers: who joins?")
        }
        if let family = asking.family {
            guard asking.join == true else { throw Misuse("family: goes with join, it is that of those who join") }
            for name in known ?? [] { try session.check(name, isIn: family) }
        }
        let round = try session.ask(
            workers: known, joining: newcomers, family: asking.family, count: asking.count ?? 1,
            expiring: asking.expireAfter, maxOpen: asking.maxOpen, again: !(asking.new ?? false))
        return .object([
            ("questions", .array(round.asked.enumerated().map { question($1, again: $0 < round.again) })),
            ("expired", .array(round.expired.map { question($0) })),
            ("joined", .array(round.joined.map { .string($0.id) })),
            ("code", round.blockReason.map { .string($0.rawValue) } ?? .null),
            ("reason", round.reason.map(JSON.string) ?? .null),
        ])
    }

    private static func question(_ question: LabelSession.Question, again: Bool? = nil, age: Double? = nil) -> JSON {
        .object(
            [
                ("id", .integer(question.id)), ("task", .string(question.task)), ("worker", .string(question.worker)),
                ("probability", .number(question.probability)), ("exploration", .bool(question.exploration)),
                ("askedAt", .number(question.askedAt)),
            ] + (again.map { [("again", .bool($0))] } ?? []) + (age.map { [("age", .number($0))] } ?? []))
    }

    private static func record(_ session: LabelSession, _ reply: Reply) throws -> JSON {
        guard let label = reply.label else { throw Misuse("label: is missing") }
        if let id = reply.question, reply.task == nil, reply.worker == nil {
            return done("recorded", try session.record(question: id, label: label), session)
        }
        guard reply.question == nil, let task = reply.task, let worker = reply.worker else {
            throw Misuse("give either question, or task and worker")
        }
        return done("recorded", try session.record(task: task, worker: worker, label: label), session)
    }

    private static func decline(_ session: LabelSession, _ reply: Reply) throws -> JSON {
        guard reply.label == nil else { throw Misuse("label: who declines gives none") }
        if let id = reply.question, reply.task == nil, reply.worker == nil {
            return done("declined", try session.decline(question: id), session)
        }
        guard reply.question == nil, let task = reply.task, let worker = reply.worker else {
            throw Misuse("give either question, or task and worker")
        }
        return done("declined", try session.decline(task: task, worker: worker), session)
    }

    private static func done(_ name: String, _ outcome: LabelSession.Recorded, _ session: LabelSession) -> JSON {
        let isNew = outcome == .new
        return .object([(name, .integer(isNew ? 1 : 0)), ("known", .integer(isNew ? 0 : 1))] + money(session))
    }

    private static func money(_ session: LabelSession) -> [(String, JSON)] {
        let budget = session.budget
        return [
            ("spent", .number(budget.spent)), ("committed", .number(budget.committed)), ("free", .number(budget.free)),
        ]
    }

    private static func expire(_ session: LabelSession, _ age: Age) throws -> JSON {
        try check("seconds", age.seconds, 0...1e9)
        return .object([("expired", .array(try session.expire(olderThan: age.seconds).map { question($0) }))])
    }

    // MARK: Steering

    private static func join(_ session: LabelSession, _ people: People) throws -> JSON {
        try session.join(
            members: people.workers.map {
                (LabelingWorker(id: $0.content.worker, cost: $0.content.cost ?? 1), $0.content.family)
            })
        return .object([("workers", .integer(session.workers.count))])
    }

    private static func bar(_ session: LabelSession, _ who: Who) throws -> JSON {
        .object([("expired", .array(try session.bar(who.worker).map { question($0) }))])
    }

    private static func unbar(_ session: LabelSession, _ who: Who) throws -> JSON {
        .object([("unbarred", .integer(try session.unbar(who.worker) == .new ? 1 : 0))])
    }

    private static func budget(_ session: LabelSession, _ amount: Amount) throws -> JSON {
        try session.setBudget(amount.limit)
        return .object([("budget", .number(session.budget.limit))] + money(session))
    }

    private static func gold(_ session: LabelSession, _ known: SessionBeginning.Known) throws -> JSON {
        let outcome = try session.setGold(task: known.task, label: known.label)
        return .object([
            ("gold", .integer(outcome == .new ? 1 : 0)), ("known", .integer(outcome == .new ? 0 : 1)),
            ("allGold", .integer(session.goldCount)), ("settled", .integer(session.settledCount)),
        ])
    }

    // MARK: Results

    private static func status(_ session: LabelSession) throws -> JSON {
        .object(
            [
                ("method", .string(session.options.method.rawValue)), ("tasks", .integer(session.tasks.count)),
                ("labels", .integer(session.labelCount)),
                ("workers", .array(session.workers.map { .string($0.id) })),
                ("classes", .array(session.classes.map(JSON.string))), ("budget", .number(session.budget.limit)),
            ] + money(session) + [
                ("gold", .integer(session.goldCount)), ("settled", .integer(session.settledCount)),
                ("model", session.findings.map(JSON.string) ?? .null),
                ("models", .array(session.models.map(\.jsonValue))),
                ("families", .array(session.families.map(\.jsonValue))),
                ("barred", .array(session.barredWorkers.map { .string($0.id) })),
                ("outstanding", .array(session.outstanding.map { question($0, age: session.age(of: $0)) })),
            ])
    }

    private static func labels(_ session: LabelSession, _ reading: Reading) throws -> JSON {
        let name = reading.method ?? "session"
        var answers = session.answers
        if name != "session" {
            guard let method = AggregationMethod(name: name) else {
                let names = ["session"] + AggregationMethod.names
                throw Misuse("method: '\(name)' is none of \(names.joined(separator: ", "))")
            }
            let table = session.table
            try method.check(classes: table.classes.count)
            var aggregator = method.aggregator(
                seed: session.options.seed, contexts: table.tasks.map(\.context), families: session.workerFamilies)
            let result = aggregator.fitPredict(LabelStore(table)), unlabelled = Set(result.unlabelled)
            for index in answers.indices where session.goldLabel(of: answers[index].task) == nil {
                let label = result.labels[index], count = answers[index].labels
                answers[index] = LabelSession.Answer(
                    task: answers[index].task, label: unlabelled.contains(index) ? nil : table.classes[label],
                    confidence: result.probabilities(of: index)[label], labels: count)
            }
        }
        let rows = answers.map { answer in
            JSON.object([
                ("task", .string(answer.task)), ("label", answer.label.map(JSON.string) ?? .null),
                ("confidence", answer.label == nil ? .null : .number(answer.confidence)),
                ("labels", .integer(answer.labels)),
            ])
        }
        return .object([("method", .string(name)), ("answers", .array(rows))])
    }

    /// Every label, for aggregation elsewhere.
    private static func raw(_ session: LabelSession) -> JSON {
        let table = session.table
        return .object([
            ("tasks", .array(table.labels.map { .string(table.tasks[Int($0.task)].id) })),
            ("workers", .array(table.labels.map { .string(table.workers[Int($0.worker)].id) })),
            ("labels", .array(table.labels.map { .string(table.classes[Int($0.label)]) })),
        ])
    }
}
