internal import Foundation

/// A team that could be sent to a task: its present members and the first so many helpers.
package struct TeamOffer: Sendable {
    /// The task and its record.
    package var task: Int
    /// The task's record.
    package var terms: SpatialTask
    /// The start of the window (minutes).
    package var now: Double
    /// When the whole team would finish (minutes, exact).
    package var completion: Double
    /// The payment then, and the payment on the present course.
    package var payment: Double
    /// The payment on the present course.
    package var paymentBefore: Double
    /// How many helpers, how many of them are still busy elsewhere, and how many are in the team already.
    package var size: Int
    /// How many helpers are still busy elsewhere.
    package var virtual: Int
    /// How many members the team has already.
    package var committed: Int
    /// Helper-minutes: the sum over helpers of completion minus the time at which they are free.
    package var minutes: Double
    /// The sum over helpers of price times their minutes (money).
    package var cost: Double
    /// The sum of the helpers' travel times (min).
    package var travel: Double

    /// What the platform gains: `payment - paymentBefore`.
    package var gain: Double { payment - paymentBefore }
}

/// What a `CoalitionPlanner` maximises. A struct, so that the planner is compiled for it without indirect calls.
package protocol CoalitionScoring {
    /// Looks at the state at the start of a window. `planner.supply` lists who could help.
    mutating func begin(_ game: SpatialCrowdsourcing)
    /// The price of a minute of a worker's time at a task (money/min).
    func price(worker: Int, task: Int) -> Double
    /// What is added to a helper's arrival time (min) when helpers are put in order; 0 orders by arrival.
    func delay(price: Double) -> Double
    /// The rank of an offer: the largest is taken first; -infinity or NaN refuses it.
    func rank(_ offer: TeamOffer) -> Double
}

/// One price for every worker-minute: an offer ranks by `(gain (1 - threshold) - cost) / minutes^alpha`.
package struct ConstantPrice: CoalitionScoring, Sendable, Hashable {
    /// Money per worker-minute.
    package var price: Double
    /// 1 ranks by payment rate, 0 by profit.
    package var alpha: Double
    /// The share of the gain that an offer must earn beyond its cost.
    package var threshold: Double

    /// A price, an exponent and a threshold.
    package init(price: Double, alpha: Double = 1, threshold: Double = 0) {
        self.price = price
        self.alpha = alpha
        self.threshold = threshold
    }

    /// Nothing to look at.
    package mutating func begin(_ game: SpatialCrowdsourcing) {}
    /// The constant.
    package func price(worker: Int, task: Int) -> Double { price }
    /// None: order of arrival.
    package func delay(price: Double) -> Double { 0 }
    /// See the type.
    package func rank(_ offer: TeamOffer) -> Double {
        let profit = offer.gain * (1 - threshold) - offer.cost
        if profit <= 0 { return -.infinity }
        return alpha == 1 ? profit / offer.minutes : profit / pow(offer.minutes, alpha)
    }
}

