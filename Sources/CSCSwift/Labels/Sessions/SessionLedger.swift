/// Every question and every imported label of a session, in the order of their records, and what became of each.
///
/// Representation: one column a property; the entries of a task form a list from the newest to the oldest. A pair has
/// several entries where a question lapsed and was asked again: the newest one counts.
struct SessionLedger: Codable {
    /// What became of an entry.
    enum PairStatus: Equatable {
        /// The question is outstanding.
        case asked
        /// It has this label; an imported label has it from the start.
        case answered(Int)
        case declined
        /// It lapsed.
        case expired
        /// It lapsed and may be asked again.
        case offered
    }

    private(set) var task: [Int32] = []
    private(set) var worker: [Int32] = []
    private(set) var probability: [Double] = []
    private var flags: [UInt8] = []
    /// The number of the record that asked, or imported: the question's id.
    private(set) var number: [Int] = []
    /// When it was asked or imported, and when it was answered; 0 while it was not.
    private(set) var askedAt: [Double] = []
    private(set) var answeredAt: [Double] = []
    /// The label, or a status below 0.
    private var outcome: [Int32] = []
    /// The entry of the same task before this one, -1 for none, and each task's newest.
    private var previous: [Int32] = []
    private var newest: [Int32]
    /// The outstanding entries in the order of asking, and how many each worker has.
    private(set) var open: [Int32] = []
    private(set) var openCount: [Int32]
    /// How many entries can be offered again.
    private(set) var lapsed = 0
    /// How many labels each task has.
    private(set) var labelCounts: [Int]

    private enum Flag { static let exploration: UInt8 = 1, imported: UInt8 = 2, paid: UInt8 = 4, late: UInt8 = 8 }

    init(tasks: Int, workers: Int) {
        newest = [Int32](repeating: -1, count: tasks)
        labelCounts = [Int](repeating: 0, count: tasks)
        openCount = [Int32](repeating: 0, count: workers)
    }

    /// How many entries there are.
    var count: Int { task.count }

    mutating func addTasks(_ more: Int) {
        newest += [Int32](repeating: -1, count: more)
        labelCounts += [Int](repeating: 0, count: more)
    }
    mutating func addWorker() { openCount.append(0) }

    // MARK: Entries

    /// The pair's newest entry. O(entries of the task).
    func find(_ i: Int, _ j: Int) -> Int? {
        var entry = newest[i]
        while entry >= 0 {
            if worker[Int(entry)] == Int32(j) { return Int(entry) }
            entry = previous[Int(entry)]
        }
        return nil
    }

    /// The entry of the question with this id. O(log entries).
    func entry(id: Int) -> Int? {
        var low = 0, high = number.count
        while low < high {
            let middle = (low + high) / 2
            if number[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < number.count && number[low] == id && !isImported(low) ? low : nil
    }

    func status(of entry: Int) -> PairStatus {
        switch outcome[entry] {
        case -1: .asked
        case -2: .declined
        case -3: .expired
        case -4: .offered
        default: .answered(Int(outcome[entry]))
        }
    }

    /// What became of a pair; nil where it was neither asked nor imported. O(entries of the task).
    func status(_ i: Int, _ j: Int) -> PairStatus? { find(i, j).map { status(of: $0) } }

    func isExploration(_ entry: Int) -> Bool { flags[entry] & Flag.exploration != 0 }
    func isImported(_ entry: Int) -> Bool { flags[entry] & Flag.imported != 0 }
    /// Whether the label was paid for from the budget.
    func isPaid(_ entry: Int) -> Bool {
        guard outcome[entry] >= 0 else { return false }
        return !isImported(entry) || flags[entry] & Flag.paid != 0
    }

    private mutating func add(_ i: Int, _ j: Int, _ p: Double, _ flag: UInt8, _ id: Int, _ time: Double, _ out: Int32) {
        task.append(Int32(i))
        worker.append(Int32(j))
        probability.append(p)
        flags.append(flag)
        number.append(id)
        askedAt.append(time)
        answeredAt.append(0)
        outcome.append(out)
        previous.append(newest[i])
        newest[i] = Int32(count - 1)
    }

    /// A question. Returns its entry. Amortised O(1).
    @discardableResult
    mutating func ask(_ assignment: Assignment, id: Int, at time: Double) -> Int {
        add(
            assignment.task, assignment.worker, assignment.probability,
            assignment.exploration ? Flag.exploration : 0, id, time, -1)
        open.append(Int32(count - 1))
        openCount[assignment.worker] += 1
        return count - 1
    }

    /// A label from elsewhere. Amortised O(1).
    mutating func adopt(_ label: Label, paid: Bool, id: Int, at time: Double) {
        add(Int(label.task), Int(label.worker), 0, Flag.imported | (paid ? Flag.paid : 0), id, time, label.label)
        labelCounts[Int(label.task)] += 1
    }

    /// An outstanding or lapsed question has its answer. O(outstanding).
    mutating func answer(_ entry: Int, label: Int, at time: Double) {
        if outcome[entry] != -1 { flags[entry] |= Flag.late }
        close(entry)
        outcome[entry] = Int32(label)
        answeredAt[entry] = time
        labelCounts[Int(task[entry])] += 1
    }

    /// Another label in place of the entry's. O(1).
    mutating func correct(_ entry: Int, label: Int) { outcome[entry] = Int32(label) }

    /// An outstanding question was declined or lapsed. O(outstanding).
    mutating func withdraw(_ entry: Int, declined: Bool) {
        close(entry)
        outcome[entry] = declined ? -2 : -3
        if !declined { lapsed += 1 }
    }

    /// A lapsed question may be asked again. O(1).
    mutating func offer(_ entry: Int) {
        if outcome[entry] == -3 { lapsed -= 1 }
        outcome[entry] = -4
    }

    private mutating func close(_ entry: Int) {
        if outcome[entry] == -3 { lapsed -= 1 }
        guard outcome[entry] == -1 else { return }
        openCount[Int(worker[entry])] -= 1
        var low = 0, high = open.count
        while low < high {
            let middle = (low + high) / 2
            if open[middle] < Int32(entry) { low = middle + 1 } else { high = middle }
        }
        open.remove(at: low)
    }

    /// The entries of the present state in the order of asking that lapsed and were neither answered, offered nor asked
    /// again. O(entries).
    func lapsedEntries(of workers: Set<Int>) -> [Int] {
        guard lapsed > 0 else { return [] }
        return (0..<count).filter {
            outcome[$0] == -3 && workers.contains(Int(worker[$0])) && find(Int(task[$0]), Int(worker[$0])) == $0
        }
    }

    /// Whether an answered question was answered after it had lapsed.
    func isLate(_ entry: Int) -> Bool { flags[entry] & Flag.late != 0 }
}
