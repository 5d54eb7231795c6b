/// Forms teams: the engine of the coalition rule and of the learnt one, which differ in their rank alone.
///
/// For each task in need the candidates are put in order, the best number of them is found by exact completion times
/// (`TeamClock`), and the best-ranked team of all tasks is sent; then the tasks that wanted one of its members look
/// again, until no team is worth sending. Workers about to become free may be members too: the idle members of such a
/// team are sent at once, the others are kept for it in this window and decided about again when they are free.
/// Derived here, docs/dispatch.md.
///
/// Representation: the supply, a slot per worker; the tasks in need, each with its best team; these teams in a heap with
/// version numbers; for each slot the teams that want it; for each need its candidates. Nothing is allocated after the
/// first windows. Hot call: `findTeam`, once for each task in need and again when it loses a member: a scan of the slots
/// with the skill, then of the candidates that this has found; or, for many slots, a look at the nearest on a grid.
struct TeamEngine<Rank: TeamRank> {
    /// What is maximised; may be changed between windows.
    var rank: Rank
    var supply = TeamSupply()
    var needs: [TeamNeed] = []
    /// The members (slots) of each need's best team, `limits.largestTeam` per need.
    var members: [Int32] = []
    var limits = TeamLimits(gridAbove: 0)
    var joint = JointAssignment()

    // The best teams, and which needs want which slot.
    var heap = OfferHeap()
    private var wants = WantLists()
    private(set) var versions: [Int32] = []
    private var losers: [Int32] = []

    // The slots of each skill, and the candidates of each need (`prepareSearch`).
    var shelf = TeamShelf()
    var skillLists = TeamSkillLists()
    var distance = Travel.Metric.manhattan
    var mayBeBarred = false
    var isListed = false
    var isSorted = false
    /// So many tasks and slots that only the tasks are planned that an idle worker could come to, and that nobody is reserved
    /// for a task which only waits: see `crowd`.
    private(set) var isCrowded = false
    /// In a crowded window of few idle workers, these by skill.
    var idleLists = TeamSkillLists()
    private(set) var isIdleListed = false
    /// The candidates that one look has found, in place: at most twice `TeamLimits.most`.
    var found = InlineArray<24, TeamCandidate>(repeating: TeamCandidate(key: 0, arrival: 0, slot: 0))
    var foundCount = 0
    var foundLimit = 0

    // Scratch of `findTeam`.
    /// The candidates of the task at hand, in order: `TeamLimits.most` places.
    var chosen = [TeamCandidate](repeating: TeamCandidate(key: 0, arrival: 0, slot: 0), count: TeamLimits.most)
    var arrivals: [Double] = []
    var roleTeam: [TeamTerms.Member] = []

    init(_ rank: Rank) { self.rank = rank }

    /// Starts an episode. The cost is the rank's.
    mutating func begin(_ state: borrowing GameState) { rank.begin(state) }

    /// Commits idle workers of the present window. One after the other O(workers + (needs + needs that lost a member) *
    /// slots), with the grid O(workers + (needs + needs that lost a member) * slots near them); jointly see
    /// `assignJointly`.
    mutating func dispatch(_ state: inout GameState) {
        if state.idle.isEmpty || state.open.isEmpty { return }
        rank.beginWindow(state)
        limits = rank.limits
        supply.fill(state, ahead: limits.ahead)
        needs.removeAll(keepingCapacity: true)
        for task in state.open where state.isUnderstaffed(Int(task)) { needs.append(TeamNeed(task: task)) }
        if needs.isEmpty || supply.idleLeft == 0 { return }
        let isDraft = limits.isJoint && JointAssignment.isAffordable(needs.count, supply.slots.count)
        crowd(unless: isDraft, state)
        rank.prepare(supply.slots, needs, state)
        supply.prepareSearch(state, gridAbove: limits.gridAbove)
        prepareSearch(state)
        refill(&members, needs.count * limits.largestTeam, 0)
        heap.removeAll()
        wants.reset(members: supply.slots.count)
        refill(&versions, needs.count, 0)
        if isDraft {
            joint.begin(needs: needs.count, slots: supply.slots.count, candidates: limits.candidates)
        }
        for need in needs.indices { consider(need, state) }
        if isDraft {
            assignJointly(&state)
        } else {
            while supply.idleLeft > 0, let best = heap.pop(versions: versions) { take(best, &state) }
        }
    }

