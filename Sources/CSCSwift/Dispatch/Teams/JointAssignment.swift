internal import Foundation

/// What the joint plan of a window needs beyond the greedy one: the rank of every single member that a need could have,
/// and the assignment of single members to needs of the largest total worth.
///
/// The greedy plan gives a worker to the need that ranks highest, though another worker would have done there nearly as
/// well and the need that is left has nobody near. A single member's worth is exp(rank), profit a power of the minutes
/// times the learnt terms, and the sum over all pairs is maximised exactly (`AssignmentSolver`).
struct JointAssignment {
    /// What the assignment may cost in a window: (shorter side)^2 * longer side. Above it a window is planned greedily.
    private static let affordable = 1 << 20

    /// Ranks are noted: a draft is being made.
    private var isNoting = false
    /// How many single members a need may have.
    private var candidates = 8
    private var count: [Int32] = []
    private var slot: [Int32] = []
    private var rank: [Double] = []

    /// Needs that have a team of several, and slots that are in one.
    private var isServed: [Bool] = []
    private var isTaken: [Bool] = []
    /// Needs and slots that are dealt, and where a slot stands among them, or -1.
    private var rows: [Int] = []
    private var columns: [Int] = []
    private var place: [Int32] = []
    private var worth: [Double] = []
    private var solver = AssignmentSolver()
    /// The result: pairs of a need and a slot.
    private(set) var pairs: [(need: Int, slot: Int)] = []

    /// Whether a window of so many needs and slots is small enough.
    static func isAffordable(_ needs: Int, _ slots: Int) -> Bool {
        let (short, long) = (Double(min(needs, slots)), Double(max(needs, slots)))
        return short * short * long <= Double(affordable)
    }

    /// Starts noting ranks. O(needs + slots).
    mutating func begin(needs: Int, slots: Int, candidates: Int) {
        isNoting = true
        self.candidates = candidates
        refill(&isServed, needs, false)
        refill(&isTaken, slots, false)
        refill(&count, needs, 0)
        refill(&slot, needs * candidates, 0)
        refill(&rank, needs * candidates, 0)
    }

    /// Ends noting.
    mutating func end() { isNoting = false }

    /// Notes a single member whom a need could have; `rank` -infinity is nobody.
    @inline(__always) mutating func note(need: Int, slot member: Int32, rank value: Double) {
        if !isNoting || value == -.infinity { return }
        let at = need * candidates + Int(count[need])
        slot[at] = member
        rank[at] = value
        count[need] += 1
    }

    /// Keeps the team of a need out of what is dealt. O(team).
    mutating func keep(need: Int, members: ArraySlice<Int32>) {
        isServed[need] = true
        for member in members { isTaken[Int(member)] = true }
    }

    /// Deals the slots that are not kept to the needs that are not, and leaves the result in `pairs`.
    /// O(short side^2 * long side).
    mutating func solve() {
        rows.removeAll(keepingCapacity: true)
        columns.removeAll(keepingCapacity: true)
        pairs.removeAll(keepingCapacity: true)
        refill(&place, isTaken.count, -1)
        for need in isServed.indices where count[need] > 0 && !isServed[need] { rows.append(need) }
        for slot in isTaken.indices where !isTaken[slot] {
            place[slot] = Int32(columns.count)
            columns.append(slot)
        }
        var top = -Double.infinity
        for need in rows {
            for k in 0..<Int(count[need]) { top = max(top, rank[need * candidates + k]) }
        }
        // The shorter side are the solver's rows.
        let isTurned = rows.count > columns.count
        let (short, long) = isTurned ? (columns.count, rows.count) : (rows.count, columns.count)
        refill(&worth, short * long, 0)
        for (row, need) in rows.enumerated() {
            for k in 0..<Int(count[need]) {
                let at = need * candidates + k
                let column = Int(place[Int(slot[at])])
                if column < 0 { continue }
                worth[isTurned ? column * long + row : row * long + column] = exp(max(-30, rank[at] - top))
            }
        }
        let worth = worth
        solver.solve(rows: short, columns: long) { worth[$0 * long + $1] }
        for first in 0..<short where solver.columnOf[first] >= 0 {
            let second = solver.columnOf[first]
            pairs.append(isTurned ? (rows[second], columns[first]) : (rows[first], columns[second]))
        }
    }
}

extension TeamEngine {
    /// Completes the greedy plan as a draft, keeps its teams of several, deals all other slots to all other needs at
    /// once, and sends who is idle. O(greedy plan + min(needs, slots)^2 max(needs, slots)).
    mutating func assignJointly(_ state: inout GameState) {
        joint.end()
        while let need = heap.pop(versions: versions) {
            claim(need)
            // It wants nobody else in this window.
            needs[need].score = -.infinity
            let first = need * limits.largestTeam
            if needs[need].size > 1 {
                joint.keep(need: need, members: members[first..<first + Int(needs[need].size)])
                _ = send(need, &state)
            }
            lookAgain(state)
        }
        joint.solve()
        for (need, slot) in joint.pairs { _ = send(slot: slot, to: need, &state) }
    }
}
