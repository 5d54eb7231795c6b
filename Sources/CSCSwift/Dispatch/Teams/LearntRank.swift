internal import Foundation

/// The rank of the learnt coalition rule (docs/evolve.md): each worker's time has a price of its own, by what it could
/// still do, and teams rank by learnt weights of the terms in `RankTerm`.
///
/// Representation: a price per slot and one per need, set anew in each window (`prepare`); what is the same for the
/// whole day is worked out once (`begin`). Nothing is allocated after the first windows.
struct LearntRank: TeamRank {
    /// What a worker's time is worth.
    struct SlotPrice {
        /// log (price / the day's rate), and the price of a minute (money).
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

    /// What is the same all day of a worker whose shift ends at `time`.
    struct ShiftEnd {
        /// When that is (min); no number where it has not been worked out.
        var time = Double.nan
        /// log (demand / supply) expected around it, what a job is worth then, and the worth of the time before.
        var scarcity = 0.0
        var job = 0.0
        var worth = 0.0
    }

    /// What a task asks of whoever comes, whatever the team.
    struct NeedPrice {
        /// By what the price of a minute is multiplied at this task.
        var price = 0.0
        /// The relocation value of its place (min).
        var placeWorth = 0.0
        /// The terms of the rank that do not depend on the team.
        var offset = 0.0
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

    // Constants of the episode.
    var taskCount = 0.0
    var workerCount = 0.0
    var logRatio = 0.0
    var measures = CoalitionMeasures()
    /// The part of the logarithm of the price that is the same for the whole day.
    var dayPrice = 0.0
    /// The worth of the first i minutes of the episode, by expected scarcity.
    var worth: [Double] = []

    /// What is known of the ends of shifts that have been asked for, by worker.
    var shiftEnds: [ShiftEnd] = []
    /// exp of the part of the price that no feature changes.
    var bias = 1.0

    // Of the window.
    var slotPrices: [SlotPrice] = []
    var needPrices: [NeedPrice] = []
    /// log (work asked for / work on offer) over the whole area now.
    var pressure = 0.0

    // Scratch.
    var asked: [Double] = []
    var offered: [Double] = []
    var localNeed: [Double] = []
    var totalNeed: [Double] = []
    /// Cells along a side of the grid of local need.
    var cellsAlong = 5
    /// Where idle workers wait, in games with relocation.
    var relocator = Relocator()
    /// The skills that open tasks ask for, and how much work asks for each.
    var skills = SkillPlaces()
    var askedOfSkill: [Double] = []
    /// By how many of the skills that are asked for a slot has: the feature of its price.
    var skillTerms: [Double] = []

    init(_ policy: LearntCoalitionPolicy) {
        weights = policy.weights
        features = policy.features
        basePrice = policy.basePrice
        ownForecast = policy.forecast
        forecast = policy.forecast
        horizonAhead = policy.horizonAhead
        isJoint = policy.joint
        relocator.weights = policy.relocation ?? RelocationWeights()
    }

    var limits: TeamLimits {
        TeamLimits(
            candidates: measures.candidates, largestTeam: measures.largestTeam, gridAbove: 1024, nearest: 64,
            ahead: measures.ahead, triesSingles: true, crowdedAbove: 24_576, isJoint: isJoint)
    }

    /// Without a forecast, all that is known of the day is what this moment shows.
    mutating func beginWindow(_ state: borrowing GameState) {
        slotPrices.removeAll(keepingCapacity: true)
        if ownForecast.isFlat { begin(state) }
    }

    /// The mean price of a minute over the slots of the last window (money/min); 0 where there was none.
    var meanPrice: Double {
        slotPrices.isEmpty ? 0 : slotPrices.reduce(0) { $0 + $1.price } / Double(slotPrices.count)
    }

    /// Takes the weights of another policy; `begin` must follow.
    mutating func use(_ policy: LearntCoalitionPolicy) {
        weights = policy.weights
        relocator.weights = policy.relocation ?? RelocationWeights()
    }

    /// Takes other weights; `begin` must follow.
    mutating func use(_ weights: CoalitionWeights) { self.weights = weights }

    /// Takes another forecast and the rule's price on such days; `begin` must follow.
    mutating func use(_ forecast: DemandForecast, basePrice: Double?) {
        ownForecast = forecast
        self.basePrice = basePrice
        self.forecast = forecast
    }
}

extension TeamEngine {
    /// Plays an episode to its end and returns the revenue.
    mutating func play(_ instance: Instance, _ state: inout GameState) -> Double {
        state.reset(instance)
        begin(state)
        while !state.isOver {
            dispatch(&state)
            rank.relocate(&state)
            state.advance()
        }
        return state.revenue
    }
}
