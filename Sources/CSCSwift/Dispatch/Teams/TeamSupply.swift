/// A worker who could be sent, or reserved, in this window: where and when it is free.
struct TeamSlot {
    /// The worker's index in the game.
    var worker: Int32
    /// Free now; otherwise it is still busy with a task, at whose place it will be free.
    var isIdle: Bool
    /// It has been sent or reserved in this window.
    var used = false
    /// Where it will be free (km).
    var x: Double
    /// See `x`.
    var y: Double
    /// When it can leave (min): now, or at the first window after its task has ended.
    var free: Double
    /// Its speed (km/min).
    var speed: Double
    /// How far it goes (km).
    var reach: Double
    /// The end of its shift (min).
    var shiftEnd: Double
    /// Its skills, a bit each.
    var skills: UInt64
}

/// A slot that could help the task at hand.
struct TeamCandidate {
    /// What candidates are put in order by: the least first.
    var key: Double
    /// When it would arrive (min).
    var arrival: Double
    /// Its position in the supply.
    var slot: Int32
}

/// Who could help in a window, in rising index of workers, and where they are.
///
/// Representation: one record of 64 bytes per slot, scanned for each task; above `gridAbove` of them a grid gives the
/// nearest. Nothing is allocated after the first windows.
struct TeamSupply {
    private(set) var slots: [TeamSlot] = []
    /// How many slots are idle and unused.
    private(set) var idleLeft = 0
    /// Candidates are looked for on the grid.
    private(set) var isGridded = false
    private let index = SpatialIndex()
    /// The highest speed (km/min) and the longest reach (km) of any: nobody farther away than these allow can come.
    private var fastest = 0.0
    private var widest = 0.0
    private(set) var nearSlot = [Int32](repeating: 0, count: 128)
    private var nearDistance = [Double](repeating: 0, count: 128)

    /// Lists the idle workers on shift, and with `ahead` > 0 also those whose task ends within so many minutes and before
    /// their shift does. O(workers).
    mutating func fill(_ state: borrowing GameState, ahead: Double) {
        slots.removeAll(keepingCapacity: true)
        idleLeft = 0
        if ahead > 0 {
            for worker in state.workers.indices { append(worker, state, ahead: ahead) }
        } else {
            for worker in state.idle where state.workerTask[Int(worker)] < 0 { append(Int(worker), state, ahead: 0) }
        }
        isGridded = false
    }

    /// Keeps those who are idle or free within so many minutes. O(slots).
    mutating func keep(_ state: borrowing GameState, ahead: Double) {
        let latest = state.now + ahead
        slots.removeAll { !$0.isIdle && $0.free > latest }
    }

    /// Puts the slots into a grid where there are more than `gridAbove`. O(slots).
    mutating func prepareSearch(_ state: borrowing GameState, gridAbove: Int) {
        isGridded = slots.count > gridAbove && !state.isExtended
        if isGridded { buildIndex() }
    }

    /// Adds a worker if it can be sent or will soon be free. O(1).
    @inline(__always)
    private mutating func append(_ worker: Int, _ state: borrowing GameState, ahead: Double) {
        let now = state.now
        let shiftEnd = state.workers[worker].shiftEnd
        let task = Int(state.workerTask[worker])
        if state.workers[worker].shiftStart > now || shiftEnd <= now { return }
        if task < 0 && state.isExtended && !state.isAtHand(worker) { return }
        var free = now
        var place = (state.workerX[worker], state.workerY[worker])
        if task >= 0 {
            let window = state.options.window
            free = (min(state.completion[task], state.tasks[task].deadlineTime) / window).rounded(.up) * window
            if free > now + ahead || free >= shiftEnd { return }
            place = (state.tasks[task].x, state.tasks[task].y)
        } else {
            idleLeft += 1
        }
        slots.append(
            TeamSlot(
                worker: Int32(worker), isIdle: task < 0, x: place.0, y: place.1, free: free,
                speed: state.workers[worker].speed, reach: state.workers[worker].reach, shiftEnd: shiftEnd,
                skills: state.workers[worker].skills.rawValue))
    }

    /// Puts the slots into the grid. O(slots).
    private mutating func buildIndex() {
        index.removeAll()
        for slot in slots { index.append(x: slot.x, y: slot.y, skills: slot.skills) }
        index.build()
        measureExtent()
    }

    /// Finds the highest speed and the longest reach of any slot, for `farthest`. O(slots).
    mutating func measureExtent() {
        (fastest, widest) = (0, 0)
        for slot in slots {
            fastest = max(fastest, slot.speed)
            widest = max(widest, slot.reach)
        }
    }

    /// How far away a slot may be at most that is somewhere before `latest` (km). O(1), after `measureExtent`.
    func farthest(latest: Double, now: Double) -> Double { min(widest, (latest - now) * fastest) * 1.000001 }

    /// Writes the `count` slots nearest to a place, with one of the skills, who could be there before `latest` at the
    /// highest speed of any, to `nearSlot`; returns how many. O(slots near).
    mutating func findNearest(_ count: Int, x: Double, y: Double, skills: UInt64, latest: Double, now: Double) -> Int {
        index.nearest(
            count, x: x, y: y, skills: skills, reach: min(widest, (latest - now) * fastest * 1.000001), speed: 1,
            now: 0, found: &nearSlot, distances: &nearDistance)
    }

    /// Takes a slot out for the rest of the window: it is sent or reserved. O(1).
    mutating func take(_ slot: Int) {
        slots[slot].used = true
        if isGridded { index.setLatest(slot, -.infinity) }
    }

    /// Notes that an idle slot has been sent. O(1).
    mutating func noteSent() { idleLeft -= 1 }
}
