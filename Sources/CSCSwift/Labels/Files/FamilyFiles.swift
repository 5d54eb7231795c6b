extension LabelFiles {
    /// Accepted names of the family's column.
    public static let familyNames = ["family", "make", "group"]

    /// Reads a table `worker,family` and gives the family of each of these workers as a number; workers who are not in it,
    /// or whose family is empty, are alone. O(rows + workers).
    /// - Throws: `CSCError` naming file, line, column and value: a worker who does not exist or stands in two rows.
    public static func readFamilies(_ path: String, workers: [LabelingWorker]) throws(CSCError) -> [Int] {
        LabelFamily.numbers(of: workers.map(\.id), in: try readFamilies(path, workers: workers, models: []))
    }

    /// Reads a table `worker,family` of workers and models; who is not in it, or whose family is empty, is in none.
    /// O(rows + workers + models).
    /// - Parameters:
    ///   - path: the table.
    ///   - workers: whose families may be named.
    ///   - models: the names of the models that may be named too.
    ///   - known: families that are known already; the table adds to them.
    /// - Returns: the known families, then those of the table, in the order of their first rows.
    /// - Throws: `CSCError` naming file, line, column and value: somebody who does not exist, stands in two rows or is in
    ///   another of the known families, or a family that would have workers and models.
    public static func readFamilies(
        _ path: String, workers: [LabelingWorker], models: [String], after known: [LabelFamily] = []
    ) throws(CSCError) -> [LabelFamily] {
        var list = FamilyList(models: models)
        for family in known { for member in family.members { try list.add(member, to: family.name) } }
        let table = try CSVReader(path: path)
        let worker = try table.column(workerNames), family = try table.column(familyNames)
        let names = workers.map(\.id) + models, exist = Set(names.map(ExactName.init))
        var seen: Set<ExactName> = []
        while try table.next() {
            let id = try table.string(worker)
            guard exist.contains(ExactName(id)) else {
                throw table.error(
                    worker,
                    "there is no such worker" + (models.isEmpty ? "" : " or model")
                        + Spelling.hint(for: id, among: names.prefix(10_000)))
            }
            guard seen.insert(ExactName(id)).inserted else {
                throw table.error(worker, "this worker stands in an earlier row too")
            }
            if !table.isEmpty(family) { try add(family, of: table, id, to: &list) }
        }
        return list.families
    }

    /// Puts a worker into the family that a column of the present row names.
    /// - Throws: `CSCError` naming file, line, column and value, as `FamilyList.add`.
    package static func add(
        _ column: Int, of row: CSVReader, _ member: String, to list: inout FamilyList
    ) throws(CSCError) {
        let name = try row.string(column)
        do throws(CSCError) { try list.add(member, to: name) } catch { throw row.error(column, "\(error)") }
    }
}
