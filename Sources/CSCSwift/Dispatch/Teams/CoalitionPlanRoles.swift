/// The learnt coalition rule on tasks with roles (`TeamTerms`): candidates are first those who fill the roles.
extension CoalitionPlan {
    /// Writes the unused slots that could help a need with roles: those who fill its empty seats soonest, then the others,
    /// each in order of arrival; returns how many. O(slots log slots).
    mutating func chooseForRoles(
        _ n: Int, latest: Double, _ team: [TeamTerms.Member], _ state: borrowing GameState
    ) -> Int {
        let task = Int(needs[n].task)
        guard let roles = state.roles(task) else { return 0 }
        let mask = roles.skills.rawValue
        var able: [Candidate] = []
        for s in slots.indices where slots[s].skills & mask != 0 && !slots[s].used {
            let who = Int(slots[s].worker)
            let way = state.way(who, task, at: slots[s].free)
            let arrival = slots[s].free + way / slots[s].speed
            if way <= slots[s].reach && arrival < latest && state.mayJoin(who, task, arrival: arrival) {
                able.append(Candidate(key: arrival, arrival: arrival, slot: Int32(s)))
            }
        }
        able.sort { ($0.arrival, $0.slot) < ($1.arrival, $1.slot) }
        let first = roles.chosen(from: able.lazy.map { [slots] in slots[Int($0.slot)].skills }, beside: team)
        let others = able.indices.filter { !first.contains($0) }
        let kept = min(Self.candidates, able.count)
        for (k, at) in (first + others).prefix(kept).enumerated() { chosen[k] = able[at] }
        return kept
    }

    /// The candidate as a member of a team.
    func member(_ k: Int, _ state: borrowing GameState) -> TeamTerms.Member {
        let slot = slots[Int(chosen[k].slot)]
        return TeamTerms.Member(arrival: chosen[k].arrival, skills: state.workers[Int(slot.worker)].skills.rawValue)
    }
}

extension TeamTerms {
    /// Adds a member to a team and says when it finishes then. O(members * seats^2).
    func finish(_ workload: Double, adding member: Member, to team: inout [Member]) -> Double {
        TeamTerms.insert(member, into: &team)
        return finish(workload, team)
    }
}