    /// Finds a need's best team and enters it among the others.
    private mutating func consider(_ need: Int, _ state: borrowing GameState) {
        versions[need] += 1
        if isIdleListed && !hasIdleCandidate(need, state) {
            needs[need].score = -.infinity
            return
        }
        findTeam(need, state)
        if isCrowded && !hasIdleMember(need) { needs[need].score = -.infinity }
        guard needs[need].score > -.infinity else { return }
        heap.push(rank: needs[need].score, slot: need, version: versions[need])
        for m in 0..<Int(needs[need].size) {
            wants.add(member: Int(members[need * limits.largestTeam + m]), slot: need, version: versions[need])
        }
    }

    /// Sends the idle members of a need's team, reserves the others, and finds new teams for the needs that lose a
    /// member. A need whose team holds a reserved member is settled for this window.
    private mutating func take(_ need: Int, _ state: inout GameState) {
        claim(need)
        let reserved = send(need, &state)
        if reserved || !state.isUnderstaffed(Int(needs[need].task)) {
            needs[need].score = -.infinity
        } else {
            consider(need, state)
        }
        lookAgain(state)
    }

    /// Takes the members of a need's team off the market and lists the needs that lose one.
    mutating func claim(_ need: Int) {
        // Its offer is used up: the version says so to the heap and to the lists.
        versions[need] += 1
        losers.removeAll(keepingCapacity: true)
        for m in 0..<Int(needs[need].size) {
            let slot = Int(members[need * limits.largestTeam + m])
            supply.take(slot)
            wants.wanting(slot, versions: versions, into: &losers)
        }
    }

    /// Sends the idle members of a need's team; returns whether there are others.
    mutating func send(_ need: Int, _ state: inout GameState) -> Bool {
        var reserved = false
        for m in 0..<Int(needs[need].size) {
            if !send(slot: Int(members[need * limits.largestTeam + m]), to: need, &state) { reserved = true }
        }
        return reserved
    }

    /// Sends a slot to a need if it is idle; returns whether it is.
    mutating func send(slot: Int, to need: Int, _ state: inout GameState) -> Bool {
        guard supply.slots[slot].isIdle else { return false }
        state.commit(worker: Int(supply.slots[slot].worker), task: Int(needs[need].task))
        supply.noteSent()
        return true
    }

    /// Finds new teams for the needs that have lost a member. Whoever wants two of them is listed twice, and has a new
    /// team by the second time.
    mutating func lookAgain(_ state: borrowing GameState) {
        for other in losers where hasLostMember(Int(other)) { consider(Int(other), state) }
    }

    /// Says whether the window is crowded: it has more than `TeamLimits.crowdedAbove` pairs of a task and a slot, and is not
    /// planned jointly. Then it is planned within `TeamLimits.crowded`, and a task whose best team are all still busy waits
    /// for them, as in any window, but keeps them from no other task: else thousands of tasks would be planned anew for each
    /// of a hundred idle workers who can be sent. So tasks that no idle worker could come to need not be looked at.
    /// O(slots * skills).
    private mutating func crowd(unless isDraft: Bool, _ state: borrowing GameState) {
        isCrowded = !isDraft && Double(needs.count) * Double(supply.slots.count) > limits.crowdedAbove
        isIdleListed = isCrowded && supply.idleLeft <= SpatialIndex.scanLimit
        if !isCrowded { return }
        limits = limits.crowded
        supply.keep(state, ahead: limits.ahead)
        if isIdleListed { idleLists.fill(supply.slots, needs, byX: false, idleOnly: true, state) }
    }

    /// Whether a need's best team could set out now, at least in part. O(team).
    private func hasIdleMember(_ need: Int) -> Bool {
        for m in 0..<Int(needs[need].size)
        where supply.slots[Int(members[need * limits.largestTeam + m])].isIdle {
            return true
        }
        return false
    }

    /// Whether a member of the need's best team has been taken. O(team).
    private func hasLostMember(_ need: Int) -> Bool {
        if needs[need].score == -.infinity { return false }
        for m in 0..<Int(needs[need].size)
        where supply.slots[Int(members[need * limits.largestTeam + m])].used {
            return true
        }
        return false
    }
}
