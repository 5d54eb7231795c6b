internal import Foundation

/// Who may decide in a window, between what, and what helps to judge it: candidate lists, and for each open task the
/// idle workers who could come and the best coalition of them.
///
/// Representation: open task `slot` is the task at that position of `GameState.open`; idle worker `row` the one at
/// that position of `GameState.idle`. Lists about tasks are made when first asked for in a window. Nothing is
/// allocated after warm-up. Hot call: `helpers`, once an understaffed task and window.
struct DecisionBoard {
    /// At most this many helpers of a task are looked at.
    static let helperLimit = 12

    /// The open tasks, by slot; latest = `GameState.latestArrival`.
    let taskIndex = SpatialIndex()
    /// The idle workers, by row; used for helpers where there are many.
    let idleIndex = SpatialIndex()

    /// The acting agents: rows of idle workers with at least one candidate, and their candidates as task slots.
    var actingAgents: [Int32] = []
    var candidateCount: [Int32] = []
    var candidateSlot: [Int32] = []
    var candidateDistance: [Double] = []

    // Per slot: helpers in order of arrival, the best coalition of them, local need. helperCount is -1 until asked.
    var helperCount: [Int32] = []
    var helperRow: [Int32] = []
    var helperArrival: [Double] = []
    var coalitionSize: [Int32] = []
    var coalitionRate: [Double] = []
    var localNeed: [Int32] = []

    /// How many open tasks need workers.
    var understaffedCount = 0
    /// The lists are of an earlier window.
    var stale = true
    /// No task takes anyone who arrives later than this.
    private var latestNeed = -Double.infinity
    /// The highest speed (km/min) and the longest reach (km) of the idle: nobody farther away can come in time.
    private var fastest = 0.0
    private var widest = 0.0
    private var nearRow: [Int32] = Array(repeating: 0, count: 64)
    private var nearDistance: [Double] = Array(repeating: 0, count: 64)

    /// Lists open tasks and idle workers of a new window. O(open + idle).
    mutating func begin(_ state: borrowing GameState) {
        stale = false
        taskIndex.removeAll()
        understaffedCount = 0
        latestNeed = -.infinity
        for position in state.open.indices {
            let task = Int(state.open[position])
            let latest = state.latestArrival(task)
            if latest > state.now { understaffedCount += 1 }
            latestNeed = max(latestNeed, latest)
            taskIndex.append(
                x: state.tasks[task].x, y: state.tasks[task].y, skills: state.skillMask(task), latest: latest)
        }
        taskIndex.build()
        idleIndex.removeAll()
        fastest = 0
        widest = 0
        for position in state.idle.indices {
            let worker = Int(state.idle[position])
            idleIndex.append(
                x: state.workerX[worker], y: state.workerY[worker], skills: state.workers[worker].skills.rawValue)
            fastest = max(fastest, state.workers[worker].speed)
            widest = max(widest, state.workers[worker].reach)
        }
        idleIndex.build()
        actingAgents.removeAll(keepingCapacity: true)
        candidateCount.removeAll(keepingCapacity: true)
        forgetTasks(state.open.count)
    }

    /// Drops what is known about the tasks' helpers. O(open).
    private mutating func forgetTasks(_ count: Int) {
        refill(&helperCount, count, -1)
        if helperRow.count < count * Self.helperLimit {
            refill(&helperRow, count * Self.helperLimit * 2, 0)
            refill(&helperArrival, count * Self.helperLimit * 2, 0)
        }
        refill(&coalitionSize, count, 0)
        refill(&coalitionRate, count, 0)
        refill(&localNeed, count, 0)
    }

    /// How far one of that speed (km/min) comes before `latest`, rounded up: a bound for searches, whose finds are
    /// checked again.
    @inline(__always)
    private static func range(speed: Double, now: Double, latest: Double) -> Double {
        ((latest - now) * 1.000001 + 1e-6) * speed
    }

    /// Makes every idle worker an acting agent who has a candidate. O(idle * open), or by the grid.
    mutating func addActingAgents(_ state: borrowing GameState) {
        for row in state.idle.indices where state.workerTask[Int(state.idle[row])] < 0 {
            _ = addActingAgent(row: row, state)
        }
    }

    /// Makes the idle worker in `row` an acting agent if it has a candidate: one of the k nearest qualified tasks within
    /// reach that still need workers and where it would arrive in time to help. O(open), or by the grid.
    mutating func addActingAgent(row: Int, _ state: borrowing GameState) -> Bool {
        let k = state.options.candidates
        let base = actingAgents.count * k
        if candidateSlot.count < base + k {
            candidateSlot.append(contentsOf: repeatElement(0, count: base + k))
            candidateDistance.append(contentsOf: repeatElement(0, count: base + k))
        }
        let worker = Int(state.idle[row])
        let speed = state.workers[worker].speed
        let found =
            state.isExtended
            ? nearestExtended(k, worker: worker, base: base, state)
            : taskIndex.nearest(
                k, x: state.workerX[worker], y: state.workerY[worker], skills: state.workers[worker].skills.rawValue,
                reach: min(state.workers[worker].reach, Self.range(speed: speed, now: state.now, latest: latestNeed)),
                speed: speed, now: state.now, found: &candidateSlot, distances: &candidateDistance, offset: base)
        if found == 0 { return false }
        actingAgents.append(Int32(row))
        candidateCount.append(Int32(found))
        return true
    }