/// Sends whole teams: for each task that needs workers the helpers are put in the order of their arrival, the best
/// number of them is found by exact completion times, and the best-ranked team of all tasks is sent; then the tasks
/// that wanted one of its members look again, until no team is worth sending. Derived here, docs/dispatch.md.
///
/// Workers about to become free within `lookahead` minutes may be members too: idle members of such a team are sent at
/// once, the others are kept for it in this window and decided about again when they are free.
///
/// Representation: the supply (idle workers, then soon free ones) as columns; each task's helpers in a row of a matrix;
/// the offers in a heap with version numbers; for each member of the supply the offers that want it. Hot calls:
/// `listHelpers` (a scan of the supply, or the grid for many) and `makeOffer`, once for each task in need and again
/// when it loses a member. O(tasks * (supply + limit * team)) per window for few workers; for many, where the grid
/// answers, O(workers + tasks * (those near + limit * team)). Nothing is allocated after warm-up.
package final class CoalitionPlanner<Scoring: CoalitionScoring>: Dispatcher {
    /// What tables call it.
    package let name: String
    /// What is maximised; may be changed between windows.
    package var scoring: Scoring
    /// How far ahead workers who become free count (min); 0 plans with idle workers only.
    package let lookahead: Double
    /// At most this many helpers of a task are looked at.
    package let limit: Int

    private var supply = Supply()
    private var matrix = HelperMatrix()
    private var heap = OfferHeap()
    private var wants = WantLists()
    private var losers: [Int32] = []
    private var merged: [Double] = []

    /// A planner; `limit` 1...64.
    package init(_ scoring: Scoring, lookahead: Double = 0, limit: Int = 12, name: String = "coalition") {
        precondition((1...64).contains(limit), "CoalitionPlanner: limit \(limit) is not in 1...64")
        self.scoring = scoring
        self.lookahead = lookahead
        self.limit = limit
        self.name = name
    }

    /// Nothing is random in it.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) {}

    /// Sends teams until none is worth it.
    package func dispatch(_ game: SpatialCrowdsourcing) {
        if game.state.idle.isEmpty || game.state.open.isEmpty { return }
        scoring.begin(game)
        supply.fill(game.lentState, lookahead: lookahead)
        matrix.reset(tasks: game.state.open.count, limit: limit)
        heap.removeAll()
        wants.reset(members: supply.count)
        for slot in game.state.open.indices { consider(slot: slot, game.lentState) }
        while let best = heap.pop(versions: matrix.version) {
            send(slot: best, game)
        }
    }

    /// Looks for the task's best offer and puts it on the heap.
    private func consider(slot: Int, _ state: borrowing GameState) {
        let task = Int(state.open[slot])
        matrix.version[slot] += 1
        matrix.bestSize[slot] = 0
        guard state.isUnderstaffed(task) else { return }
        listHelpers(slot: slot, task: task, state)
        let rank = makeOffer(slot: slot, task: task, state)
        guard rank > -.infinity else { return }
        heap.push(rank: rank, slot: slot, version: matrix.version[slot])
        for at in (slot * limit)..<(slot * limit + Int(matrix.bestSize[slot])) {
            wants.add(member: Int(matrix.row[at]), slot: slot, version: matrix.version[slot])
        }
    }

    /// Sends the idle members of the slot's best offer, keeps the others for it, and lets whoever wanted one of them
    /// look again.
    private func send(slot: Int, _ game: SpatialCrowdsourcing) {
        let task = Int(game.state.open[slot])
        let base = slot * limit
        let size = Int(matrix.bestSize[slot])
        var sent = 0
        for at in base..<(base + size) {
            let row = Int(matrix.row[at])
            supply.take(row)
            if row < supply.idleCount {
                game.commit(worker: Int(supply.worker[row]), task: task)
                sent += 1
            }
        }
        losers.removeAll(keepingCapacity: true)
        for at in base..<(base + size) {
            wants.wanting(Int(matrix.row[at]), versions: matrix.version, into: &losers)
        }
        // Whoever wants two of them is listed twice, and has made a new offer by the second time.
        for other in losers where Int(other) != slot && wantsTaken(Int(other)) {
            consider(slot: Int(other), game.lentState)
        }
        // A team that still waits for busy members has all it wants for now.
        if sent == size { consider(slot: slot, game.lentState) } else { matrix.bestSize[slot] = 0 }
    }

    /// Whether the slot's best offer has a member who has been taken. O(limit).
    private func wantsTaken(_ slot: Int) -> Bool {
        for at in (slot * limit)..<(slot * limit + Int(matrix.bestSize[slot]))
        where supply.taken[Int(matrix.row[at])] {
            return true
        }
        return false
    }

    /// The helpers of a task: the `limit` earliest arrivals among those who may come, in order of arrival plus delay.
    private func listHelpers(slot: Int, task: Int, _ state: borrowing GameState) {
        let terms = state.tasks[task]
        let latest = state.latestArrival(task)
        let base = slot * limit
        let room = min(limit, state.cap(task) - Int(state.teamSize[task]))
        let count =
            state.isExtended
            ? supply.earliest(extended: task, before: latest, room: room, into: &matrix, base: base, state)
            : supply.earliest(terms, before: latest, room: room, into: &matrix, base: base)
        var ordered = true
        for at in base..<(base + count) {
            let price = scoring.price(worker: Int(supply.worker[Int(matrix.row[at])]), task: task)
            matrix.price[at] = price
            matrix.key[at] = matrix.arrival[at] + scoring.delay(price: price)
            if at > base && matrix.key[at] < matrix.key[at - 1] { ordered = false }
        }
        // Of a task with roles those who fill them come first.
        if !ordered && !(state.isExtended && state.roles(task) != nil) { matrix.sort(base, count) }
        matrix.count[slot] = Int32(count)
    }

    /// Finds the best number of helpers; returns its rank, -infinity if none is worth sending.
    private func makeOffer(slot: Int, task: Int, _ state: borrowing GameState) -> Double {
        if state.isExtended, let roles = state.roles(task) {
            var team = state.team(task)
            return makeOffer(slot: slot, task: task, state) { at in
                let skills = state.workers[Int(supply.worker[Int(matrix.row[at])])].skills.rawValue
                return roles.finish(
                    state.tasks[task].workload, adding: .init(arrival: matrix.arrival[at], skills: skills), to: &team)
            }
        }
        merged.removeAll(keepingCapacity: true)
        var node = state.teamHead[task]
        while node >= 0 {
            merged.append(state.arrival[Int(node)])
            node = state.teamNext[Int(node)]
        }
        return makeOffer(slot: slot, task: task, state) { at in
            TeamClock.insert(matrix.arrival[at], into: &merged)
            return TeamClock.finish(state.tasks[task].workload, merged, count: merged.count)
        }
    }

    /// As above; `finish` takes the next helper into the team and says when it finishes.
    @inline(__always)
    private func makeOffer(
        slot: Int, task: Int, _ state: borrowing GameState, finish: (Int) -> Double
    ) -> Double {
        let base = slot * limit
        let terms = state.tasks[task]
        let before = state.completion[task]
        var offer = TeamOffer(
            task: task, terms: terms, now: state.now, completion: before, payment: 0,
            paymentBefore: state.payment(task, at: before), size: 0, virtual: 0, committed: Int(state.teamSize[task]),
            minutes: 0,
            cost: 0, travel: 0)
        var bestRank = -Double.infinity
        var bestSize = 0
        var priceSum = 0.0
        var pricedFree = 0.0
        var freeSum = 0.0
        var idle = 0
        for size in 1..<(Int(matrix.count[slot]) + 1) {
            let at = base + size - 1
            let row = Int(matrix.row[at])
            let free = supply.free[row]
            if row < supply.idleCount { idle += 1 }
            priceSum += matrix.price[at]
            pricedFree += matrix.price[at] * free
            freeSum += free
            offer.travel += matrix.arrival[at] - free
            let end = finish(at)
            if matrix.arrival[at] >= end { break }
            if end > terms.deadlineTime { continue }
            offer.completion = end
            offer.payment = state.payment(task, at: end)
            offer.size = size
            offer.virtual = size - idle
            offer.minutes = Double(size) * end - freeSum
            offer.cost = priceSum * end - pricedFree
            if idle > 0 {
                let rank = scoring.rank(offer)
                if rank > bestRank {
                    bestRank = rank
                    bestSize = size
                }
            }
        }
        matrix.bestSize[slot] = Int32(bestSize)
        return bestRank
    }
}
