extension LabelFiles {
    /// Accepted names of the family's column.
    public static let familyNames = ["family", "make", "group"]

    /// Reads a table `worker,family` and gives the family of each of these workers as a number; workers who are not in it,
    /// or whose family is empty, are alone. O(rows + workers).
    /// - Throws: `CSCError` naming file, line, column and value: a worker who does not exist or stands in two rows.
    public static func readFamilies(_ path: String, workers: [LabelingWorker]) throws(CSCError) -> [Int] {
        let table = try CSVReader(path: path)
        let worker = try table.column(workerNames), family = try table.column(familyNames)
        let index = Dictionary(uniqueKeysWithValues: workers.enumerated().map { ($1.id, $0) })
        var numbers: [String: Int] = [:]
        var result = workers.indices.map { -1 - $0 }
        var seen: Set<Int> = []
        while try table.next() {
            let id = try table.string(worker)
            guard let at = index[id] else {
                throw table.error(
                    worker, "there is no such worker" + Spelling.hint(for: id, among: workers.prefix(10_000).map(\.id)))
            }
            guard seen.insert(at).inserted else {
                throw table.error(worker, "this worker stands in an earlier row too")
            }
            if table.isEmpty(family) { continue }
            let name = try table.string(family)
            let number = numbers[name] ?? numbers.count
            numbers[name] = number
            result[at] = number
        }
        return result
    }
}
