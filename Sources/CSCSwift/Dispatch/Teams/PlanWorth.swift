/// A learnt worth of the plans of a window (docs/evolve.md, "The worth of a plan"): what a plan is expected to earn beyond the
/// policy's own, linear in the differences of `PlanTerm`s. A policy that has one draws several plans of a window, each by
/// other weights, and follows the one of the largest worth; nothing is played ahead.
///
/// In the terms of approximate dynamic programming it is an action value of whole plans, restricted to what differs among them,
/// and one step of policy improvement.
struct PlanWorth: Sendable, Hashable, Codable {
    /// How many further plans a window has beside the policy's own.
    var plans = 24
    /// The standard deviation of their weights around the policy's, in units of `CoalitionWeights.scales`.
    var spread: Double
    /// By how much another plan must be ahead of the policy's own, in mean pays.
    var margin = 0.03
    /// What one unit of each term is worth, in mean pays, in the order of `PlanTerm`.
    var terms: [Double]

    private enum CodingKeys: String, CodingKey { case plans, spread, margin, terms }

    /// A worth of these weights, one of each term.
    init(terms: [Double], spread: Double) {
        self.spread = spread
        precondition(terms.count == PlanTerm.allCases.count, "PlanWorth: \(terms.count) weights")
        self.terms = terms
    }

    /// Reads it from a policy's file, which must name every term. O(terms).
    ///
    /// - Throws: `CSCError.configuration` that names an unknown or missing term or a number that makes no sense.
    init(from decoder: any Decoder) throws {
        let file = try decoder.container(keyedBy: CodingKeys.self)
        let named = try file.decode([String: Double].self, forKey: .terms)
        plans = try file.decode(Int.self, forKey: .plans)
        spread = try file.decode(Double.self, forKey: .spread)
        margin = try file.decode(Double.self, forKey: .margin)
        for name in named.keys.sorted() where PlanTerm(stringValue: name) == nil {
            let known = PlanTerm.allCases.map(\.stringValue)
            throw CSCError.configuration(
                key: name, reason: "no term of a plan's worth has this name" + Spelling.hint(for: name, among: known))
        }
        terms = try PlanTerm.allCases.map { term in
            guard let value = named[term.stringValue], value.isFinite else {
                throw CSCError.configuration(key: term.stringValue, reason: "is missing or not a finite number")
            }
            return value
        }
        guard (0...1000).contains(plans), (0...10).contains(spread), (0...1e6).contains(margin) else {
            throw CSCError.configuration(
                key: "planWorth", reason: "plans must be 0 to 1000, spread 0 to 10 and margin not negative")
        }
    }

    /// Writes every term under its name. O(terms).
    /// - Throws: what the encoder throws.
    func encode(to encoder: any Encoder) throws {
        var file = encoder.container(keyedBy: CodingKeys.self)
        try file.encode(plans, forKey: .plans)
        try file.encode(spread, forKey: .spread)
        try file.encode(margin, forKey: .margin)
        try file.encode(
            Dictionary(uniqueKeysWithValues: zip(PlanTerm.allCases.map(\.stringValue), terms)), forKey: .terms)
    }

    /// The worth of a plan of these terms, in mean pays. O(terms).
    func worth(of plan: [Double]) -> Double {
        var sum = 0.0
        for (weight, value) in zip(terms, plan) { sum += weight * value }
        return sum
    }
}

/// What a plan is described by. Times are in jobs and money in mean pays (`CoalitionMeasures`).
///
/// The first are sums over the members that are sent now, a team's own shared among them; then sums over what the plan leaves:
/// idle workers, and tasks that nobody is on.
enum PlanTerm: Int, CaseIterable, CodingKey {
    /// exp(rank) of the team, by the policy's own weights.
    case rank
    /// What the team adds to the payment, less the price of its minutes.
    case profit
    /// The way.
    case travel
    /// Minutes bound within the shift.
    case shift
    /// 1 where the job ends after the shift.
    case crosses
    /// exp(-4 s) for the time s left of the shift when the job ends, 0 where none is.
    case lastJob
    /// log relative density of tasks where the worker is.
    case densityHere
    /// The same where the task is.
    case densityThere
    /// log (1 + further tasks that the worker could take).
    case otherTasks
    /// log (1 + further workers who could take the task).
    case otherWorkers
    /// By how much later the next idle worker would arrive, held to one job.
    case nextIdle
    /// By how much later the next worker who is still busy would arrive, held to one job.
    case nextBusy
    /// The largest exp(rank) of the worker at another task.
    case secondTask
    /// log (part of the day's tasks released around the end of the job + .02).
    case releases
    /// Three times the speed relative to the mean, less 1.
    case speed
    /// Members who are sent.
    case members

    /// exp(-4 s) for the time s left of the shift, of idle workers who stay.
    case idleFade
    /// The time left of their shifts, each at most a job.
    case idleShift
    /// Tasks that are left without anybody.
    case open
    /// The most that one worker who is idle, or busy but free within one and a half jobs, could still earn at each.
    case openPay
    /// The largest total exp(rank) of the workers who are left, idle or soon free, at the tasks that are left.
    case openRank
}
