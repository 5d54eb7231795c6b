/// The search for a need's best team.
extension TeamEngine {
    /// Finds the best-ranked team that would help need `n`, or none (score -infinity).
    ///
    /// A team is a prefix of the candidates, in their order, joining whoever is on the task already or, where nobody is
    /// and the rank tries them, any single one. O(slots + candidates * team).
    mutating func findTeam(_ n: Int, _ state: borrowing GameState) {
        let task = Int(needs[n].task)
        let terms = state.tasks[task]
        let existing = Int(state.teamSize[task])
        let room = state.cap(task) - existing
        let hasRoles = state.isExtended && state.roles(task) != nil
        let kept = chooseCandidates(n, terms, room: room, hasRoles: hasRoles, state)
        var offer = rank.offer(
            n, task, existing: existing, paid: state.payment(task, at: state.completion[task]), state)
        var best = (score: -Double.infinity, first: 0, size: 0)
        listArrivals(task, state)
        for m in 0..<min(kept, limits.largestTeam, room) {
            let candidate = chosen[m]
            let end = finish(task, terms.workload, joinedBy: candidate, hasRoles: hasRoles, state)
            let slot = supply.slots[Int(candidate.slot)]
            if !rank.admits(slot, arrival: candidate.arrival, end: end, to: &offer) { break }
            let score = value(offer, task, first: 0, size: m + 1, end: end, state)
            if m == 0 { joint.note(need: n, slot: candidate.slot, rank: score) }
            if score > best.score { best = (score, 0, m + 1) }
        }
        if limits.triesSingles && existing == 0 && kept > 1 && !hasRoles {
            for k in 1..<kept {
                let end = TeamClock.finish(terms.workload, alone: chosen[k].arrival)
                let score = value(offer, task, first: k, size: 1, end: end, state)
                joint.note(need: n, slot: chosen[k].slot, rank: score)
                if score > best.score { best = (score, k, 1) }
            }
        }
        needs[n].score = best.score
        needs[n].size = Int32(best.size)
        for k in 0..<best.size { members[n * limits.largestTeam + k] = chosen[best.first + k].slot }
    }

    /// The rank of candidates `first ..< first + size` finishing at `end`; -infinity after the deadline. O(size).
    @inline(__always)
    private func value(
        _ offer: Rank.Offer, _ task: Int, first: Int, size: Int, end: Double, _ state: borrowing GameState
    ) -> Double {
        if end > state.tasks[task].deadlineTime { return -.infinity }
        let paid = state.payment(task, at: end)
        return rank.rank(offer, first: first, size: size, end: end, paid: paid, chosen, supply.slots)
    }

    /// Starts with the team that is on a task already. O(team).
    private mutating func listArrivals(_ task: Int, _ state: borrowing GameState) {
        arrivals.removeAll(keepingCapacity: true)
        var node = state.teamHead[task]
        while node >= 0 {
            arrivals.append(state.arrival[Int(node)])
            node = state.teamNext[Int(node)]
        }
    }

    /// Adds a candidate to the team that is tried and says when it finishes then. O(team).
    @inline(__always)
    private mutating func finish(
        _ task: Int, _ workload: Double, joinedBy candidate: TeamCandidate, hasRoles: Bool,
        _ state: borrowing GameState
    ) -> Double {
        if hasRoles { return finishWithRoles(task, candidate, state) }
        TeamClock.insert(candidate.arrival, into: &arrivals)
        return TeamClock.finish(workload, arrivals, count: arrivals.count)
    }

    /// Writes the unused, qualified slots that would arrive while they are of use, in order; returns how many.
    private mutating func chooseCandidates(
        _ n: Int, _ terms: SpatialTask, room: Int, hasRoles: Bool, _ state: borrowing GameState
    ) -> Int {
        // Whoever is beyond the room can only come alone.
        let most = limits.triesSingles ? limits.candidates : min(limits.candidates, room)
        let latest = min(state.completion[Int(needs[n].task)], terms.deadlineTime)
        if hasRoles { return chooseForRoles(n, most: most, latest: latest, state) }
        return chooseInOrder(n, terms, most: most, latest: latest, state)
    }
}
