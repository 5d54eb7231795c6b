import CSCSwift

/// Verb `label.init`: what a session is started with.
struct SessionBeginning: Document {
    struct Item: Document {
        var task: String
        var context: String?
        enum CodingKeys: String, CodingKey, CaseIterable { case task, context }
    }
    struct Known: Document {
        var task: String
        var label: String
        enum CodingKeys: String, CodingKey, CaseIterable { case task, label }
    }
    struct Person: Document {
        var worker: String
        var cost: Double?
        enum CodingKeys: String, CodingKey, CaseIterable { case worker, cost }
    }

    var folder: String
    var tasks: [Strict<Item>]
    var classes: [String]
    var budget: Double
    var workers: [Strict<Person>]?
    var gold: [Strict<Known>]?
    var method: String?
    var explore: Int?
    var stopAt: Double?
    var lease: Double?
    var maxOpen: Int?
    var seed: UInt64?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case folder, tasks, classes, budget, workers, gold, method, explore, stopAt, lease, maxOpen, seed
    }

    /// Makes the session's folder. Throws a sentence where a value or the folder will not do.
    func create() throws -> JSON {
        guard budget.isFinite, budget >= 0 else { throw Misuse("budget: \(budget) is not an amount") }
        try check("explore", explore ?? 0, 0...1_000_000)
        try check("stopAt", stopAt ?? 1, 0.5...1)
        let method = try method.map { name in
            guard let method = AssignmentMethod(name: name) else {
                let names = AssignmentMethod.allCases.map(\.rawValue)
                throw Misuse("method: '\(name)' is none of \(names.joined(separator: ", "))")
            }
            return method
        }
        if method?.takesGold == false, gold?.isEmpty == false || stopAt.map({ $0 < 1 }) == true {
            throw Misuse("method: '\(method?.rawValue ?? "")' takes neither gold nor stopAt")
        }
        let (items, contexts) = items()
        let session = try LabelSession.create(
            folder: folder, tasks: items, contexts: contexts, classes: classes,
            workers: (workers ?? []).map { LabelingWorker(id: $0.content.worker, cost: $0.content.cost ?? 1) },
            options: .init(
                method: method ?? .pooled, budget: budget, explore: explore ?? 0, stopAt: stopAt ?? 1, seed: seed ?? 0,
                lease: lease, maxOpen: maxOpen),
            gold: (gold ?? []).map { ($0.content.task, $0.content.label) })
        return .object([
            ("folder", .string(folder)), ("tasks", .integer(session.tasks.count)),
            ("workers", .integer(session.workers.count)), ("budget", .number(budget)),
            ("method", .string(session.options.method.rawValue)), ("gold", .integer(session.goldCount)),
        ])
    }

    /// The tasks, and the names of their contexts in the order of their first task.
    private func items() -> ([LabelingTask], [String]) {
        var contexts: [String] = []
        var index: [String: Int] = [:]
        let items = tasks.map { item in
            let name = item.content.context ?? "all"
            if index[name] == nil {
                index[name] = contexts.count
                contexts.append(name)
            }
            return LabelingTask(id: item.content.task, context: index[name] ?? 0)
        }
        return (items, contexts)
    }
}
