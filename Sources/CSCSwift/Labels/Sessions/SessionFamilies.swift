/// Families at a session's beginning.
extension SessionHead {
    /// Families of models that their soft labels have and nobody has named: they go by their members' names.
    static func unnamed(_ soft: SoftLabels?, besides named: [LabelFamily]) -> [LabelFamily] {
        guard let soft, !soft.families.isEmpty else { return [] }
        let known = Set(named.flatMap(\.members).map(ExactName.init))
        var order: [Int] = []
        var members: [Int: [String]] = [:]
        for (model, number) in zip(soft.models, soft.families) {
            if members[number] == nil { order.append(number) }
            members[number, default: []].append(model)
        }
        return order.compactMap { number in
            guard let all = members[number], all.count > 1, !all.contains(where: { known.contains(ExactName($0)) })
            else { return nil }
            return LabelFamily(name: all.joined(separator: "+"), members: all)
        }
    }

    /// Whether the families fit the method, the workers and the models. O(names).
    func checkFamilies() throws(CSCError) {
        guard !families.isEmpty else { return }
        try LabelSession.checkTakesFamilies(options)
        try Self.checkNames(families.map(\.name), "family")
        let models = soft?.models ?? [], names = workers.map(\.id) + models
        let exist = Set(names.map(ExactName.init))
        var list = FamilyList(models: models)
        for family in families {
            guard !family.members.isEmpty else { throw .invalid("the family '\(family.name)' has nobody in it") }
            for member in family.members {
                guard exist.contains(ExactName(member)) else {
                    throw .invalid(
                        "the family '\(family.name)': there is no worker or model '\(member)'"
                            + Spelling.hint(for: member, among: names.prefix(10_000)))
                }
                guard try list.add(member, to: family.name) else {
                    throw .invalid("the family '\(family.name)': '\(member)' is named twice")
                }
            }
        }
    }
}

/// Families of a session.
extension LabelSession {
    /// Whether sessions of this method have families.
    static func checkTakesFamilies(_ options: Options) throws(CSCError) {
        guard options.method == .pooled, options.pooledVersion != 1 else {
            throw .invalid("families go with the method pooled: \(options.method.rawValue) has no use for them")
        }
    }

    /// The family of each worker as a number, one number a family (`Pooled.Options.families`); nil: everyone is alone.
    /// O(workers).
    package var workerFamilies: [Int]? { numbers(of: workers) }

    /// Refuses a family for somebody who has joined already and is not in it. O(members).
    /// - Throws: `CSCError.invalid`.
    package func check(_ worker: String, isIn family: String) throws(CSCError) {
        let own = families.first { $0.members.contains { ExactName.same($0, worker) } }?.name
        if let own, ExactName.same(own, family) { return }
        throw .invalid(
            "worker '\(worker)' has joined already, \(own.map { "in the family '\($0)'" } ?? "alone"), which cannot be "
                + "changed")
    }

    func numbers(of workers: [LabelingWorker]) -> [Int]? {
        guard !families.isEmpty else { return nil }
        let numbers = LabelFamily.numbers(of: workers.map(\.id), in: families)
        return Set(numbers).count < numbers.count ? numbers : nil
    }

    /// Whether workers can join this family.
    /// - Throws: `CSCError.invalid` for another method, a name that will not do, or a family of models.
    func check(family name: String) throws(CSCError) {
        try Self.checkTakesFamilies(options)
        var list = FamilyList(models: soft?.models ?? [])
        for family in families { for member in family.members { try list.add(member, to: family.name) } }
        try list.add("", to: name)  // somebody who is no model
    }

    /// Takes the newest worker into a family, which is a new one where there is none of that name.
    func enter(family name: String) {
        let newest = workers.count - 1
        guard let k = families.firstIndex(where: { ExactName.same($0.name, name) }) else {
            families.append(LabelFamily(name: name, members: [workers[newest].id]))
            return
        }
        let others = families[k].members.compactMap { workerIndex.find($0) }
        families[k].members.append(workers[newest].id)
        withPooled { $0.relate(newest, to: others) }
    }
}
