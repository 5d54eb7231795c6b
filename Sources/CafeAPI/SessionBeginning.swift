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
        /// Those whose errors go together with this worker's.
        var family: String?
        enum CodingKeys: String, CodingKey, CaseIterable { case worker, cost, family }
    }
    struct Kin: Document {
        var family: String
        var members: [String]
        enum CodingKeys: String, CodingKey, CaseIterable { case family, members }
    }

    var folder: String
    var tasks: [Strict<Item>]
    var classes: [String]
    var budget: Double
    var workers: [Strict<Person>]?
    var families: [Strict<Kin>]?
    var gold: [Strict<Known>]?
    var soft: Strict<SoftRequest>?
    var method: String?
    var explore: Int?
    var stopAt: Double?
    var lease: Double?
    var maxOpen: Int?
    var seed: UInt64?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case folder, tasks, classes, budget, workers, families, gold, soft, method, explore, stopAt, lease, maxOpen
        case seed
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
        for (field, isGiven) in [("soft", soft != nil), ("families", families?.isEmpty == false)] where isGiven {
            guard method ?? .pooled == .pooled else { throw Misuse("\(field): only with the method pooled") }
        }
        let (items, contexts) = items()
        let session = try LabelSession.create(
            folder: folder, tasks: items, contexts: contexts, classes: classes,
            workers: (workers ?? []).map { LabelingWorker(id: $0.content.worker, cost: $0.content.cost ?? 1) },
            options: .init(
                method: method ?? .pooled, budget: budget, explore: explore ?? 0, stopAt: stopAt ?? 1, seed: seed ?? 0,
                lease: lease, maxOpen: maxOpen),
            gold: (gold ?? []).map { ($0.content.task, $0.content.label) },
            soft: soft.map { try $0.content.labels(tasks: items.count, classes: classes.count) },
            families: try kin())
        return .object([
            ("folder", .string(folder)), ("tasks", .integer(session.tasks.count)),
            ("workers", .integer(session.workers.count)), ("budget", .number(budget)),
            ("method", .string(session.options.method.rawValue)), ("gold", .integer(session.goldCount)),
            ("models", .array(session.models.map { .string($0.name) })),
            ("families", .integer(session.families.count)),
        ])
    }

    /// The families that the workers name, then those of the list.
    private func kin() throws -> [LabelFamily] {
        var list = FamilyList(models: soft?.content.models ?? [])
        for (number, person) in (workers ?? []).enumerated() {
            guard let family = person.content.family else { continue }
            do throws(CSCError) { try list.add(person.content.worker, to: family) } catch {
                throw Misuse("workers[\(number)].family: \(error)")
            }
        }
        for (number, family) in (families ?? []).enumerated() {
            do throws(CSCError) {
                guard !family.content.members.isEmpty else { throw .invalid("nobody is in it") }
                for member in family.content.members { try list.add(member, to: family.content.family) }
            } catch { throw Misuse("families[\(number)]: \(error)") }
        }
        return list.families
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
