internal import Foundation

/// A worker who is sent to a task.
struct PlanMove: Hashable, Sendable {
    /// The worker's index in the game.
    var worker: Int32
    /// The task's.
    var task: Int32
}

/// Describes the plans of a window by `PlanTerm`s.
///
/// Representation: for each pair of an understaffed task and a worker who is idle or soon free, when it would arrive and exp(rank)
/// of it alone joining whoever is there, and what it would be paid a window later; worked out by a window's first plan, then
/// read by each (`describe`).
struct PlanDescription {
    private var rank: LearntRank
    private var supply = TeamSupply()
    private var needs: [TeamNeed] = []
    private var needOf: [Int32] = []
    private var slotOf: [Int32] = []
    private var arrival: [Double] = []
    private var worth: [Double] = []
    /// What the task pays where the worker comes alone, a window later.
    private var later: [Double] = []
    /// For each task, when the first qualified worker who is still busy could be there.
    private var soon: [Double] = []
    private var isPaired = false
    /// Workers who are free within one and a half jobs.
    private var busy = TeamSupply()
    private var arrivals: [Double] = []
    private var solver = AssignmentSolver()

    /// A member of a plan: positions of its task and of itself.
    private struct Member {
        var need: Int
        var slot: Int
        var arrival: Double
    }

    /// Windows of more pairs than this are not described.
    private static let mostPairs = 1 << 14

    /// Descriptions by that policy's weights and forecast.
    init(_ policy: LearntCoalitionPolicy) { rank = LearntRank(policy) }

    /// Starts an episode. O(tasks + workers + horizon).
    mutating func begin(_ state: borrowing GameState) { rank.begin(state) }

    /// The day's mean pay (money).
    var pay: Double { rank.measures.pay }

    /// Looks at a window; false where it is too large, or where travel, roles or breaks go beyond the plain game.
    /// O(open tasks + workers).
    mutating func prepare(_ state: borrowing GameState) -> Bool {
        if state.isExtended { return false }
        isPaired = false
        supply.fill(state, ahead: rank.limits.ahead)
        needs.removeAll(keepingCapacity: true)
        for task in state.open where state.isUnderstaffed(Int(task)) { needs.append(TeamNeed(task: task)) }
        return !needs.isEmpty && needs.count * supply.slots.count <= Self.mostPairs
    }

    /// Works out what all plans of the window read. O(tasks * workers).
    private mutating func pairUp(_ state: borrowing GameState) {
        isPaired = true
        rank.beginWindow(state)
        rank.prepare(supply.slots, needs, state)
        refill(&needOf, state.tasks.count, -1)
        refill(&slotOf, state.workers.count, -1)
        for n in needs.indices { needOf[Int(needs[n].task)] = Int32(n) }
        for s in supply.slots.indices { slotOf[Int(supply.slots[s].worker)] = Int32(s) }
        busy.fill(state, ahead: 1.5 * rank.measures.job)
        soon.removeAll(keepingCapacity: true)
        for need in needs { soon.append(nextBusy(state.tasks[Int(need.task)])) }
        fillPairs(state)
    }

    /// Writes `arrival`, `worth` and `later`. O(tasks * slots).
    private mutating func fillPairs(_ state: borrowing GameState) {
        let count = supply.slots.count
        refill(&arrival, needs.count * count, .infinity)
        refill(&worth, needs.count * count, 0)
        refill(&later, needs.count * count, 0)
        var alone = [TeamCandidate(key: 0, arrival: 0, slot: 0)]
        for n in needs.indices {
            let task = Int(needs[n].task)
            let terms = state.tasks[task]
            let latest = min(state.completion[task], terms.deadlineTime)
            let offer = rank.offer(
                n, task, existing: Int(state.teamSize[task]), paid: state.payment(task, at: state.completion[task]),
                state)
            for s in 0..<count {
                let slot = supply.slots[s]
                if !SkillSet(rawValue: slot.skills).has(terms.skill) { continue }
                let way = abs(slot.x - terms.x) + abs(slot.y - terms.y)
                let time = slot.free + way / slot.speed
                if way > slot.reach || time >= latest { continue }
                arrival[n * count + s] = time
                later[n * count + s] = state.payment(task, at: time + state.options.window + terms.workload)
                let end = state.completion(of: task, joining: time)
                if end > terms.deadlineTime { continue }
                alone[0] = TeamCandidate(key: 0, arrival: time, slot: Int32(s))
                let paid = state.payment(task, at: end)
                worth[n * count + s] = Self.worth(
                    rank.rank(offer, first: 0, size: 1, end: end, paid: paid, alone, supply.slots))
            }
        }
    }

