internal import Foundation

/// One window's plan of the learnt coalition rule (docs/evolve.md): who is sent where, and who is kept for what.
///
/// Representation: a slot is a worker who is idle or will be free within `horizonAhead`, at the place where that will
/// be; a need is an open task not yet on course to be paid in full. Each need keeps its best team; the best-ranked team
/// of all is taken, its idle members are sent, its virtual ones (not free yet) are only reserved, and needs that have
/// lost a member look for a new team. Best teams lie in a heap, and each slot knows the needs that want it. Nothing is
/// allocated after the first windows. Hot call: `findTeam`, a scan of the slots with the skill or, above `gridLimit` of
/// them, a look at the nearest on a grid, so that a window costs what happens in it and not its square.
struct CoalitionPlan {
    /// Above this many slots, candidates are sought among the `nearest` qualified ones instead of all.
    static let gridLimit = 1024
    static let nearest = 64

    struct Slot {
        var worker: Int32
        var isIdle: Bool
        var used = false
        var x: Double
        var y: Double
        var free: Double
        var speed: Double
        var reach: Double
        var shiftEnd: Double
        var skills: UInt64
        var logPrice = 0.0
        var price = 0.0
        /// The worth of the time before `free` and before `shiftEnd`, from the start of the episode.
        var worthAtFree = 0.0
        var worthAtEnd = 0.0
        /// exp(-(shiftEnd - now) / tau) for both tau, the same with `free` for `now`, and the weights of both terms.
        var fadeNow = (0.0, 0.0)
        var fadeFree = (0.0, 0.0)
        var lastWeight = (0.0, 0.0)
        /// The relocation value of its place (min).
        var placeWorth = 0.0
        /// log (demand / supply) expected around the end of its shift.
        var endScarcity = 0.0
    }

    struct Need {
        var task: Int32
        var size: Int32 = 0
        var price = 0.0
        /// The part of the rank that does not depend on the team.
        var rankOffset = 0.0
        var score = -Double.infinity
        var placeWorth = 0.0
    }

    /// A slot that could help the need that is looked at.
    struct Candidate {
        /// What candidates are put in order by.
        var key: Double
        var arrival: Double
        var slot: Int32
    }

    var weights: CoalitionWeights
    let features: LearntCoalitionPolicy.Features
    /// The policy's own forecast, and that of the day: the same, or what the moment shows where the policy has none.
    var ownForecast: DemandForecast
    var forecast: DemandForecast
    /// See `LearntCoalitionPolicy.basePrice`.
    var basePrice: Double?
    let horizonAhead: Double
    let isJoint: Bool

    var slots: [Slot] = []
    var idleLeft = 0
    var needs: [Need] = []
    /// The members (slots) of each need's best team, `measures.largestTeam` a need.
    var members: [Int32] = []

    // Constants of the episode.
    var taskCount = 0.0
    var workerCount = 0.0
    var logRatio = 0.0
    var measures = CoalitionMeasures()
    /// The part of the logarithm of the price that is the same for the whole day.
    var dayPrice = 0.0
    /// The worth of the first i minutes of the episode, by expected scarcity.
    var worth: [Double] = []

    // Where slots are, when there are many; the highest speed and the longest reach of any.
    let index = SpatialIndex()
    var isGridded = false
    var fastest = 0.0
    var widest = 0.0
    var nearSlot = [Int32](repeating: 0, count: nearest)
    var nearDistance = [Double](repeating: 0, count: nearest)

    // The slots of each skill, and the candidates of each need (see `prepareCandidates`).
    var shelf = Shelf()
    var measure = Measure.manhattan
    var mayBeBarred = false
    var isListed = false
    var isSorted = false
    var listed: [Int32] = []
    var listStart: [Int32] = []
    var byX: [Int32] = []
    /// The candidates that one look has found, in place: twice `measures.candidates` of them at most.
    var found = InlineArray<24, Candidate>(repeating: Candidate(key: 0, arrival: 0, slot: 0))
    var foundCount = 0
    var foundLimit = 0

    // The best teams, and which needs want which slot.
    var heap = OfferHeap()
    private var wants = WantLists()
    private(set) var versions: [Int32] = []
    private var losers: [Int32] = []
    var joint = JointAssignment()

    // Scratch.
    /// The team of a task with roles that is tried.
    var roleTeam: [TeamTerms.Member] = []
    var pressure = 0.0
    /// The candidates of the need that is looked at, in place: `measures.candidates` of them at most.
    var chosen = InlineArray<12, Candidate>(repeating: Candidate(key: 0, arrival: 0, slot: 0))
    var arrivals: [Double] = []
    var asked: [Double] = []
    var offered: [Double] = []
    var localNeed: [Double] = []
    var totalNeed: [Double] = []
    /// Cells along a side of the grid of local need.
    var cellsAlong = 5
    /// The skills that open tasks ask for, where each stands among them (-1: nobody asks for it), and how much work asks
    /// for it.
    var askedSkills: UInt64 = 0
    var skillPlace = InlineArray<64, Int32>(repeating: -1)
    var askedOfSkill: [Double] = []

