/// Tasks with roles (`TeamTerms`): candidates are first those who fill the roles.
extension TeamEngine {
    /// Writes the unused slots that could help a need with roles: those who fill its empty seats soonest, then the others,
    /// each in order of arrival; returns how many, at most `most`. O(slots log slots).
    mutating func chooseForRoles(_ n: Int, most: Int, latest: Double, _ state: borrowing GameState) -> Int {
        let task = Int(needs[n].task)
        guard let roles = state.roles(task) else { return 0 }
        roleTeam = state.team(task)
        let mask = roles.skills.rawValue
        let slots = supply.slots
        var able: [TeamCandidate] = []
        for s in slots.indices where slots[s].skills & mask != 0 && !slots[s].used {
            let who = Int(slots[s].worker)
            let way = state.way(who, task, at: slots[s].free)
            let arrival = slots[s].free + way / slots[s].speed
            if way <= slots[s].reach && arrival < latest && state.mayJoin(who, task, arrival: arrival) {
                able.append(TeamCandidate(key: arrival, arrival: arrival, slot: Int32(s)))
            }
        }
        able.sort { ($0.arrival, $0.slot) < ($1.arrival, $1.slot) }
        let first = roles.chosen(from: able.lazy.map { slots[Int($0.slot)].skills }, beside: roleTeam)
        let others = able.indices.filter { !first.contains($0) }
        let kept = min(most, able.count)
        for (k, at) in (first + others).prefix(kept).enumerated() { chosen[k] = able[at] }
        return kept
    }

    /// Adds a candidate to the team that is tried and says when it finishes then. O(members * seats^2).
    mutating func finishWithRoles(_ task: Int, _ candidate: TeamCandidate, _ state: borrowing GameState) -> Double {
        guard let roles = state.roles(task) else { return .infinity }
        let skills = supply.slots[Int(candidate.slot)].skills
        TeamTerms.insert(.init(arrival: candidate.arrival, skills: skills), into: &roleTeam)
        return roles.finish(state.tasks[task].workload, roleTeam)
    }
}