    private static func worth(_ rank: Double) -> Double { rank == -.infinity ? 0 : exp(min(10, rank)) }

    /// The terms of a plan, in the order of `PlanTerm`. O(members * (tasks + slots) + tasks left * workers + their assignment).
    /// After `prepare` of this window; its first plan costs O(tasks * workers) more.
    mutating func describe(_ plan: [PlanMove], _ state: borrowing GameState) -> [Double] {
        if !isPaired { pairUp(state) }
        let count = supply.slots.count
        var members = plan.map { move in
            let (n, s) = (Int(needOf[Int(move.task)]), Int(slotOf[Int(move.worker)]))
            return Member(need: n, slot: s, arrival: arrival[n * count + s])
        }
        members.sort { ($0.need, $0.arrival, $0.slot) < ($1.need, $1.arrival, $1.slot) }
        var sums = [Double](repeating: 0, count: PlanTerm.allCases.count)
        var isTaken = [Bool](repeating: false, count: count)
        var isServed = [Bool](repeating: false, count: needs.count)
        for member in members { (isTaken[member.slot], isServed[member.need]) = (true, true) }
        var first = 0
        while first < members.count {
            var last = first
            while last < members.count && members[last].need == members[first].need { last += 1 }
            addTeam(members[first..<last], to: &sums, state)
            first = last
        }
        addRest(isTaken, isServed, to: &sums, state)
        return sums
    }

    /// Adds the terms of one task's members.
    private mutating func addTeam(_ team: ArraySlice<Member>, to sums: inout [Double], _ state: borrowing GameState) {
        let (m, now, count) = (rank.measures, state.now, supply.slots.count)
        let n = team[team.startIndex].need
        let task = Int(needs[n].task)
        let terms = state.tasks[task]
        listArrivals(task, team, state)
        let end = min(
            TeamClock.finish(terms.workload, arrivals, count: arrivals.count), terms.deadlineTime + m.job)
        let before = state.payment(task, at: state.completion[task])
        let paid = end <= terms.deadlineTime ? state.payment(task, at: end) : 0
        let offer = rank.offer(n, task, existing: Int(state.teamSize[task]), paid: before, state)
        let candidates = team.prefix(TeamLimits.most).map {
            TeamCandidate(key: 0, arrival: $0.arrival, slot: Int32($0.slot))
        }
        func add(_ term: PlanTerm, _ value: Double) { sums[term.rawValue] += value }
        add(
            .rank,
            Self.worth(
                rank.rank(
                    offer, first: 0, size: min(TeamLimits.most, team.count), end: end, paid: paid, candidates,
                    supply.slots)))
        add(.profit, (paid - before) / m.pay)
        let isMember = Set(team.map(\.slot))
        var (able, idle) = (0.0, Double.infinity)
        for s in 0..<count where arrival[n * count + s] < .infinity && !isMember.contains(s) {
            able += 1
            if supply.slots[s].isIdle { idle = min(idle, arrival[n * count + s]) }
        }
        let there = m.held(rank.forecast.logDensity(x: terms.x, y: terms.y), 2.5)
        let released = rank.forecast.released(by: end + 0.5 * m.job) - rank.forecast.released(by: end - 0.25 * m.job)
        for member in team {
            let s = member.slot
            let slot = supply.slots[s]
            let left = slot.shiftEnd - end
            add(.profit, -rank.slotPrices[s].price * (end - now) / m.pay)
            add(.travel, (member.arrival - now) / m.job)
            add(.shift, (min(end, slot.shiftEnd) - now) / m.job)
            add(.crosses, left <= 0 ? 1 : 0)
            add(.lastJob, left > 0 ? exp(-4 * left / m.job) : 0)
            add(.densityHere, m.held(rank.forecast.logDensity(x: slot.x, y: slot.y), 2.5))
            add(.densityThere, there)
            var (tasks, second) = (0.0, 0.0)
            for q in needs.indices where q != n && arrival[q * count + s] < .infinity {
                tasks += 1
                second = max(second, worth[q * count + s])
            }
            add(.otherTasks, log(1 + tasks))
            add(.otherWorkers, log(1 + able))
            add(.nextIdle, max(-1, min(1, (idle - member.arrival) / m.job)))
            add(.nextBusy, max(-1, min(1, (soon[n] - member.arrival) / m.job)))
            add(.secondTask, second)
            add(.releases, log(0.02 + released))
            add(.speed, 3 * (slot.speed / m.speed - 1))
            add(.members, 1)
        }
    }