    init(_ policy: LearntCoalitionPolicy) {
        weights = policy.weights
        features = policy.features
        basePrice = policy.basePrice
        ownForecast = policy.forecast
        forecast = policy.forecast
        horizonAhead = policy.horizonAhead
        isJoint = policy.joint
    }

    /// Commits idle workers of the present window. Greedily O(workers + (needs + needs that lost a member) * slots), with
    /// the grid O(workers + (needs + needs that lost a member) * slots near them); jointly see `assignJointly`.
    mutating func dispatch(_ state: inout GameState) {
        if state.idle.isEmpty || state.open.isEmpty { return }
        // Without a forecast, all that is known of the day is what this moment shows.
        if ownForecast.isFlat { begin(state) }
        gather(state)
        if needs.isEmpty || idleLeft == 0 { return }
        setPrices(state)
        prepareCandidates(state)
        heap.removeAll()
        wants.reset(members: slots.count)
        refill(&versions, needs.count, 0)
        let isDraft = isJoint && JointAssignment.isAffordable(needs.count, slots.count)
        if isDraft {
            joint.begin(needs: needs.count, slots: slots.count, candidates: measures.candidates)
        } else {
            joint.end()
        }
        for need in needs.indices { consider(need, state) }
        if isDraft {
            assignJointly(&state)
        } else {
            while idleLeft > 0, let best = heap.pop(versions: versions) { take(best, &state) }
        }
    }

    /// Finds a need's best team and enters it among the others.
    private mutating func consider(_ need: Int, _ state: borrowing GameState) {
        versions[need] += 1
        findTeam(need, state)
        guard needs[need].score > -.infinity else { return }
        heap.push(rank: needs[need].score, slot: need, version: versions[need])
        for m in 0..<Int(needs[need].size) {
            wants.add(
                member: Int(members[need * measures.largestTeam + m]), slot: need, version: versions[need])
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
            let slot = Int(members[need * measures.largestTeam + m])
            slots[slot].used = true
            if isGridded { index.setLatest(slot, -.infinity) }
            wants.wanting(slot, versions: versions, into: &losers)
        }
    }

    /// Sends the idle members of a need's team; returns whether there are others.
    mutating func send(_ need: Int, _ state: inout GameState) -> Bool {
        var reserved = false
        for m in 0..<Int(needs[need].size) {
            let slot = slots[Int(members[need * measures.largestTeam + m])]
            if slot.isIdle {
                state.commit(worker: Int(slot.worker), task: Int(needs[need].task))
                idleLeft -= 1
            } else {
                reserved = true
            }
        }
        return reserved
    }

    /// Finds new teams for the needs that have lost a member. Whoever wants two of them is listed twice, and has a new
    /// team by the second time.
    mutating func lookAgain(_ state: borrowing GameState) {
        for other in losers where hasLostMember(Int(other)) { consider(Int(other), state) }
    }

    /// Whether a member of the need's best team has been taken. O(team).
    private func hasLostMember(_ need: Int) -> Bool {
        if needs[need].score == -.infinity { return false }
        for m in 0..<Int(needs[need].size) where slots[Int(members[need * measures.largestTeam + m])].used {
            return true
        }
        return false
    }

    /// Lists slots and needs. O(workers + open tasks).
    private mutating func gather(_ state: borrowing GameState) {
        slots.removeAll(keepingCapacity: true)
        idleLeft = 0
        let now = state.now
        let window = state.options.window
        for worker in state.workers.indices {
            let shiftEnd = state.workers[worker].shiftEnd
            if state.workers[worker].shiftStart > now || shiftEnd <= now { continue }
            if state.isExtended && !state.isAtHand(worker) && state.workerTask[worker] < 0 { continue }
            let task = Int(state.workerTask[worker])
            var free = now
            var place = (state.workerX[worker], state.workerY[worker])
            if task >= 0 {
                // It can be sent from the first window after its task has ended.
                free = (min(state.completion[task], state.tasks[task].deadlineTime) / window).rounded(.up) * window
                if free > now + measures.ahead || free >= shiftEnd { continue }
                place = (state.tasks[task].x, state.tasks[task].y)
            } else {
                idleLeft += 1
            }
            slots.append(
                Slot(
                    worker: Int32(worker), isIdle: task < 0, x: place.0, y: place.1, free: free,
                    speed: state.workers[worker].speed, reach: state.workers[worker].reach, shiftEnd: shiftEnd,
                    skills: state.workers[worker].skills.rawValue))
        }
        isGridded = slots.count > Self.gridLimit && !state.isExtended
        if isGridded { buildIndex() }
        needs.removeAll(keepingCapacity: true)
        for task in state.open where state.isUnderstaffed(Int(task)) { needs.append(Need(task: task)) }
        refill(&members, needs.count * measures.largestTeam, 0)
    }

    /// Puts the slots into the grid. O(slots).
    private mutating func buildIndex() {
        index.removeAll()
        fastest = 0
        widest = 0
        for slot in slots {
            index.append(x: slot.x, y: slot.y, skills: slot.skills)
            fastest = max(fastest, slot.speed)
            widest = max(widest, slot.reach)
        }
        index.build()
    }
}
