import CSCSwift
import Foundation

/// What `cafe_api_call` answers: each verb takes a JSON document and gives one.
enum Verbs {
    /// The verbs in the order of their names.
    private static let all: [(name: String, run: @Sendable (String) throws -> JSON)] = [
        ("aggregators", { _ in names(AggregationMethod.names) }),
        ("check", dispatching(check)),
        ("dispatch", dispatching { desk, bytes in try desk.plan(DispatchRequest(json: bytes)).json }),
        ("evaluate", { try EvaluationQuestion(json: $0).answer() }),
        ("label.init", { try SessionBeginning(json: $0).create() }),
        ("policies", { _ in names(DispatcherKind.allCases.map(\.rawValue) + LearntCoalitionPolicy.builtInNames) }),
        ("policy.outputs", { try PolicyQuestion(json: $0).answer() }),
        ("recommend", dispatching(recommend)),
        ("scenarios", { _ in names(Scenario.all.map(\.name)) }),
        ("verbs", { _ in names(all.map(\.name)) }),
    ]

    /// The answer to a document. Throws a sentence for an unknown verb and for what the verb refuses.
    static func answer(_ verb: String, _ json: String) throws -> String {
        guard let entry = all.first(where: { $0.name == verb }) else {
            throw Misuse("unknown verb '\(verb)'\(Spelling.hint(for: verb, among: all.map(\.name)))")
        }
        return try entry.run(json).line
    }

    private static func names(_ names: [String]) -> JSON { .object([("names", .array(names.map(JSON.string)))]) }

    // MARK: Dispatching

    private static let deskKey = "cafe.api.desk"

    /// The thread's desk: it keeps policies between calls.
    private static func desk() -> DispatchDesk {
        if let desk = Thread.current.threadDictionary[deskKey] as? DispatchDesk { return desk }
        let desk = DispatchDesk(runs: DispatchPolicy.load)
        Thread.current.threadDictionary[deskKey] = desk
        return desk
    }

    /// A verb over the thread's desk. What is wrong with the request is an answer too: code, error and path, as of
    /// `cafe-cli dispatch`.
    private static func dispatching(
        _ answer: @escaping @Sendable (DispatchDesk, [UInt8]) throws -> JSON
    ) -> @Sendable (String) throws -> JSON {
        { json in
            do {
                return try answer(desk(), Array(json.utf8))
            } catch let fault as JSONCursor.Fault {
                return DispatchFault(fault).json
            } catch let fault as DispatchFault {
                return fault.json
            }
        }
    }

    /// The rules that field `plan` of a request breaks.
    private static func check(_ desk: DispatchDesk, _ bytes: [UInt8]) throws -> JSON {
        let (request, plan) = try DispatchRequest.withPlan(json: bytes)
        guard let plan else { throw DispatchFault(path: "plan", reason: "is missing") }
        let violations = try desk.check(plan, against: request)
        return .object([
            ("code", .integer(0)), ("valid", .bool(violations.isEmpty)),
            ("violations", .array(violations.map(\.json))),
        ])
    }

    private static func recommend(_ desk: DispatchDesk, _ bytes: [UInt8]) throws -> JSON {
        let question = try AdviceRequest(json: bytes)
        return try desk.recommend(question.task, count: question.count, in: question.request).json
    }
}

/// What a trained run's networks say to given rows: context [n][C], candidates [n][K][D], mask [n][K].
private struct PolicyQuestion: Document {
    var run: String
    var context: [[Float]]
    var candidates: [[[Float]]]
    var mask: [[Int]]

    enum CodingKeys: String, CodingKey, CaseIterable { case run, context, candidates, mask }

    /// `{"logits": [n][K], "values": [n]}`; null for forbidden actions.
    func answer() throws -> JSON {
        let policy = try DispatchPolicy(contentsOf: run).policy
        let (n, layout) = (context.count, policy.layout)
        guard candidates.count == n, mask.count == n, context.allSatisfy({ $0.count == layout.contextWidth }),
            candidates.allSatisfy({ row in
                row.count == layout.actionCount && row.allSatisfy { $0.count == layout.candidateWidth }
            }), mask.allSatisfy({ $0.count == layout.actionCount && $0.contains { $0 != 0 } })
        else {
            throw Misuse(
                "the rows are not context [n][\(layout.contextWidth)], candidates "
                    + "[n][\(layout.actionCount)][\(layout.candidateWidth)] and mask [n][\(layout.actionCount)] with an "
                    + "allowed action each")
        }
        let batch = PolicyBatch(for: policy, decisions: max(1, n))
        batch.decisions.replace(
            count: n, context: context.flatMap(\.self), candidates: candidates.flatMap { $0.flatMap(\.self) },
            mask: mask.flatMap { $0.map { $0 == 0 ? 0 : 1 } })
        batch.predictActor(policy)
        batch.predictCritic(policy)
        var logits = [[JSON]](repeating: Array(repeating: .null, count: layout.actionCount), count: n)
        for row in 0..<n {
            for index in Int(batch.decisions.offsets[row])..<Int(batch.decisions.offsets[row + 1]) {
                logits[row][Int(batch.decisions.slots[index])] = .number(Double(batch.logits[index]))
            }
        }
        return .object([
            ("logits", .array(logits.map(JSON.array))),
            ("values", .array(batch.values.prefix(n).map { .number(Double($0)) })),
        ])
    }
}
