/// Finds teams for tasks in a schedule: who comes, and at which place of its list.
///
/// A member costs the payments that its later tasks lose by the delay plus a price for the minutes that it is occupied;
/// both depend on the team only through the task's end. So for each of a few guesses of the end the members are chosen
/// one by one, by cost per unit of work done until then, until the work is covered; the guess with the largest profit
/// wins. The estimate looks one task ahead; `ScheduleState` then finds what really happens.
struct ScheduleInsertion {
    /// Money per worker-minute.
    var price = 0.0
    /// Costs are multiplied by 1 + noise * uniform.
    var noise = 0.0

    /// The workers with a task's skill.
    private let able: [[Int32]]

    /// A place of a worker's list where the task could come.
    private struct Place {
        /// The node before, the worker, the node after or -1, and that one's task.
        var node: Int32
        var worker: Int32
        var follower: Int32
        var later: Int32
        /// When the worker would leave for the task and arrive.
        var leave: Double
        var arrival: Double
        /// The noise on its cost.
        var factor: Double
        /// The way on to the follower's task (min, infinite: out of reach) and the last moment to leave for it in time.
        var onward: Double
        var slack: Double
        /// Cost per unit of work under the guess at hand; infinite if it does not come into question.
        var cost: Double
    }

    private var places: [Place] = []
    private var merged: [Double] = []
    private var chosen: [Int32] = []
    private var guesses: [Double] = []
    /// The nodes after which the best team's members come.
    private(set) var best: [Int32] = []

    init(_ instance: Instance) {
        able = instance.tasks.map { task in
            instance.workers.indices.filter { instance.workers[$0].skills.has(task.skill) }.map(Int32.init)
        }
    }

    /// Finds the best team to add to a task, or nil if none has a profit; the team is in `best`.
    /// O(places * (guesses + team)).
    mutating func find(_ task: Int, in state: ScheduleState, _ stream: inout RandomStream) -> Double? {
        best.removeAll(keepingCapacity: true)
        let terms = state.tasks[task]
        let size = state.size(task)
        let room = state.cap - size
        if room == 0 { return nil }
        list(task, in: state, &stream)
        if places.isEmpty { return nil }
        var earliest = Double.infinity
        for place in places { earliest = min(earliest, place.arrival) }
        let present = state.end(task)
        let before = state.paid(task)
        guess(terms, earliest: earliest, present: present)
        var bestProfit = 0.0
        for end in guesses {
            var work = terms.workload
            for seat in state.seats(task)..<(state.seats(task) + size) { work -= max(0, end - state.arrival(seat)) }
            // What the team can cost at most to be of interest.
            let budget =
                terms.payment(at: end, rule: state.rule) - before - bestProfit
                + (size > 0 ? price * Double(size) * present : 0)
            guard
                let total = Self.choose(
                    &chosen, among: &places, end: end, work: work, room: room, budget: budget, price: price, state)
            else { continue }
            merged.removeAll(keepingCapacity: true)
            for at in chosen { TeamClock.insert(places[Int(at)].arrival, into: &merged) }
            for seat in state.seats(task)..<(state.seats(task) + size) {
                TeamClock.insert(state.arrival(seat), into: &merged)
            }
            let exact = TeamClock.finish(terms.workload, merged, count: merged.count)
            var profit = terms.payment(at: exact, rule: state.rule) - before - total
            if size > 0 { profit += price * Double(size) * (present - exact) }
            if profit > bestProfit {
                bestProfit = profit
                best.removeAll(keepingCapacity: true)
                for at in chosen { best.append(places[Int(at)].node) }
            }
        }
        return best.isEmpty ? nil : bestProfit
    }

