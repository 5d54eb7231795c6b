/// The skills that tasks ask for, and where each stands among them by its first appearance: what no task asks for counts
/// nowhere, and no skill's number matters.
struct SkillPlaces {
    /// The skills, a bit each.
    private(set) var asked: UInt64 = 0
    /// How many there are.
    private(set) var count = 0
    private var place = [Int32](repeating: -1, count: 64)

    /// Forgets what was, and lists the skills of tasks. O(tasks).
    mutating func list(_ skills: some Sequence<Int>) {
        (asked, count) = (0, 0)
        refill(&place, 64, -1)
        for skill in skills where place[skill] < 0 {
            place[skill] = Int32(count)
            asked |= 1 << UInt64(skill)
            count += 1
        }
    }

    /// Where a skill that is asked for stands. O(1).
    subscript(skill: Int) -> Int { Int(place[skill]) }

    /// Calls `body` with the place of each of these skills that is asked for. O(their number).
    @inline(__always)
    func visit(_ skills: UInt64, _ body: (Int) -> Void) {
        var bits = skills & asked
        while bits != 0 {
            body(Int(place[bits.trailingZeroBitCount]))
            bits &= bits - 1
        }
    }
}