    /// Writes the arrivals of a task's team with those who are sent. O(team^2).
    private mutating func listArrivals(_ task: Int, _ team: ArraySlice<Member>, _ state: borrowing GameState) {
        arrivals.removeAll(keepingCapacity: true)
        var node = state.teamHead[task]
        while node >= 0 {
            arrivals.append(state.arrival[Int(node)])
            node = state.teamNext[Int(node)]
        }
        for member in team { TeamClock.insert(member.arrival, into: &arrivals) }
    }

    /// When the first qualified worker who is still busy could be there. O(busy workers).
    private func nextBusy(_ task: SpatialTask) -> Double {
        var soon = Double.infinity
        for worker in busy.slots where !worker.isIdle && SkillSet(rawValue: worker.skills).has(task.skill) {
            let way = abs(worker.x - task.x) + abs(worker.y - task.y)
            if way <= worker.reach { soon = min(soon, worker.free + way / worker.speed) }
        }
        return soon
    }

    /// Adds the terms of what a plan leaves.
    private mutating func addRest(
        _ isTaken: [Bool], _ isServed: [Bool], to sums: inout [Double], _ state: borrowing GameState
    ) {
        let (m, now, count) = (rank.measures, state.now, supply.slots.count)
        func add(_ term: PlanTerm, _ value: Double) { sums[term.rawValue] += value }
        for s in 0..<count where !isTaken[s] && supply.slots[s].isIdle {
            let left = (supply.slots[s].shiftEnd - now) / m.job
            add(.idleFade, exp(-4 * left))
            add(.idleShift, min(1, left))
        }
        var left: [Int] = []
        for n in needs.indices where !isServed[n] && state.teamSize[Int(needs[n].task)] == 0 {
            left.append(n)
            let task = Int(needs[n].task)
            var most = state.payment(task, at: soon[n] + state.tasks[task].workload)
            for s in 0..<count where !isTaken[s] && arrival[n * count + s] < .infinity {
                most = max(most, later[n * count + s])
            }
            add(.open, 1)
            add(.openPay, most / m.pay)
        }
        add(.openRank, assigned(left, (0..<count).filter { !isTaken[$0] }))
    }

    /// The largest total exp(rank) of slots at needs, one at most each. O(short side^2 * long side).
    private mutating func assigned(_ left: [Int], _ free: [Int]) -> Double {
        let isTurned = left.count > free.count
        let (rows, columns) = isTurned ? (free.count, left.count) : (left.count, free.count)
        if rows == 0 { return 0 }
        let (worth, count) = (worth, supply.slots.count)
        func value(_ row: Int, _ column: Int) -> Double {
            isTurned ? worth[left[column] * count + free[row]] : worth[left[row] * count + free[column]]
        }
        solver.solve(rows: rows, columns: columns, value: value)
        var sum = 0.0
        for row in 0..<rows where solver.columnOf[row] >= 0 { sum += value(row, solver.columnOf[row]) }
        return sum
    }
}
