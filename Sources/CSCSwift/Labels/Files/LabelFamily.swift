/// Workers, or models of soft labels, whose errors go together, by their names: on one task they count as one voice.
public struct LabelFamily: Sendable, Hashable, Codable {
    /// What it is called.
    public var name: String
    /// Who belongs to it, by name: workers or models, not both.
    public var members: [String]

    /// A family.
    public init(name: String, members: [String]) {
        self.name = name
        self.members = members
    }

    /// As documents show it.
    package var jsonValue: JSON {
        .object([("family", .string(name)), ("members", .array(members.map(JSON.string)))])
    }

    /// The family of each of these names as a number, one number a family; whoever is in none has one below 0.
    /// O(names + members).
    package static func numbers(of names: [String], in families: [LabelFamily]) -> [Int] {
        var number: [ExactName: Int] = [:]
        for (k, family) in families.enumerated() {
            for member in family.members { number[ExactName(member)] = k }
        }
        return names.enumerated().map { number[ExactName($1)] ?? -1 - $0 }
    }
}

/// Families while they are named, one member after the other: the rules that hold wherever they are named.
package struct FamilyList: Sendable {
    /// In the order in which they were named first.
    package private(set) var families: [LabelFamily] = []
    private let models: Set<ExactName>
    private var place: [ExactName: Int] = [:]
    private var home: [ExactName: Int] = [:]

    /// No families yet.
    /// - Parameter models: those of the names to come that are models.
    package init(models: [String]) { self.models = Set(models.map(ExactName.init)) }

    /// Puts a worker or a model into the family of this name; false if it is in it already. O(names' bytes).
    /// - Throws: `CSCError.invalid` where the family's name will not do, the member is in another family, or the family
    ///   would have workers and models.
    @discardableResult
    package mutating func add(_ member: String, to name: String) throws(CSCError) -> Bool {
        try LabelSession.checkName(name, "family")
        let k = place[ExactName(name)] ?? families.count
        if let first = home[ExactName(member)] {
            guard first == k else { throw .invalid("'\(member)' is in the family '\(families[first].name)' already") }
            return false
        }
        if k < families.count, let other = families[k].members.first {
            try Self.checkUnmixed(member, other) { models.contains(ExactName($0)) }
        }
        if k == families.count { families.append(LabelFamily(name: name, members: [])) }
        place[ExactName(name)] = k
        home[ExactName(member)] = k
        families[k].members.append(member)
        return true
    }

    private static func checkUnmixed(_ a: String, _ b: String, isModel: (String) -> Bool) throws(CSCError) {
        guard isModel(a) != isModel(b) else { return }
        throw .invalid(
            "the family of model '\(isModel(a) ? a : b)' has workers with labels too; a family is of models or of workers"
        )
    }
}
