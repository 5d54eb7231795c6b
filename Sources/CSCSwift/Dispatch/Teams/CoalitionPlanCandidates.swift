internal import Foundation

/// Who could help a need, in the learnt coalition rule.
///
/// Within a window a slot's key for a need does not change. So the first look at a need keeps twice as many candidates as
/// a team is chosen from (its shelf), and a need that has lost a member reads on in it; only where it has run out are the
/// slots looked at again. Both ways find the same candidates.
extension CoalitionPlan {
    /// By which distance slots are away from tasks in this game.
    enum Measure {
        case manhattan, euclidean, table

        init(_ travel: Travel?) {
            switch travel?.metric {
            case nil, .manhattan: self = .manhattan
            case .euclidean: self = .euclidean
            case .table: self = .table
            }
        }
    }

    /// The candidates of each need, best first, and how far they can be trusted.
    struct Shelf {
        /// How many slots a need keeps.
        var depth = 0
        var entries: [Candidate] = []
        /// How many there are; -1: not looked at yet.
        var count: [Int32] = []
        /// They were sought among those who arrive before this.
        var latest: [Double] = []

        /// Forgets all candidates. O(needs * depth) when it grows, else O(needs).
        mutating func reset(needs: Int, depth: Int) {
            self.depth = depth
            refill(&count, needs, -1)
            refill(&latest, needs, 0)
            if entries.count < needs * depth {
                refill(&entries, 2 * needs * depth, Candidate(key: 0, arrival: 0, slot: 0))
            }
        }
    }

    /// Prepares the search of a window's candidates. Few needs look at every slot, more at those with their skill. In a
    /// city of many slots that has no grid these stand in order of x. O(slots * skills + slots log slots).
    mutating func prepareCandidates(_ state: borrowing GameState) {
        measure = Measure(state.extensions?.travel)
        let hasPairs = state.extensions.map { !$0.barred.isEmpty || !$0.breaks.isEmpty } ?? false
        mayBeBarred = state.isExtended && hasPairs
        isListed = !isGridded && needs.count > 3
        isSorted = isListed && slots.count > Self.gridLimit && measure != .table
        shelf.reset(needs: isGridded ? 0 : needs.count, depth: 2 * measures.candidates)
        if isListed { listBySkill() }
        if !isSorted { return }
        (fastest, widest) = (0, 0)
        for slot in slots {
            fastest = max(fastest, slot.speed)
            widest = max(widest, slot.reach)
        }
    }

    /// Writes the slots of each skill that is asked for one after the other: `listed[listStart[p]..<listStart[p + 1]]`.
    private mutating func listBySkill() {
        let skills = askedOfSkill.count
        refill(&listStart, skills + 2, 0)
        for slot in slots {
            var bits = slot.skills & askedSkills
            while bits != 0 {
                listStart[Int(skillPlace[bits.trailingZeroBitCount]) + 2] += 1
                bits &= bits - 1
            }
        }
        for place in 0..<skills { listStart[place + 2] += listStart[place + 1] }
        refill(&listed, Int(listStart[skills + 1]), 0)
        if isSorted {
            refill(&byX, slots.count, 0)
            for s in slots.indices { byX[s] = Int32(s) }
            byX.sort { [slots] in (slots[Int($0)].x, $0) < (slots[Int($1)].x, $1) }
        }
        for position in slots.indices {
            let s = isSorted ? Int(byX[position]) : position
            var bits = slots[s].skills & askedSkills
            while bits != 0 {
                let place = Int(skillPlace[bits.trailingZeroBitCount])
                listed[Int(listStart[place + 1])] = Int32(s)
                listStart[place + 1] += 1
                bits &= bits - 1
            }
        }
    }

    /// Writes the unused, qualified slots that would arrive before `latest`, best key first (lower slot first among
    /// equals); returns how many. With the grid, of the `nearest` of them. O(candidates) from the shelf, else O(slots).
    mutating func chooseCandidates(
        _ n: Int, _ terms: SpatialTask, latest: Double, _ state: borrowing GameState
    ) -> Int {
        if isGridded {
            lookOnGrid(n, terms, latest: latest, state)
            return takeFound(n, latest: latest)
        }
        if shelf.count[n] < 0 || latest > shelf.latest[n] { lookAround(n, terms, latest: latest, state) }
        let kept = takeFound(n, latest: latest)
        if kept == measures.candidates || Int(shelf.count[n]) < shelf.depth { return kept }
        // Some of the shelf are gone, and there may be others who did not find room on it.
        lookAround(n, terms, latest: latest, state)
        return takeFound(n, latest: latest)
    }

    /// Copies the first of those found who are still there and in time to `chosen`; returns how many.
    private mutating func takeFound(_ n: Int, latest: Double) -> Int {
        if isGridded {
            for k in 0..<foundCount { chosen[k] = found[k] }
            return foundCount
        }
        let first = n * shelf.depth
        var kept = 0
        for k in first..<first + Int(shelf.count[n]) {
            let candidate = shelf.entries[k]
            if slots[Int(candidate.slot)].used || candidate.arrival >= latest { continue }
            chosen[kept] = candidate
            kept += 1
            if kept == measures.candidates { break }
        }
        return kept
    }

