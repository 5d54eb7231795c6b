/// The rank of the coalition rule: what a team earns beyond its price, per minute of its members,
/// `(payment - payment on the present course - price * minutes) / minutes`. Candidates come in order of arrival.
struct ConstantPriceRank: TeamRank {
    /// What a team has come to as it grows.
    struct Offer {
        /// The payment on the present course (money).
        let paidBefore: Double
        /// The sum over members of price, of price times the minute at which they are free, and of that minute.
        var price = 0.0
        var pricedFree = 0.0
        var free = 0.0
        /// Members who are idle: a team of workers who are all still busy is not sent.
        var idle = 0
    }

    /// Money per worker-minute.
    var price: Double
    /// Workers who become free within so many minutes count (min).
    let ahead: Double

    var limits: TeamLimits { TeamLimits(gridAbove: SpatialIndex.scanLimit, ahead: ahead) }
    mutating func begin(_ state: borrowing GameState) {}
    mutating func beginWindow(_ state: borrowing GameState) {}
    mutating func prepare(_ slots: [TeamSlot], _ needs: [TeamNeed], _ state: borrowing GameState) {}

    @inline(__always) func order(_ n: Int, _ terms: SpatialTask, now: Double) {}
    @inline(__always) func key(_ order: Void, _ s: Int, _ slot: TeamSlot, arrival: Double) -> Double { arrival }

    @inline(__always)
    func offer(_ n: Int, _ task: Int, existing: Int, paid: Double, _ state: borrowing GameState) -> Offer {
        Offer(paidBefore: paid)
    }

    /// Whoever would arrive when the work is done, and all after him, only add a way.
    @inline(__always)
    func admits(_ slot: TeamSlot, arrival: Double, end: Double, to offer: inout Offer) -> Bool {
        if slot.isIdle { offer.idle += 1 }
        offer.price += price
        offer.pricedFree += price * slot.free
        offer.free += slot.free
        return arrival < end
    }

    /// The members are those admitted so far: `first` is 0. O(1).
    @inline(__always)
    func rank(
        _ offer: Offer, first: Int, size: Int, end: Double, paid: Double, _ candidates: [TeamCandidate],
        _ slots: [TeamSlot]
    ) -> Double {
        if offer.idle == 0 { return -.infinity }
        let minutes = Double(size) * end - offer.free
        let profit = paid - offer.paidBefore - (offer.price * end - offer.pricedFree)
        return profit > 0 ? profit / minutes : -.infinity
    }
}

/// The coalition rule: sends whole teams, that of the largest net payment per minute first (`TeamEngine` by
/// `ConstantPriceRank`).
package final class CoalitionRule: Dispatcher {
    /// What tables call it.
    package let name = "coalition"
    private var engine: TeamEngine<ConstantPriceRank>

    /// The rule at a price per worker-minute (money); workers who become free within `ahead` minutes may be members.
    package init(price: Double, ahead: Double = 0) {
        engine = TeamEngine(ConstantPriceRank(price: price, ahead: ahead))
    }

    /// Money per worker-minute; may be changed between windows.
    package var price: Double {
        get { engine.rank.price }
        set { engine.rank.price = newValue }
    }

    /// Nothing is random in it, and it knows nothing of the day.
    package func begin(_ game: SpatialCrowdsourcing, stream: RandomStream) {}

    /// Sends teams until none is worth it. O(tasks * (supply + candidates * team)) per window for few workers; for many,
    /// where the grid answers, O(workers + tasks * (those near + candidates * team)).
    package func dispatch(_ game: SpatialCrowdsourcing) { game.commit { engine.dispatch(&$0) } }
}
