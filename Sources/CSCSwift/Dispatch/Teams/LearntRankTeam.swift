internal import Foundation

/// The terms of the learnt rank, in the order in which they are added: the rank of a team is their sum. Each is a weight
/// of `CoalitionWeights` times what stands here, but for the profit. Times are in jobs or parts of one
/// (`CoalitionMeasures`); of a task, not of its team, are the first four.
enum RankTerm: Int, CaseIterable, Sendable {
    /// How long before its deadline the task is now (jobs).
    case urgency
    /// log (pay / mean pay).
    case pay
    /// log (workload / mean workload).
    case workload
    /// log relative density of tasks where the task is.
    case density
    /// log (profit / mean pay). Profit is what the team adds to the payment, less the part that it must leave over
    /// (`threshold`, and `patience` per unit of slack), less the price of its members' time.
    case profit
    /// -log (the members' minutes / job), by `minutesPower`.
    case minutes
    /// How long before `expected` the team finishes (parts, at most 2 either way).
    case slack
    /// Members beyond the first.
    case teamSize
    /// The members' mean travel (parts), by `travel` and, times the pressure, `pressureTravel`.
    case travel
    /// The share of the members who are not free yet.
    case virtualShare
    /// 1 where the task has a team already.
    case existing
}

/// The order of candidates and the rank of a team.
extension LearntRank {
    // MARK: The order of candidates

    /// What the order of a task's candidates depends on.
    struct Order {
        let end: Double
        /// exp((end - now) / tau) for both tau.
        let growth: (Double, Double)
        let worthAtEnd: Double
        let costOrder: Double
        let priceOrder: Double
        let virtualDelay: Double
    }

    /// A job that ends at `expected`, or in half a job where that is past, stands for whatever team it will be. O(1).
    @inline(__always)
    func order(_ n: Int, _ terms: SpatialTask, now: Double) -> Order {
        let end = max(terms.expectedTime, now + measures.part)
        return Order(
            end: end, growth: growth(end - now),
            worthAtEnd: worth(until: end), costOrder: weights.costOrder * needPrices[n].price / measures.rate,
            priceOrder: weights.priceOrder * measures.order, virtualDelay: weights.virtualDelay * measures.order)
    }

    /// Whether the first of the two terms of the last job counts: else nothing is worked out for it.
    @inline(__always) var fadesFirst: Bool { weights.lastJob > 0 }

    /// exp(minutes / tau) for both tau; 0 for the first where that does not count. O(1).
    @inline(__always)
    private func growth(_ minutes: Double) -> (Double, Double) {
        (fadesFirst ? exp(minutes / measures.fade.0) : 0, exp(minutes / measures.fade.1))
    }

    /// arrival + costOrder * cost of the job + priceOrder * log price + virtualDelay if not free yet. O(1).
    @inline(__always)
    func key(_ order: Order, _ s: Int, _ slot: TeamSlot, arrival: Double) -> Double {
        let cost = minutesWorth(
            s, past: order.end >= slot.shiftEnd, worthAtEnd: order.worthAtEnd, growth: order.growth)
        return arrival + order.costOrder * slotPrices[s].price * cost + order.priceOrder * slotPrices[s].logPrice
            + (slot.isIdle ? 0 : order.virtualDelay)
    }

    /// The worth of slot s's time in a job, in minutes at its price: from when it is free to the job's end or, `past` it,
    /// the shift's, and the loss of what it could have done as its last job. O(1).
    @inline(__always)
    private func minutesWorth(_ s: Int, past: Bool, worthAtEnd: Double, growth: (Double, Double)) -> Double {
        let slot = slotPrices[s]
        return (past ? slot.worthAtEnd : worthAtEnd) - slot.worthAtFree
            + slot.lastWeight.0 * ((past ? 1 : growth.0 * slot.fadeNow.0) - slot.fadeFree.0)
            + slot.lastWeight.1 * ((past ? 1 : growth.1 * slot.fadeNow.1) - slot.fadeFree.1)
    }

    // MARK: The rank of a team

    /// What the rank of a task's teams depends on, beside the team.
    struct Offer {
        let now: Double
        let expected: Double
        let existing: Int
        /// The payment and the end on the present course, and what a minute earlier is worth to the present team.
        let paidBefore: Double
        let completion: Double
        let savedRate: Double
        let isInTime: Bool
        /// How many of the teams tried would be in time to be paid in full.
        var inTime = 0
        let need: NeedPrice
        /// Weights in this window: of slack in what a team must leave over, of travel, of time after the shift.
        let patience: Double
        let travel: Double
        let overtime: Double
        /// 1 / mean pay.
        let scale: Double
    }