    /// As `SpatialIndex.nearest` for an extended game, by its ways, roles, pairs and breaks. O(open * k).
    private mutating func nearestExtended(_ k: Int, worker: Int, base: Int, _ state: borrowing GameState) -> Int {
        var found = 0
        for slot in state.open.indices {
            let task = Int(state.open[slot])
            guard state.canTake(worker, task) else { continue }
            let way = state.distance(worker, task)
            if !(state.now + way / state.workers[worker].speed < taskIndex.latest(slot)) { continue }
            if found == k && way >= candidateDistance[base + k - 1] { continue }
            var place = base + (found < k ? found : k - 1)
            while place > base && candidateDistance[place - 1] > way {
                candidateDistance[place] = candidateDistance[place - 1]
                candidateSlot[place] = candidateSlot[place - 1]
                place -= 1
            }
            candidateDistance[place] = way
            candidateSlot[place] = Int32(slot)
            if found < k { found += 1 }
        }
        return found
    }

    /// In turn: the acting agent has acted; `task` (or -1) has a new team. O(open).
    mutating func afterTurn(_ state: borrowing GameState, task: Int) {
        actingAgents.removeAll(keepingCapacity: true)
        candidateCount.removeAll(keepingCapacity: true)
        guard task >= 0, let slot = state.open.firstIndex(of: Int32(task)) else { return }
        if state.latestArrival(task) == -.infinity { understaffedCount -= 1 }
        taskIndex.setLatest(slot, state.latestArrival(task))
        latestNeed = max(latestNeed, state.latestArrival(task))
        for slot in helperCount.indices { helperCount[slot] = -1 }
    }

    /// Makes sure that the lists of the task in `slot` are there. O(idle) once per window.
    mutating func ensure(slot: Int, _ state: borrowing GameState) {
        if helperCount[slot] < 0 { listHelpers(slot: slot, state) }
    }

    /// The first helpers of a task in order of arrival, its best coalition, and the need around it.
    private mutating func listHelpers(slot: Int, _ state: borrowing GameState) {
        let task = Int(state.open[slot])
        let x = state.tasks[task].x
        let y = state.tasks[task].y
        let latest = state.latestArrival(task)
        let base = slot * Self.helperLimit
        var count = 0
        let few = state.idle.count <= SpatialIndex.scanLimit || state.isExtended
        let mask = state.skillMask(task)
        let rows =
            few
            ? state.idle.count
            : idleIndex.nearest(
                2 * Self.helperLimit, x: x, y: y, skills: mask,
                reach: min(widest, Self.range(speed: fastest, now: state.now, latest: latest)), speed: 1, now: 0,
                found: &nearRow, distances: &nearDistance)
        for position in 0..<rows {
            let row = few ? position : Int(nearRow[position])
            let worker = Int(state.idle[row])
            guard state.workerTask[worker] < 0, state.workers[worker].skills.rawValue & mask != 0 else { continue }
            let distance =
                state.isExtended
                ? state.distance(worker, task) : abs(state.workerX[worker] - x) + abs(state.workerY[worker] - y)
            if distance > state.workers[worker].reach { continue }
            let time = state.now + distance / state.workers[worker].speed
            if state.isExtended && !state.mayJoin(worker, task, arrival: time) { continue }
            if time >= latest || count == Self.helperLimit && time >= helperArrival[base + count - 1] { continue }
            var place = count < Self.helperLimit ? count : count - 1
            while place > 0 && helperArrival[base + place - 1] > time {
                helperArrival[base + place] = helperArrival[base + place - 1]
                helperRow[base + place] = helperRow[base + place - 1]
                place -= 1
            }
            helperArrival[base + place] = time
            helperRow[base + place] = Int32(row)
            if count < Self.helperLimit { count += 1 }
        }
        helperCount[slot] = Int32(count)
        localNeed[slot] = Int32(
            taskIndex.count(x: x, y: y, radius: 2, skills: .max, now: state.now)
                - (latest > state.now ? 1 : 0))
        chooseCoalition(slot: slot, task: task, count: count, state)
    }

    /// The number of first-arriving helpers whose payment gained per worker-minute is best.
    /// O(helpers * (team + helpers)).
    private mutating func chooseCoalition(slot: Int, task: Int, count: Int, _ state: borrowing GameState) {
        let base = slot * Self.helperLimit
        let before = state.payment(task, at: state.completion[task])
        var bestRate = 0.0
        var bestSize = 0
        var end = state.completion[task]
        for size in 1..<(count + 1) {
            if helperArrival[base + size - 1] >= end { break }
            end = completion(task: task, base: base, helpers: size, state)
            let rate = (state.payment(task, at: end) - before) / (Double(size) * (end - state.now))
            if rate > bestRate {
                bestRate = rate
                bestSize = size
            }
            if end <= state.tasks[task].expectedTime { break }
        }
        coalitionSize[slot] = Int32(bestSize)
        coalitionRate[slot] = bestRate
    }

    /// When `task` is finished by its team and the first `helpers` helpers. O(team + helpers).
    private func completion(task: Int, base: Int, helpers: Int, _ state: borrowing GameState) -> Double {
        if state.isExtended, let roles = state.roles(task) {
            var team = state.team(task)
            for helper in 0..<helpers {
                let worker = Int(state.idle[Int(helperRow[base + helper])])
                let skills = state.workers[worker].skills.rawValue
                TeamTerms.insert(.init(arrival: helperArrival[base + helper], skills: skills), into: &team)
            }
            return roles.finish(state.tasks[task].workload, team)
        }
        var node = state.teamHead[task]
        var helper = 0
        return TeamClock.finish(state.tasks[task].workload) {
            let member = node >= 0 ? state.arrival[Int(node)] : Double.infinity
            let joiner = helper < helpers ? helperArrival[base + helper] : Double.infinity
            if joiner <= member { helper += 1 } else { node = state.teamNext[Int(node)] }
            return min(member, joiner)
        }
    }
}
