/// Agreement between workers beyond chance.
public enum Agreement {
    /// Krippendorff's alpha for nominal labels ([Krippendorff11], section C):
    /// `1 - D_observed / D_expected = 1 - (n - 1) sum_{c != k} o_ck / sum_{c != k} n_c n_k`, where each pair of labels
    /// of a task with m labels adds 1/(m - 1) to o. 1: all agree; 0: as by chance; below 0: worse.
    ///
    /// Tasks with fewer than two labels do not count. Nil where no task has two labels or only one class occurs (chance
    /// agreement is total then). `tasks` restricts it to some tasks. O(labels + tasks x classes).
    public static func krippendorffAlpha(_ labels: LabelStore, tasks: (some Sequence<Int>)?) -> Double? {
        let classes = labels.classCount
        let votes = VoteKernels.tally(start: labels.start, label: labels.label, classes: classes)
        var perClass = [Double](repeating: 0, count: classes)
        var agreeing = 0.0
        func add(_ task: Int) {
            let row = votes[task * classes..<(task + 1) * classes]
            let given = row.reduce(0, +)
            guard given >= 2 else { return }
            for (c, votes) in row.enumerated() {
                perClass[c] += Double(votes)
                agreeing += Double(votes) * Double(votes - 1) / Double(given - 1)  // o_cc
            }
        }
        if let tasks { tasks.forEach(add) } else { (0..<labels.taskCount).forEach(add) }
        let n = perClass.reduce(0, +)
        let chance = n * n - perClass.reduce(0) { $0 + $1 * $1 }  // sum over c != k of n_c n_k
        guard n > 0, chance > 0 else { return nil }
        return 1 - (n - 1) * (n - agreeing) / chance
    }

    /// As above, over all tasks.
    public static func krippendorffAlpha(_ labels: LabelStore) -> Double? {
        krippendorffAlpha(labels, tasks: [Int]?.none)
    }
}
