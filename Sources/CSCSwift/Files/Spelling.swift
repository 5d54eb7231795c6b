/// Finds what a person probably meant: for error messages about unknown names.
package enum Spelling {
    /// The name nearest to `word` by edit distance ([Levenshtein66], case ignored), or nil where none is near: at most
    /// a third of the word's letters, and at least one, may differ. The first wins a tie. Where none is near, the one
    /// name that begins with the word, if it has three letters and only one does. O(names x letters squared).
    package static func nearest(to word: String, among names: some Sequence<String>) -> String? {
        let target = Array(word.lowercased())
        var best: String?
        var limit = max(1, target.count / 3)
        for name in names where abs(name.count - target.count) <= limit {
            let distance = self.distance(target, Array(name.lowercased()))
            if distance < limit || (distance == limit && best == nil) {
                best = name
                limit = distance
            }
        }
        if best != nil || target.count < 3 { return best }
        let longer = names.filter { $0.lowercased().hasPrefix(word.lowercased()) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// "; did you mean 'x'?" with the nearest name, or nothing: to be added to a sentence.
    package static func hint(for word: String, among names: some Sequence<String>) -> String {
        nearest(to: word, among: names).map { "; did you mean '\($0)'?" } ?? ""
    }

    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