    @inline(__always)
    func offer(_ n: Int, _ task: Int, existing: Int, paid: Double, _ state: borrowing GameState) -> Offer {
        let isInTime = state.completion[task] <= state.tasks[task].deadlineTime
        let savedRate =
            isInTime
            ? weights.saved * needPrices[n].price * measures.rate * bias * Double(existing) : 0
        return Offer(
            now: state.now, expected: state.tasks[task].expectedTime, existing: existing,
            paidBefore: paid, completion: state.completion[task], savedRate: savedRate, isInTime: isInTime,
            need: needPrices[n], patience: weights.patience + weights.pressurePatience * pressure,
            travel: (weights.travel + weights.pressureTravel * pressure) / measures.part,
            overtime: min(1, max(0, weights.overtime)), scale: 1 / measures.pay)
    }

    /// Who comes to a team that is in time already only adds a way; one more is tried, since it may rank higher.
    @inline(__always)
    func admits(_ slot: TeamSlot, arrival: Double, end: Double, to offer: inout Offer) -> Bool {
        if offer.inTime == 2 { return false }
        if measures.isScaleFree && end <= offer.expected { offer.inTime += 1 }
        return true
    }

    /// The sum of the terms, or -infinity for a team that earns nothing. O(size).
    @inline(__always)
    func rank(
        _ offer: Offer, first: Int, size: Int, end: Double, paid: Double, _ candidates: [TeamCandidate],
        _ slots: [TeamSlot]
    ) -> Double {
        var sum = offer.need.offset
        let isPaid = addTerms(offer, first: first, size: size, end: end, paid: paid, candidates, slots) { sum += $1 }
        return isPaid ? sum : -.infinity
    }

    /// Gives the terms of a team, in order, those of the task left out; false for a team that earns nothing. O(size).
    @inline(__always)
    func addTerms(
        _ offer: Offer, first: Int, size: Int, end: Double, paid: Double, _ candidates: [TeamCandidate],
        _ slots: [TeamSlot], _ add: (RankTerm, Double) -> Void
    ) -> Bool {
        let gain = paid - offer.paidBefore
        if gain <= 0 { return false }
        let growth = growth(end - offer.now)
        let worthAtEnd = worth(until: end)
        var cost = 0.0
        var minutes = 0.0
        var travel = 0.0
        var virtual = 0.0
        for k in first..<first + size {
            let s = Int(candidates[k].slot)
            let slot = slots[s]
            let past = end >= slot.shiftEnd
            cost +=
                slotPrices[s].price
                * (minutesWorth(s, past: past, worthAtEnd: worthAtEnd, growth: growth)
                    - (past ? 0 : offer.need.placeWorth - slotPrices[s].placeWorth))
            minutes += end - slot.free - offer.overtime * max(0, end - slot.shiftEnd)
            travel += candidates[k].arrival - slot.free
            if !slot.isIdle { virtual += 1 }
        }
        cost = cost * offer.need.price - (offer.isInTime ? offer.savedRate * (offer.completion - end) : 0)
        let slack = max(-2, min(2, (offer.expected - end) / measures.part))
        let profit = gain * (1 - weights.threshold - offer.patience * slack) - cost
        if profit <= 0 { return false }
        let members = Double(size)
        add(.profit, log(profit * offer.scale))
        add(.minutes, -weights.minutesPower * log(max(measures.leastMinutes, minutes) / measures.job))
        add(.slack, weights.slack * slack)
        add(.teamSize, weights.teamSize * (members - 1))
        add(.travel, offer.travel * travel / members)
        add(.virtualShare, weights.virtualShare * virtual / members)
        add(.existing, offer.existing > 0 ? weights.existing : 0)
        return true
    }

    /// Gives the terms of a task that are the same for every team, in order. O(1).
    @inline(__always)
    func addTerms(_ task: SpatialTask, now: Double, density: Double, _ add: (RankTerm, Double) -> Void) {
        add(.urgency, weights.urgency * measures.held((task.deadlineTime - now) / measures.job, 4))
        add(.pay, weights.pay * measures.held(log(max(1e-9, task.pay / measures.pay))))
        add(.workload, weights.workload * measures.held(log(task.workload / measures.workload), 2))
        add(.density, weights.rankDensity * density)
    }
}
