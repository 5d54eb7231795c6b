internal import CSCSwift
internal import GRDB

/// Questions and answers.
extension StudyBook {
    /// The next question for a worker, the one that is open already if there is one, or why there is none.
    func next(_ id: String, worker: String, _ context: CommitContext) throws -> JSON {
        let study = try study(id, context)
        let progress = progress(study, worker)
        switch study.state {
        case .paused: return done("paused", "The study is paused. Your work is kept; come back later.", study, progress)
        case .closed: return done("closed", "The study is closed. Thank you.", study, progress)
        case .open: break
        }
        let round: LabelSession.Round
        do throws(CSCError) { round = try study.session.ask(workers: [worker]) } catch { throw Problem(error) }
        guard let question = round.asked.first else {
            let (code, sentence) = Self.ending(round)
            return done(code, sentence, study, progress)
        }
        return .object([
            ("question", try shown(question, study, context)), ("progress", progress),
        ])
    }

    private static func ending(_ round: LabelSession.Round) -> (String, String) {
        switch round.blockReason {
        case .budgetSpent: ("budget-spent", "All labels that were to be bought are bought. Thank you.")
        case .settled: ("settled", "Every task that is left is certain enough. Thank you.")
        case .barred: ("barred", "You are not asked any more in this study.")
        case .budgetSetAside, .maxOpen, .nobody:
            ("wait", "Others are answering the last questions; one may come free in a while.")
        case .allAsked, nil: ("all-asked", "You have been asked about every task. Thank you.")
        }
    }

    private func done(_ code: String, _ sentence: String, _ study: Study, _ progress: JSON) -> JSON {
        var fields: [(String, JSON)] = [("code", .string(code)), ("sentence", .string(sentence))]
        if code == "paused" || code == "wait" {
            fields.append(("retry_after", .integer(30)))
        } else if code != "barred", let address = study.completionURL {
            fields.append(("completion_url", .string(address)))
        }
        return .object([("done", .object(fields)), ("progress", progress)])
    }

    /// `{"answered", "about"}`: what a worker gave, and about how many it will be: the tasks that are left, or an equal share
    /// of what the budget still buys.
    private func progress(_ study: Study, _ worker: String) -> JSON {
        let given = study.given[worker] ?? 0
        let left = max(0, study.session.tasks.count - given)
        let free = study.session.budget.free, price = max(study.cost, 1e-6)
        let share = Int(min(1e9, free / price / Double(max(1, study.session.workers.count))).rounded(.up))
        return .object([("answered", .integer(given)), ("about", .integer(given + min(left, share)))])
    }

    private func shown(_ question: LabelSession.Question, _ study: Study, _ context: CommitContext) throws -> JSON {
        let find = try context.database.cachedStatement(
            sql: "SELECT text, image, fields FROM tasks WHERE study = ? AND id = ?")
        let row = try Row.fetchOne(find, arguments: [study.serial, question.task])
        var fields: [(String, JSON)] = [("id", .integer(question.id)), ("task", .string(question.task))]
        if let row { fields += Self.content(text: row[0], image: row[1], fields: row[2]) }
        fields.append(("classes", .array(study.session.classes.map(JSON.string))))
        let lease = study.session.options.lease ?? 0
        fields.append(("expires_at", lease > 0 ? .string(ServiceClock.iso(question.askedAt + lease)) : .null))
        return .object(fields)
    }

    /// What a task shows, as members.
    static func content(text: String?, image: String?, fields: String?) -> [(String, JSON)] {
        var members: [(String, JSON)] = []
        if let text { members.append(("text", .string(text))) }
        if let image { members.append(("image", .string(image))) }
        if let fields, var cursor = try? JSONCursor(Array(fields.utf8)), let value = try? Reading.value(&cursor) {
            members.append(("fields", value))
        }
        return members
    }

    /// Takes an answer. The same again changes nothing.
    /// - Throws: `Problem` 404 where the question is not this worker's, 409 where another answer stands, or it lapsed and its
    ///   price is spent.
    func answer(_ id: String, worker: String, _ answer: AnswerBody, _ context: CommitContext) throws -> Bool {
        let study = try study(id, context)
        guard let question = study.session.question(id: answer.question), question.worker == worker else {
            throw Problem.missing(
                "there is no question \(answer.question) of yours in this study", code: "unknown-question")
        }
        // What was recorded before may be said again; an open question of a closed study takes no answer.
        if study.state == .closed, study.session.outstanding.contains(where: { $0.id == question.id }) {
            throw Problem.conflict("closed", "the study is closed; it takes no more answers")
        }
        let recorded: LabelSession.Recorded
        do throws(CSCError) {
            switch answer.kind {
            case .decline: recorded = try study.session.decline(question: answer.question)
            case .label(let label): recorded = try study.session.record(question: answer.question, label: label)
            case .correction(let label):
                recorded = try study.session.correct(task: question.task, worker: worker, label: label)
            }
        } catch {
            if case .invalid(let reason) = error {
                let code = answer.kind == .decline ? "answered" : "not-answered"
                throw Problem.conflict(code, reason, path: "question")
            }
            throw Problem(error, path: "label")
        }
        guard recorded == .new else { return false }
        refitIfDue(study, context)
        if case .label = answer.kind {
            study.given[worker, default: 0] += 1
            study.labels += 1
            try point(study, context)
        }
        return true
    }

    /// Keeps a point of the history where one is due: each 2 % more labels, or as many as 2 % of the tasks. In a large study
    /// the mean confidence is that of the last refit, which has been counted aside: nobody waits while all tasks are looked at.
    /// O(1), or O(N C + labels) in a small study and once after opening.
    private func point(_ study: Study, _ context: CommitContext) throws {
        let labels = study.labels
        guard labels >= study.nextPoint else { return }
        study.nextPoint = labels + max(1, labels / 50, study.session.tasks.count / 50)
        let isExact = study.session.options.method != .pooled || study.session.tasks.count + labels < 5000
        if !isExact && study.meanConfidence == nil { study.meanConfidence = study.session.meanConfidence }
        try context.database.execute(
            sql: "INSERT OR REPLACE INTO history (study, labels, time, spent, confidence) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                study.serial, labels, clock.now, study.session.budget.spent,
                isExact ? study.session.meanConfidence : study.meanConfidence,
            ])
    }
}

/// The body of `POST /v1/studies/{id}/answers`.
struct AnswerBody: Sendable {
    /// What is said of the question.
    enum Kind: Sendable, Equatable {
        case label(String)
        /// Another label in place of the one that was recorded.
        case correction(String)
        case decline
    }
    var question = 0
    var kind = Kind.decline

    private static let known = JSONCursor.Fields(["question", "label", "decline", "correct"])

    /// Reads it: a question, and a label or `"decline": true`.
    init(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) {
        var label: String?
        var declines = false, corrects = false
        let seen = try cursor.object(Self.known) { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case 0: question = try cursor.integer(0...9_007_199_254_740_991)
            case 1: label = try cursor.string()
            case 2: declines = try cursor.bool()
            default: corrects = try cursor.bool()
            }
        }
        if seen & 1 == 0 { throw cursor.fault(at: "question", "is missing") }
        switch (label, declines) {
        case (let label?, false): kind = corrects ? .correction(label) : .label(label)
        case (nil, true):
            if corrects { throw cursor.fault(at: "correct", "goes with a label") }
            kind = .decline
        case (_?, true): throw cursor.fault(at: "decline", "goes without a label")
        case (nil, false): throw cursor.fault(at: "label", "is missing")
        }
    }
}
