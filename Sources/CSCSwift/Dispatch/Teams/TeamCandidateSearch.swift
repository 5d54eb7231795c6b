/// The candidates of each need, best first. Within a window a slot's key for a need does not change: so the first look at
/// a need keeps twice as many candidates as a team is chosen from, and a need that has lost a member reads on in them;
/// only where they have run out are the slots looked at again. Both ways find the same candidates.
struct TeamShelf {
    /// How many slots a need keeps.
    private(set) var depth = 0
    var entries: [TeamCandidate] = []
    /// How many there are; -1: not looked at yet.
    var count: [Int32] = []
    /// They were sought among those who arrive before this (min).
    var latest: [Double] = []

    /// Forgets all candidates. O(needs * depth) when it grows, else O(needs).
    mutating func reset(needs: Int, depth: Int) {
        self.depth = depth
        refill(&count, needs, -1)
        refill(&latest, needs, 0)
        if entries.count < needs * depth {
            refill(&entries, 2 * needs * depth, TeamCandidate(key: 0, arrival: 0, slot: 0))
        }
    }
}

/// The slots of each skill that is asked for, one skill after the other, in rising index or in order of x.
struct TeamSkillLists {
    private(set) var slots: [Int32] = []
    private var start: [Int32] = []
    private var places = SkillPlaces()
    private var order: [Int32] = []

    /// Writes the lists, of all slots or of the idle ones. O(needs + slots * skills), and sorted O(slots log slots) more.
    mutating func fill(
        _ all: [TeamSlot], _ needs: [TeamNeed], byX: Bool, idleOnly: Bool = false, _ state: borrowing GameState
    ) {
        let tasks = state.tasks
        places.list(needs.lazy.map { tasks[Int($0.task)].skill })
        let places = places, skillCount = places.count
        refill(&start, skillCount + 2, 0)
        for slot in all where slot.isIdle || !idleOnly { places.visit(slot.skills) { start[$0 + 2] += 1 } }
        for at in 0..<skillCount { start[at + 2] += start[at + 1] }
        refill(&slots, Int(start[skillCount + 1]), 0)
        if byX {
            refill(&order, all.count, 0)
            for s in all.indices { order[s] = Int32(s) }
            order.sort { (all[Int($0)].x, $0) < (all[Int($1)].x, $1) }
        }
        for position in all.indices {
            let s = byX ? Int(order[position]) : position
            if idleOnly && !all[s].isIdle { continue }
            places.visit(all[s].skills) {
                slots[Int(start[$0 + 1])] = Int32(s)
                start[$0 + 1] += 1
            }
        }
    }

    /// Where the slots with a skill stand. O(1).
    func range(skill: Int) -> Range<Int> {
        let at = places[skill]
        return Int(start[at])..<Int(start[at + 1])
    }

    /// Of lists in order of x, the part of a range whose x lies within `far` of a place. O(log slots).
    func within(_ far: Double, of x: Double, _ range: Range<Int>, _ all: [TeamSlot]) -> Range<Int> {
        let from = first(range) { all[$0].x >= x - far }
        return from..<max(from, first(range) { all[$0].x > x + far })
    }

    private func first(_ range: Range<Int>, _ isThere: (Int) -> Bool) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if isThere(Int(slots[middle])) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// Who could help a need.
extension TeamEngine {
    /// What all slots that are weighed for one need have in common.
    private struct View {
        let task: Int
        let latest: Double
        let order: Rank.Order
    }

    /// Prepares the search of a window's candidates. Few needs look at every slot, more at those with their skill. In a
    /// city of many slots without a grid these stand in order of x. O(slots * skills + slots log slots).
    mutating func prepareSearch(_ state: borrowing GameState) {
        distance = state.extensions?.travel?.metric ?? .manhattan
        mayBeBarred = state.extensions.map { !$0.barred.isEmpty || !$0.breaks.isEmpty } ?? false
        isListed = !supply.isGridded && needs.count > 3
        isSorted = isListed && supply.slots.count > SpatialIndex.scanLimit && distance != .table
        shelf.reset(
            needs: supply.isGridded ? 0 : needs.count, depth: (isCrowded ? 1 : 2) * limits.candidates)
        if isListed { skillLists.fill(supply.slots, needs, byX: isSorted, state) }
        if isSorted { supply.measureExtent() }
    }

    /// Writes the unused, qualified slots that would arrive before `latest`, by the rank's order (lower slot first among
    /// equals), to `chosen`; returns how many, at most `most`. With the grid, of the nearest of them. O(candidates) from
    /// the shelf, else O(slots).
    mutating func chooseInOrder(
        _ n: Int, _ terms: SpatialTask, most: Int, latest: Double, _ state: borrowing GameState
    ) -> Int {
        if supply.isGridded {
            lookOnGrid(n, terms, most: most, latest: latest, state)
            for k in 0..<foundCount { chosen[k] = found[k] }
            return foundCount
        }
        if shelf.count[n] < 0 || latest > shelf.latest[n] { lookAround(n, terms, latest: latest, state) }
        let kept = takeFromShelf(n, most: most, latest: latest)
        if kept == most || Int(shelf.count[n]) < shelf.depth { return kept }
        // Some of the shelf are gone, and there may be others who did not find room on it.
        lookAround(n, terms, latest: latest, state)
        return takeFromShelf(n, most: most, latest: latest)
    }

