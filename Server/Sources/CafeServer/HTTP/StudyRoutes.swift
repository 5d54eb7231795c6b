internal import CSCSwift
internal import Hummingbird

/// The routes that change studies.
extension CafeService {
    /// The largest bodies that are read (bytes).
    enum BodyLimit {
        /// A question, an answer, a setting.
        static let small = 65_536
        /// Tasks, moments of a city.
        static let large = 256 << 20
        /// Events of a city, gold.
        static let middle = 16 << 20
    }

    var studyRoutes: [Route] {
        [
            Route(.post, "/v1/studies", .admin, bodyLimit: BodyLimit.large) { call in
                try call.knows()
                let draft = try call.json { (cursor) throws(JSONCursor.Fault) in try StudyDraft(&cursor) }
                let made = try await self.queue.perform { try self.studies.create(draft, $0) }
                let base = self.base(call)
                return Response(
                    json: .object([
                        ("id", .string(made.id)), ("token", .string(made.token)),
                        ("link", .string("\(base)/s/\(made.id)")),
                        ("admin_link", .string("\(base)/admin/studies/\(made.id)?t=\(made.token)")),
                    ]), status: .created)
            },
            Route(.post, "/v1/studies/{id}/tasks", .requester, bodyLimit: BodyLimit.large) { call in
                try call.knows("format")
                let tasks = try TaskUpload.read(call)
                let report = try await self.queue.perform { try self.studies.addTasks(call.parameters[0], tasks, $0) }
                return Self.counts(report)
            },
            Route(.post, "/v1/studies/{id}/gold", .requester, bodyLimit: BodyLimit.middle) { call in
                try call.knows()
                let gold = try call.json { (cursor) throws(JSONCursor.Fault) in try Self.gold(&cursor) }
                let report = try await self.queue.perform { try self.studies.setGold(call.parameters[0], gold, $0) }
                return Self.counts(report)
            },
            state("pause", .paused), state("resume", .open), state("close", .closed),
            Route(.post, "/v1/studies/{id}/budget", .requester, bodyLimit: BodyLimit.small) { call in
                try call.knows()
                let budget = try call.json { (cursor) throws(JSONCursor.Fault) in try Self.budget(&cursor) }
                try await self.queue.perform { try self.studies.setBudget(call.parameters[0], budget, $0) }
                return Response(json: .object([("budget", .number(budget))]))
            },
            Route(.post, "/v1/studies/{id}/workers", .requester, bodyLimit: BodyLimit.small) { call in
                try call.knows()
                let who = try call.json { (cursor) throws(JSONCursor.Fault) in try Self.worker(&cursor) }
                let id = call.parameters[0]
                let made = try await self.queue.perform {
                    try self.studies.join(id, worker: who.name, cost: who.cost, family: who.family, $0)
                }
                return Response(
                    json: .object([
                        ("id", .string(made.id)), ("token", .string(made.token)),
                        ("link", .string("\(self.base(call))/s/\(id)?t=\(made.token)")),
                    ]), status: .created)
            },
            Route(.post, "/v1/studies/{id}/workers/{worker}/link", .requester) { call in
                try call.knows()
                let (id, worker) = (call.parameters[0], call.parameters[1])
                let token = try await self.queue.perform { try self.studies.link(id, worker: worker, $0) }
                return Response(
                    json: .object([
                        ("id", .string(worker)), ("token", .string(token)),
                        ("link", .string("\(self.base(call))/s/\(id)?t=\(token)")),
                    ]), status: .created)
            },
            bar("bar", true), bar("unbar", false),
            Route(.post, "/v1/studies/{id}/next", .worker) { call in
                try call.knows()
                guard case .worker(let study, let worker)? = call.principal else { throw Self.noWorker }
                let answer = try await self.queue.perform { try self.studies.next(study, worker: worker, $0).line }
                if answer.hasPrefix(#"{"question""#) { self.meters.question() }
                return Response(text: answer + "\n", type: "application/json")
            },
            Route(.post, "/v1/studies/{id}/answers", .worker, bodyLimit: BodyLimit.small) { call in
                try call.knows()
                guard case .worker(let study, let worker)? = call.principal else { throw Self.noWorker }
                let body = try call.json { (cursor) throws(JSONCursor.Fault) in try AnswerBody(&cursor) }
                let recorded = try await self.queue.perform { try self.studies.answer(study, worker: worker, body, $0) }
                if recorded { self.meters.answer() }
                return Response(json: .object([("recorded", .bool(recorded))]))
            },
        ]
    }

    private static var noWorker: Problem {
        Problem(.forbidden, "not-a-worker", "this needs the token of a worker of this study")
    }

    private static func counts(_ report: (added: Int, known: Int)) -> Response {
        Response(json: .object([("added", .integer(report.added)), ("known", .integer(report.known))]))
    }

    private func state(_ verb: String, _ state: Study.State) -> Route {
        Route(.post, "/v1/studies/{id}/\(verb)", .requester) { call in
            try call.knows()
            try await self.queue.perform { try self.studies.set(call.parameters[0], state, $0) }
            return Response(json: .object([("state", .string(state.rawValue))]))
        }
    }

    private func bar(_ verb: String, _ isBarred: Bool) -> Route {
        Route(.post, "/v1/studies/{id}/workers/{worker}/\(verb)", .requester) { call in
            try call.knows()
            try await self.queue.perform {
                try self.studies.bar(call.parameters[0], worker: call.parameters[1], isBarred, $0)
            }
            return Response(json: .object([("barred", .bool(isBarred))]))
        }
    }

    // MARK: Bodies

    private static let goldFields = JSONCursor.Fields(["gold"])

    private static func gold(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> [(task: String, label: String)] {
        var gold: [(task: String, label: String)] = []
        try cursor.object(goldFields) { (cursor, _) throws(JSONCursor.Fault) in gold = try StudyDraft.gold(&cursor) }
        guard !gold.isEmpty else { throw cursor.fault(at: "gold", "there is no class of any task in it") }
        return gold
    }

    private static let budgetFields = JSONCursor.Fields(["budget"])

    private static func budget(_ cursor: inout JSONCursor) throws(JSONCursor.Fault) -> Double {
        var budget: Double?
        try cursor.object(budgetFields) { (cursor, _) throws(JSONCursor.Fault) in
            budget = try Reading.money(&cursor, "the budget")
        }
        guard let budget else { throw cursor.fault(at: "budget", "is missing") }
        return budget
    }

    private static let workerFields = JSONCursor.Fields(["id", "cost", "family"])

    private static func worker(
        _ cursor: inout JSONCursor
    ) throws(JSONCursor.Fault) -> (name: String?, cost: Double?, family: String?) {
        var name: String?
        var cost: Double?
        var family: String?
        try cursor.object(workerFields) { (cursor, field) throws(JSONCursor.Fault) in
            switch field {
            case 0: name = try Reading.name(&cursor, "worker")
            case 1: cost = try Reading.money(&cursor, "the price of a label")
            default: family = try Reading.name(&cursor, "family")
            }
        }
        return (name, cost, family)
    }
}