    /// Chooses members by cost per unit of work until they do `work` by `end`; their cost, or nil if they cannot.
    private static func choose(
        _ chosen: inout [Int32], among places: inout [Place], end: Double, work: Double, room: Int, budget: Double,
        price: Double, _ state: ScheduleState
    ) -> Double? {
        chosen.removeAll(keepingCapacity: true)
        var span = places.mutableSpan
        for at in span.indices {
            let arrival = span[at].arrival
            span[at].cost = arrival < end ? cost(span[at], end: end, price: price, state) / (end - arrival) : .infinity
        }
        var left = work
        var total = 0.0
        while left > 1e-9 {
            if chosen.count == room { return nil }
            var first = -1
            var least = Double.infinity
            for at in span.indices where span[at].cost < least {
                least = span[at].cost
                first = at
            }
            if first < 0 { return nil }
            let work = end - span[first].arrival
            total += least * work
            if total > budget { return nil }
            left -= work
            chosen.append(Int32(first))
            // The other places of the same worker's list are out.
            let worker = span[first].worker
            var at = first
            while at >= 0 && span[at].worker == worker {
                span[at].cost = .infinity
                at -= 1
            }
            at = first + 1
            while at < span.count && span[at].worker == worker {
                span[at].cost = .infinity
                at += 1
            }
        }
        return total
    }

    /// What a member costs if the task ends at `end`.
    @inline(__always)
    private static func cost(_ place: Place, end: Double, price: Double, _ state: ScheduleState) -> Double {
        var cost = price * (end - place.leave)
        if end > place.slack {
            let later = Int(place.later)
            let leave = state.windowStart(max(end, state.tasks[later].release))
            let time = state.relocates ? max(leave, state.windowStart(end) + place.onward) : leave + place.onward
            if time > state.arrival(Int(place.follower)) {
                let new =
                    leave < state.workers[Int(place.worker)].shiftEnd
                    ? state.end(later, if: Int(place.follower), arrives: time)
                    : state.end(later, if: Int(place.follower), arrives: .infinity)
                if new > state.tasks[later].deadlineTime {
                    cost += state.paid(later)
                } else {
                    cost += state.paid(later) - state.tasks[later].payment(at: new, rule: state.rule)
                    cost += price * Double(state.size(later)) * (new - state.end(later))
                }
            }
        }
        return max(cost * place.factor, 1e-12)
    }

    /// Lists the places where the task could come. O(lists of the workers with the skill).
    private mutating func list(_ task: Int, in state: ScheduleState, _ stream: inout RandomStream) {
        places.removeAll(keepingCapacity: true)
        let terms = state.tasks[task]
        let limit = min(terms.deadlineTime, state.end(task))
        for index in able[task] {
            let worker = Int(index)
            let shiftEnd = state.workers[worker].shiftEnd
            let speed = state.workers[worker].speed
            let reach = state.workers[worker].reach
            if state.size(task) > 0 && state.isMember(worker, task) { continue }
            var node = worker
            while node >= 0 {
                let free = state.free(node)
                let leave = state.windowStart(max(free, terms.release))
                if leave >= limit || leave >= shiftEnd { break }
                let follower = state.next(node)
                let arrival = state.arrival(worker, free: free, distance: state.distance(node, task), task)
                if arrival < limit {
                    var place = Place(
                        node: Int32(node), worker: index, follower: Int32(follower), later: -1, leave: leave,
                        arrival: arrival, factor: 1, onward: 0, slack: .infinity, cost: 0)
                    if noise > 0 { place.factor += noise * stream.unit() }
                    if follower >= 0 {
                        let later = state.task(follower)
                        let onward = state.distance(task: task, later)
                        place.later = Int32(later)
                        place.onward = onward <= reach || state.relocates ? onward / speed : .infinity
                        place.slack = state.arrival(follower) - place.onward - state.window
                    }
                    places.append(place)
                }
                node = follower
            }
        }
    }

    /// The ends to try.
    private mutating func guess(_ terms: SpatialTask, earliest: Double, present: Double) {
        guesses.removeAll(keepingCapacity: true)
        let last = min(terms.deadlineTime, present)
        for count in 1...4 {
            let end = earliest + terms.workload / Double(count)
            if end < last { guesses.append(end) }
        }
        let grace = terms.deadlineTime - terms.expectedTime
        for part in 0...3 {
            let end = terms.expectedTime + grace * Double(part) / 3
            if end > earliest && end <= last { guesses.append(end) }
        }
    }
}