    /// Copies the first on a need's shelf who are still there and in time to `chosen`; returns how many.
    private mutating func takeFromShelf(_ n: Int, most: Int, latest: Double) -> Int {
        let first = n * shelf.depth
        var kept = 0
        for k in first..<first + Int(shelf.count[n]) {
            if kept == most { break }
            let candidate = shelf.entries[k]
            if supply.slots[Int(candidate.slot)].used || candidate.arrival >= latest { continue }
            chosen[kept] = candidate
            kept += 1
        }
        return kept
    }

    /// Fills a need's shelf from the slots with its skill.
    private mutating func lookAround(_ n: Int, _ terms: SpatialTask, latest: Double, _ state: borrowing GameState) {
        let view = View(task: Int(needs[n].task), latest: latest, order: rank.order(n, terms, now: state.now))
        (foundCount, foundLimit) = (0, shelf.depth)
        if isListed {
            var range = skillLists.range(skill: terms.skill)
            if isSorted {
                let far = supply.farthest(latest: latest, now: state.now)
                range = skillLists.within(far, of: terms.x, range, supply.slots)
            }
            for position in range { weigh(Int(skillLists.slots[position]), view, terms, state) }
        } else {
            let bit = UInt64(1) << UInt64(terms.skill)
            for s in supply.slots.indices where supply.slots[s].skills & bit != 0 { weigh(s, view, terms, state) }
        }
        for k in 0..<foundCount { shelf.entries[n * shelf.depth + k] = found[k] }
        shelf.count[n] = Int32(foundCount)
        shelf.latest[n] = latest
    }

    /// Finds the candidates among the nearest on the grid.
    private mutating func lookOnGrid(
        _ n: Int, _ terms: SpatialTask, most: Int, latest: Double, _ state: borrowing GameState
    ) {
        let view = View(task: Int(needs[n].task), latest: latest, order: rank.order(n, terms, now: state.now))
        (foundCount, foundLimit) = (0, most)
        let near = supply.findNearest(
            max(limits.nearest, 2 * most), x: terms.x, y: terms.y, skills: 1 << UInt64(terms.skill), latest: latest,
            now: state.now)
        for position in 0..<near { weigh(Int(supply.nearSlot[position]), view, terms, state) }
    }

    /// Whether an idle slot of `idleLists` could come to a need while that is of use; a need with roles says yes. O(idle).
    func hasIdleCandidate(_ n: Int, _ state: borrowing GameState) -> Bool {
        let task = Int(needs[n].task)
        if state.isExtended && state.roles(task) != nil { return true }
        let terms = state.tasks[task]
        let latest = min(state.completion[task], terms.deadlineTime)
        for position in idleLists.range(skill: terms.skill) {
            let slot = supply.slots[Int(idleLists.slots[position])]
            if slot.used { continue }
            let way = way(from: slot, to: task, terms, state)
            if way <= slot.reach && slot.free + way / slot.speed < latest { return true }
        }
        return false
    }

    /// The way from where a slot will be to a task (km; minutes with a table). O(1).
    @inline(__always)
    private func way(from slot: TeamSlot, to task: Int, _ terms: SpatialTask, _ state: borrowing GameState) -> Double {
        let (dx, dy) = (slot.x - terms.x, slot.y - terms.y)
        switch distance {
        case .manhattan: return abs(dx) + abs(dy)
        case .euclidean: return (dx * dx + dy * dy).squareRoot()
        case .table: return state.way(Int(slot.worker), task, at: slot.free)
        }
    }

    /// Enters a slot among those found, unless it is used, too far, too late, or after so many better ones. O(found).
    @inline(__always)
    private mutating func weigh(_ s: Int, _ view: View, _ terms: SpatialTask, _ state: borrowing GameState) {
        let slot = supply.slots[s]
        if slot.used || foundLimit == 0 { return }
        let way = way(from: slot, to: view.task, terms, state)
        if way > slot.reach { return }
        let arrival = slot.free + way / slot.speed
        if arrival >= view.latest { return }
        if mayBeBarred && !state.mayJoin(Int(slot.worker), view.task, arrival: arrival) { return }
        let key = rank.key(view.order, s, slot, arrival: arrival)
        func isBefore(_ other: TeamCandidate) -> Bool {
            key < other.key || isSorted && key == other.key && Int32(s) < other.slot
        }
        if foundCount == foundLimit && !isBefore(found[foundCount - 1]) { return }
        var k = foundCount < foundLimit ? foundCount : foundCount - 1
        while k > 0 && isBefore(found[k - 1]) {
            found[k] = found[k - 1]
            k -= 1
        }
        found[k] = TeamCandidate(key: key, arrival: arrival, slot: Int32(s))
        if foundCount < foundLimit { foundCount += 1 }
    }
}