    /// Fills a need's shelf from the slots with its skill.
    private mutating func lookAround(
        _ n: Int, _ terms: SpatialTask, latest: Double, _ state: borrowing GameState
    ) {
        let view = view(n, terms, latest: latest, now: state.now)
        (foundCount, foundLimit) = (0, shelf.depth)
        if isListed {
            let place = Int(skillPlace[terms.skill])
            var (from, until) = (Int(listStart[place]), Int(listStart[place + 1]))
            if isSorted {
                let far = min(widest, (latest - state.now) * fastest) * 1.000001
                from = firstListed(from, until) { $0 >= terms.x - far }
                until = firstListed(from, until) { $0 > terms.x + far }
            }
            for position in from..<until { weigh(Int(listed[position]), view, terms, state) }
        } else {
            for s in slots.indices where slots[s].skills & view.bit != 0 { weigh(s, view, terms, state) }
        }
        for k in 0..<foundCount { shelf.entries[n * shelf.depth + k] = found[k] }
        shelf.count[n] = Int32(foundCount)
        shelf.latest[n] = latest
    }

    /// The first position of a stretch of the list, in order of x, whose x is so far; its end if there is none.
    private func firstListed(_ from: Int, _ until: Int, _ isThere: (Double) -> Bool) -> Int {
        var (low, high) = (from, until)
        while low < high {
            let middle = (low + high) / 2
            if isThere(slots[Int(listed[middle])].x) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Finds the candidates among the nearest on the grid.
    private mutating func lookOnGrid(
        _ n: Int, _ terms: SpatialTask, latest: Double, _ state: borrowing GameState
    ) {
        let view = view(n, terms, latest: latest, now: state.now)
        (foundCount, foundLimit) = (0, measures.candidates)
        let near = index.nearest(
            Self.nearest, x: terms.x, y: terms.y, skills: view.bit,
            reach: min(widest, (latest - state.now) * fastest * 1.000001), speed: 1, now: 0, found: &nearSlot,
            distances: &nearDistance)
        for position in 0..<near { weigh(Int(nearSlot[position]), view, terms, state) }
    }

    /// What all slots that are weighed for one need have in common.
    private struct View {
        let task: Int
        let bit: UInt64
        let latest: Double
        let end: Double
        let growth: (Double, Double)
        let worthAtEnd: Double
        let costOrder: Double
        let priceOrder: Double
        let virtualDelay: Double

    }

    private func view(_ n: Int, _ terms: SpatialTask, latest: Double, now: Double) -> View {
        // A job that ends at `expected`, or in half a job where that is past, stands for whatever team it will be.
        let end = max(terms.expectedTime, now + measures.part)
        return View(
            task: Int(needs[n].task), bit: 1 << UInt64(terms.skill), latest: latest, end: end,
            growth: (exp((end - now) / measures.fade.0), exp((end - now) / measures.fade.1)),
            worthAtEnd: worth(until: end), costOrder: weights.costOrder * needs[n].price / measures.rate,
            priceOrder: weights.priceOrder * measures.order, virtualDelay: weights.virtualDelay * measures.order)
    }

    /// Enters a slot among those found, unless it is used, too far, too late, or after so many better ones. O(found).
    @inline(__always)
    private mutating func weigh(_ s: Int, _ view: View, _ terms: SpatialTask, _ state: borrowing GameState) {
        if slots[s].used { return }
        let (dx, dy) = (slots[s].x - terms.x, slots[s].y - terms.y)
        let distance: Double
        switch measure {
        case .manhattan: distance = abs(dx) + abs(dy)
        case .euclidean: distance = (dx * dx + dy * dy).squareRoot()
        case .table: distance = state.way(Int(slots[s].worker), view.task, at: slots[s].free)
        }
        if distance > slots[s].reach { return }
        let arrival = slots[s].free + distance / slots[s].speed
        if arrival >= view.latest { return }
        if mayBeBarred && !state.mayJoin(Int(slots[s].worker), view.task, arrival: arrival) { return }
        let past = view.end >= slots[s].shiftEnd
        let cost =
            (past ? slots[s].worthAtEnd : view.worthAtEnd) - slots[s].worthAtFree
            + slots[s].lastWeight.0 * ((past ? 1 : view.growth.0 * slots[s].fadeNow.0) - slots[s].fadeFree.0)
            + slots[s].lastWeight.1 * ((past ? 1 : view.growth.1 * slots[s].fadeNow.1) - slots[s].fadeFree.1)
        let key =
            arrival + view.costOrder * slots[s].price * cost + view.priceOrder * slots[s].logPrice
            + (slots[s].isIdle ? 0 : view.virtualDelay)
        func isBefore(_ other: Candidate) -> Bool {
            key < other.key || isSorted && key == other.key && Int32(s) < other.slot
        }
        if foundCount == foundLimit && !isBefore(found[foundCount - 1]) { return }
        var k = foundCount < foundLimit ? foundCount : foundCount - 1
        while k > 0 && isBefore(found[k - 1]) {
            found[k] = found[k - 1]
            k -= 1
        }
        found[k] = Candidate(key: key, arrival: arrival, slot: Int32(s))
        if foundCount < foundLimit { foundCount += 1 }
    }
}
