/// Whether the classes that labels and truths name are the same ones.
enum LabelVocabulary {
    /// Sentences on classes that may be no classes: words for a missing value, names that differ in case only, numbers that
    /// are written in two ways. O(C log C).
    ///
    /// - Parameter advice: what to do where a word means that there is no label.
    static func suspicions(_ names: [String], advice: String = "leave those rows out") -> [String] {
        let missing: Set = ["nan", "none", "null", "na", "n/a", "nil", "?"]
        var warnings: [String] = []
        let words = names.filter { missing.contains($0.lowercased()) }
        if !words.isEmpty {
            warnings.append(
                "\(quoted(words)) \(words.count == 1 ? "is" : "are") taken as \(words.count == 1 ? "a class" : "classes"); "
                    + "if no label is meant, \(advice)")
        }
        var spellings: [String: [String]] = [:]
        for name in names { spellings[name.lowercased(), default: []].append(name) }
        for group in spellings.values.filter({ $0.count > 1 }).sorted(by: { $0[0] < $1[0] }).prefix(3) {
            let how = Set(group).count < group.count ? "look the same but differ in their bytes" : "differ in case only"
            warnings.append("\(quoted(group.sorted())) \(how) and are \(group.count) classes")
        }
        let numbers = Dictionary(grouping: names.filter { Double($0) != nil }) { Double($0) ?? 0 }
        for group in numbers.values.filter({ $0.count > 1 }).sorted(by: { $0[0] < $1[0] }).prefix(3) {
            warnings.append("\(quoted(group.sorted())) are the same number and are \(group.count) classes")
        }
        return warnings
    }

    /// What truths come to: those that no label names, but whose number one does (1.0 and 1), are that class.
    /// - Parameters:
    ///   - truths: the class of each task, as an index into `names`.
    ///   - given: the indices that labels have.
    /// - Returns: the truths, which names are no class then, and sentences to be shown.
    /// - Throws: `CSCError.table` where no truth is a class of the labels.
    static func match(truths: [Int: Int], names: [String], given: Set<Int>, path: String) throws(CSCError) -> (
        truths: [Int: Int], unused: Set<Int>, warnings: [String]
    ) {
        let told = Set(truths.values), strange = told.subtracting(given)
        guard !strange.isEmpty else { return (truths, [], []) }
        var byNumber: [Double: [Int]] = [:]
        for index in given { if let number = Double(names[index]) { byNumber[number, default: []].append(index) } }
        var same: [Int: Int] = [:]
        for index in strange {
            guard let number = Double(names[index]), let found = byNumber[number], found.count == 1 else { continue }
            same[index] = found[0]
        }
        var warnings: [String] = []
        let pairs = same.sorted { names[$0.key] < names[$1.key] }
        if let first = pairs.first {
            warnings.append(
                "\(path): the truth '\(names[first.key])' is taken as the labels' class '\(names[first.value])'"
                    + (pairs.count > 1 ? ", and \(pairs.count - 1) more alike" : ""))
        }
        let left = strange.subtracting(same.keys).sorted()
        if !left.isEmpty {
            let classes = given.map { names[$0] }.sorted()
            let what = "\(quoted(left.map { names[$0] }.sorted())) of the truths"
            guard left.count < told.count else {
                throw .table(
                    path: path,
                    reason:
                        "no truth is a class that a label has: the truths are \(quoted(left.map { names[$0] }.sorted())), the "
                        + "labels \(quoted(classes))")
            }
            let count = truths.values.count(where: { left.contains($0) })
            warnings.append(
                "\(path): no label is \(what) (\(Terminal.counted(count, "task")))"
                    + Spelling.hint(for: names[left[0]], among: classes))
        }
        return (truths.mapValues { same[$0] ?? $0 }, Set(same.keys), warnings)
    }

    private static func quoted(_ names: [String]) -> String {
        let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > 5 ? shown + " and \(names.count - 5) more" : shown
    }
}
